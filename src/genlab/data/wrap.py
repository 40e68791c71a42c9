"""Wrappers of sources: each option that changes a reader's data is a `Data` around the reader's `Data`. Wrappers nest.

    Paired, Unpaired     a second source: of the same examples, or of another domain (paired.py)
    Degraded             a degraded copy of each picture as its source (degraded.py)
    Hidden               missing entries (hidden.py)
    FewLabels            labels of a few training examples (few.py)
    Binarised            black and white pictures (binary.py)

A wrapper is made of other sources, `of`, and of `settings`, plain JSON values; `opened` records both and `reopened` makes the
wrapper again. Its random numbers for an example depend on the example's number alone.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from genlab.core.data import Split
from genlab.core.noise import hashed
from genlab.core.space import Batch
from genlab.data.base import Opened
from genlab.data.draws import uniforms
from genlab.data.indexed import ExampleIndex


class Wrapper(Opened):
    """A source made of other sources, with the name of the first.

    of         the other sources
    settings   further arguments of its class
    option     the option of `genlab.open` that adds the wrapper
    """

    option: ClassVar[str]

    def __init__(self, *of: Opened, **settings: Any):
        inner = of[0]
        self.of, self.settings = of, settings
        self.name, self.source, self.kind = inner.name, inner.source, inner.kind
        self.seed = inner.seed
        self.options = {**inner.options, self.option: next(iter(settings.values()), of[-1].source)}  # as `open` takes them
        self.skipped, self.noted = [entry for each in of for entry in each.skipped], inner.noted
        self.tokenizers = dict(inner.tokenizers)
        self.space, self.given, self.missing = inner.space, dict(inner.given), inner.missing
        identity = json.dumps([self.option, settings, [each.fingerprint for each in of]], sort_keys=True)
        self._content = hashlib.blake2b(identity.encode()).digest()

    def opened(self) -> dict[str, Any]:
        return {"wrapper": self.option, "settings": self.settings, "of": [each.opened() for each in self.of]}

    def where(self, index: int) -> str:
        """The name of an example in the first source, for messages."""
        known: Any = self.of[0]
        return known.where(index) if hasattr(known, "where") else f"example {index}"


class PerExample(Wrapper):
    """A wrapper that changes each example by itself. Splits, order and numbers of the examples stay as they are."""

    def __init__(self, inner: Opened, **settings: Any):
        super().__init__(inner, **settings)
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        """Any other attribute of the inner source, as its density, which holds for examples that keep their x."""
        if name.startswith("_") or name in ("inner", "of"):
            raise AttributeError(name)
        return getattr(self.inner, name)

    @abstractmethod
    def change(self, batch: Batch, split: Split | None, key: int, numbers: np.ndarray) -> Batch:
        """The changed batch.

        split          of the batch; None where its examples were chosen by number
        key, numbers   example i draws its random numbers from the stream `key` at position numbers[i]
        """

    def fresh(self, batch: Batch, split: Split, cursor: int) -> Batch:
        """The changed batch at positions `cursor` ... of the endless stream."""
        return self.change(
            batch, split, *self._stream_of(batch, np.arange(cursor, cursor + len(batch.x)), self.seed, split, "stream")
        )

    def count(self, split: Split) -> int:
        return self.inner.count(split)

    def stream(self, split: Split, cursor: int, n: int) -> Batch:
        return self.fresh(self.inner.stream(split, cursor, n), split, cursor)

    def once(self, split: Split, cursor: int, n: int) -> Batch:
        batch = self.inner.once(split, cursor, n)
        return self.change(batch, split, *self._stream_of(batch, np.arange(cursor, cursor + len(batch.x)), split))

    def rows(self, split: Split, indices: Tensor) -> Batch:
        batch = self.inner.rows(split, indices)
        return self.change(batch, split, *self._stream_of(batch, indices.numpy(), split))

    def example_index(self) -> ExampleIndex:
        inner = self.inner.example_index()

        def take(numbers: np.ndarray) -> Batch:
            batch = inner.take(numbers)
            return self.change(batch, None, *self._stream_of(batch, numbers))

        return replace(inner, take=take)

    def label_counts(self, split: Split = "train") -> list[int] | None:
        return self.inner.label_counts(split)

    def _stream_of(self, batch: Batch, positions: np.ndarray, *where: Any) -> tuple[int, np.ndarray]:
        """(key, numbers) for `change`: an example's own number in the source, or its position where it has none."""
        if batch.index is not None:
            return hashed(self.option), batch.index.numpy()
        return hashed(self.option, *where), positions


def drawn_for(key: int, numbers: np.ndarray, width: int) -> np.ndarray:
    """(n, width) uniform random numbers; row i depends on the key and numbers[i] alone, not on the batch."""
    return np.concatenate([np.empty((0, width)), *(uniforms(key, int(number), 1, width) for number in numbers)])


Make = Callable[..., Wrapper]
DEEPEST = 8  # wrappers within one another


def reopened(record: Any, opening: Callable[[Mapping[str, Any]], Opened], depth: int = 0) -> Opened:
    """The data that a record of `Opened.opened` describes.

    opening   opens {"source": ..., "options": ...}, the record of a source without wrappers
    ValueError for a record that is not of data.
    """
    if not isinstance(record, Mapping) or depth > DEEPEST:
        raise ValueError("its data are described by no record that genlab writes")
    if "wrapper" not in record:
        return opening(record)
    made, inner, settings = wrappers().get(str(record["wrapper"])), record.get("of"), record.get("settings")
    if made is None or not isinstance(inner, list) or not 1 <= len(inner) <= 2 or not isinstance(settings, Mapping):
        raise ValueError(f"no data are made by {str(record['wrapper'])[:60]!r} as it is recorded")
    of = [reopened(part, opening, depth + 1) for part in inner]
    try:
        return made(*of, **settings)
    except TypeError:
        raise ValueError(f"{record['wrapper']} cannot be made with {str(dict(settings))[:80]}") from None


def wrappers() -> dict[str, Make]:
    """Wrappers by the option of `open` that adds them, the innermost first."""
    from genlab.data.binary import Binarised
    from genlab.data.degraded import Degraded
    from genlab.data.few import FewLabels
    from genlab.data.hidden import Hidden
    from genlab.data.paired import Paired, Unpaired

    made: tuple[Any, ...] = (Paired, Unpaired, Degraded, FewLabels, Binarised, Hidden)
    return {each.option: each for each in made}
