"""What samples of tokens repeat: of each other, and of the text they were learnt from.

distinct-n (Li et al., "A Diversity-Promoting Objective Function for Neural Conversation Models", 2016) is the number of
different n-grams among all n-grams of the samples. The share of copied n-grams is how many of them stand word for word in
the training text; a model of text can neither avoid copying short ones nor excuse copying long ones, so n is stated.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from torch import Tensor

from genlab.core.space import Batch, Space


def grams(x: Tensor, lengths: Tensor, n: int) -> np.ndarray:
    """Every n-gram that lies within the first `lengths` (B,) tokens of x (B, T), as one opaque value each: (m,)."""
    tokens = np.ascontiguousarray(x.cpu().numpy().astype(np.int64))
    if tokens.shape[1] < n:
        return np.empty(0, dtype=f"V{8 * n}")
    windows = np.lib.stride_tricks.sliding_window_view(tokens, n, axis=1)
    inside = np.arange(windows.shape[1]) + n <= lengths.cpu().numpy()[:, None]
    return np.ascontiguousarray(windows[inside]).view(f"V{8 * n}").reshape(-1)


def distinct(x: Tensor, lengths: Tensor, n: int) -> float:
    """Different n-grams / all n-grams of the samples; nan where none is long enough."""
    found = grams(x, lengths, n)
    return len(np.unique(found)) / len(found) if len(found) else float("nan")


def copied(x: Tensor, lengths: Tensor, train: Iterable[Batch], space: Space, n: int) -> float:
    """Share of the samples' n-grams that occur in the training text; nan where none is long enough.

    train: one pass over the training windows; where they carry `before`, n-grams across windows are seen too.
    """
    unseen = np.unique(found := grams(x, lengths, n))
    if not len(found):
        return float("nan")
    seen = np.zeros(len(unseen), dtype=bool)
    for batch in train:
        there = np.unique(grams(*_joined(batch, space, n), n))
        seen |= np.isin(unseen, there)
    return float(np.isin(found, unseen[seen]).mean())


def _joined(batch: Batch, space: Space, n: int) -> tuple[Tensor, Tensor]:
    """Windows with the n - 1 tokens before them. What is missing at the very start is -1, which no sample holds."""
    lengths = space.sizes(batch)
    if "before" not in batch.given or n == 1:
        return batch.x, lengths
    before = batch.given["before"][:, -(n - 1) :]
    return batch.x.new_tensor(np.concatenate([before.cpu().numpy(), batch.x.cpu().numpy()], 1)), lengths + before.shape[1]


def lines_copied(x: Tensor, train: Iterable[Batch]) -> tuple[float, float]:
    """(share of different lines, share of lines that stand in the training set) of samples x (B, T)."""
    rows = x.cpu().numpy().astype(np.int64)
    known = {row.tobytes() for batch in train for row in batch.x.cpu().numpy().astype(np.int64)}
    lines = [row.tobytes() for row in rows]
    return len(set(lines)) / len(lines), sum(line in known for line in lines) / len(lines)
