"""Every measure of pictures, in the order of a reader's questions: quality, coverage, copies, classes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

from torch import Tensor

from genlab.core.data import some
from genlab.core.kinds import kind_of
from genlab.core.program import called
from genlab.core.space import label_of
from genlab.features import Features, seconds_a_step, trained_on
from genlab.measure.classify import probabilities_of, summarise_classes
from genlab.measure.copies import USUAL, Copies, Rule, copies
from genlab.measure.distances import coverage_scores, distance_scores, thin
from genlab.measure.estimate import Estimate, mean, normal, share
from genlab.measure.evaluation import Evaluation, concat_batches, unit_range
from genlab.measure.frechet import frechet
from genlab.measure.inception_score import inception_score
from genlab.measure.neighbours import nearest
from genlab.measure.parzen import parzen
from genlab.measure.score import FAIR, Score
from genlab.measure.similarity import diversity
from genlab.measure.sliced import sliced_wasserstein

STEPS = 200, 100  # of the classifier that sees samples only, and as few as may be where they take too long
SHOWN = 8  # closest pairs that pages show
PARZEN = 2_000  # examples of a side of a Parzen window
KNOWN_FAILURE = "can rank a model that only repeats training examples above a good one (Theis et al., 2016)"


def pictures(evaluation: Evaluation) -> Iterator[Score]:
    reference = evaluation.reference
    features = reference.features
    if features is not None:
        yield from distance_scores(evaluation, features)
    yield from _sliced(evaluation)
    if features is not None:
        yield from coverage_scores(evaluation, features)
    yield from _diversity(evaluation)
    if features is not None and features.classify is not None and not features.own_classes:
        yield _inception_score(evaluation, features)
    if reference.classifier is not None:
        yield from _classified(evaluation, reference.classifier)
    yield from _labelled(evaluation)
    yield from copied_examples(evaluation)
    yield _parzen(evaluation)


# --- the pixels' own statistics -------------------------------------------------------------------------------------


def _sliced(evaluation: Evaluation) -> Iterator[Score]:
    name, space = "sliced Wasserstein distance × 1000", evaluation.data.space
    how: dict[str, Any] = {"patches": "7 x 7 of Laplacian pyramid levels", "range": "[-1, 1]"}
    detail: dict[str, Any] = {}

    def measure() -> Estimate:
        found = sliced_wasserstein(unit_range(evaluation.samples, space), unit_range(evaluation.reference.real, space))
        detail["by level"] = {str(level): round(1000 * entry.value, 3) for level, entry in found.levels.items()}
        how.update({key: entry for key, entry in found.protocol.items() if key != "seed"})
        value = found.average
        return Estimate(1000 * value.value, 1000 * value.low, 1000 * value.high, value.over)

    yield evaluation.attempt(name, measure, how, better="lower", question="quality", detail=detail)


def _diversity(evaluation: Evaluation) -> Iterator[Score]:
    space = evaluation.data.space
    how: dict[str, Any] = {}

    def measure() -> Estimate:
        found = diversity(unit_range(evaluation.samples, space), span=2.0)
        how.update(found.protocol)
        return found.estimate

    yield evaluation.attempt("MS-SSIM between samples", measure, how, question="coverage")


# --- classes ---------------------------------------------------------------------------------------------------------


def _inception_score(evaluation: Evaluation, features: Features) -> Score:
    """The score by the Inception network's own classes, or by the data's."""
    name, how = f"Inception score ({features.name})", dict(features.protocol)
    measure = partial(_by_probabilities, evaluation, features)
    return evaluation.attempt(name, measure, how, better="higher", question="quality")


def _by_probabilities(evaluation: Evaluation, features: Features) -> Estimate:
    return inception_score(probabilities_of(evaluation.samples, features))


def _classified(evaluation: Evaluation, classifier: Features) -> Iterator[Score]:
    """Scores by a classifier of the data's own labels."""
    how, probabilities = dict(classifier.protocol), probabilities_of(evaluation.samples, classifier)
    yield _inception_score(evaluation, classifier)
    found = summarise_classes(probabilities, evaluation.labels)
    names = evaluation.data.given[label_of(evaluation.data.given)].names or tuple(str(k) for k in range(len(found.shares)))
    shares = {str(name): round(float(part), 4) for name, part in zip(names, found.shares, strict=True)}
    score, n = evaluation.protocol.score, len(evaluation.samples)
    sure = mean(probabilities.max(1).values, "samples")
    yield score("classifier's mean confidence", sure, how | FAIR, better="higher", question="labels")
    fewest = share(round(float(found.shares.min()) * n), n, "samples")
    yield score("smallest class share", fewest, how, better="higher", question="coverage", detail={"shares": shares})
    if found.agreement is not None:
        yield score("samples of the class asked for", found.agreement, how | FAIR, better="higher", question="labels")


def _labelled(evaluation: Evaluation) -> Iterator[Score]:
    labels, reference = evaluation.labels, evaluation.reference
    if labels is None or reference.labels is None:
        return
    features = reference.features
    higher: dict[str, Any] = {"better": "higher", "question": "labels"}
    if features is not None:
        name = f"Fréchet distance within classes ({features.name})"
        detail: dict[str, Any] = {}
        lower: dict[str, Any] = {"better": "lower", "question": "labels", "detail": detail}
        how = {**features.protocol, "mean over": "classes"}
        yield evaluation.attempt(name, lambda: _by_class(evaluation, labels, detail), how, **lower)
    if reference.engine is not None:
        name, how = "accuracy trained on samples", {"tested on": "test split"}
        yield evaluation.attempt(name, lambda: _useful(evaluation, labels, how), how, **higher)


