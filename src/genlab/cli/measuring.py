"""One trained run, measured: for `genlab score`, and for every model of `genlab compare` under one protocol."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genlab.cli.progress import Progress
from genlab.core.data import Split

if TYPE_CHECKING:
    from torch import Tensor

    from genlab.api import Run
    from genlab.features import Features
    from genlab.measure import Likelihood, Score

PROBE = 16  # examples whose likelihood tells how long more would take
LADDER = (10_000, 5_000, 2_000, 1_000, 500, 200, 100, 50)  # round numbers of examples to settle for


@dataclass(frozen=True)
class Protocol:
    """What all models of one sitting have in common.

    n         samples that are compared with the data
    examples  of the split at most, for a likelihood; None is all
    patience  seconds a likelihood may take; where all examples need longer, fewer are taken and the result says so
    options   of the model's own sampling
    """

    split: Split = "test"
    n: int = 1000
    seed: int = 0
    averaged: bool = True
    examples: int | None = None
    patience: float | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """likelihood is None where the model has none; samples and labels are those the scores are about."""

    likelihood: Likelihood | None
    scores: dict[str, Score]
    seconds_per_100: float
    samples: Tensor
    labels: dict[str, Tensor]
    weights: str

    def to_json(self) -> dict[str, Any]:
        return {
            "likelihood": None if self.likelihood is None else self.likelihood.to_json(),
            "sample_seconds_per_100": self.seconds_per_100,
            "scores": {name: score.to_json() for name, score in self.scores.items()},
        }


def measure(run: Run, data: Any, features: Features | None, protocol: Protocol, progress: Progress) -> Measured:
    """Likelihood of the split, speed of sampling, and every score of the samples that suits the data."""
    from genlab.measure import scores_for, seconds_per_100

    name, model = run.recipe.name, run.model(protocol.averaged)
    with progress.task(f"{name}: likelihood") as task:
        likelihood = likelihood_within(model, data, protocol, task)
    labels = run.labels(protocol.n, protocol.seed, None)
    drawn: list[Tensor] = []

    def draw(n: int) -> None:
        drawn.append(run.sample(n, protocol.seed, labels, averaged=protocol.averaged, **protocol.options))

    with progress.task(f"{name}: drawing {protocol.n:,}"):
        speed = seconds_per_100(draw, protocol.n, repeats=1)
    weights = "averaged" if run.averaged and protocol.averaged else "raw"
    asked = {"split": protocol.split, "seed": protocol.seed, "features": features, "given": labels or None, "weights": weights}
    with progress.task(f"{name}: comparing its samples"):
        scores = scores_for(model, data, drawn[0], **asked)
    return Measured(likelihood, scores, speed, drawn[0], labels, weights)


def likelihood_within(model: Any, data: Any, protocol: Protocol, task: Any = None) -> Likelihood | None:
    """The likelihood of as many examples as the protocol's patience allows, judged by a few of them."""
    from genlab.core.model import Scores
    from genlab.measure import likelihood_of

    if not isinstance(model, Scores):
        return None
    known: Any = model
    limit = protocol.examples
    count = min(data.count(protocol.split), limit or data.count(protocol.split))
    if protocol.patience is not None and count > LADDER[-1]:
        likelihood_of(known, data, protocol.split, protocol.seed, 1, batch=1)  # what is built once does not count
        began = time.perf_counter()
        likelihood_of(known, data, protocol.split, protocol.seed, PROBE, batch=PROBE)
        each = (time.perf_counter() - began) / PROBE
        if each * count > protocol.patience:
            affordable = (step for step in LADDER if step < count and step * each <= protocol.patience)
            limit = next(affordable, LADDER[-1])
    return likelihood_of(known, data, protocol.split, protocol.seed, limit, task)


def how_many(space: Any) -> int:
    """Samples that a comparison draws: many where they are cheap, enough for the measures where they are not."""
    if space.axes == "D":
        return 2000
    if space.axes == "T":
        return 64 if space.end is None else 1000
    return next(n for size, n in ((256, 1000), (1024, 300), (float("inf"), 100)) if space.size <= size)
