"""What `fit` needs of data: a space, and batches that are a pure function of (seed, cursor)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


def blocks(data: Data, split: Split, total: int, size: int) -> Iterator[tuple[int, Batch]]:
    """(position, batch) of `total` examples of one pass; where that is not all of them, blocks spread evenly."""
    count = data.count(split)
    needed = -(-total // size)
    for k in range(needed):
        n = min(size, total - k * size)
        first = k * size if total == count else k * (count - size) // max(needed - 1, 1) if count > size else 0
        yield first, data.once(split, first, n)


def some(data: Data, split: Split, n: int) -> list[Batch]:
    """n examples of a split, or all, in small blocks spread evenly over it: a source may be sorted by class."""
    total = min(n, data.count(split))
    return [part for _, part in blocks(data, split, total, 1000 if total == data.count(split) else -(-total // 100))]
