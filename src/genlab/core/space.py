"""Space: the description of one example, made by the data and read by models."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from genlab.core.kinds import LINES, PICTURES, TEXT

if TYPE_CHECKING:  # the command line describes spaces without loading torch
    from torch import Tensor

Kind = Literal["real", "binary", "ordinal", "token"]


@dataclass(frozen=True)
class Space:
    """The set that one example lives in.

    shape   without the batch dimension; () is a single label
    axes    one letter a dimension, as `core.kinds` lists them by kind of data; "" is a label
    kind    real numbers, bits, ordered integers (grey levels) or unordered tokens
    levels  alphabet size of ordinal and token data (2 for binary)
    names   of the classes or tokens, `levels` of them, or none
    end     tokens: from the first `end` on every entry is `end` and costs nothing
    rate    Hz, or frames a second
    curve   how a level of sound becomes an amplitude
    encoder tokens of a text: which tokenizer made them, by its hash; the tokenizer itself lies in the run's folder
    center, scale   real data: per-coordinate mean and standard deviation of the train split
    note    how the data were changed on the way in ("binarised: dynamic"); every score repeats it
    """

    shape: tuple[int, ...]
    axes: str
    kind: Kind
    levels: int = 0
    names: tuple[str, ...] = ()
    end: int | None = None
    rate: float | None = None
    curve: Literal["linear", "mu-law"] = "linear"
    encoder: str = ""
    center: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if len(self.axes) != len(self.shape):
            raise ValueError(
                f"axes {self.axes!r} name {len(self.axes)} dimensions, the shape {self.shape} has {len(self.shape)}"
            )
        if self.kind not in ("real", "binary", "ordinal", "token"):
            raise ValueError(f"kind {self.kind!r} is not one of real, binary, ordinal, token")
        if self.kind == "binary" and self.levels == 0:
            object.__setattr__(self, "levels", 2)
        if self.kind != "real" and self.levels < 2:
            raise ValueError(f"{self.kind} data need at least 2 levels, got {self.levels}")
        if self.curve not in ("linear", "mu-law"):
            raise ValueError(f"curve {self.curve!r} is not one of linear, mu-law")
        if self.names and len(self.names) != self.levels:
            raise ValueError(f"{len(self.names)} names for {self.levels} levels")
        if any(side < 1 for side in self.shape):
            raise ValueError(f"every side of the shape {self.shape} must be at least 1")

    @property
    def size(self) -> int:
        """Entries of one example, scored or not."""
        total = 1
        for side in self.shape:
            total *= side
        return total

    @property
    def picture(self) -> bool:
        return PICTURES.holds(self)

    @property
    def text(self) -> bool:
        """Whether examples read as text: windows or lines."""
        return TEXT.holds(self) or LINES.holds(self)

    @property
    def discrete(self) -> bool:
        return self.kind != "real"

    def sizes(self, batch: Batch) -> Tensor:
        """Scored entries of each example, (B,): the only divisor of bits/dim and nats/character.

        A short last window counts its `length`; a line counts its characters and one end symbol; of an example with missing
        entries those that are seen count.
        """
        sizes = self._sizes(batch)
        return sizes if batch.seen is None else (self._mask(batch, sizes) & batch.seen).flatten(1).sum(1)

    def mask(self, batch: Batch) -> Tensor:
        """(B, *shape) bool: which entries are scored."""
        mask = self._mask(batch, self._sizes(batch))
        return mask if batch.seen is None else mask & batch.seen

    def _sizes(self, batch: Batch) -> Tensor:
        """(B,) entries that belong to each example, seen or not."""
        import torch

        count = len(batch.x)
        if batch.length is not None:
            return batch.length.to(batch.x.device)
        if self.end is None:
            return torch.full((count,), self.size, device=batch.x.device)
        ended = (batch.x == self.end).flatten(1)
        return torch.where(ended.any(1), ended.int().argmax(1) + 1, torch.full_like(ended[:, 0], self.size, dtype=torch.long))

    def _mask(self, batch: Batch, sizes: Tensor) -> Tensor:
        import torch

        where = torch.arange(self.size, device=batch.x.device).reshape(1, *self.shape)
        return where < sizes.reshape(-1, *([1] * len(self.shape)))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Space:
        """ValueError for a record whose values are not of the kind, or as large, as a space can have."""
        if not isinstance(record, Mapping):
            raise ValueError(f"a space is described by a record, not by {record!r}")
        values: dict[str, Any] = {}
        for entry in fields(cls):
            if entry.name in record:
                found = record[entry.name]
                values[entry.name] = tuple(found) if isinstance(found, list) else found
                if not _FITS[entry.name](values[entry.name]):
                    raise ValueError(f"a space cannot have {entry.name} {str(found)[:60]}")
        space = cls(**values)
        if space.size > LARGEST:
            raise ValueError(f"an example of shape {space.shape} would have more than {LARGEST:,} entries")
        return space


def label_of(given: Mapping[str, Space]) -> str:
    """The condition whose values are classes: the first that is a single token; "" where there is none."""
    return next((key for key, space in given.items() if space.kind == "token" and not space.shape), "")


LARGEST = 2**30  # entries of one example, levels of one entry: far above what is trained on, far below what breaks a machine


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _all(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, tuple) and all(fits(part) for part in value)


_FITS: dict[str, Callable[[Any], bool]] = {
    "shape": _all(_whole),
    "axes": lambda value: isinstance(value, str),
    "kind": lambda value: isinstance(value, str),
    "levels": _whole,
    "names": _all(lambda value: isinstance(value, str | int | float)),
    "end": lambda value: value is None or _whole(value),
    "rate": lambda value: value is None or _number(value),
    "curve": lambda value: isinstance(value, str),
    "encoder": lambda value: isinstance(value, str),
    "center": _all(_number),
    "scale": _all(lambda value: _number(value) and value > 0),
    "note": lambda value: isinstance(value, str),
}


class Batch(NamedTuple):
    """Examples in the space's own units, with what is given about them."""

    x: Tensor  # (B, *space.shape)
    given: Mapping[str, Tensor] = {}  # every condition the data declare, B rows each; a label of -1 is "not said"
    index: Tensor | None = None  # (B,) which examples: names the files of a bad batch
    length: Tensor | None = None  # (B,) where a window or a recording is short
    before: Tensor | None = None  # (B, K) tokens that stand before a window of text, -1 where there are none
    seen: Tensor | None = None  # (B, *space.shape) bool: which entries are known; None: all

    def to(self, device: Any) -> Batch:
        def move(value: Tensor | None) -> Tensor | None:
            return None if value is None else value.to(device, non_blocking=True)

        given = {key: value.to(device, non_blocking=True) for key, value in self.given.items()}
        x = self.x.to(device, non_blocking=True)
        return Batch(x, given, move(self.index), move(self.length), move(self.before), move(self.seen))
