"""Points as a picture: samples as discs, real ones in grey behind: a few as discs, the density of many as a shade.

The canvas is transparent and its two colours read on light and on dark paper. One coordinate is drawn as a histogram, of
more than two the first two are shown.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from genlab.core.space import Space

SIDE = 480  # pixels
DOT = (47, 116, 240)  # of samples
SHADE = (128, 126, 122)  # of real data
RADIUS = 2.1  # pixels of a disc
FEW = 300  # real points that are drawn one by one


class Frame(NamedTuple):
    """The part of the plane that is drawn, by coordinate in the data's units."""

    low: np.ndarray  # (D,)
    high: np.ndarray

    def outside(self, x: np.ndarray) -> int:
        """How many points are outside it, those that are not finite among them."""
        shown = slice(0, min(2, x.shape[1]))
        inside = (x >= self.low)[:, shown] & (x <= self.high)[:, shown]
        return int((~inside.all(1)).sum())


def frame_of(x: np.ndarray, space: Space) -> Frame:
    """The frame of points (n, D): their extent and a tenth around it; 2.6 standard deviations where the space knows them
    and that is more. Coordinates of like scale share one scale, so that a circle is round."""
    finite = x[np.isfinite(x).all(1)].astype(np.float64)
    if not len(finite):
        finite = np.zeros((1, x.shape[1]))
    low, high = np.quantile(finite, 0.002, axis=0), np.quantile(finite, 0.998, axis=0)
    if space.center and space.scale:
        center, scale = np.array(space.center, np.float64), np.array(space.scale, np.float64)
        low, high = np.minimum(low, center - scale), np.maximum(high, center + scale)
        low, high = np.maximum(low, center - 6 * scale), np.minimum(high, center + 6 * scale)
    half, middle = np.maximum((high - low) / 2, 1e-6) * 1.15, (low + high) / 2
    if half.max() < 4 * half.min():
        half = np.full_like(half, half.max())
    return Frame(middle - half, middle + half)


def scatter(x: np.ndarray, frame: Frame, real: Any = None, side: int = SIDE) -> Image.Image:
    """Points (n, D) in their frame as a transparent RGBA picture of `side` pixels."""
    behind = None if real is None else np.asarray(real, np.float64)
    if x.shape[1] == 1:
        return _histogram(x[:, 0], frame, None if behind is None else behind[:, 0], side)
    shade = np.zeros((side, side)) if behind is None else _shade(_places(behind, frame, side), side)
    dots = 1 - 0.3 ** _discs(_places(x, frame, side), side)
    return _layers(shade, dots)


def _shade(places: np.ndarray, side: int) -> np.ndarray:
    """(side, side) in 0..1: a few points as discs, which have no density to speak of; the density of many."""
    return 1 - 0.3 ** _discs(places, side) if len(places) < FEW else 0.5 * _density(places, side)


def _places(x: np.ndarray, frame: Frame, side: int) -> np.ndarray:
    """(n', 2) pixel coordinates, row and column, of those that lie inside."""
    share = (x[:, :2].astype(np.float64) - frame.low[:2]) / (frame.high - frame.low)[:2]
    share = share[((share >= 0) & (share <= 1)).all(1)]
    return np.stack([(1 - share[:, 1]) * (side - 1), share[:, 0] * (side - 1)], 1)


def _density(places: np.ndarray, side: int, bins: int = 120, width: float = 1.6) -> np.ndarray:
    """(side, side) in 0..1: counts in `bins` cells a side, smoothed by a Gaussian of `width` cells, its root (so that thin
    parts show) over the largest."""
    counts, _, _ = np.histogram2d(places[:, 0], places[:, 1], bins=bins, range=[[0, side], [0, side]])
    apart = np.arange(bins)[:, None] - np.arange(bins)
    kernel = np.exp(-0.5 * (apart / width) ** 2)
    kernel /= kernel.sum(1, keepdims=True)
    counts = kernel @ counts @ kernel.T
    share = np.sqrt(counts / max(counts.max(), 1e-12))
    image = Image.fromarray((share * 255).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(image, np.float64) / 255


def _discs(places: np.ndarray, side: int) -> np.ndarray:
    """(side, side) how many discs cover each pixel, edges smoothed."""
    cover = np.zeros((side, side))
    reach = int(RADIUS + 2)
    dy, dx = (d.ravel() for d in np.mgrid[-reach : reach + 1, -reach : reach + 1])
    rows, columns = np.rint(places[:, :1]) + dy, np.rint(places[:, 1:]) + dx  # (n, pixels of a disc)
    weight = np.clip(RADIUS + 0.5 - np.hypot(rows - places[:, :1], columns - places[:, 1:]), 0, 1)
    inside = (rows >= 0) & (rows < side) & (columns >= 0) & (columns < side)
    np.add.at(cover, (rows[inside].astype(int), columns[inside].astype(int)), weight[inside])
    return cover


def _histogram(x: np.ndarray, frame: Frame, real: np.ndarray | None, side: int, bins: int = 60) -> Image.Image:
    """One coordinate: bars of the real data, steps of the samples, areas equal."""
    height = side // 2
    edges = np.linspace(float(frame.low[0]), float(frame.high[0]), bins + 1)
    shares = [np.histogram(values, edges)[0] / max(len(values), 1) for values in (x, real if real is not None else x[:0])]
    top = max(share.max() for share in shares) or 1.0
    sampled, behind = (np.rint(np.repeat(share / top * (height - 8), -(-side // bins))[:side]) for share in shares)
    above = np.arange(height, 0, -1)[:, None]  # height of each row of pixels over the base
    previous = np.concatenate([[0], sampled[:-1]])
    low, high = np.minimum(sampled, previous), np.maximum(sampled, previous)
    line = (above <= high + 1) & (above > np.minimum(low, sampled - 1) - 1) & (high > 0)
    return _layers(0.5 * (above <= behind), line.astype(np.float64))


def _layers(shade: np.ndarray, dots: np.ndarray) -> Image.Image:
    """Dots over a shade, both opacities in 0..1, as RGBA."""
    alpha = dots + shade * (1 - dots)
    mix = (dots / np.maximum(alpha, 1e-9))[..., None]
    colour = mix * np.array(DOT) + (1 - mix) * np.array(SHADE)
    return Image.fromarray(np.dstack([colour, alpha * 255]).round().astype(np.uint8), "RGBA")
