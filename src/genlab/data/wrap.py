"""Sources around sources: what a user asks on top of a reader is a `Data` around its `Data`, and wrappers nest.

    Paired, Unpaired     a second source: of the same examples, or of another domain (paired.py)
    Degraded             a degraded copy of each picture as its source (degraded.py)
    Hidden               missing entries (hidden.py)
    Few                  labels of a few training examples (few.py)
    Binarised            black and white pictures (binary.py)

A wrapper is its `settings` (plain JSON values, the arguments after its sources) and the sources `of` which it is made; that is
what `opened` records and `reopened` opens again. What it draws for an example follows from the example's number alone.
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
from genlab.data.indexed import Numbering


class Wrapper(Opened):
    """A source made of others, the first of which gives it its name.

    settings   what `reopened` makes it again with
    of         the sources it is made of
    """

    option: ClassVar[str]  # of `open`, that asks for it

    def __init__(self, *of: Opened, **settings: Any):
        inner = of[0]
        self.of, self.settings = of, settings
        self.name, self.source, self.kind = inner.name, inner.source, inner.kind
        self.seed = inner.seed
        self.options = {**inner.options, self.option: next(iter(settings.values()), of[-1].source)}  # as `open` takes them
        self.skipped, self.facts = [entry for each in of for entry in each.skipped], dict(inner.facts)
        self.tokenizers = dict(inner.tokenizers)
        self.space, self.given, self.missing = inner.space, dict(inner.given), inner.missing
        said = json.dumps([self.option, settings, [each.fingerprint for each in of]], sort_keys=True)
        self._content = hashlib.blake2b(said.encode()).digest()

    def opened(self) -> dict[str, Any]:
        return {"wrapper": self.option, "settings": self.settings, "of": [each.opened() for each in self.of]}

    def where(self, index: int) -> str:
        """What an example is called in the first source."""
        known: Any = self.of[0]
        return known.where(index) if hasattr(known, "where") else f"example {index}"


class Each(Wrapper):
    """One source whose examples are changed one by one: splits, order and numbers stay as they are."""

    def __init__(self, inner: Opened, **settings: Any):
        super().__init__(inner, **settings)
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        """What a drawn source knows of itself (its density, its modes) still holds of examples that keep their x."""
        if name.startswith("_") or name in ("inner", "of"):
            raise AttributeError(name)
        return getattr(self.inner, name)

    @abstractmethod
    def change(self, batch: Batch, split: Split | None, key: int, numbers: np.ndarray) -> Batch:
        """The batch of a split (None: of none in particular), changed. Example i draws from the stream `key` at numbers[i]."""

    def fresh(self, batch: Batch, split: Split, cursor: int) -> Batch:
        """The batch of positions cursor ... of the endless stream, changed."""
        return self.change(
            batch, split, *self._place(batch, np.arange(cursor, cursor + len(batch.x)), self.seed, split, "stream")
        )

    def count(self, split: Split) -> int:
        return self.inner.count(split)

    def stream(self, split: Split, cursor: int, n: int) -> Batch:
        return self.fresh(self.inner.stream(split, cursor, n), split, cursor)

    def once(self, split: Split, cursor: int, n: int) -> Batch:
        batch = self.inner.once(split, cursor, n)
        return self.change(batch, split, *self._place(batch, np.arange(cursor, cursor + len(batch.x)), split))

    def rows(self, split: Split, indices: Tensor) -> Batch:
        batch = self.inner.rows(split, indices)
        return self.change(batch, split, *self._place(batch, indices.numpy(), split))

    def numbering(self) -> Numbering:
        inner = self.inner.numbering()

        def take(numbers: np.ndarray) -> Batch:
            batch = inner.take(numbers)
            return self.change(batch, None, *self._place(batch, numbers))

        return replace(inner, take=take)

    def label_counts(self) -> list[int] | None:
        return self.inner.label_counts()

    def _place(self, batch: Batch, positions: np.ndarray, *where: Any) -> tuple[int, np.ndarray]:
        """The stream an example draws from, and its number there: its own where it has one, else where it came by."""
        if batch.index is not None:
            return hashed(self.option), batch.index.numpy()
        return hashed(self.option, *where), positions


def drawn_for(key: int, numbers: np.ndarray, width: int) -> np.ndarray:
    """(n, width) uniform numbers of examples: row i belongs to numbers[i] in whatever batch it is."""
    return np.concatenate([np.empty((0, width)), *(uniforms(key, int(number), 1, width) for number in numbers)])


Make = Callable[..., Wrapper]
DEEPEST = 8  # wrappers within one another


def reopened(record: Any, opening: Callable[[Mapping[str, Any]], Opened], depth: int = 0) -> Opened:
    """The data that `opened` recorded. opening: opens {"source", "options"}; ValueError for what no data record."""
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
    """By the option of `open` that asks for them, in the order in which they go around a source."""
    from genlab.data.binary import Binarised
    from genlab.data.degraded import Degraded
    from genlab.data.few import Few
    from genlab.data.hidden import Hidden
    from genlab.data.paired import Paired, Unpaired

    made: tuple[Any, ...] = (Paired, Unpaired, Degraded, Few, Binarised, Hidden)
    return {each.option: each for each in made}
