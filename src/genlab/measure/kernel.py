"""Maximum mean discrepancy: what is left between two sets in the eyes of a kernel k(a, b).

    MMD^2 = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)

over all pairs is unbiased whatever the number of examples, so it may fall below 0 when the two agree (Gretton et al., "A Kernel
Two-Sample Test", 2012). The kernel distance of features takes k(a, b) = (a.b / d + 1)^3; with the features of an Inception
network it is the KID (Binkowski et al., "Demystifying MMD GANs", 2018), there over subsets, here over everything at once.

Every mean is one of row sums, and the row sums tell what is left without any one example: the error is the jackknife's over
both sides. Where the two agree the distance is of second order and the jackknife errs towards too wide.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from genlab.measure.estimate import Estimate, distinct_sides, jackknife

Kernel = Callable[[Tensor, Tensor], Tensor]  # (a, d), (b, d) -> (a, b)
ROWS = 1024  # a side of a block of pairs: 8 MB in float64, which stays in the cache
SHARED = 1000  # real examples up to which their effects are kept: what more of them cause is small
OVER = "samples and real examples, jackknife"


class Sums(NamedTuple):
    """Sums of k over all pairs of different examples, by example."""

    within_x: Tensor  # (n,)
    within_y: Tensor  # (m,)
    x_to_y: Tensor  # (n,)
    y_to_x: Tensor  # (m,)


def kernel_distance(samples: Tensor, real: Tensor) -> Estimate:
    """Unbiased MMD^2 of features (n, d) and (m, d) under (a.b / d + 1)^3, in float64."""
    distinct_sides(samples, real)
    return discrepancy(sums(cubic, samples, real))


def cubic(a: Tensor, b: Tensor) -> Tensor:
    k = torch.addmm(torch.ones((), dtype=a.dtype), a, b.T, alpha=1 / a.shape[1])
    return (k * k).mul_(k)


def sums(kernel: Kernel, x: Tensor, y: Tensor) -> Sums:
    """Row sums of a symmetric kernel among x (n, d), among y (m, d) and between them, in blocks."""
    x, y = x.double(), y.double()
    return Sums(_within(kernel, x), _within(kernel, y), *_between(kernel, x, y))


def discrepancy(sums: Sums) -> Estimate:
    """MMD^2 with its jackknife error. n, m > 2."""
    found = left_out(sums)
    estimate = jackknife(found.value, OVER, found.without_x, found.without_y)
    m = len(found.without_y)
    effects = (found.without_y - found.without_y.mean()) * math.sqrt((m - 1) / m)
    return estimate._replace(effects=tuple(effects.tolist()) if m <= SHARED else ())


class LeftOut(NamedTuple):
    """MMD^2, and what it is without any one example."""

    value: float
    without_x: Tensor  # (n,)
    without_y: Tensor  # (m,)


def left_out(sums: Sums) -> LeftOut:
    """MMD^2 of all examples and without each of them. n, m > 2."""
    a, b = sums.within_x, sums.within_y
    n, m = len(a), len(b)
    if min(n, m) < 3:
        raise ValueError(f"a kernel distance with its error needs three examples on each side, got {n} and {m}")
    between = sums.x_to_y.sum()
    inside_x, inside_y = a.sum() / (n * (n - 1)), b.sum() / (m * (m - 1))
    without_x = (a.sum() - 2 * a) / ((n - 1) * (n - 2)) + inside_y - 2 * (between - sums.x_to_y) / ((n - 1) * m)
    without_y = (b.sum() - 2 * b) / ((m - 1) * (m - 2)) + inside_x - 2 * (between - sums.y_to_x) / ((m - 1) * n)
    return LeftOut(float(inside_x + inside_y - 2 * between / (n * m)), without_x, without_y)


def difference(a: LeftOut, b: LeftOut, paired: bool = False) -> Estimate:
    """MMD^2 of b less that of a, two sets that were measured against the same real examples y.

    What chance did to y it did to both, so the difference is known better than either of them. paired: row i of both sets was
    made from the same example, and what chance did to that one cancels too.
    """
    samples = [b.without_x - a.without_x] if paired else [a.without_x, b.without_x]
    return jackknife(b.value - a.value, OVER, b.without_y - a.without_y, *samples)


def _within(kernel: Kernel, x: Tensor) -> Tensor:
    """Every block once: its rows and, off the diagonal, its columns."""
    total = torch.zeros(len(x), dtype=x.dtype)
    for i in range(0, len(x), ROWS):
        for j in range(i, len(x), ROWS):
            k = kernel(x[i : i + ROWS], x[j : j + ROWS])
            if i == j:
                k.fill_diagonal_(0)
            else:
                total[j : j + ROWS] += k.sum(0)
            total[i : i + ROWS] += k.sum(1)
    return total


def _between(kernel: Kernel, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    rows, columns = torch.zeros(len(x), dtype=x.dtype), torch.zeros(len(y), dtype=y.dtype)
    for i in range(0, len(x), ROWS):
        for j in range(0, len(y), ROWS):
            k = kernel(x[i : i + ROWS], y[j : j + ROWS])
            rows[i : i + ROWS] += k.sum(1)
            columns[j : j + ROWS] += k.sum(0)
    return rows, columns
