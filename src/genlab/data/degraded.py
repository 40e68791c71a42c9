"""A degraded copy of each picture, given as `source`: a model that needs one learns to undo the damage.

    2x, 3x, ...   lower resolution: the mean of squares of so many pixels (a box filter)
    grey          0.299 R + 0.587 G + 0.114 B (ITU-R BT.601)
    edges         the length of Sobel's gradient of the grey picture, mirrored at the border, 1 where it is 2 or more
    noise=S       plus normal noise of deviation S, where black is 0 and white 1; an example's is the same in every pass

Pictures are taken as numbers from 0 to 1; the result is cut to that range and rounded to 256 levels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch

from genlab.core.data import Split
from genlab.core.space import Batch, Space
from genlab.data.base import Opened
from genlab.data.wrap import PerExample, drawn_for

WAYS = "2x, 4x, ... (lower resolution), grey, edges, noise=0.1"
LEVELS = 256
GREY = np.array([0.299, 0.587, 0.114])
SOURCE = "source"
Filter = Callable[[np.ndarray, int, np.ndarray], np.ndarray]  # (u (n, C, H, W) from 0 to 1, key, numbers) -> (n, c, h, w)


class Degraded(PerExample):
    """A source of pictures, each given a degraded copy of itself as `source`."""

    option: ClassVar[str] = "degrade"

    def __init__(self, inner: Opened, how: str):
        super().__init__(inner, how=how)
        if not inner.space.picture or not inner.space.discrete:
            raise ValueError(f"{inner.name} holds no pictures of levels to degrade; leave --degrade out")
        if SOURCE in inner.given:
            raise ValueError(f"{inner.name} has a {SOURCE} already; leave --degrade out")
        channels, height, width = inner.space.shape
        self._filter, shape = _filter(str(how), (channels, height, width), inner.name)
        self.given = {**inner.given, SOURCE: Space(shape, "CHW", "ordinal", LEVELS, note=f"degraded: {how}")}
        self.also(f"a copy of it as `{SOURCE}`, degraded: {how}")

    def change(self, batch: Batch, split: Split | None, key: int, numbers: np.ndarray) -> Batch:
        u = batch.x.numpy() / (self.space.levels - 1)
        levels = np.rint(self._filter(u, key, numbers).clip(0, 1) * (LEVELS - 1)).astype(np.uint8)
        return batch._replace(given={**batch.given, SOURCE: torch.from_numpy(levels)})


def _filter(how: str, shape: tuple[int, int, int], name: str) -> tuple[Filter, tuple[int, int, int]]:
    """(the filter that `how` names, the shape of its result); ValueError for what is no filter, or none for this shape."""
    channels, height, width = shape
    if how == "grey":
        if channels != 3:
            raise ValueError(f"--degrade grey: the pictures of {name} are grey already; choose another of {WAYS}")
        return _deterministic(grey), (1, height, width)
    if how == "edges":
        return _deterministic(lambda u: edges(grey(u))), (1, height, width)
    if how.startswith("noise="):
        return _noise(how), shape
    factor = int(how[:-1]) if how.endswith("x") and how[:-1].isdecimal() and len(how) < 6 else 0
    if factor < 2:
        raise ValueError(f"--degrade {how[:60]}: choose one of {WAYS}")
    if height % factor or width % factor or factor > min(height, width):
        raise ValueError(
            f"--degrade {how}: pictures of {width} x {height} pixels do not divide into squares of {factor}; choose another "
            f"factor, or --size {factor * max(1, min(height, width) // factor)}"
        )
    return _deterministic(lambda u: smaller(u, factor)), (channels, height // factor, width // factor)


def _deterministic(filtered: Callable[[np.ndarray], np.ndarray]) -> Filter:
    """A filter without random numbers."""

    def apply(u: np.ndarray, key: int, numbers: np.ndarray) -> np.ndarray:
        return filtered(u)

    return apply


def smaller(u: np.ndarray, factor: int) -> np.ndarray:
    """Means of squares: (n, C, H, W) -> (n, C, H / factor, W / factor)."""
    n, channels, height, width = u.shape
    return u.reshape(n, channels, height // factor, factor, width // factor, factor).mean((3, 5))


def grey(u: np.ndarray) -> np.ndarray:
    """(n, 3, H, W) -> (n, 1, H, W); other numbers of channels are averaged."""
    return (u * GREY[:, None, None]).sum(1, keepdims=True) if u.shape[1] == 3 else u.mean(1, keepdims=True)


def edges(u: np.ndarray) -> np.ndarray:
    """Half the length of the gradient under Sobel's 3 x 3 kernels (weights 1 2 1): (n, 1, H, W) -> the same shape."""
    wide = np.pad(u, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect" if min(u.shape[2:]) > 1 else "edge")
    across, down = wide[..., 2:] - wide[..., :-2], wide[..., 2:, :] - wide[..., :-2, :]
    horizontal = across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]
    vertical = down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]
    return np.hypot(horizontal, vertical) / 2


def _noise(how: str) -> Filter:
    try:
        deviation = float(how.removeprefix("noise="))
    except ValueError:
        deviation = math.nan
    if not 0 < deviation <= 10:
        raise ValueError(f"--degrade {how[:60]}: the deviation of the noise is a number above 0 and at most 10, as noise=0.1")

    def noisy(u: np.ndarray, key: int, numbers: np.ndarray) -> np.ndarray:
        half = -(-u[0].size // 2) if len(u) else 0
        radius, angle = np.split(drawn_for(key, numbers, 2 * half), 2, axis=1)
        radius, angle = np.sqrt(-2 * np.log1p(-radius)), 2 * math.pi * angle
        normal = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], 1)[:, : u[0].size if len(u) else 0]
        return u + deviation * normal.reshape(u.shape)

    return noisy
