"""Two sources in one: examples that belong together, or two domains that do not.

Examples belong together by name where both sources name them ("cat/01.png" and "cat/01.jpg", row 7 and row 7 of two tables), by
number otherwise. Pairs are split as wholes, and all pairs that share an example on either side, directly or through others,
fall into one split: neither half of a held-out pair, nor a copy of it, is seen in training.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePath
from typing import ClassVar

import numpy as np

from genlab.core.data import Split
from genlab.core.model import OTHER
from genlab.core.noise import hashed
from genlab.core.space import Batch
from genlab.data import splits
from genlab.data.base import SPLITS, Opened
from genlab.data.draws import shuffled
from genlab.data.indexed import IndexedSource, Numbering
from genlab.data.wrap import Wrapper

SOURCE = "source"
ROW = re.compile(r"(?:row|picture|point|line|example) \d+$")


class Paired(Wrapper, IndexedSource):
    """x and everything that is given from the first source; `source` is the x of the example of the second that belongs to it.

    Examples without a partner are left out and named.
    """

    option: ClassVar[str] = "pair"

    def __init__(self, a: Opened, b: Opened):
        super().__init__(a, b)
        if SOURCE in a.given:
            raise ValueError(f"{a.name} has a {SOURCE} already; leave --pair out")
        self.given = {**a.given, SOURCE: b.space}
        self._a, self._b = a.numbering(), b.numbering()
        first, second = _together(a, b, self._a, self._b)
        self._numbers, self._partner = first, np.full(len(self._a.digests), -1)
        self._partner[first] = second
        self._group = splits.grouped(self._a.digests[first], self._b.digests[second])
        own = None if self._a.own is None else self._a.own[first]
        sides = splits.sides(own, self._group, None if own is not None else _shares(a), self.name)
        whole = np.full(len(self._a.digests), splits.NOWHERE, np.int8)
        whole[first] = sides
        self.facts |= {"pairs": len(first), **splits.repeats(self._group, sides)}
        self.skipped += _alone(a, self._a, first, b.name) + _alone(b, self._b, second, a.name)
        self.split(whole, _shares(a))

    def take(self, numbers: np.ndarray) -> Batch:
        batch = self._a.take(numbers)
        return batch._replace(given={**batch.given, SOURCE: self._b.take(self._partner[numbers]).x})

    def numbering(self) -> Numbering:
        digests = self._a.digests.copy()
        digests[self._numbers] = self._group
        return replace(self._a, digests=digests, there=self._numbers, take=self.take)


class Unpaired(Wrapper, IndexedSource):
    """x and everything that is given from the first source; `other` is the x of any example of the second, while training.

    Each domain has its own permutation. Where the two have as many examples, which may belong together, they are split as
    pairs are; else each keeps its own splits.
    """

    option: ClassVar[str] = "other"

    def __init__(self, a: Opened, b: Opened):
        super().__init__(a, b)
        if OTHER in a.given:
            raise ValueError(f"{a.name} has another domain already; leave --other out")
        self.given = {**a.given, OTHER: b.space}
        self._a, self._b = a.numbering(), b.numbering()
        twins = len(self._a.digests) == len(self._b.digests)
        group = splits.grouped(self._a.digests, self._b.digests) if twins else None
        sides = [
            splits.sides(
                each.own, each.digests if group is None else group, None if each.own is not None else _shares(a), self.name
            )
            for each in (self._a, self._b)
        ]
        for each, found in zip((self._a, self._b), sides, strict=True):
            found[np.setdiff1d(np.arange(len(found)), each.there)] = splits.NOWHERE
        self.split(sides[0], _shares(a))
        self._other: dict[Split, np.ndarray] = {split: np.flatnonzero(sides[1] == side) for side, split in enumerate(SPLITS)}
        if not len(self._other["train"]):
            raise ValueError(f"{b.name} has no training examples; give more of them")

    def take(self, numbers: np.ndarray) -> Batch:
        return self._a.take(numbers)

    def stream(self, split: Split, cursor: int, n: int) -> Batch:
        batch, there = super().stream(split, cursor, n), self._other[split]
        if split != "train":
            return batch
        other = there[shuffled(hashed(self.seed, split, OTHER), cursor, n, len(there))]
        return batch._replace(given={**batch.given, OTHER: self._b.take(other).x})

    def others(self, split: Split) -> np.ndarray:
        """Numbers of the second domain's examples in a split."""
        return self._other[split]

    def numbering(self) -> Numbering:
        return self._a


def _shares(data: Opened) -> tuple[float, float, float] | None:
    return tuple(data.options["shares"]) if "shares" in data.options else None  # pyright: ignore[reportReturnType]


def _key(name: str) -> str:
    """What names the same example in another source: its row, or its path without the suffix."""
    row = ROW.search(name)
    return row.group() if row else str(PurePath(name).with_suffix("")) if name else ""


def _together(a: Opened, b: Opened, first: Numbering, second: Numbering) -> tuple[np.ndarray, np.ndarray]:
    """Numbers in the one and in the other source of the examples that belong together, in the first one's order."""
    keys = [[_key(name) for name in each.names] for each in (first, second)]
    if all(keys) and all(len(set(each)) == len(each) for each in keys):
        partner = {key: number for number, key in enumerate(keys[1])}
        there = [set(each.there.tolist()) for each in (first, second)]
        found = [(number, partner[key]) for number, key in enumerate(keys[0]) if key in partner]
        found = [pair for pair in found if pair[0] in there[0] and pair[1] in there[1]]
        if not found:
            raise ValueError(
                f"no example of {a.name} has a name that {b.name} knows ({keys[0][0]}, {keys[1][0]}); name paired files alike"
            )
        return np.array([pair[0] for pair in found]), np.array([pair[1] for pair in found])
    if len(first.digests) != len(second.digests):
        raise ValueError(
            f"{a.name} has {len(first.digests):,} examples and {b.name} has {len(second.digests):,}, without names to "
            "pair them by; give as many of both, in one order"
        )
    both = np.intersect1d(first.there, second.there)
    return both, both


def _alone(data: Opened, numbering: Numbering, paired: np.ndarray, other: str) -> list[tuple[str, str]]:
    """Examples that belong to none."""
    alone = np.setdiff1d(numbering.there, paired)
    return [(str(numbering.names[number]), f"nothing in {other} belongs to it") for number in alone.tolist()]
