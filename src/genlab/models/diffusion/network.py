"""The network that the models of this family share: a function of a noisy example, a time and any conditions.

Conditions are left out of a share of the training examples, so that one network learns p(x | y) and p(x) and can be guided
(`samplers.denoiser`). Labels and texts are added to the embedding of the time, which scales and shifts every layer; the tokens
of a text are also attended to; a picture enters a U-Net as additional channels of its input.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from genlab.core.model import Given, Model
from genlab.core.moves import Draws
from genlab.core.recipe import setting
from genlab.core.space import Space
from genlab.maths.predictions import Denoised
from genlab.maths.schedules import Schedule, Time
from genlab.maths.sphere import slerp
from genlab.nets.condition import Conditioning, aligned, aligned_channels
from genlab.nets.conv import grids
from genlab.nets.time import TimedMLP
from genlab.nets.unet import UNet
from genlab.samplers.denoiser import Denoiser, classifier_free

Net = Literal["unet", "mlp"]

SMALLEST_PICTURE = 8  # shorter side, pixels; smaller ones are vectors
_SMALLEST_GRID = 7  # longer side: not halved again
_ATTENDS = 16  # longest side of a grid whose blocks attend
_HEAD = 32  # channels of an attention head, or the largest power of two that divides the width


@dataclass(frozen=True)
class DenoiserConfig:
    """Settings that the configs of this family share: the network, and how often it is trained without conditions."""

    net: Literal["unet", "mlp"] = setting("unet", "network: a U-Net (pictures from 8 x 8), or a multi-layer perceptron")
    width: int = setting(64, "channels of the picture's own grid (twice as many below), or units of a layer", low=4, high=4096)
    patch: int = setting(1, "U-Net: side of the squares of pixels that make one place of its finest grid", low=1, high=16)
    depth: int = setting(2, "residual blocks a grid, or layers", low=1, high=32)
    dropout: float = setting(0.0, "share of activations left out while training", low=0, high=0.9)
    cond_dropout: float = setting(0.1, "share of training examples whose conditions are left out, for guidance", low=0, high=1)


class Network(nn.Module):
    """x (B, *shape) of about unit size, u (B,) in [0, 1], conditions -> (B, *shape).

    given       the spaces of the conditions; those that forward does not get are unconditional
    cond_mask   (B,) bool: rows where it is False are unconditional
    """

    def __init__(self, config: DenoiserConfig, space: Space, given: Mapping[str, Space]):
        super().__init__()
        if space.kind == "token":
            raise ValueError("diffusion adds noise to numbers: it learns points and pictures, not unordered tokens")
        convolutional = config.net == "unet"
        self.beside = {name: part for name, part in given.items() if convolutional and part.picture}
        pooled = {name: part for name, part in given.items() if name not in self.beside}
        self.attends = convolutional and any(part.text for part in pooled.values())
        self.body = self._unet(config, space) if convolutional else perceptron(config, space)
        self.conditioning = Conditioning(pooled, self.body.width, tokens=self.attends) if pooled else None

    def _unet(self, config: DenoiserConfig, space: Space) -> UNet:
        if not space.picture or min(space.shape[1:]) < SMALLEST_PICTURE:
            raise ValueError(f"a U-Net needs pictures of at least 8 x 8, not {space.shape}: --set model.net=mlp")
        height, width = (math.ceil(side / config.patch) for side in space.shape[1:])
        sizes = grids(height, width, smallest=_SMALLEST_GRID)
        widths = [config.width, *[2 * config.width] * (len(sizes) - 1)]
        attends = [max(size) <= _ATTENDS for size in sizes]
        channels, head = space.shape[0] + aligned_channels(self.beside), math.gcd(_HEAD, config.width)
        more: dict[str, Any] = {
            "outputs": space.shape[0],
            "tokens": 4 * config.width if self.attends else 0,
            "patch": config.patch,
        }
        return UNet(channels, widths, config.depth, attends, head, config.dropout, **more)

    def forward(self, x: Tensor, u: Tensor, given: Given | None = None, cond_mask: Tensor | None = None) -> Tensor:
        given = given or {}
        beside = aligned(self.beside, given, x, cond_mask) if self.beside else None
        x = x if beside is None else torch.cat([x, beside], 1)
        if self.conditioning is None:
            return self.body(x, u)
        vector = self.conditioning.vector(given, len(x), cond_mask)
        if not self.attends:
            return self.body(x, u, vector)
        return self.body(x, u, vector, *self.conditioning.tokens(given, len(x), cond_mask))


def perceptron(config: DenoiserConfig, space: Space) -> TimedMLP:
    return TimedMLP(space.shape, config.width, config.depth, config.dropout)


class Diffusion(Model):
    """A model whose only part is a `Network`."""

    uses: ClassVar[tuple[str, ...]] = ("label", "text", "source")
    schedule: Schedule
    net: nn.Module

    def __init__(self, config: DenoiserConfig, space: Space, given: Mapping[str, Space] | None):
        super().__init__(space, given)
        self.cond_dropout = config.cond_dropout
        self.net = Network(config, space, self.given)

    @property
    def dtype(self) -> torch.dtype:
        return next(self.net.parameters()).dtype

    def blocks(self) -> Iterable[nn.Module]:
        """Residual blocks and what lies between grids (the members of lists), and the networks of time that modulate them."""
        body = self.net.get_submodule("body")
        lists = [module for module in body.modules() if isinstance(module, nn.ModuleList)]
        return [
            *(module for several in lists for module in several),
            body.get_submodule("time"),
            body.get_submodule("modulate"),
        ]

    def cond_mask(self, given: Given, noise: Draws) -> Tensor | None:
        """(B,) bool: which rows of a training batch keep their conditions; None where there are none."""
        self.conditioned(given)
        return noise.uniform(()) >= self.cond_dropout if self.given else None

    def denoiser(self, given: Given | None, guidance: float = 1.0) -> Denoiser:
        """The denoiser given the conditions of all rows; guidance: w of `samplers.denoiser`."""
        conditional = self._denoiser(self.conditioned(given))
        if guidance == 1:
            return conditional
        if not self.given:
            raise ValueError("guidance exaggerates what a condition changes, and this model was trained without any")
        if not self.cond_dropout:
            raise ValueError("guidance needs a model trained with model.cond_dropout > 0")
        return classifier_free(conditional, self._denoiser({}), guidance)

    def _denoiser(self, given: Given) -> Denoiser:
        return Denoiser(partial(self.predict, given=given), self.interpret, self.schedule)

    def predict(self, x_t: Tensor, t: Time, given: Given | None = None, cond_mask: Tensor | None = None) -> Tensor:
        """The network's output at x_t (B, *shape), given any conditions of these rows."""
        return self.net(x_t, rows(t, x_t), given, cond_mask)

    @abstractmethod
    def interpret(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Denoised:
        """x^ and eps^ from the network's output at x_t."""

    def draw(self, n: int, *, noise: Draws) -> Tensor:
        """n latents, (n, *shape): the noise that sampling starts from."""
        return noise.normal(self.space.shape).to(self.dtype)

    def between(self, a: Tensor, b: Tensor, share: float) -> Tensor:
        """Latents share of the way from a to b, along the sphere."""
        return slerp(a.flatten(1), b.flatten(1), share).view_as(a)


def rows(t: Time, like: Tensor) -> Tensor:
    """The time of each row of `like`, (B,), with its dtype and device."""
    return t.to(like) if isinstance(t, Tensor) else torch.full((len(like),), t, dtype=like.dtype, device=like.device)
