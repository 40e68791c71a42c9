"""Distances between clouds of points, where no features are needed.

Maximum mean discrepancy with a kernel k (Gretton et al., "A Kernel Two-Sample Test", 2012), its unbiased estimate

    MMD^2 = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j),

may fall below 0 when the two clouds agree. The kernel is the mean of Gaussians exp(-|x - y|^2 / 2 s^2) whose widths s are the
median distance between real points, halved again and again: the widest sees the whole, the narrowest the modes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

HALVINGS = 5
KERNEL = f"mean of {HALVINGS} Gaussians, median distance / " + ", ".join(str(2**k) for k in range(HALVINGS))


def median_distance(x: Tensor) -> float:
    """Median distance between two different points of x (n, d)."""
    return float(torch.pdist(x[:1000].double()).median())


def mmd(x: Tensor, y: Tensor, widths: list[float]) -> float:
    """Unbiased MMD^2 of x (n, d) and y (n', d) under the mean of Gaussian kernels of these widths."""
    x, y = x.double(), y.double()
    return _off_diagonal(_kernel(x, x, widths)) + _off_diagonal(_kernel(y, y, widths)) - 2 * float(_kernel(x, y, widths).mean())


def widths_for(real: Tensor) -> list[float]:
    """The kernel widths that a cloud of real points (n, d) fixes."""
    return [max(median_distance(real), 1e-12) / 2**k for k in range(HALVINGS)]


def _kernel(x: Tensor, y: Tensor, widths: list[float]) -> Tensor:
    squared = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()
    total = torch.zeros_like(squared)
    for s in widths:
        total += torch.exp(squared / (-2 * s * s))
    return total / len(widths)


def _off_diagonal(k: Tensor) -> float:
    n = len(k)
    return float(k.sum() - k.diagonal().sum()) / (n * (n - 1))


def modes(samples: Tensor, centers: Tensor, spread: float, within: float = 4.0) -> tuple[float, float]:
    """(share of modes covered, share of good samples) for a mixture of equally likely round Gaussians.

    samples (n, d), centers (k, d), spread: their standard deviation. A sample is good within `within` deviations of the
    nearest centre; a mode is covered if good samples fall to it at least a fifth as often as 1/k.
    """
    distance, nearest = torch.cdist(samples.double(), centers.double()).min(1)
    good = distance <= within * spread
    counts = torch.bincount(nearest[good], minlength=len(centers)).double()
    covered = counts >= 0.2 * len(samples) / len(centers)
    return float(covered.double().mean()), float(good.double().mean())


def jensen_shannon(samples: Tensor, log_density: Callable[[Tensor], Tensor], box: Tensor, cells: int = 40) -> float:
    """Jensen-Shannon divergence in nats, 0 to log 2, between points in the plane and a density, on a grid.

    samples (n, 2); log_density (m, 2) -> (m,) nats; box (2, 2): lower and upper corner. Everything outside the box is one
    more cell. Finite sampling adds about cells in use / 8n.
    """
    samples, low, high = samples.double(), box[0].double(), box[1].double()
    fine = 3  # midpoints along each side of a cell
    ticks = (torch.arange(cells * fine, dtype=torch.float64) + 0.5) / (cells * fine)
    grid = low + (high - low) * torch.cartesian_prod(ticks, ticks)
    area = float((high - low).prod()) / (cells * fine) ** 2
    density = (log_density(grid).double() + math.log(area)).exp().reshape(cells, fine, cells, fine).sum((1, 3))
    p = torch.cat([density.flatten(), (1 - density.sum()).clamp_min(0)[None]])
    place = ((samples - low) / (high - low) * cells).floor().long()
    inside = ((place >= 0) & (place < cells)).all(1)
    index = torch.where(inside, place[:, 0] * cells + place[:, 1], cells * cells)
    q = torch.bincount(index, minlength=cells * cells + 1).double() / len(samples)
    p = p / p.sum()
    middle = (p + q) / 2
    return float((torch.xlogy(p, p / middle) + torch.xlogy(q, q / middle)).nan_to_num().sum() / 2)
