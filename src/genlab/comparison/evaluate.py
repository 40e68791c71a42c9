"""Evaluation of a trained run under one protocol: its likelihood, every score of its samples, its speed."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor

from genlab.comparison.drawing import LADDER as DRAWN
from genlab.comparison.drawing import Drawing
from genlab.comparison.events import Measuring
from genlab.comparison.rows import Baseline, Results
from genlab.core.data import Data, Split
from genlab.core.kinds import kind_of
from genlab.core.model import Scores
from genlab.core.space import Space
from genlab.measure import Likelihood, Reference, evaluation_of, independent, likelihood_of, scores_of
from genlab.measure.likelihood import likelihood_steps
from genlab.trained import Run

PROBE = 16  # examples whose likelihood tells how long more would take
ENTRIES = {"pictures": "pixel", "points": "coordinate", "sound": "sample", "video": "pixel", "voxels": "voxel"}
ASKED = ((5_000, 5_000), (1_000, 500), (500, 0))  # samples asked of every model, and the real examples from which on
SHARE, LEAST = 0.5, 10.0  # of the training time that measuring a model may take; seconds that are worth it in any case
LADDER = (10_000, 5_000, 2_000, 1_000, 500, 200, 100, 50, 20)  # round numbers of examples to settle for


class Allowance(NamedTuple):
    """Seconds that the parts of measuring a model may take."""

    drawing: float | None  # None: all samples, whatever that takes
    likelihood: float
    comparing: float

    @classmethod
    def of(cls, trained: float) -> Allowance:
        """What a model may take that was trained for so many seconds: half of that, and never less than LEAST."""
        whole = max(LEAST, SHARE * trained)
        return cls(0.4 * whole, 0.3 * whole, 0.3 * whole)


@dataclass(frozen=True)
class EvaluationProtocol:
    """The settings of an evaluation, the same for all models that are evaluated together.

    n          samples that are compared with the data
    examples   of the split at most, for a likelihood; None is all
    allowance  seconds it may take; where all samples or examples need longer, fewer are taken and the result says so
    options    of the model's own sampling
    """

    split: Split = "test"
    n: int = 1000
    seed: int = 0
    averaged: bool = True
    best: bool = False
    examples: int | None = None
    allowance: Allowance | None = None
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


class Prepared(NamedTuple):
    """A run of which the first samples are drawn.

    examples   how many its likelihood is computed on; None for all, or where it has none
    seconds    that the other samples and the likelihood will take
    """

    drawing: Drawing
    examples: int | None
    seconds: float


def prepare(run: Run, data: Data, protocol: EvaluationProtocol) -> Prepared:
    """Draw the first samples of a run, and price the rest of its evaluation."""
    model, allowance = run.model(protocol.averaged, protocol.best), protocol.allowance
    drawing = Drawing(run, protocol, data)
    drawing.begin()
    if allowance is None:
        return Prepared(drawing, protocol.examples, float("nan"))
    examples, seconds = likelihood_price(model, data, protocol, allowance.likelihood)
    return Prepared(drawing, examples, drawing.expected(allowance.drawing) + seconds)


def evaluate(run: Run, reference: Reference, protocol: EvaluationProtocol, prepared: Prepared | None = None) -> Evaluating:
    """Likelihood of the split, every score of the samples that suits the data, and their speed, while yielding events.

    prepared   the result of `prepare`, where that was called
    """
    name, model, allowance = run.recipe.name, run.model(protocol.averaged, protocol.best), protocol.allowance
    if prepared is None:
        yield Measuring(f"{name}: first samples")
        prepared = prepare(run, reference.data, protocol)
    drawing = prepared.drawing
    likelihood = yield from likelihood_events(model, reference.data, protocol, prepared.examples, f"{name}: likelihood")
    title = f"{name}: drawing samples"
    yield Measuring(title)
    for share in drawing.finish(allowance and allowance.drawing):
        yield Measuring(title, share)
    samples, given, weights = drawing.samples, drawing.given, protocol.weights(run)
    speed = drawing.speed()
    yield Measuring(f"{name}: comparing its samples")
    evaluation = evaluation_of(reference, samples, given, protocol.seed, weights, drawing.rows(reference.split))
    results = Results(
        str(run.path),
        protocol.split,
        protocol.seed,
        weights,
        run.reached().get("examples", 0),
        likelihood,
        scores_of(evaluation),
        100 * drawing.seconds_each,
        speed,
    )
    return Evaluated(results, samples, given, evaluation.evidence.get("neighbours", ()))


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


def likelihood_price(model: Any, data: Data, protocol: EvaluationProtocol, patience: float) -> tuple[int | None, float]:
    """(examples of the split that a likelihood can be computed on in `patience` seconds, None for all; seconds), by a few."""
    limit, of = protocol.examples, data.count(protocol.split)
    if not isinstance(model, Scores):
        return limit, 0.0
    count = min(of, limit or of)
    known: Any = model
    likelihood_of(known, data, protocol.split, protocol.seed, 1, batch=1)  # what is built once does not count
    began = time.perf_counter()
    likelihood_of(known, data, protocol.split, protocol.seed, PROBE, batch=PROBE)
    each = (time.perf_counter() - began) / min(PROBE, of)
    if each * count <= patience:
        return limit, each * count
    affordable = next((step for step in LADDER if step < count and step * each <= patience), min(LADDER[-1], count))
    return affordable, affordable * each


def likelihood_events(
    model: Any, data: Data, protocol: EvaluationProtocol, examples: int | None, title: str
) -> Generator[Measuring, None, Likelihood | None]:
    """Likelihood of so many examples of the split, while yielding events; None for a model that has none."""
    if not isinstance(model, Scores):
        return None
    yield Measuring(title)
    steps = likelihood_steps(model, data, protocol.split, protocol.seed, examples)
    while True:
        try:
            yield Measuring(title, next(steps))
        except StopIteration as end:
            return end.value


def how_many(space: Space) -> int:
    """Samples to draw where nothing limits the time: as the kind of data has it, fewer of large ones."""
    fixed = kind_of(space).scored
    return fixed or next(n for size, n in ((256, 1000), (1024, 300), (float("inf"), 100)) if space.size <= size)


def asked_of_all(reference: Reference, patience: float) -> int:
    """Samples to ask of every model in a comparison: as the kind of data has it, or as many as suit the real examples and whose
    features take no longer than `patience` seconds. A slow model draws fewer: see `Drawing`."""
    fixed, features = kind_of(reference.data.space).scored, reference.features
    if fixed is not None:
        return fixed
    most = next(n for n, real in ASKED if len(reference.real) >= real)
    if features is None:
        return most
    few = reference.real[:PROBE]
    features(few[:1])  # what is built once does not count
    began = time.perf_counter()
    features(few)
    each = (time.perf_counter() - began) / len(few)
    return next((n for n in DRAWN if n <= most and n * each <= patience), DRAWN[-1])
