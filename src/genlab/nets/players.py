"""A generator and a discriminator for vectors, and what discriminators of every kind share.

A discriminator takes a condition y by projection: D(x, y) = w.h(x) + b + v_y.h(x) with the condition's vector v_y, the form of
log p(y|x) + log p(x) when each class is log-linear in the features h (Miyato & Koyama, "cGANs with Projection Discriminator",
2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from genlab.core.space import Space
from genlab.nets.condition import Conditioning, PictureEncoder, TextEncoder
from genlab.nets.mlp import MLP

NONE: Mapping[str, Any] = MappingProxyType({})  # no conditions


class Projection(nn.Module):
    """Features (B, width) and conditions -> scores (B,)."""

    def __init__(self, width: int, given: Mapping[str, Space] = NONE):
        super().__init__()
        self.score = nn.Linear(width, 1)
        self.cond = Conditioning(given, width, scale=width**-0.5) if given else None

    def forward(self, h: Tensor, given: Mapping[str, Tensor] = NONE) -> Tensor:
        score = self.score(h)[:, 0]
        return score if self.cond is None else score + (h * self.cond.vector(given, len(h))).sum(1)


class FlatGenerator(nn.Module):
    """(B, latent) and conditions -> (B, *shape) real numbers."""

    def __init__(self, latent: int, shape: Sequence[int], width: int = 128, given: Mapping[str, Space] = NONE):
        super().__init__()
        self.shape = tuple(shape)
        self.cond = Conditioning(given, latent) if given else None
        vector = latent * (2 if given else 1)
        self.body = MLP([vector, width, width, width, prod(shape)], nn.LeakyReLU)

    def forward(self, z: Tensor, given: Mapping[str, Tensor] = NONE) -> Tensor:
        if self.cond is not None:
            z = torch.cat([z, self.cond.vector(given, len(z))], 1)
        return self.body(z).unflatten(1, self.shape)


class FlatDiscriminator(nn.Module):
    """(B, *shape) real numbers and conditions -> (B,) scores."""

    def __init__(self, shape: Sequence[int], width: int = 128, given: Mapping[str, Space] = NONE):
        super().__init__()
        self.body = nn.Sequential(MLP([prod(shape), width, width, width], nn.LeakyReLU), nn.LeakyReLU())
        self.head = Projection(width, given)

    def forward(self, x: Tensor, given: Mapping[str, Tensor] = NONE) -> Tensor:
        return self.head(self.body(x.flatten(1)), given)


def spectrally_normal(module: nn.Module) -> nn.Module:
    """Divides every layer's weight, laid out as a matrix of outputs by everything else, by its largest singular value.

    A linear layer then stretches no vector. A convolution may: its matrix acts on patches, which overlap, so that one of kernel
    a x b with stride 1 stretches pictures by up to sqrt(a b), and a discriminator of convolutions is bounded, not 1-Lipschitz.
    One step of power iteration each time the module runs in train mode; its vectors are buffers. The encoders of conditions are
    left alone: what they say has a fixed length.
    Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018.
    """
    encoders = [part for part in module.modules() if isinstance(part, TextEncoder | PictureEncoder)]
    left_alone = {inner for part in encoders for inner in part.modules()}
    for layer in list(module.modules()):
        if layer not in left_alone and isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.Embedding):
            spectral_norm(layer)
    return module
