"""What the models of this family share: one network that is asked about a noisy example, at a time, given a label or none.

Labels are left out of a share of the training examples, so that one network knows p(x | y) and p(x) and can be guided
(`samplers.denoiser`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from genlab.core.model import Given, Model
from genlab.core.moves import Draws
from genlab.core.recipe import knob
from genlab.core.space import Space
from genlab.maths.predictions import Estimate
from genlab.maths.schedules import Schedule, Time
from genlab.maths.sphere import slerp
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
    """What the configs of this family begin with: the network, and how it hears labels."""

    net: Literal["unet", "mlp"] = knob("unet", "network: a U-Net (pictures from 8 x 8), or a multi-layer perceptron")
    width: int = knob(64, "channels of the picture's own grid (twice as many below), or units of a layer", low=4, high=4096)
    depth: int = knob(2, "residual blocks a grid, or layers", low=1, high=32)
    dropout: float = knob(0.0, "share of activations left out while training", low=0, high=0.9)
    unlabelled: float = knob(0.1, "share of training examples whose label is left out, for guidance", low=0, high=1)


def network(config: DenoiserConfig, space: Space, classes: int) -> nn.Module:
    """x (B, *shape) of about unit size, u (B,) in [0, 1], label (B,) or None -> (B, *shape)."""
    if space.kind == "token":
        raise ValueError("diffusion adds noise to numbers: it learns points and pictures, not unordered tokens")
    if config.net == "mlp":
        return TimedMLP(space.shape, config.width, config.depth, classes, config.dropout)
    if not space.picture or min(space.shape[1:]) < SMALLEST_PICTURE:
        raise ValueError(f"a U-Net needs pictures of at least 8 x 8, not {space.shape}: --set model.net=mlp")
    sizes = grids(*space.shape[1:], smallest=_SMALLEST_GRID)
    widths = [config.width, *[2 * config.width] * (len(sizes) - 1)]
    attends = [max(size) <= _ATTENDS for size in sizes]
    head = math.gcd(_HEAD, config.width)
    return UNet(space.shape[0], widths, config.depth, attends, head, classes, config.dropout)


class Diffusion(Model):
    """A model made of one such network. `unlabelled`: the share of training examples whose label is left out."""

    schedule: Schedule
    net: nn.Module

    def __init__(self, space: Space, given: Mapping[str, Space] | None, unlabelled: float):
        super().__init__(space, given)
        self.classes = self.given["label"].levels if "label" in self.given else 0
        self.unlabelled = unlabelled

    @property
    def dtype(self) -> torch.dtype:
        return next(self.net.parameters()).dtype

    def blocks(self) -> Iterable[nn.Module]:
        """What stands in lists: residual blocks, and what lies between grids; and what tells them all the time."""
        lists = [module for module in self.net.modules() if isinstance(module, nn.ModuleList)]
        listed = [module for several in lists for module in several if not isinstance(module, nn.ModuleList)]
        return [*listed, *(module for name, module in self.net.named_children() if name in ("clock", "modulate"))]

    def heard(self, given: Given) -> Tensor | None:
        """The label that scoring and training need, (B,)."""
        if not self.classes:
            return None
        if "label" not in given:
            raise ValueError("this model was trained with labels and needs given={'label': (B,)}")
        return given["label"]

    def chosen(self, given: Given | None, noise: Draws) -> Tensor | None:
        """The label that sampling was asked for, or one drawn uniformly for each row."""
        if not self.classes:
            return None
        if given is not None and "label" in given:
            return given["label"].to(noise.device)
        return (noise.uniform(()) * self.classes).long().clamp(max=self.classes - 1)

    def dropped(self, label: Tensor | None, noise: Draws) -> Tensor | None:
        """The label of a training batch, for some rows replaced by "not said"."""
        if label is None:
            return None
        return torch.where(noise.uniform(()) < self.unlabelled, self.classes, label)

    def denoiser(self, label: Tensor | None, guidance: float = 1.0) -> Denoiser:
        """What the model expects at each x_t, given the labels (B,) of all rows; guidance: w of `samplers.denoiser`."""
        if guidance == 1:
            return Denoiser(partial(self.predict, label=label), self.interpret, self.schedule)
        if not self.classes:
            raise ValueError("guidance exaggerates what a label changes, and this model was trained without labels")
        if not self.unlabelled:
            raise ValueError("guidance needs a model trained with model.unlabelled > 0")
        return classifier_free(self.denoiser(label), self.denoiser(None), guidance)

    def predict(self, x_t: Tensor, t: Time, label: Tensor | None = None) -> Tensor:
        """What the network says at x_t (B, *shape)."""
        return self.net(x_t, rows(t, x_t), label)

    def interpret(self, said: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Estimate:
        """x^ and eps^ in what the network says at x_t."""
        raise NotImplementedError

    def draw(self, n: int, *, noise: Draws) -> Tensor:
        """n latents, (n, *shape): what sampling starts from."""
        return noise.normal(self.space.shape).to(self.dtype)

    def between(self, a: Tensor, b: Tensor, share: float) -> Tensor:
        """Latents share of the way from a to b, along the sphere."""
        return slerp(a.flatten(1), b.flatten(1), share).view_as(a)


def rows(t: Time, like: Tensor) -> Tensor:
    """The time of each row of `like`, (B,), with its dtype and device."""
    return t.to(like) if isinstance(t, Tensor) else torch.full((len(like),), t, dtype=like.dtype, device=like.device)
