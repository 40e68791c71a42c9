"""What `fit` needs of data: a space, and batches that are a pure function of (seed, cursor)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from genlab.core.space import Batch, Space

Split = Literal["train", "validation", "test"]


class Data(Protocol):
    space: Space
    given: Mapping[str, Space]
    paired: bool  # whether given["other"] belongs to the same example

    def count(self, split: Split) -> int:
        """Examples of a split in one finite pass (windows of a text, pictures, lines, points)."""
        ...

    def stream(self, split: Split, cursor: int, n: int) -> Batch:
        """n examples from position `cursor` of an endless shuffled stream; resuming is one integer."""
        ...

    def once(self, split: Split, cursor: int, n: int) -> Batch:
        """Up to n examples from position `cursor` of one finite pass in order; the last batch is short."""
        ...
