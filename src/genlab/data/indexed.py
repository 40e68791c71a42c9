"""Finite sets of numbered examples: `stream` yields permutations of a split, one after another; `once` is a pass in order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from genlab.core.data import Split
from genlab.core.kinds import called
from genlab.core.noise import hashed
from genlab.core.space import Batch, label_of
from genlab.data import splits
from genlab.data.base import SPLITS, Opened
from genlab.data.draws import shuffled

BLOCK = 1000  # examples read at once


@dataclass(frozen=True)
class ExampleIndex:
    """All N examples of a source by number, whether they are in a split or in none.

    digests   (N, 16) uint8: equal where examples are equal
    own       (N,) int8 of splits.TRAIN ... where the source has splits of its own
    names     of the examples in the source, or nothing
    take      numbers (n,) -> the examples, as in a finite pass
    present   (n,) numbers of the examples that may be used, ascending; the others are in no split
    """

    digests: np.ndarray
    own: np.ndarray | None
    names: Sequence[str]
    take: Callable[[np.ndarray], Batch]
    present: np.ndarray


class IndexedSource(Opened):
    """A source of numbered examples. A subclass calls `split` once it knows the split of each."""

    _rows: dict[Split, np.ndarray]

    @abstractmethod
    def take(self, numbers: np.ndarray) -> Batch:
        """Examples by their numbers (n,) in the source, the same for every seed."""

    def labels(self, numbers: np.ndarray) -> np.ndarray:
        """(n,) labels of examples by their numbers; only of a source with labels."""
        return self.take(numbers).given[label_of(self.given)].numpy()

    def split(self, sides: np.ndarray, shares: tuple[float, float, float] | None) -> None:
        """Assign the examples to splits; ValueError where a split has too few.

        sides   (N,) int8 of splits.TRAIN, VALIDATION, TEST or EXCLUDED
        """
        self._rows = {split: np.flatnonzero(sides == side) for side, split in enumerate(SPLITS)}
        splits.check_sizes({split: self.count(split) for split in SPLITS}, shares, self.name, called(self.kind).examples)

    def count(self, split: Split) -> int:
        return len(self._rows[split])

    def stream(self, split: Split, cursor: int, n: int) -> Batch:
        return self.take(self._rows[split][shuffled(hashed(self.seed, split, "order"), cursor, n, self._some(split))])

    def once(self, split: Split, cursor: int, n: int) -> Batch:
        self._some(split)
        return self.take(self._rows[split][cursor : cursor + max(0, n)])

    def rows(self, split: Split, indices: Tensor) -> Batch:
        return self.take(self._rows[split][indices.numpy()])

    def numbers(self, split: Split) -> np.ndarray:
        """Numbers of a split's examples in the source, ascending."""
        return self._rows[split]

    def label_counts(self, split: Split = "train") -> list[int] | None:
        label = label_of(self.given)
        if not label:
            return None
        rows = self._rows[split]
        parts = [rows[first : first + BLOCK] for first in range(0, len(rows), BLOCK)]
        labels = np.concatenate([self.labels(part) for part in parts]) if parts else np.empty(0, np.int64)
        return np.bincount(labels[labels >= 0], minlength=self.given[label].levels).tolist()

    def _some(self, split: Split) -> int:
        if not len(self._rows[split]):
            raise ValueError(f"{self.name} has no {split} split")
        return len(self._rows[split])
