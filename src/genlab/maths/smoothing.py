"""Smoothed conditional frequencies from sparse tables of counts.

An event (c, w) is a symbol w out of V after a context c; both are integers and the event's code is c V + w. A table lists the
events that were seen, by ascending code, so that those of one context lie together. Write n(c, w) for an event's count,
n(c) = sum_w n(c, w), and c' for the context without its farthest symbol. Every smoothing here is a level of a ladder,

    p(w | c) = alpha(c, w) + gamma(c) p(w | c'),      sum_w alpha(c, w) + gamma(c) = 1,

with alpha = 0 for events and gamma = 1 for contexts that were never seen; below the last context stands 1/V. So p sums to one
in every context, seen or not.

add-k (Lidstone):   alpha = n(c, w) / (n(c) + k V),   gamma = k V / (n(c) + k V),   above 1/V at once.

Discounting:        alpha = (n(c, w) - D(n(c, w))) / n(c),   gamma = sum_w D(n(c, w)) / n(c), with the discounts of
modified Kneser-Ney, estimated from n_r, the number of events seen r times:

    Y = n_1 / (n_1 + 2 n_2),   D(1) = 1 - 2 Y n_2 / n_1,   D(2) = 2 - 3 Y n_3 / n_2,   D(3 and more) = 3 - 4 Y n_4 / n_3.

Chen & Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling", 1998, section 3. In Kneser-Ney's ladder
n is a count of occurrences only where a context cannot be made longer; below that it is the number of different symbols that
make the event (c', w) an event (c, w).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Counts(NamedTuple):
    """The count of each event."""

    codes: Tensor  # (E,) int64, ascending, each once
    counts: Tensor  # (E,) int64


class Level(NamedTuple):
    """One rung of the ladder."""

    codes: Tensor  # (E,) int64, ascending
    alpha: Tensor  # (E,) float64
    contexts: Tensor  # (K,) int64, ascending
    gamma: Tensor  # (K,) float64


def tally(codes: Tensor, counts: Tensor) -> Counts:
    """Events in any order, some of them several times -> the table of their summed counts."""
    codes, order = codes.sort()
    unique, runs = codes.unique_consecutive(return_counts=True)
    return Counts(unique, _sums(counts[order], runs))


def _sums(values: Tensor, runs: Tensor) -> Tensor:
    """Sums of consecutive runs of the given lengths."""
    total = torch.cat([values.new_zeros(1), values.cumsum(0)])
    ends = runs.cumsum(0)
    return total[ends] - total[ends - runs]


def discounts(counts: Tensor) -> Tensor:
    """(4,) float64: D(0) = 0, D(1), D(2), D(3 and more).

    Where an n_r of the formula is zero, a discount takes the value of the one before it (D(1): 1/2); none is less than it.
    """
    n = [float((counts == r).sum()) for r in range(5)]
    y = n[1] / (n[1] + 2 * n[2]) if n[1] and n[2] else 0.5
    d = [0.0, y]  # 1 - 2 Y n_2 / n_1 = Y
    for r in (2, 3):
        found = r - (r + 1) * y * n[r + 1] / n[r] if n[r] and n[r + 1] else 0.0
        d.append(max(d[-1], found))
    return torch.tensor(d, dtype=torch.float64, device=counts.device)


def discounted(table: Counts, symbols: int) -> Level:
    """The level of modified Kneser-Ney discounts."""
    d = discounts(table.counts)[table.counts.clamp(max=3)]
    contexts, runs = (table.codes // symbols).unique_consecutive(return_counts=True)
    total = _sums(table.counts, runs).double()
    alpha = (table.counts - d) / total.repeat_interleave(runs)
    return Level(table.codes, alpha, contexts, _sums(d, runs) / total)


def added(table: Counts, symbols: int, k: float) -> Level:
    """The level of add-k."""
    contexts, runs = (table.codes // symbols).unique_consecutive(return_counts=True)
    total = _sums(table.counts, runs).double() + k * symbols
    return Level(table.codes, table.counts / total.repeat_interleave(runs), contexts, k * symbols / total)


def ladder(level: Level, context: Tensor, w: Tensor, symbols: int, lower: Tensor) -> Tensor:
    """p(w | c) of this level from p(w | c') of the one below; all of one shape."""
    alpha = _looked_up(level.codes, level.alpha, context * symbols + w, 0.0)
    return alpha + _looked_up(level.contexts, level.gamma, context, 1.0) * lower


def whole_ladder(level: Level, context: Tensor, symbols: int, lower: Tensor) -> Tensor:
    """p(. | c) of this level: contexts (n,) and the level below (n, V) -> (n, V)."""
    p = _looked_up(level.contexts, level.gamma, context, 1.0)[:, None] * lower
    first = torch.searchsorted(level.codes, context * symbols)
    runs = torch.searchsorted(level.codes, (context + 1) * symbols) - first
    rows = torch.arange(len(context), device=context.device).repeat_interleave(runs)
    within = torch.arange(len(rows), device=context.device) - (runs.cumsum(0) - runs)[rows]
    events = first[rows] + within
    p[rows, level.codes[events] % symbols] += level.alpha[events]
    return p


def _looked_up(keys: Tensor, values: Tensor, queries: Tensor, otherwise: float) -> Tensor:
    """The value of each queried key; `otherwise` for a key that is not there."""
    if not len(keys):
        return torch.full(queries.shape, otherwise, dtype=values.dtype, device=queries.device)
    where = torch.searchsorted(keys, queries).clamp(max=len(keys) - 1)
    return torch.where(keys[where] == queries, values[where], otherwise)
