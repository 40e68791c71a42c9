"""Rotary positions: queries and keys are rotated by angles proportional to their positions, so that their product depends only
on the difference of two positions.

A head's d coordinates are d/2 planes (coordinates j and j + d/2). In a text, plane j is rotated by t w_j at position t, its
wavelengths 2 pi / w_j spaced geometrically up to a few times the longest text. In a picture the planes are shared out among
row, column and channel, each rotated by its own coordinate.

Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def angles(positions: Tensor, extents: Sequence[int], planes: int) -> Tensor:
    """(P, planes) radians of positions (P, A), integer coordinates along A axes of the given extents.

    With fewer planes than axes the later axes have none.
    """
    shares = [planes // len(extents) + (axis < planes % len(extents)) for axis in range(len(extents))]
    by_axis = [
        positions[:, axis : axis + 1].double() * frequencies(extent, share)
        for axis, (extent, share) in enumerate(zip(extents, shares, strict=True))
    ]
    return torch.cat(by_axis, 1)


def frequencies(extent: int, planes: int) -> Tensor:
    """(planes,) radians a step: from 1 down to about a quarter of a turn over the whole extent."""
    slowest = math.pi / 2 / max(extent, 2)
    return slowest ** (torch.arange(planes, dtype=torch.float64) / max(planes - 1, 1))


def rotary_factors(angle: Tensor) -> Tensor:
    """(2, P, d): the factors of `apply_rotary`, from (P, d/2) radians."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.cat([cos, cos], -1), torch.cat([-sin, sin], -1)])


def apply_rotary(x: Tensor, rotary: Tensor) -> Tensor:
    """x (..., P, d) rotated by the factors `rotary` (2, P, d)."""
    half = x.shape[-1] // 2
    return torch.addcmul(x * rotary[0], x.roll(half, -1), rotary[1])
