"""Two sources in one: pairs of examples, or two unpaired domains.

Examples belong together by name where both sources name them ("cat/01.png" and "cat/01.jpg", row 7 and row 7 of two tables), by
number otherwise. Pairs are split as wholes, and all pairs that share an example on either side, directly or through others,
fall into one split: neither half of a held-out pair, nor a copy of it, is seen in training.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any, ClassVar, Self

import numpy as np

from genlab.core.data import Split
from genlab.core.kinds import called
from genlab.core.model import OTHER
from genlab.core.noise import hashed
from genlab.core.space import Batch
from genlab.core.words import plural
from genlab.data import splits
from genlab.data.base import SPLITS, Opened
from genlab.data.draws import shuffled
from genlab.data.indexed import ExampleIndex, IndexedSource
from genlab.data.options import Request
from genlab.data.overview import LeftOut
from genlab.data.wrap import Wrapper

SOURCE = "source"
ROW = re.compile(r"(?:row|picture|point|line|example) \d+$")


class TwoSources(Wrapper, IndexedSource):
    """The examples of a first source, with x of a second source as the condition `key`."""

    key: ClassVar[str]
    _record: Mapping[str, Any] | None = None  # of the one source that holds both

    def __init__(self, a: Opened, b: Opened):
        super().__init__(a, b)
        if self.key in a.given:
            raise ValueError(f"{a.name} gives a condition called {self.key} already; leave --{self.option} out")
        self.given = {**a.given, self.key: b.space}
        self._a, self._b = a.example_index(), b.example_index()

    @classmethod
    def within(cls, a: Opened, b: Opened, request: Request) -> Self:
        """Both sources, as they were found in one."""
        made = cls(a, b)
        made.name, made.options = request.name, request.options.record()
        made._record = {"source": request.source, "options": made.options}
        return made

    def opened(self) -> dict[str, Any]:
        return super().opened() if self._record is None else dict(self._record)

    def _with(self, batch: Batch, numbers: np.ndarray) -> Batch:
        """The batch, with x of these examples (n,) of the second source as the condition."""
        return batch._replace(given={**batch.given, self.key: self._b.take(numbers).x})


class Paired(TwoSources):
    """Examples of the first source, each with the x of its partner in the second as `source`.

    Examples without a partner are left out and named.
    """

    option: ClassVar[str] = "pair"
    key: ClassVar[str] = SOURCE

    def __init__(self, a: Opened, b: Opened):
        super().__init__(a, b)
        first, second, by = _partners(a, b, self._a, self._b)
        self._numbers, self._partner = first, np.full(len(self._a.digests), -1)
        self._partner[first] = second
        self._group = splits.grouped(self._a.digests[first], self._b.digests[second])
        own = None if self._a.own is None else self._a.own[first]
        sides = splits.sides(own, self._group, None if own is not None else _shares(a), self.name)
        whole = np.full(len(self._a.digests), splits.EXCLUDED, np.int8)
        whole[first] = sides
        self.noted = splits.noted(a.noted, self._group, sides, "pair", "share a half with")
        self.also(f"its partner in {b.name} as `{SOURCE}`, by {by}: {plural(len(first), 'pair')}")
        for mine, index, paired, theirs in ((a, self._a, first, b), (b, self._b, second, a)):
            alone = [str(index.names[number]) for number in np.setdiff1d(index.present, paired).tolist()]
            why = f"nothing in {theirs.name} belongs to it"
            self.skipped += [(name, why) for name in alone]
            left = LeftOut.of(alone, called(mine.kind).example, f"in {mine.name}, without a partner in {theirs.name}")
            self.noted = replace(self.noted, left_out=(*self.noted.left_out, *left))
        self.split(whole, _shares(a))

    def take(self, numbers: np.ndarray) -> Batch:
        return self._with(self._a.take(numbers), self._partner[numbers])

    def example_index(self) -> ExampleIndex:
        digests = self._a.digests.copy()
        digests[self._numbers] = self._group
        return replace(self._a, digests=digests, present=self._numbers, take=self.take)


class Unpaired(TwoSources):
    """Examples of the first source; in training, each has the x of some example of the second as `other`.

    Each domain is shuffled by itself. Two domains with equally many examples, which may be pairs, are split as pairs are;
    otherwise each domain keeps its own splits.
    """

    option: ClassVar[str] = "other"
    key: ClassVar[str] = OTHER

    def __init__(self, a: Opened, b: Opened):
        super().__init__(a, b)
        both = (self._a, self._b)
        twins = len(self._a.digests) == len(self._b.digests)
        group = splits.grouped(self._a.digests, self._b.digests) if twins else None
        sides = [self._sides(each, each.digests if group is None else group, _shares(a)) for each in both]
        self.split(sides[0], _shares(a))
        self._other: dict[Split, np.ndarray] = {split: np.flatnonzero(sides[1] == side) for side, split in enumerate(SPLITS)}
        if not len(self._other["train"]):
            raise ValueError(f"{b.name} has no training examples; give more of them")
        count, kind = len(self._other["train"]), called(b.kind)
        self.also(f"while training, some example of {b.name} as `{OTHER}`: {plural(count, kind.example)}, no partners")

    def _sides(self, each: ExampleIndex, digests: np.ndarray, shares: tuple[float, float, float] | None) -> np.ndarray:
        """(N,) int8: the split of each example of one domain."""
        sides = splits.sides(each.own, digests, None if each.own is not None else shares, self.name)
        sides[np.setdiff1d(np.arange(len(sides)), each.present)] = splits.EXCLUDED
        return sides

    def take(self, numbers: np.ndarray) -> Batch:
        return self._a.take(numbers)

    def stream(self, split: Split, cursor: int, n: int) -> Batch:
        batch, others = super().stream(split, cursor, n), self._other[split]
        if split != "train":
            return batch
        return self._with(batch, others[shuffled(hashed(self.seed, split, OTHER), cursor, n, len(others))])

    def others(self, split: Split) -> np.ndarray:
        """Numbers of the second domain's examples in a split."""
        return self._other[split]

    def example_index(self) -> ExampleIndex:
        return self._a


