"""Missing entries: `Batch.seen` tells which entries of an example are known; in training the others are blank.

Either each entry is hidden at random with a given probability (all channels of a pixel together), or one block of each example,
a box of half the example's sides at a random position. The hidden entries of an example are the same in every pass. Held-out
examples have `seen` too, so that a likelihood counts known entries alone, but they keep their values: samples are compared with
whole examples, and a completion with the truth.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch

from genlab.core.data import Split
from genlab.core.space import Batch
from genlab.data.base import Opened
from genlab.data.wrap import PerExample, drawn_for


class Hidden(PerExample):
    """A source of numbers or levels of any shape in which entries are missing."""

    option: ClassVar[str] = "hide"

    def __init__(self, inner: Opened, what: str):
        super().__init__(inner, what=what)
        if inner.space.text:
            raise ValueError(f"{inner.name} is text, whose next token needs all before; leave --hide out")
        self._share, self.missing = _share(str(what)), True
        self._sites = inner.space.shape[1:] if len(inner.space.shape) > 1 else inner.space.shape  # without the channels
        if max(self._sites, default=1) == 1:
            raise ValueError(f"an example of {inner.name} has one entry: hidden, nothing would be left; leave --hide out")
        how = "one block of its entries is" if self._share is None else f"{self._share:.0%} of its entries, at random, are"
        self.also(f"{how} missing while training")
        if inner.space.kind != "real":
            self._blank = torch.zeros((), dtype=torch.uint8)
        else:
            center = torch.tensor(inner.space.center or (0.0,), dtype=torch.float32)
            self._blank = center.reshape(-1, *[1] * (len(inner.space.shape) - 1))

    def change(self, batch: Batch, split: Split | None, key: int, numbers: np.ndarray) -> Batch:
        hidden = self._blocks(key, numbers) if self._share is None else self._at_random(key, numbers, self._share)
        lead = (len(batch.x), *([1] if len(self.space.shape) > 1 else []), *self._sites)
        seen = torch.from_numpy(~hidden).reshape(lead).expand(batch.x.shape)
        seen = seen if batch.seen is None else seen & batch.seen
        x = batch.x if split in ("validation", "test") else torch.where(seen, batch.x, self._blank.to(batch.x.dtype))
        return batch._replace(x=x, seen=seen)

    def _at_random(self, key: int, numbers: np.ndarray, share: float) -> np.ndarray:
        """(n, entries) bool."""
        return drawn_for(key, numbers, int(np.prod(self._sites))) < share

    def _blocks(self, key: int, numbers: np.ndarray) -> np.ndarray:
        """(n, *apart) bool: a box of half of each side, rounded up."""
        hidden = np.ones((len(numbers), *self._sites), bool)
        u = drawn_for(key, numbers, len(self._sites))
        for axis, side in enumerate(self._sites):
            length = -(-side // 2)
            first = np.minimum((u[:, axis] * (side - length + 1)).astype(np.int64), side - length)
            inside = (np.arange(side) >= first[:, None]) & (np.arange(side) < first[:, None] + length)
            hidden &= inside.reshape(len(numbers), *[side if place == axis else 1 for place in range(len(self._sites))])
        return hidden


def _share(what: str) -> float | None:
    """The share of entries to hide; None for a block."""
    if what == "block":
        return None
    try:
        share = float(what)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise ValueError(
            f"--hide {what[:60]}: write a share of the entries above 0 and below 1, as --hide 0.5, or --hide block"
        )
    return share
