"""Sources drawn from a formula: an endless stream of new examples to train on, and fixed examples to score on.

Every example is a function of a few uniform numbers of its own, so any position of a stream is reached at once.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from genlab.core.data import Split
from genlab.core.noise import hashed
from genlab.core.space import Batch, Space
from genlab.data.base import Opened
from genlab.data.draws import uniforms
from genlab.data.index import built_in
from genlab.data.options import Request
from genlab.data.overview import Overview

FRESH = "drawn apart; training draws new ones forever"
COUNTS: dict[Split, int] = {"train": 10_000, "validation": 2_000, "test": 10_000}


class Drawn(Opened):
    """A source with a formula. `stream` never repeats; `once` has the same examples for every seed.

    width   uniform random numbers that make one example
    """

    given: Mapping[str, Space] = {}
    width: int

    def __init__(self, request: Request, kind: str):
        row = built_in(request.name)
        assert row is not None
        super().__init__(request, kind, request.name.encode(), Overview(splits_from=FRESH, licence=row.licence))

    @abstractmethod
    def make(self, u: np.ndarray) -> np.ndarray:
        """Uniform numbers (n, width) -> examples (n, *space.shape)."""

    def count(self, split: Split) -> int:
        return COUNTS[split]

    def stream(self, split: Split, cursor: int, n: int) -> Batch:
        return self._batch(hashed(self.seed, self.name, "stream", split), cursor, n)

    def once(self, split: Split, cursor: int, n: int) -> Batch:
        return self._batch(hashed(self.name, "once", split), cursor, max(0, min(n, COUNTS[split] - cursor)))

    def rows(self, split: Split, indices: Tensor) -> Batch:
        key = hashed(self.name, "once", split)
        drawn = [uniforms(key, number, 1, self.width) for number in indices.tolist()]
        return Batch(torch.from_numpy(self.make(np.concatenate([*drawn, np.empty((0, self.width))]))))

    def _batch(self, key: int, cursor: int, n: int) -> Batch:
        return Batch(torch.from_numpy(self.make(uniforms(key, cursor, n, self.width))))
