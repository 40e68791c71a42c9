"""Repetition in samples of tokens: of one another, and of the training text.

distinct-n (Li et al., "A Diversity-Promoting Objective Function for Neural Conversation Models", 2016) is the number of
different n-grams among all n-grams of the samples; it falls as more samples are looked at. The share of copied n-grams is how
many of them stand word for word in the training text; a model of text can neither avoid copying short ones nor excuse copying
long ones, so n is stated. The n-grams of one sample hang together, so every interval is over samples, as many as there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from genlab.core.space import Batch, Space
from genlab.measure.estimate import Estimate, jackknife, ratio, share


class Lines(NamedTuple):
    different: Estimate  # share of the samples
    known: Estimate  # share that stands in the training set


def grams(x: Tensor, lengths: Tensor, n: int) -> np.ndarray:
    """Every n-gram that lies within the first `lengths` (B,) tokens of x (B, T), as one opaque value each: (m,)."""
    return _grams(x, lengths, n)[0]


def _grams(x: Tensor, lengths: Tensor, n: int) -> tuple[np.ndarray, np.ndarray]:
    """n-grams (m,), and the sample that each is in (m,)."""
    tokens = np.ascontiguousarray(x.cpu().numpy().astype(np.int64))
    if tokens.shape[1] < n:
        return np.empty(0, dtype=f"V{8 * n}"), np.empty(0, dtype=np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(tokens, n, axis=1)
    inside = np.arange(windows.shape[1]) + n <= lengths.cpu().numpy()[:, None]
    return np.ascontiguousarray(windows[inside]).view(f"V{8 * n}").reshape(-1), inside.nonzero()[0]


def distinct(x: Tensor, lengths: Tensor, n: int) -> Estimate:
    """Different n-grams / all n-grams of the samples, jackknifed over them; nan where none is long enough."""
    found, sample = _grams(x, lengths, n)
    if not len(found):
        return Estimate(math.nan)
    return _different(np.unique(found, return_inverse=True)[1], sample, len(x))


def _different(kind: np.ndarray, sample: np.ndarray, n: int) -> Estimate:
    """Different kinds among all: without one of n samples, those go that stand in it alone."""
    its, holder = np.divmod(np.unique(kind * n + sample), n)  # each kind with each sample it stands in
    samples_with = np.bincount(its)
    own = np.bincount(holder[samples_with[its] == 1], minlength=n)
    rest = len(kind) - np.bincount(sample, minlength=n)
    kinds = len(samples_with)
    value, over = kinds / len(kind), "samples, jackknife"
    if n < 2 or not rest.all():
        return Estimate(value, over=over)
    return jackknife(value, over, torch.from_numpy((kinds - own) / rest), floor=0.0, ceiling=1.0)


def copied(x: Tensor, lengths: Tensor, train: Iterable[Batch], space: Space, n: int) -> Estimate:
    """Share of the samples' n-grams that occur in the training text; nan where none is long enough.

    train: one pass over the training windows; where they carry `before`, n-grams across windows are seen too.
    """
    found, sample = _grams(x, lengths, n)
    unseen = np.unique(found)
    if not len(found):
        return Estimate(math.nan)
    seen = np.zeros(len(unseen), dtype=bool)
    for batch in train:
        there = np.unique(grams(*_joined(batch, space, n), n))
        seen |= np.isin(unseen, there)
    known = np.isin(found, unseen[seen])
    hits, of = (torch.from_numpy(np.bincount(rows, minlength=len(x))) for rows in (sample[known], sample))
    return ratio(hits, of, "samples")


def _joined(batch: Batch, space: Space, n: int) -> tuple[Tensor, Tensor]:
    """Windows with the n - 1 tokens before them. What is missing at the very start is -1, which no sample holds."""
    lengths = space.sizes(batch)
    if batch.before is None or n == 1:
        return batch.x, lengths
    before = batch.before[:, -(n - 1) :]
    return batch.x.new_tensor(np.concatenate([before.cpu().numpy(), batch.x.cpu().numpy()], 1)), lengths + before.shape[1]


def lines_copied(x: Tensor, train: Iterable[Batch]) -> Lines:
    """Different lines and lines of the training set among samples x (B, T), each a whole line."""
    rows = x.cpu().numpy().astype(np.int64)
    known = {row.tobytes() for batch in train for row in batch.x.cpu().numpy().astype(np.int64)}
    lines = [row.tobytes() for row in rows]
    kind = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
    return Lines(
        _different(kind, np.arange(len(rows)), len(rows)), share(sum(line in known for line in lines), len(lines), "samples")
    )
