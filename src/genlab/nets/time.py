"""Networks of time: its embedding, and a perceptron that is modulated by it and by a condition's vector.

A time u in [0, 1] becomes cos and sin of 1000 u f for frequencies f falling from 1 to 1e-4 (Vaswani et al., "Attention is
All You Need", 2017), then a vector that, with the condition's, scales and shifts every normalised layer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_UNITS = 1000.0  # of time: nearby u must differ in the fastest sinusoid


def sinusoids(u: Tensor, width: int) -> Tensor:
    """u (B,) in [0, 1] -> (B, width)."""
    half = (width + 1) // 2
    frequency = torch.exp(torch.arange(half, device=u.device, dtype=u.dtype) * (-math.log(1e4) / half))
    angle = _UNITS * u[:, None] * frequency
    return torch.cat([angle.cos(), angle.sin()], 1)[:, :width]


class TimeEmbedding(nn.Module):
    """u (B,) in [0, 1] -> (B, width)."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.body = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, u: Tensor) -> Tensor:
        return self.body(sinusoids(u, self.width))


class TimedMLP(nn.Module):
    """x (B, *shape), u (B,), vector (B, width) or None -> (B, *shape): residual layers, each scaled and shifted by both.

    The last layer starts at zero.
    """

    def __init__(self, shape: Sequence[int], width: int, depth: int, dropout: float = 0.0):
        super().__init__()
        self.shape, self.width = tuple(shape), width
        size = math.prod(shape)
        self.time = TimeEmbedding(width)
        self.first = nn.Linear(size, width)
        self.modulate = nn.Linear(width, 2 * width * depth)
        self.norms = nn.ModuleList(nn.LayerNorm(width, elementwise_affine=False) for _ in range(depth))
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Dropout(dropout), nn.Linear(width, width))
            for _ in range(depth)
        )
        self.last = nn.Linear(width, size)
        for start_at_zero in (self.modulate, self.last):
            nn.init.zeros_(start_at_zero.weight)
            nn.init.zeros_(start_at_zero.bias)

    def forward(self, x: Tensor, u: Tensor, vector: Tensor | None = None) -> Tensor:
        h = self.first(x.flatten(1))
        embedded = self.time(u) if vector is None else self.time(u) + vector
        modulations = self.modulate(F.silu(embedded)).chunk(2 * len(self.layers), 1)
        for norm, layer, scale, shift in zip(self.norms, self.layers, modulations[::2], modulations[1::2], strict=True):
            h = h + layer(norm(h) * (1 + scale) + shift)
        return self.last(F.silu(h)).unflatten(1, self.shape)
