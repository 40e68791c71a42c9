"""Labels of a few training examples; all others have the label -1, "no label". Held-out examples keep theirs, for scores."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch

from genlab.core.conditions import UNLABELLED
from genlab.core.data import Split
from genlab.core.space import Batch, label_of
from genlab.core.words import plural
from genlab.data.base import Opened
from genlab.data.draws import uniforms
from genlab.data.wrap import PerExample

BLOCK = 1000


class FewLabels(PerExample):
    """A source in which `count` training examples keep their labels.

    They are chosen from the classes in turn, and within a class by a random number that belongs to the example: a larger
    `count` includes the examples of a smaller one.
    """

    option: ClassVar[str] = "labelled"

    def __init__(self, inner: Opened, count: int):
        super().__init__(inner, count=count)
        self._key = label_of(inner.given)
        if not self._key:
            if inner.options.get("unconditional"):
                raise ValueError("--unconditional leaves out the labels that --labelled keeps; leave one of them out")
            raise ValueError(f"{inner.name} has no classes; leave --labelled out")
        if not isinstance(count, int) or count < 1:
            raise ValueError(f"--labelled must be a whole number of examples from 1, got {str(count)[:60]}")
        blocks = [inner.once("train", first, BLOCK) for first in range(0, inner.count("train"), BLOCK)]
        if any(block.index is None for block in blocks):
            raise ValueError(
                f"{inner.name} is drawn anew forever: its examples have no numbers to tell them apart; leave --labelled out"
            )
        numbers = torch.cat([block.index for block in blocks if block.index is not None]).numpy()
        labels = torch.cat([block.given[self._key] for block in blocks]).numpy()
        known = labels >= 0
        if count > known.sum():
            raise ValueError(f"{inner.name} has labels of {known.sum():,} training examples, not of {count:,}; ask for fewer")
        self._hidden = np.setdiff1d(numbers, numbers[known][_chosen(labels[known], numbers[known], count)])
        remaining = labels[~np.isin(numbers, self._hidden)]
        self.also(f"its label only where it is one of {plural(count, 'training example')}, or held out")
        self._counts = np.bincount(remaining[remaining >= 0], minlength=self.given[self._key].levels).tolist()

    def change(self, batch: Batch, split: Split | None, key: int, numbers: np.ndarray) -> Batch:
        label = batch.given[self._key]
        hidden = torch.from_numpy(np.isin(numbers, self._hidden))
        return batch._replace(given={**batch.given, self._key: torch.where(hidden, torch.full_like(label, UNLABELLED), label)})

    def label_counts(self, split: Split = "train") -> list[int] | None:
        return self._counts if split == "train" else self.inner.label_counts(split)


def _chosen(labels: np.ndarray, numbers: np.ndarray, count: int) -> np.ndarray:
    """Indices of `count` of the examples: of each class the first comes before the second of any class, and so on."""
    order = np.array([uniforms(0, int(number), 1, 1)[0, 0] for number in numbers])
    rank = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        rank[places[order[places].argsort()]] = np.arange(len(places))
    return np.lexsort((order, rank))[:count]
