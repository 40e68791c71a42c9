"""Few labels: some training examples keep theirs, the others have -1, "not said". Held-out labels stay, to be scored on."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch

from genlab.core.conditions import UNSAID
from genlab.core.data import Split
from genlab.core.space import Batch, label_of
from genlab.data.base import Opened
from genlab.data.draws import uniforms
from genlab.data.wrap import Each

BLOCK = 1000


class Few(Each):
    """Labels of `count` training examples: the classes in turn, within a class those that a fixed lot falls on."""

    option: ClassVar[str] = "labelled"

    def __init__(self, inner: Opened, count: int):
        super().__init__(inner, count=count)
        self._key = label_of(inner.given)
        if not self._key:
            raise ValueError(f"{inner.name} has no classes; leave --labelled out")
        if not isinstance(count, int) or count < 1:
            raise ValueError(f"--labelled must be a whole number of examples from 1, got {str(count)[:60]}")
        blocks = [inner.once("train", first, BLOCK) for first in range(0, inner.count("train"), BLOCK)]
        if any(block.index is None for block in blocks):
            raise ValueError(f"{inner.name} is drawn anew forever: its examples cannot be told apart; leave --labelled out")
        numbers = torch.cat([block.index for block in blocks if block.index is not None]).numpy()
        labels = torch.cat([block.given[self._key] for block in blocks]).numpy()
        said = labels >= 0
        if count > said.sum():
            raise ValueError(f"{inner.name} has labels of {said.sum():,} training examples, not of {count:,}; ask for fewer")
        self._hidden = np.setdiff1d(numbers, numbers[said][_chosen(labels[said], numbers[said], count)])
        kept = labels[~np.isin(numbers, self._hidden)]
        self._counts = np.bincount(kept[kept >= 0], minlength=self.given[self._key].levels).tolist()

    def change(self, batch: Batch, split: Split | None, key: int, numbers: np.ndarray) -> Batch:
        label = batch.given[self._key]
        unsaid = torch.from_numpy(np.isin(numbers, self._hidden))
        return batch._replace(given={**batch.given, self._key: torch.where(unsaid, torch.full_like(label, UNSAID), label)})

    def label_counts(self) -> list[int]:
        return self._counts


def _chosen(labels: np.ndarray, numbers: np.ndarray, count: int) -> np.ndarray:
    """Places of `count` of the examples, the first of every class before the second of any."""
    lots = np.array([uniforms(0, int(number), 1, 1)[0, 0] for number in numbers])
    turn = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        turn[places[lots[places].argsort()]] = np.arange(len(places))
    return np.lexsort((lots, turn))[:count]
