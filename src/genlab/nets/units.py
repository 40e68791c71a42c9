"""Between a space's own units and the numbers networks like.

Ordinal and binary entries go to [-1, 1] (level k of L at 2k/(L-1) - 1), real ones to zero mean and unit deviation.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genlab.core.space import Space


def centred(x: Tensor, space: Space) -> Tensor:
    """(B, *shape) in the space's units -> float of the same shape."""
    if space.kind == "real":
        center, scale = affine(space, x)
        return (x - center) / scale
    return x.to(torch.get_default_dtype()) * (2 / (space.levels - 1)) - 1


def restored(u: Tensor, space: Space) -> Tensor:
    """The inverse of `centred`: rounded to the nearest level where the space has levels."""
    if space.kind == "real":
        center, scale = affine(space, u)
        return u * scale + center
    levels = ((u + 1) * ((space.levels - 1) / 2)).round().clamp(0, space.levels - 1)
    return levels.to(dtype_of(space))


def dtype_of(space: Space) -> torch.dtype:
    """How batches and samples of a space are stored: float32, uint8 up to 256 ordered levels, int64 tokens."""
    if space.kind == "real":
        return torch.float32
    return torch.uint8 if space.kind in ("binary", "ordinal") and space.levels <= 256 else torch.int64


def affine(space: Space, like: Tensor) -> tuple[Tensor, Tensor]:
    """Centre and scale of real data, shaped to broadcast over (B, *shape); 0 and 1 where the space names none."""
    shape = (-1, *[1] * (len(space.shape) - 1))
    center = torch.tensor(space.center or (0.0,), dtype=like.dtype, device=like.device).reshape(shape)
    scale = torch.tensor(space.scale or (1.0,), dtype=like.dtype, device=like.device).reshape(shape)
    return center, scale


def log_volume(space: Space) -> float:
    """log |d u / d x| of `centred` over one real example, nats: add it to log p(u) to get log p(x) in the user's units."""
    scale = space.scale or (1.0,)
    return -sum(math.log(value) for value in scale) * space.size / len(scale)
