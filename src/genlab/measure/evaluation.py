"""The two sides of every measure: a `Reference`, real examples prepared once for all models, and an `Evaluation`, the samples
of one model that are compared with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from genlab.core.data import Data, Split, size_of, some
from genlab.core.fit import Engine
from genlab.core.model import Given
from genlab.core.space import Batch, Space, label_of
from genlab.features import Features
from genlab.measure.copies import Rule, rule_for
from genlab.measure.estimate import Estimate
from genlab.measure.score import Score, ScoreProtocol

REAL = 10_000  # examples of a split at most, for distances
TRAIN = 60_000  # training examples at most, among which copies are looked for
WIDE, SLOW = 256, 5_000  # features above this many dimensions are slow: then only so many training examples are used
HELD_OUT = 2_000  # held-out examples that the rule for copies is fitted to
PAIRS = 3_000  # points a side at most, where every pair is looked at


class Reference:
    """The real side of every score: examples of a split, the training examples, and both in the features.

    features   what pictures are compared in; without them, distances of pictures are left out
    classifier of the data's labels, which tells the classes of samples; without it, the features' own where they come from one
    engine     trains classifiers on samples; without it, the accuracy of such a classifier is left out
    most       largest number of examples of the split that are used
    patience   seconds that a classifier may learn from samples; None: whatever it takes
    """

    def __init__(
        self,
        data: Data,
        split: Split = "test",
        features: Features | None = None,
        engine: Engine | None = None,
        most: int = REAL,
        classifier: Features | None = None,
        patience: float | None = None,
    ):
        self.split: Split = split
        self.classifier = classifier or (features if features is not None and features.own_classes else None)
        self.data, self.features, self.engine, self.most, self.patience = data, features, engine, most, patience
        self.steps: int | None = None  # of such a classifier, once they are known

    @cached_property
    def _real(self) -> tuple[Tensor, Given]:
        return concat_batches(some(self.data, self.split, min(self.most, size_of(self.data, self.split))))

    @property
    def real(self) -> Tensor:
        return self._real[0]

    @property
    def labels(self) -> Tensor | None:
        """Labels of `real`, where the data have any; -1 for an example without one."""
        return self._real[1].get(label_of(self.data.given))

    @cached_property
    def train(self) -> Tensor:
        return concat_batches(some(self.data, "train", TRAIN))[0]

    @cached_property
    def copy_rule(self) -> Rule:
        """The rule that decides which samples are copies, by their pixels."""
        held_out = self.real[:: -(-len(self.real) // HELD_OUT)]
        return rule_for(self.train.flatten(1), held_out.flatten(1))

    @cached_property
    def near_rule(self) -> Rule:
        """The rule that decides which samples are copies, by their features: a shifted or redrawn copy has other pixels."""
        assert self.features is not None
        most = TRAIN if self.features.dims <= WIDE else SLOW
        train = self.train if most >= len(self.train) else concat_batches(some(self.data, "train", most))[0]
        return rule_for(self.features(train), self.real_features[:: -(-len(self.real) // HELD_OUT)])

    @cached_property
    def real_features(self) -> Tensor:
        assert self.features is not None
        return self.features(self.real)

    def examples(self, n: int) -> tuple[str, Tensor, Given]:
        """(description, x, given) of n real examples to be scored as if they were samples: from the validation split where it
        has as many, else from the train split."""
        name: Split = "validation" if self.data.count("validation") >= n and self.split != "validation" else "train"
        return f"{name} examples scored as if they were samples", *concat_batches(some(self.data, name, n))


@dataclass(frozen=True)
class Evaluation:
    """One model's samples, to be measured against a reference."""

    reference: Reference
    samples: Tensor  # (N, *shape) in the data's units
    given: Given  # all that they were given, N rows each
    protocol: ScoreProtocol
    rows: Tensor | None = None  # (N,) numbers of the examples in the reference's split whose conditions were given
    evidence: dict[str, Any] = field(default_factory=dict)  # by measure: what belongs to its score, as the nearest neighbours

    @property
    def data(self) -> Data:
        return self.reference.data

    @property
    def labels(self) -> Tensor | None:
        """(N,) classes that the samples were given, on the CPU; None unless every sample was given one."""
        found = self.given.get(label_of(self.data.given))
        return None if found is None or bool((found < 0).any()) else found.cpu()

    @cached_property
    def features(self) -> Tensor:
        """(N, dims), of the samples."""
        assert self.reference.features is not None
        return self.reference.features(self.samples)

    def attempt(
        self, name: str, measure: Callable[[], Estimate | float], how: Mapping[str, Any] | None = None, **options: Any
    ) -> Score:
        """The score of `measure()`; where it raises ValueError, a score without a value that carries the reason."""
        try:
            return self.protocol.score(name, measure(), how, **options)
        except ValueError as refusal:
            return self.protocol.score(name, None, how, reason=str(refusal), **options)


