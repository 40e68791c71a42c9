"""A generator and a discriminator of vectors: multi-layer perceptrons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor, nn

from genlab.core.space import Space
from genlab.nets.condition import NO_CONDITIONS, Conditioning
from genlab.nets.discriminator import ProjectionHead
from genlab.nets.mlp import MLP


class FlatGenerator(nn.Module):
    """(B, latent) and conditions -> (B, *shape) real numbers."""

    def __init__(self, latent: int, shape: Sequence[int], width: int = 128, given: Mapping[str, Space] = NO_CONDITIONS):
        super().__init__()
        self.shape = tuple(shape)
        self.cond = Conditioning(given, latent) if given else None
        vector = latent * (2 if given else 1)
        self.body = MLP([vector, width, width, width, prod(shape)], nn.LeakyReLU)

    def forward(self, z: Tensor, given: Mapping[str, Tensor] = NO_CONDITIONS) -> Tensor:
        if self.cond is not None:
            z = torch.cat([z, self.cond.vector(given, len(z))], 1)
        return self.body(z).unflatten(1, self.shape)


class FlatDiscriminator(nn.Module):
    """(B, *shape) real numbers and conditions -> (B,) scores."""

    def __init__(self, shape: Sequence[int], width: int = 128, given: Mapping[str, Space] = NO_CONDITIONS):
        super().__init__()
        self.body = nn.Sequential(MLP([prod(shape), width, width, width], nn.LeakyReLU), nn.LeakyReLU())
        self.head = ProjectionHead(width, given)

    def forward(self, x: Tensor, given: Mapping[str, Tensor] = NO_CONDITIONS) -> Tensor:
        return self.head(self.body(x.flatten(1)), given)
