"""Finite sets of numbered examples: `stream` is one permutation of a split after another, `once` goes through it in order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from genlab.core.data import Split
from genlab.core.noise import hashed
from genlab.core.space import Batch, label_of
from genlab.data import splits
from genlab.data.base import SPLITS, Opened
from genlab.data.draws import shuffled

BLOCK = 1000  # examples read at once


@dataclass(frozen=True)
class Numbering:
    """All N examples of a source by number, whichever split they are in, or in none.

    digests   (N, 16) uint8: equal where examples are equal
    own       (N,) int8 of splits.TRAIN ... where the source has splits of its own
    names     of the examples in the source, or nothing
    take      numbers (n,) -> the examples, as a finite pass has them
    there     (n,) numbers of those that count, ascending; the others are left out of every split
    """

    digests: np.ndarray
    own: np.ndarray | None
    names: Sequence[str]
    take: Callable[[np.ndarray], Batch]
    there: np.ndarray


class IndexedSource(Opened):
    """What has numbered examples; whoever derives says `split` once `sides` are known."""

    _rows: dict[Split, np.ndarray]

    @abstractmethod
    def take(self, numbers: np.ndarray) -> Batch:
        """Examples (n,) by their numbers in the source, the same ones whatever the seed."""

    def labels(self, numbers: np.ndarray) -> np.ndarray:
        """(n,) labels of examples, where they have some."""
        return self.take(numbers).given[label_of(self.given)].numpy()

    def split(self, sides: np.ndarray, shares: tuple[float, float, float] | None) -> None:
        """Sort the examples into splits, sides (N,) of splits.TRAIN ...; ValueError where one of them gets too few."""
        self._rows = {split: np.flatnonzero(sides == side) for side, split in enumerate(SPLITS)}
        splits.enough({split: self.count(split) for split in SPLITS}, shares, self.name, self.kind)

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

    def label_counts(self) -> list[int] | None:
        label = label_of(self.given)
        if not label:
            return None
        rows = self._rows["train"]
        parts = [rows[first : first + BLOCK] for first in range(0, len(rows), BLOCK)]
        labels = np.concatenate([self.labels(part) for part in parts])
        return np.bincount(labels[labels >= 0], minlength=self.given[label].levels).tolist()

    def _some(self, split: Split) -> int:
        if not len(self._rows[split]):
            raise ValueError(f"{self.name} has no {split} split")
        return len(self._rows[split])