def _by_class(evaluation: Evaluation, labels: Tensor, detail: dict[str, Any]) -> Estimate:
    """The mean over classes of the distance between samples and real examples of a class."""
    reference, classes = evaluation.reference, evaluation.data.given[label_of(evaluation.data.given)]
    assert reference.labels is not None
    found = [
        frechet(evaluation.features[labels == k], reference.real_features[reference.labels == k]) for k in range(classes.levels)
    ]
    detail["by class"] = {str(classes.names[k] if classes.names else k): round(part.value, 5) for k, part in enumerate(found)}
    error = math.sqrt(sum((part.error or 0.0) ** 2 for part in found)) / len(found)
    return normal(sum(part.value for part in found) / len(found), error, found[0].over, floor=0.0)


def _useful(evaluation: Evaluation, labels: Tensor, how: dict[str, Any]) -> Estimate:
    """The accuracy on real examples of a classifier trained on samples alone."""
    reference = evaluation.reference
    assert reference.engine is not None
    if reference.steps is None:  # once for all models, so that their scores compare
        reference.steps = _steps(evaluation, labels)
    if reference.steps < STEPS[1]:
        raise ValueError(
            f"a classifier needs {STEPS[1]} steps to learn from samples, and {reference.steps} come in the time that measuring "
            f"may take; train longer, or ask for it: {called()} score RUN"
        )
    found = trained_on(evaluation.samples, labels, evaluation.data, reference.engine, steps=reference.steps)
    how.update({key: found[key] for key in ("steps", "batch", "chance")})
    return share(found["correct"], found["of"], f"{found['of']:,} real examples")


def _steps(evaluation: Evaluation, labels: Tensor) -> int:
    """Steps of that classifier in the time it may take."""
    reference = evaluation.reference
    if reference.patience is None or reference.engine is None:
        return STEPS[0]
    each = seconds_a_step(evaluation.samples, labels, evaluation.data, reference.engine)
    return min(STEPS[0], int(reference.patience / each) // 10 * 10)


# --- memory ----------------------------------------------------------------------------------------------------------


def copied_examples(evaluation: Evaluation) -> Iterator[Score]:
    """Copies of training examples among the samples, by their entries and by their features."""
    reference, features = evaluation.reference, evaluation.reference.features
    lower: dict[str, Any] = {"better": "lower", "question": "copying"}
    kind = kind_of(evaluation.data.space)
    how: dict[str, Any] = {"in": "pixels" if evaluation.data.space.picture else "entries", **FAIR}
    detail: dict[str, Any] = {}

    def entries() -> Estimate:
        found = _ruled(evaluation.samples.flatten(1), reference.copy_rule, how, detail)
        evaluation.evidence["neighbours"] = closest(evaluation, found, reference.copy_rule.threshold)
        return found.share

    yield evaluation.attempt(f"copied training {kind.examples}", entries, how, **lower, detail=detail)
    if features is not None:
        how, detail = {**features.protocol, **FAIR}, {}
        name = f"near copies ({features.name})"
        measure = partial(_near, evaluation, how, detail)
        yield evaluation.attempt(name, measure, how, **lower, detail=detail)


def _near(evaluation: Evaluation, how: dict[str, Any], detail: dict[str, Any]) -> Estimate:
    return _ruled(evaluation.features, evaluation.reference.near_rule, how, detail).share


def _ruled(x: Tensor, rule: Rule, how: dict[str, Any], detail: dict[str, Any]) -> Copies:
    how["nearest among"] = f"{len(rule.train):,} training examples"
    detail["a copy is nearer than"] = f"{rule.threshold:.3g} of the distance to its further neighbours"
    detail["so are of real examples"] = f"{rule.false_alarms.value:.2%}"
    detail[USUAL] = rule.false_alarms.high
    return copies(x, rule)


def closest(evaluation: Evaluation, matches: Copies, threshold: float) -> list[dict[str, Any]]:
    """The samples nearest to a training example, each with that and with the nearest held-out one."""
    order, reference = matches.ratio.argsort()[:SHOWN], evaluation.reference
    distances, beside = nearest(evaluation.samples[order].flatten(1), reference.real.flatten(1), 1)
    return [
        {
            "sample": evaluation.samples[row],
            "train": reference.train[matches.index[row]],
            "test": reference.real[position],
            "ratio": float(matches.distance[row] / distance.clamp_min(1e-12)),
            "copied": bool(matches.ratio[row] <= threshold),
        }
        for row, position, distance in zip(order.tolist(), beside[:, 0].tolist(), distances[:, 0], strict=True)
    ]


# --- density ---------------------------------------------------------------------------------------------------------


def _parzen(evaluation: Evaluation) -> Score:
    """The Parzen window estimate, which papers gave for models without a likelihood."""
    space, data, real = evaluation.data.space, evaluation.data, evaluation.reference.real
    how = {"an estimate that": KNOWN_FAILURE}
    detail: dict[str, Any] = {}

    def measure() -> Estimate:
        scaled = [
            (unit_range(x, space).flatten(1) + 1) / 2
            for x in (
                evaluation.samples[:PARZEN],
                concat_batches(some(data, "validation", PARZEN))[0],
                real[thin(len(real), min(PARZEN, len(real)))],
            )
        ]
        found = parzen(*scaled)
        detail["bandwidth, best on validation"] = round(found.bandwidth, 4)
        return found.estimate

    options: dict[str, Any] = {"better": "higher", "unit": "nats", "question": "density", "detail": detail}
    return evaluation.attempt("Parzen window estimate of log p", measure, how, **options)
