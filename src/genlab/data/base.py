"""The base class of every source: its name, the record that opens it again, its description for reports."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch import Tensor

from genlab.core.data import Split, View
from genlab.core.space import Batch, Space, label_of
from genlab.data.options import Request
from genlab.data.overview import Overview, odd_classes
from genlab.data.tokenizer import Tokenizer

if TYPE_CHECKING:
    from genlab.data.indexed import ExampleIndex

SPLITS: tuple[Split, Split, Split] = ("train", "validation", "test")
UNSHAPING = ("stream_seed", "allow_bad", "pair", "other")  # options: of a second source it is the content that counts
FORMAT = 1  # of what examples are made of the same files; raise it when that changes


class Opened(ABC):
    """A `core.data.Data` that was opened from a source, with a record from which it can be opened again.

    name      short: "digits", "my-pictures"
    source    name or path that `open` takes, with `options`
    kind      name of the kind of data in core.kinds
    content   hash of the examples as they are stored
    skipped   (file, reason) of everything that could not be read
    noted     what the reader noted of the source; `overview` adds what can be counted
    tokenizers   of the examples ("x") and of conditions that are texts, by name
    """

    def __init__(self, request: Request, kind: str, content: bytes, noted: Overview = Overview()):  # noqa: B008
        self.name, self.source, self.kind = request.name, request.source, kind
        self.options: dict[str, Any] = request.options.record()
        self.seed = request.options.stream_seed
        self.skipped: list[tuple[str, str]] = []
        self.noted = noted
        self.tokenizers: dict[str, Tokenizer] = {}
        self._content = content

    space: Space
    given: Mapping[str, Space]
    missing: bool = False  # whether entries of examples are missing: Batch.seen says which

    @property
    def fingerprint(self) -> str:
        """Hash of the content and the options that shape it; data with the same one have equal examples in equal splits."""
        shaping = {key: value for key, value in self.options.items() if key not in UNSHAPING}
        options = json.dumps([FORMAT, shaping, self.space.to_json()], sort_keys=True).encode()
        return hashlib.blake2b(self._content + options, digest_size=16).hexdigest()

    def also(self, said: str) -> None:
        """Note what comes with each example, or was changed of it."""
        self.noted = replace(self.noted, added=(*self.noted.added, said))

    @abstractmethod
    def count(self, split: Split) -> int:
        """Examples of a split in one finite pass."""

    @abstractmethod
    def stream(self, split: Split, cursor: int, n: int) -> Batch:
        """n examples from position `cursor` of an endless stream, a pure function of (seed, split, cursor)."""

    @abstractmethod
    def once(self, split: Split, cursor: int, n: int) -> Batch:
        """Up to n examples from position `cursor` of one finite pass; the same ones whatever the seed."""

    @abstractmethod
    def rows(self, split: Split, indices: Tensor) -> Batch:
        """The examples with these numbers (n,) in the order of the finite pass, in the order of `indices`."""

    def example_index(self) -> ExampleIndex:
        """All examples by number, in whatever split; ValueError for a source whose examples have no numbers."""
        raise ValueError(f"{self.name} is drawn or cut from a text: its examples have no numbers, as this needs")

    def opened(self) -> dict[str, Any]:
        """A record of plain JSON values from which `genlab.data.opener.open_again` opens the same data."""
        return {"source": self.source, "options": self.options}

    def __getitem__(self, split: Split) -> View:
        """One split as a sequence of examples: `data["train"][0]`."""
        if split not in SPLITS:
            raise KeyError(f"{split!r} is no split; there is {', '.join(SPLITS)}")
        return View(self, split)

    def __len__(self) -> int:
        raise TypeError(f'{self.name} has {" + ".join(self._counted())} examples; say which split: len(data["train"])')

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(f'{self.name} is split into {", ".join(SPLITS)}; go through one of them: for example in data["train"]')

    def __bool__(self) -> bool:
        return True  # without this, `if data` would ask for its length

    def __repr__(self) -> str:
        given = f", given {', '.join(self.given)}" if self.given else ""
        return f"{self.name}: {self.kind} {self.space.shape}, {self.space.kind}{given}; {', '.join(self._counted())}"

    def _counted(self) -> list[str]:
        return [f"{self.count(split):,} {split}" for split in SPLITS]

    def label_counts(self, split: Split = "train") -> list[int] | None:
        """Examples of each class in a split, where there are classes; those without one are left out."""
        return None

    @property
    def overview(self) -> Overview:
        """What was read, and how it is learnt from."""
        counts, label = {split: self.count(split) for split in SPLITS}, label_of(self.given)
        by_split = [found for split in SPLITS if (found := self.label_counts(split)) is not None] if label else []
        classes: dict[str, int] = {}
        if by_split:
            names = self.given[label].names or map(str, range(self.given[label].levels))
            classes = dict(zip(names, map(sum, zip(*by_split, strict=True)), strict=True))
        without = sum(counts.values()) - sum(classes.values()) if classes else 0
        odd = (*self.noted.odd, *odd_classes(classes))
        return replace(self.noted, counts=counts, classes=classes, unlabelled=without, odd=odd)

    def describe(self) -> dict[str, Any]:
        """The data in plain JSON values, for reports: source, kind, counts, what was left out."""
        return {
            "name": self.name,
            "source": self.source,
            "kind": self.kind,
            "opened": self.opened(),
            "fingerprint": self.fingerprint,
            "space": self.space.to_json(),
            "given": {key: space.to_json() for key, space in self.given.items()},
            "counts": {split: self.count(split) for split in SPLITS},
            "label_counts": self.label_counts(),
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
            "overview": self.overview.to_json(),
        }


def class_space(names: tuple[str, ...]) -> dict[str, Space]:
    """The condition "label" with these classes, by name; empty for fewer than two classes."""
    return {"label": Space((), "", "token", len(names), names)} if len(names) > 1 else {}