def _shares(data: Opened) -> tuple[float, float, float] | None:
    return tuple(data.options["shares"]) if "shares" in data.options else None  # pyright: ignore[reportReturnType]


def _key(name: str) -> str:
    """The part of an example's name that its partner's name shares: its row, or its path without the suffix."""
    row = ROW.search(name)
    return row.group() if row else str(PurePath(name).with_suffix("")) if name else ""


def _partners(a: Opened, b: Opened, first: ExampleIndex, second: ExampleIndex) -> tuple[np.ndarray, np.ndarray, str]:
    """(numbers in the first source, numbers in the second, by what) of examples that belong together, in the first's order."""
    keys = [[_key(name) for name in each.names] for each in (first, second)]
    if all(keys) and all(len(set(each)) == len(each) for each in keys):
        partner = {key: number for number, key in enumerate(keys[1])}
        present = [set(each.present.tolist()) for each in (first, second)]
        found = [(number, partner[key]) for number, key in enumerate(keys[0]) if key in partner]
        found = [pair for pair in found if pair[0] in present[0] and pair[1] in present[1]]
        if not found:
            raise ValueError(
                f"no example of {a.name} has a name that {b.name} knows ({keys[0][0]}, {keys[1][0]}); name paired files alike"
            )
        by = "row" if ROW.search(first.names[0]) else "name"
        return np.array([pair[0] for pair in found]), np.array([pair[1] for pair in found]), by
    if len(first.digests) != len(second.digests):
        raise ValueError(
            f"{a.name} has {len(first.digests):,} examples and {b.name} has {len(second.digests):,}, without names to "
            "pair them by; give as many of both, in one order"
        )
    both = np.intersect1d(first.present, second.present)
    return both, both, "number"
