"""Distances between clouds of points, where no features are needed.

Maximum mean discrepancy (`genlab.measure.kernel`) with the mean of Gaussians exp(-|x - y|^2 / 2 s^2) as its kernel, whose
widths s are the median distance between real points, halved again and again: the widest sees the whole, the narrowest the
modes.

Energy distance, the same with the kernel -|x - y|:

    E = 2 mean_{i, j} |x_i - y_j| - mean_{i != j} |x_i - x_j| - mean_{i != j} |y_i - y_j|

(Székely & Rizzo, "Energy Statistics: A Class of Statistics Based on Distances", 2013), in the points' units, with nothing to
choose; 0 only for equal distributions. Over pairs of different points it is unbiased and may fall below 0; scipy's is the root
of the one over all pairs.

Where the density p is known, divergences on a grid of cells, with q the samples' shares. What lies outside is one more cell,
whose probability is that of a ring as wide as the grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from genlab.measure.estimate import Estimate, distinct_sides, normal, share
from genlab.measure.kernel import discrepancy, sums

HALVINGS = 5
KERNEL = f"mean of {HALVINGS} Gaussians, median distance / " + ", ".join(str(2**k) for k in range(HALVINGS))
FINE = 3  # midpoints along each side of a cell
RESAMPLES = 200
OVER = "samples, bootstrap"


class Modes(NamedTuple):
    covered: Estimate  # share of the modes
    good: Estimate  # share of the samples


class Divergences(NamedTuple):
    kl: Estimate  # KL(samples || density), nats
    js: Estimate  # Jensen-Shannon, nats, 0 to log 2


def median_distance(x: Tensor) -> float:
    """Median distance between two different points of x (n, d)."""
    return float(torch.pdist(x[:1000].double()).median())


def widths_for(real: Tensor) -> list[float]:
    """The kernel widths that a cloud of real points (n, d) fixes."""
    return [max(median_distance(real), 1e-12) / 2**k for k in range(HALVINGS)]


def mmd(samples: Tensor, real: Tensor, widths: list[float]) -> Estimate:
    """Unbiased MMD^2 of points (n, d) and (m, d) under the mean of Gaussian kernels of these widths."""

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squared = _pairwise(a, b).square_()
        total = torch.zeros_like(squared)
        for s in widths:
            total += torch.exp(squared / (-2 * s * s))
        return total / len(widths)

    distinct_sides(samples, real)
    return discrepancy(sums(kernel, samples, real))


def energy_distance(samples: Tensor, real: Tensor) -> Estimate:
    """Unbiased, of points (n, d) and (m, d), in their units."""
    distinct_sides(samples, real)
    return discrepancy(sums(lambda a, b: _pairwise(a, b).neg_(), samples, real))


def _pairwise(a: Tensor, b: Tensor) -> Tensor:
    mode = "use_mm_for_euclid_dist" if a.shape[1] > 8 else "donot_use_mm_for_euclid_dist"  # by products where that is faster
    return torch.cdist(a, b, compute_mode=mode)


def modes(samples: Tensor, centers: Tensor, std: float, within: float = 4.0) -> Modes:
    """The shares of covered modes and of good samples (n, d), for a mixture of equally likely round Gaussians.

    centers   (k, d) of the modes
    std       their standard deviation
    within    a sample is good within so many standard deviations of the nearest centre

    A mode is covered if its share of good samples is at least a fifth of 1/k. The interval of the share of covered modes runs
    from the modes whose own (Wilson) interval lies above that fifth to those whose interval reaches it. Both intervals are
    over the samples.
    """
    distance, nearest = torch.cdist(samples.double(), centers.double()).min(1)
    good = distance <= within * std
    k, n = len(centers), len(samples)
    counts = torch.bincount(nearest[good], minlength=k)
    needed = 0.2 / k
    each = [share(int(count), n, "samples") for count in counts]
    covered, sure, possible = (
        sum(bound >= needed for bound in bounds) / k for bounds in zip(*((e.value, e.low, e.high) for e in each), strict=True)
    )
    return Modes(Estimate(covered, sure, possible, "samples"), share(int(good.sum()), n, "samples"))


def divergences(samples: Tensor, log_density: Callable[[Tensor], Tensor], box: Tensor, cells: int = 40) -> Divergences:
    """Divergences of points in the plane (n, 2) from a density, over cells x cells cells of a box.

    log_density   (m, 2) -> (m,) nats
    box           (2, 2), its lower and upper corner

    KL(q || p) = sum q log(q / p) does not mind cells without samples, and is infinite where samples fall to one whose
    density is 0. What it does not see, density without samples, JS does. Finite sampling adds up to (cells^2 - 1) / 2n to KL,
    less where most cells are hardly ever hit, and a quarter of that to JS; it is not taken off. The intervals are those of the
    spread over resampled counts.
    """
    box, n, stream = box.double(), len(samples), torch.Generator().manual_seed(0)
    log_p, q = _log_cells(log_density, box, cells), _counts(samples, box, cells) / n
    again = [
        torch.bincount(torch.multinomial(q, n, replacement=True, generator=stream), minlength=len(q)) / n
        for _ in range(RESAMPLES)
    ]
    kl = _estimate(partial(_kl, log_p=log_p), q, again, math.inf)
    return Divergences(kl, _estimate(partial(_js, log_p=log_p), q, again, math.log(2)))


def _estimate(divergence: Callable[[Tensor], Tensor], q: Tensor, again: list[Tensor], ceiling: float) -> Estimate:
    value, std = float(divergence(q)), float(torch.stack([divergence(row.double()) for row in again]).std())
    return normal(value, std, OVER, 0.0, ceiling) if math.isfinite(value) else Estimate(value, over=OVER)


def _kl(q: Tensor, log_p: Tensor) -> Tensor:
    return torch.where(q > 0, q * (q.log() - log_p), 0.0).sum()


def _js(q: Tensor, log_p: Tensor) -> Tensor:
    p = log_p.exp()
    log_middle = ((p + q) / 2).log()
    return (_kl(q, log_middle) + _kl(p, log_middle)) / 2


def _log_cells(log_density: Callable[[Tensor], Tensor], box: Tensor, cells: int) -> Tensor:
    """log p of each cell by the midpoint rule, and last of the ring about them: (cells^2 + 1,)."""
    low, high = box
    ticks = (torch.arange(-cells * FINE, 2 * cells * FINE, dtype=torch.float64) + 0.5) / (cells * FINE)
    fine = log_density(low + (high - low) * torch.cartesian_prod(ticks, ticks)).double()
    every = fine.view(3 * cells, FINE, 3 * cells, FINE).logsumexp((1, 3))
    inside = every[cells : 2 * cells, cells : 2 * cells].flatten()
    every[cells : 2 * cells, cells : 2 * cells] = -math.inf
    return torch.cat([inside, every.flatten().logsumexp(0)[None]]).log_softmax(0)


def _counts(samples: Tensor, box: Tensor, cells: int) -> Tensor:
    """Samples in each cell, and last outside: (cells^2 + 1,)."""
    low, high = box
    cell = ((samples.double() - low) / (high - low) * cells).floor().long()
    inside = ((cell >= 0) & (cell < cells)).all(1)
    index = torch.where(inside, cell[:, 0] * cells + cell[:, 1], cells * cells)
    return torch.bincount(index, minlength=cells * cells + 1).double()
