"""What `fit` needs of data: a space, and batches that are a pure function of (seed, cursor)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import index
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from genlab.core.space import Batch, Space

if TYPE_CHECKING:  # the command line names splits without loading torch
    from torch import Tensor

Split = Literal["train", "validation", "test"]


class Data(Protocol):
    space: Space
    given: Mapping[str, Space]

    def count(self, split: Split) -> int:
        """Examples of a split in one finite pass (windows of a text, pictures, lines, points)."""
        ...

    def stream(self, split: Split, cursor: int, n: int) -> Batch:
        """n examples from position `cursor` of an endless shuffled stream; resuming is one integer."""
        ...

    def once(self, split: Split, cursor: int, n: int) -> Batch:
        """Up to n examples from position `cursor` of one finite pass in order: fewer at its end."""
        ...

    def rows(self, split: Split, indices: Tensor) -> Batch:
        """The examples with these numbers (n,), 0 ... count - 1 in the order of the finite pass, in the order of `indices`."""
        ...

    def label_counts(self) -> Sequence[int] | None:
        """Examples of each label in the train split, without those that have no label; None where they were not counted."""
        ...


class View:
    """One split of data as a sequence of examples: `len`, an example by its number, several by a slice, a list or a mask.

    An example is a Batch without the batch dimension, as x (*space.shape). Several are an ordinary Batch.
    IndexError for a number beyond the split.
    """

    def __init__(self, data: Data, split: Split):
        self.data: Data = data
        self.split: Split = split

    def __len__(self) -> int:
        return self.data.count(self.split)

    def __getitem__(self, which: int | slice | Sequence[int] | Tensor) -> Batch:
        if isinstance(which, slice):
            return self.data.rows(self.split, self._numbers(range(len(self))[which]))
        number = _whole(which)
        if number is not None:
            return single(self.data.rows(self.split, self._numbers([number])), 0)
        return self.data.rows(self.split, self._numbers(cast("Sequence[int] | Tensor", which)))

    def __iter__(self) -> Iterator[Batch]:
        for first in range(0, len(self), 100):
            block = self.data.once(self.split, first, 100)
            yield from (single(block, row) for row in range(len(block.x)))

    def __repr__(self) -> str:
        return f"{self.split} split: {len(self):,} examples"

    def _numbers(self, which: Sequence[int] | Tensor) -> Tensor:
        import torch

        count, wrong = len(self), f"examples of the {self.split} split are named by whole numbers, not by {str(which)[:60]}"
        try:
            numbers = torch.as_tensor(which)
        except (TypeError, ValueError, RuntimeError):
            raise IndexError(wrong) from None
        if numbers.dtype == torch.bool:
            if numbers.shape != (count,):
                raise IndexError(f"a mask of the {self.split} split has shape ({count},), not {tuple(numbers.shape)}")
            numbers = numbers.nonzero()[:, 0]
        if numbers.ndim != 1 or (len(numbers) and (numbers.is_floating_point() or numbers.is_complex())):
            raise IndexError(wrong)
        numbers = numbers.long()
        if bool(((numbers < -count) | (numbers >= count)).any()):
            raise IndexError(f"the {self.split} split has examples 0 to {count - 1}, not all of {str(numbers.tolist())[:60]}")
        return torch.where(numbers < 0, numbers + count, numbers)


def _whole(value: Any) -> int | None:
    """A single whole number, also of numpy or torch; None for anything else."""
    try:
        return None if getattr(value, "shape", ()) else index(value)
    except TypeError:
        return None


def single(batch: Batch, row: int) -> Batch:
    """One example of a batch, without the batch dimension."""
    given = {key: value[row] for key, value in batch.given.items()}
    others = (batch.index, batch.length, batch.before, batch.seen)
    return Batch(batch.x[row], given, *(None if value is None else value[row] for value in others))


def size_of(data: Data, split: Split) -> int:
    """The number of examples of a split; ValueError where there are none, and something is to be measured on them."""
    count = data.count(split)
    if not count:
        raise ValueError(f"these data have no {split} split to measure on; give it a share, as --shares 0.8 0.1 0.1")
    return count


def blocks(data: Data, split: Split, total: int, size: int) -> Iterator[tuple[int, Batch]]:
    """(position, batch) of `total` examples of one pass, in blocks of at most `size`; of fewer than all, evenly spaced ones."""
    count = data.count(split)
    needed = -(-total // size)
    for k in range(needed):
        n = min(size, total - k * size)
        first = k * size if total == count else k * (count - size) // max(needed - 1, 1) if count > size else 0
        yield first, data.once(split, first, n)


def some(data: Data, split: Split, n: int) -> list[Batch]:
    """n examples of a split, or all of fewer, in small blocks spaced evenly over it: a source may be sorted by class."""
    total = min(n, data.count(split))
    return [part for _, part in blocks(data, split, total, 1000 if total == data.count(split) else -(-total // 100))]
