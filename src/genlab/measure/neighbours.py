"""Nearest neighbours among many, in bounded memory.

|x - y|^2 = |x|^2 + |y|^2 - 2 x.y turns all distances into one matrix product, which float32 does at the speed of the machine
but with an error of about 1e-6 of |x|^2 + |y|^2: enough to find near examples, not to measure their distance. So a few more
neighbours than asked for are found, and their distances are computed again, from the differences. The results are then exact,
a copy is at distance 0, and an example that was left out is nearer by at most that rounding.
"""

from __future__ import annotations

import torch
from torch import Tensor

SPARE = 8  # candidates beyond k, against the rounding of the product
GROUP = 64
ACROSS, DOWN = 16384, 512  # y and x a block at most: 32 MB of distances
NUMBERS = 2**24  # of y a block at most: 64 MB


def nearest(x: Tensor, y: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Euclidean distances (n, k), in float64 and ascending, of x (n, d) to its k nearest of y (m, d), and their rows (n, k).

    Numbers of any kind; bytes are taken as they are.

    ValueError where y has fewer than k.
    """
    if not 1 <= k <= len(y):
        raise ValueError(f"{k} nearest neighbours among {len(y)} examples: ask for 1 to {len(y)}, or give more examples")
    return _exact(x, y, _candidates(x, y, min(len(y), k + SPARE)), k)


def _floating(x: Tensor) -> Tensor:
    """A block of numbers to compute with: bytes stay bytes until then, an eighth of what they would fill."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def _candidates(x: Tensor, y: Tensor, keep: int) -> Tensor:
    """Rows of y (n, keep) that are nearest to x by float32, in no order."""
    center = _middle(y)  # norms, and with them the rounding, are smallest about it
    step = max(GROUP, min(ACROSS, NUMBERS // y.shape[1] // GROUP * GROUP))
    best = torch.full((len(x), keep), torch.inf)
    rows = torch.zeros(len(x), keep, dtype=torch.long)
    for across in range(0, len(y), step):
        b = (_floating(y[across : across + step]) - center).float()
        norms = b.square().sum(1)
        for down in range(0, len(x), DOWN):
            here = slice(down, down + DOWN)
            found, columns = _least(torch.addmm(norms, (_floating(x[here]) - center).float(), b.T, alpha=-2), keep)
            found, columns = torch.cat([best[here], found], 1), torch.cat([rows[here], columns + across], 1)
            best[here], smallest = found.topk(keep, largest=False, sorted=False)
            rows[here] = columns.gather(1, smallest)
    return rows


def _middle(y: Tensor) -> Tensor:
    """The approximate mean of y (m, d), a block at a time."""
    total = sum((block.sum(0, dtype=torch.float64) for block in y.split(DOWN)), torch.zeros(y.shape[1], dtype=torch.float64))
    return (total / len(y)).to(y.dtype if y.dtype == torch.float64 else torch.float32)


def _least(values: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k smallest of each row (b, m) and where they are, unsorted: they lie in the k groups with the smallest minima."""
    b, m = values.shape
    if m % GROUP or m < 4 * k * GROUP:
        return values.topk(min(k, m), largest=False, sorted=False)
    grouped = values.view(b, -1, GROUP)
    chosen = grouped.amin(2).topk(k, largest=False, sorted=False).indices
    inside = grouped.gather(1, chosen[:, :, None].expand(-1, -1, GROUP)).flatten(1)
    found, columns = inside.topk(k, largest=False, sorted=False)
    return found, chosen.gather(1, columns // GROUP) * GROUP + columns % GROUP


def _exact(x: Tensor, y: Tensor, rows: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Distances to those rows of y from the differences, the k smallest in order."""
    squared = torch.empty(rows.shape, dtype=torch.float64)
    size = max(1, 2**23 // (rows.shape[1] * x.shape[1]))
    for a, near, out in zip(x.split(size), rows.split(size), squared.split(size), strict=True):
        torch.sum((_floating(y[near]) - _floating(a)[:, None]).square_(), 2, dtype=torch.float64, out=out)
    squared, order = squared.sort(dim=1, stable=True)
    return squared[:, :k].sqrt(), rows.gather(1, order[:, :k])
