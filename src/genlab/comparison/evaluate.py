"""Evaluation of a trained run under one protocol: its likelihood, every score of its samples, its speed."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from genlab.comparison.events import Measuring
from genlab.comparison.rows import Baseline, Results
from genlab.core.data import Split, size_of
from genlab.core.kinds import kind_of
from genlab.core.model import Scores
from genlab.measure import Likelihood, Reference, Speed, evaluation_of, independent, likelihood_of, scores_of, speed
from genlab.measure.likelihood import likelihood_steps
from genlab.measure.speed import MANY
from genlab.trained import Run

PROBE = 16  # examples whose likelihood tells how long more would take
LADDER = (10_000, 5_000, 2_000, 1_000, 500, 200, 100, 50)  # round numbers of examples to settle for
ALLOWANCE = 1.0  # seconds for each repeated timing
ENTRIES = {"pictures": "pixel", "points": "coordinate", "sound": "sample", "video": "pixel", "voxels": "voxel"}
DRAWN = (5_000, 2_000, 1_000, 500, 300, 200)  # round numbers of samples


@dataclass(frozen=True)
class EvaluationProtocol:
    """The settings of an evaluation, the same for all models that are evaluated together.

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
        """The name of the weights in a protocol: averaged, raw or best."""
        return "best" if self.best else "averaged" if run.averaged and self.averaged else "raw"


@dataclass(frozen=True)
class Evaluated:
    """Results, with the samples they are about, the conditions of these, and the samples nearest to training examples."""

    results: Results
    samples: Tensor
    given: Mapping[str, Tensor]
    neighbours: Sequence[Mapping[str, Any]] = ()


Evaluating = Generator[Measuring, None, Evaluated]


def evaluate(run: Run, reference: Reference, protocol: EvaluationProtocol) -> Evaluating:
    """Likelihood of the split and every score of the samples that suits the data, while yielding events."""
    name, model = run.recipe.name, run.model(protocol.averaged, protocol.best)
    likelihood = yield from likelihood_within(model, reference.data, protocol, f"{name}: likelihood")
    conditions = run.conditions(protocol.n, protocol.seed, split=protocol.split, data=reference.data)
    yield Measuring(f"{name}: drawing {protocol.n:,}")
    began = time.perf_counter()
    samples = draw(run, protocol, protocol.n, conditions.given)
    each = (time.perf_counter() - began) / protocol.n
    yield Measuring(f"{name}: comparing its samples")
    weights = protocol.weights(run)
    rows = conditions.rows if conditions.split == reference.split else None
    evaluation = evaluation_of(reference, samples, conditions.given, protocol.seed, weights, rows)
    results = Results(
        str(run.path),
        protocol.split,
        protocol.seed,
        weights,
        run.reached().get("examples", 0),
        likelihood,
        scores_of(evaluation),
        100 * each,
    )
    return Evaluated(results, samples, conditions.given, evaluation.evidence.get("neighbours", ()))


def evaluate_with_speed(run: Run, reference: Reference, protocol: EvaluationProtocol) -> Evaluating:
    """`evaluate`, and the speed of sampling too."""
    size_of(reference.data, protocol.split)
    yield Measuring(f"{run.recipe.name}: timing its samples")
    timed = speed_of(run, protocol, reference.data)
    found = yield from evaluate(run, reference, protocol)
    return replace(found, results=replace(found.results, speed=timed))


def evaluate_baselines(reference: Reference, n: int) -> Generator[Measuring, None, list[Baseline]]:
    """Scores of n real examples and of noise, the best and the worst that a model can reach."""
    what, x, given = reference.examples(n)
    sides = [("real data", what, x, given)]
    entry = ENTRIES.get(kind_of(reference.data.space).name, "entry")
    about = f"each {entry} drawn independently from the values it has in the data"
    if not reference.data.space.text:
        sides.append(
            (
                "noise",
                about,
                independent(x),
                {},
            )
        )
    found = []
    for name, about, samples, conditions in sides:
        yield Measuring(f"{name}, for comparison")
        scores = scores_of(evaluation_of(reference, samples, conditions, 0, ""))
        known = {key: score for key, score in scores.items() if not _trivial(name, about, score.question)}
        found.append(Baseline(name, about, known))
    return found


def _trivial(name: str, about: str, question: str) -> bool:
    """Whether a baseline's score is trivial, as that training examples are copies of training examples."""
    return question == "copying" and name == "real data" and about.startswith("train")


def draw(run: Run, protocol: EvaluationProtocol, n: int, given: Mapping[str, Tensor]) -> Tensor:
    return run.sample(n, protocol.seed, given, averaged=protocol.averaged, best=protocol.best, **protocol.options)


def speed_of(run: Run, protocol: EvaluationProtocol, data: Any) -> Speed:
    """The sampling speed of a run, without the time to find the conditions. data: the run's own, open already."""
    given = run.conditions(MANY, protocol.seed, split=protocol.split, data=data).given
    run.model(protocol.averaged, protocol.best)  # loading is not sampling
    return speed(lambda n: draw(run, protocol, n, {key: value[:n] for key, value in given.items()}), ALLOWANCE)


def likelihood_within(
    model: Any, data: Any, protocol: EvaluationProtocol, title: str
) -> Generator[Measuring, None, Likelihood | None]:
    """Likelihood of the split; of fewer examples where all would take longer than the protocol's patience, by a first few."""
    if not isinstance(model, Scores):
        return None
    yield Measuring(title)
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
    steps = likelihood_steps(known, data, protocol.split, protocol.seed, limit)
    while True:
        try:
            yield Measuring(title, next(steps))
        except StopIteration as end:
            return end.value


def how_many(space: Any, speeds: Sequence[Speed] = (), patience: float = 20.0) -> int:
    """Samples to draw from every model: as the kind of data asks, or as many as the slowest draws in `patience` s."""
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
