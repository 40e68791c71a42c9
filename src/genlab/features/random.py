"""An untrained convolutional network, the same everywhere: its weights follow from a seed.

Random convolutions tell textures and shapes apart better than pixels do, and belong to no class and no data set (compare
Saxe et al., "On Random Weights and Unsupervised Feature Learning", 2011). Every level halves the picture; its channels,
averaged over a 2 x 2 grid, are mixed by one random matrix into the features.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, relu

from genlab.core.space import Space
from genlab.features.base import Features, hash_of
from genlab.nets.conv import grids
from genlab.nets.units import centred

WIDTH = 32  # channels of every level


class RandomNet(nn.Module):
    """(B, C, H, W) real numbers -> (B, dims)."""

    def __init__(self, channels: int, levels: int, dims: int, seed: int = 0):
        super().__init__()
        stream = torch.Generator().manual_seed(seed)
        inputs = [channels, *[WIDTH] * (levels - 1)]
        self.kernels = nn.ParameterList(_drawn((WIDTH, before, 3, 3), stream) for before in inputs)
        self.mix = _drawn((dims, levels * WIDTH * 4), stream)

    def forward(self, x: Tensor) -> Tensor:
        pooled = []
        for kernel in self.kernels:
            x = relu(torch.conv2d(x, kernel, stride=2, padding=1))
            pooled.append(adaptive_avg_pool2d(x, 2).flatten(1))
        return torch.cat(pooled, 1) @ self.mix.T


def _drawn(shape: tuple[int, ...], stream: torch.Generator) -> nn.Parameter:
    """He's scale: a rectified layer keeps the size of what it is fed."""
    inputs = torch.Size(shape[1:]).numel()
    return nn.Parameter(torch.randn(shape, generator=stream) * (2 / inputs) ** 0.5, requires_grad=False)


def random_features(space: Space, dims: int, device: torch.device | str = "cpu", seed: int = 0) -> Features:
    """Features of a picture space from a seeded random network."""
    levels = max(1, len(grids(*space.shape[1:])) - 1)
    net = RandomNet(space.shape[0], levels, dims, seed).to(device)
    protocol = {"features": f"random network, seed {seed}", "dims": dims, "preprocessing": "levels to [-1, 1], not resized"}
    name = "features of a random network"
    return Features(name, dims, lambda x: net(centred(x.to(device), space)), {**protocol, "weights hash": hash_of(net)})