def evaluation_of(
    reference: Reference,
    samples: Tensor,
    given: Given | None = None,
    seed: int = 0,
    weights: str = "averaged",
    rows: Tensor | None = None,
) -> Evaluation:
    """The evaluation of samples (N, *shape) against a reference. ValueError where they do not fit its space.

    given, rows   the conditions of the samples, and the numbers of the examples in the reference's split that these are of
    """
    data = reference.data
    check_samples(samples, data.space)
    protocol = ScoreProtocol(
        reference.split, min(reference.most, data.count(reference.split)), len(samples), seed, weights, data.space.note
    )
    return Evaluation(reference, samples.cpu(), given or {}, protocol, rows=rows)


def check_samples(samples: Tensor, space: Space) -> None:
    """ValueError where samples are of another shape, range or kind than the data, or not finite."""
    if tuple(samples.shape[1:]) != tuple(space.shape):
        raise ValueError(f"samples of shape {tuple(samples.shape[1:])} cannot be compared with data of shape {space.shape}")
    if samples.is_floating_point() and not bool(samples.isfinite().all()):
        bad = int((~samples.isfinite()).flatten(1).any(1).sum())
        raise ValueError(f"{bad:,} of {len(samples):,} samples hold values that are not finite: the model has broken down")
    if not space.discrete:
        return
    low, high = float(samples.min()), float(samples.max())
    if low < 0 or high >= space.levels:
        raise ValueError(
            f"samples range from {low:g} to {high:g}, but these data are whole numbers from 0 to "
            f"{space.levels - 1}; give samples in the data's own units"
        )
    if samples.is_floating_point() and bool((samples != samples.round()).any()):
        raise ValueError(f"samples hold fractions, but these data are whole numbers from 0 to {space.levels - 1}; round them")


def concat_batches(parts: list[Batch]) -> tuple[Tensor, Given]:
    """(x, all conditions) of several batches together."""
    given = {key: torch.cat([part.given[key] for part in parts]) for key in (parts[0].given if parts else ())}
    return torch.cat([part.x for part in parts]), given


def passes(data: Data, split: Split, size: int = 1000) -> Iterator[Batch]:
    """The batches of one finite pass over a split."""
    for cursor in range(0, data.count(split), size):
        yield data.once(split, cursor, size)


def unit_range(x: Tensor, space: Space) -> Tensor:
    """Levels carried to [-1, 1]; real numbers, which have no range of their own, stay as they are."""
    return x.float() if space.kind == "real" else x.float() * (2 / (space.levels - 1)) - 1


def independent(x: Tensor) -> Tensor:
    """Examples (N, *shape) with every entry replaced by that of a random other example: its distribution, and no dependence.

    The permutations are seeded, so that they are the same in every call.
    """
    drawn = torch.Generator().manual_seed(0)
    rows = torch.rand(len(x), x[0].numel(), generator=drawn).argsort(0)
    return x.flatten(1).gather(0, rows).view_as(x)
