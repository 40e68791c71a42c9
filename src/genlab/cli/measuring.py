"""One trained run, measured: for `genlab score`, and for every model of `genlab compare` under one protocol."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genlab.cli.progress import Progress
from genlab.core.data import Split
from genlab.core.kinds import kind_of

if TYPE_CHECKING:
    from torch import Tensor

    from genlab.api import Run
    from genlab.measure import Likelihood, Reference, Score, Speed

PROBE = 16  # examples whose likelihood tells how long more would take
LADDER = (10_000, 5_000, 2_000, 1_000, 500, 200, 100, 50)  # round numbers of examples to settle for
ALLOWANCE = 1.0  # seconds for each repeated timing
DRAWN = (5_000, 2_000, 1_000, 500, 300, 200)  # round numbers of samples


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
    best: bool = False
    examples: int | None = None
    patience: float | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def weights(self, run: Run) -> str:
        """What the weights are called in a protocol."""
        return "best" if self.best else "averaged" if run.averaged and self.averaged else "raw"


@dataclass(frozen=True)
class Measured:
    """likelihood is None where the model has none; samples, and what they were given, are those the scores are about."""

    likelihood: Likelihood | None
    scores: dict[str, Score]
    seconds_per_100: float
    samples: Tensor
    given: dict[str, Tensor]
    weights: str
    evidence: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "likelihood": None if self.likelihood is None else self.likelihood.to_json(),
            "sample_seconds_per_100": self.seconds_per_100,
            "scores": {name: score.to_json() for name, score in self.scores.items()},
        }


def measure(run: Run, reference: Reference, protocol: Protocol, progress: Progress) -> Measured:
    """Likelihood of the split, and every score of the samples that suits the data."""
    from genlab.measure import scores_of, sitting_of

    name, model = run.recipe.name, run.model(protocol.averaged, protocol.best)
    with progress.task(f"{name}: likelihood") as task:
        likelihood = likelihood_within(model, reference.data, protocol, task)
    told = run.conditions(protocol.n, protocol.seed, split=protocol.split, data=reference.data)
    with progress.task(f"{name}: drawing {protocol.n:,}"):
        began = time.perf_counter()
        samples = draw(run, protocol, protocol.n, told.given)
        each = (time.perf_counter() - began) / protocol.n
    rows = told.rows if told.split == reference.split else None
    sitting = sitting_of(reference, samples, told.given, protocol.seed, protocol.weights(run), rows)
    with progress.task(f"{name}: comparing its samples"):
        scores = scores_of(sitting)
    return Measured(likelihood, scores, 100 * each, samples, told.given, protocol.weights(run), sitting.evidence)


def draw(run: Run, protocol: Protocol, n: int, given: Mapping[str, Tensor]) -> Tensor:
    return run.sample(n, protocol.seed, given, averaged=protocol.averaged, best=protocol.best, **protocol.options)


def speed_of(run: Run, protocol: Protocol, progress: Progress, data: Any = None) -> Speed:
    """How fast a run can be sampled; finding what samples are given takes no part. data: the run's own, open already."""
    from genlab.measure import speed
    from genlab.measure.speed import MANY

    given = run.conditions(MANY, protocol.seed, split=protocol.split, data=data).given
    run.model(protocol.averaged, protocol.best)  # loading is not sampling
    with progress.task(f"{run.recipe.name}: timing its samples"):
        return speed(lambda n: draw(run, protocol, n, {key: value[:n] for key, value in given.items()}), ALLOWANCE)


def speed_line(speed: Speed) -> str:
    """Speed, memory and operations in one line."""
    many = f"{speed.per_second_64:.3g} a second 64 at a time" if speed.per_second_64 else speed.reason
    memory = f"{speed.peak_bytes / 2**20:.3g} MiB of tensors for {speed.peak_batch}"
    first = f"the first sample takes {speed.first_seconds:.2g} s, then {speed.per_second_1:.3g} a second one at a time"
    return f"speed: {first}, {many}; {memory}; {speed.operations:.3g} operations a sample"


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


def how_many(space: Any, speeds: Sequence[Speed] = (), patience: float = 20.0) -> int:
    """Samples to draw, the same number from all: what the kind of data asks for, or what the slowest draws in `patience` s."""
    fixed = kind_of(space).scored
    if fixed is not None:
        return fixed
    rates = [speed.rate for speed in speeds]
    most = min(rates, default=0.0) * patience
    return (
        next((n for n in DRAWN if n <= most), DRAWN[-1])
        if rates
        else next(n for size, n in ((256, 1000), (1024, 300), (float("inf"), 100)) if space.size <= size)
    )
