"""A test of features on the user's own pictures, before a distance in them may judge a model.

Features that suit one data set are blind on another: those of a classifier of few pictures do not see noise, those of a random
network take independent pixels for a mild blur. So half of the real pictures to learn from are damaged step by step
(`ladders`), and the kernel distance of each rung to the other half and the validation split is taken. Features pass if the
distances grow along every ladder, and if what no model had to learn (noise, the mean picture, independent pixels, one picture
again and again) is farther than a mild blur, each beyond its 95% interval. Two rungs are compared on the same real pictures,
so that a few dozen are enough.

The rungs are the scale of the ruler too: "as far from real pictures as a blur of 2 pixels".
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlab.core.data import Data, Split, some
from genlab.core.fit import Engine
from genlab.core.space import label_of
from genlab.features import Features, cache, candidates, features_for, labelled
from genlab.measure.estimate import Estimate, Z
from genlab.measure.evaluation import Reference, concat_batches
from genlab.measure.kernel import LeftOut, cubic, difference, discrepancy, left_out, sums
from genlab.measure.ladders import ladders

FEWEST = 3  # pictures of a split below which nothing can be tested
DAMAGED, REAL = 300, 1000  # pictures of a rung, and real ones it is compared with, at most
FORMAT = 4  # of the kept file; a change of the test raises it
PLAIN = "real pictures"
SPLITS: tuple[Split, ...] = ("validation", "test")


class Demand(NamedTuple):
    """One rung has to be farther than another; `weak`: it may be too near to tell, but not nearer."""

    nearer: str
    farther: str
    weak: bool = False


@dataclass(frozen=True)
class Mark:
    """A mark of the scale: pictures damaged so lie so far from the test split."""

    words: str  # "a blur of 2 pixels"
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Ruler:
    """What the test of features found.

    features    their name, "EfficientNet-lite0 features"
    faults      what they put where it does not belong, "uniform noise nearer than a blur of 1 pixel"; () where they pass
    unseen      damage they cannot tell from real pictures with as many as there are, in words
    marks       the scale, as the kernel distance to the test split, from near to far
    wanted      pictures of all splits but the test split with which what was too close could be told; 0 where nothing was
    """

    features: str
    faults: tuple[str, ...]
    unseen: tuple[str, ...]
    marks: tuple[Mark, ...]
    wanted: int = 0

    @property
    def passed(self) -> bool:
        return not self.faults

    def beside(self, value: float) -> str:
        """A distance in words: "about as far from real pictures as a blur of 2 pixels"; "" without a scale."""
        blurs = [mark for mark in self.marks if mark.words.startswith("a blur")]
        if not blurs:
            return ""
        below = [mark for mark in blurs if mark.value <= value]
        if not below:
            return f"nearer to real pictures than {blurs[0].words}"
        beyond = [mark for mark in blurs if mark.value > value]
        if not beyond:
            return f"farther from real pictures than {below[-1].words}"
        return f"as far from real pictures as a blur between {_size(below[-1]).split()[0]} and {_size(beyond[0])}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Ruler:
        marks = tuple(Mark(**mark) for mark in record["marks"])
        return cls(record["features"], tuple(record["faults"]), tuple(record["unseen"]), marks, int(record.get("wanted", 0)))


def _size(mark: Mark) -> str:
    return mark.words.removeprefix("a blur of ")


class Instruments(NamedTuple):
    """What samples are compared in.

    features   None for a kind of data that is compared without
    ruler      the test of the features; None where the data are no pictures of levels
    refused    tests of the features that were tried before these and failed
    classifier of the data's own labels, where pictures have any
    """

    features: Features | None
    ruler: Ruler | None = None
    refused: tuple[Ruler, ...] = ()
    classifier: Features | None = None

    def reference(self, data: Data, split: Split, engine: Engine, patience: float | None = None) -> Reference:
        """The real side of scores taken with these. patience: seconds that a classifier may learn from samples."""
        return Reference(data, split, self.features, engine, classifier=self.classifier, patience=patience)


def instruments(
    data: Data, engine: Engine, progress: Callable[[float], object] | None = None, choice: str | None = None
) -> Instruments:
    """The first features that pass the test on these data, or those that a user names; see `features_for`.

    Where none pass, the first are taken, with their faults: whoever reads their distances has to be told.
    """
    space = data.space
    classifier = features_for(data, engine, progress, "classifier") if space.picture and labelled(data) else None
    testable = space.picture and space.discrete and min(data.count("train") // 4, *map(data.count, SPLITS)) >= FEWEST
    if choice is not None or not testable:
        features = features_for(data, engine, progress, choice)
        return Instruments(features, kept(features, data) if features is not None and testable else None, (), classifier)
    tried: list[tuple[Features, Ruler]] = []
    for name in candidates(data):
        features = features_for(data, engine, progress, name)
        assert features is not None
        tried.append((features, kept(features, data)))
        if tried[-1][1].passed:
            break
    features, ruler = tried[-1] if tried[-1][1].passed else tried[0]
    return Instruments(features, ruler, tuple(other for _, other in tried if other is not ruler), classifier)


def kept(features: Features, data: Data) -> Ruler:
    """`ruler_of`, once for these data and features: the result is kept in the cache."""
    known = json.dumps(
        [FORMAT, getattr(data, "fingerprint", ""), features.name, dict(features.protocol)], sort_keys=True, default=str
    )
    file = cache() / "features" / f"ruler-{blake2b(known.encode(), digest_size=12).hexdigest()}.json"
    try:
        return Ruler.from_json(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        ruler = ruler_of(features, data)
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(f".{os.getpid()}.tmp")
    beside.write_text(json.dumps(ruler.to_json()), "utf-8")
    beside.replace(file)
    return ruler


def ruler_of(features: Features, data: Data) -> Ruler:
    """The test of features on a source of pictures of levels, and the scale that they give."""
    train, given = concat_batches(some(data, "train", min(2 * DAMAGED, data.count("train"))))
    x, labels = train[::2], given.get(label_of(data.given))
    rungs = ladders(x, None if labels is None else labels[::2], data.space)
    held_out, test = (features(concat_batches(some(data, split, min(REAL, data.count(split))))[0]) for split in SPLITS)
    intact = torch.cat([features(train[1::2]), held_out])
    seen = {rung.words: features(rung.x) for ladder in rungs.values() for rung in ladder}
    seen[PLAIN] = features(x)
    names = {ladder: [rung.words for rung in rungs[ladder]] for ladder in rungs}
    faults, unseen, wanted = _judged({words: _distance(part, intact) for words, part in seen.items()}, names)
    marks = sorted((_mark(words, discrepancy(sums(cubic, part, test))) for words, part in seen.items()), key=_value)
    return Ruler(features.name, faults, unseen, tuple(mark for mark in marks if mark.words != PLAIN), wanted)


def _value(mark: Mark) -> float:
    return mark.value


def _mark(words: str, found: Estimate) -> Mark:
    return Mark(words, found.value, found.low, found.high)


def _distance(x: Tensor, real: Tensor) -> LeftOut:
    return left_out(sums(cubic, x, real))


def demands(names: Mapping[str, list[str]]) -> Iterator[Demand]:
    """What has to be farther than what. names: of the rungs by ladder, from mild to strong."""
    for ladder in ("noise", "blur"):
        yield Demand(PLAIN, names[ladder][0], weak=True)
        yield from (Demand(a, b) for a, b in pairwise(names[ladder]))
    missing, repeated = names["variety"]
    yield Demand(PLAIN, missing, weak=True)
    yield Demand(missing, repeated)
    mild = names["blur"][0]
    for words in (names["noise"][-1], repeated, *names["nothing"]):
        yield Demand(mild, words)


def _judged(found: Mapping[str, LeftOut], names: Mapping[str, list[str]]) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """(faults, what is not seen, real pictures that would do)."""
    faults, unseen, wanted = [], [], 0
    total = len(found[PLAIN].without_x) + len(found[PLAIN].without_y)
    for nearer, farther, weak in demands(names):
        a, b = found[nearer], found[farther]
        apart = difference(a, b, paired=len(a.without_x) == len(b.without_x))
        if apart.low > 0:
            continue
        if weak and apart.high >= 0:
            unseen.append(farther)
            continue
        faults.append(f"{farther} {'nearer' if apart.high < 0 else 'no farther'} than {nearer}")
        if apart.value > 0 and apart.error:
            wanted = max(wanted, round(total * (Z * apart.error / apart.value) ** 2))
    return tuple(faults), tuple(unseen), wanted
