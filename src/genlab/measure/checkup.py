"""A check-up of a model while it trains: a few samples are measured against the validation split.

The measures are quick, and unbiased at few samples: kernel distances rather than Fréchet's, coverage, spread, copies. The first
score is the quality that curves show. Test data are not used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from genlab.core.data import Data
from genlab.core.kinds import kind_of
from genlab.core.model import Given
from genlab.core.space import Batch
from genlab.features import Features
from genlab.measure.classify import probabilities_of, summarise_classes
from genlab.measure.copies import USUAL, copies
from genlab.measure.distances import NEIGHBOURS, equally_many
from genlab.measure.estimate import Estimate
from genlab.measure.evaluation import Evaluation, Reference, evaluation_of, passes
from genlab.measure.kernel import kernel_distance
from genlab.measure.likelihood import Likelihood
from genlab.measure.manifold import manifold
from genlab.measure.points import KERNEL, mmd, modes, widths_for
from genlab.measure.score import Score
from genlab.measure.text import copied, distinct

HELD_OUT = 1000  # validation examples


def checkup_reference(data: Data, features: Features | None, classifier: Features | None = None) -> Reference:
    """The reference of all check-ups of a run."""
    return Reference(data, "validation", features, most=HELD_OUT, classifier=classifier)


def checkup_scores(
    reference: Reference, samples: Tensor, given: Given | None = None, seed: int = 0, likelihood: Likelihood | None = None
) -> dict[str, Score]:
    """Scores of samples (n, *shape) by name, the quality first. likelihood: of the validation split, where the run has one."""
    evaluation = evaluation_of(reference, samples, given, seed)
    found = CHECKUPS[kind_of(reference.data.space).name]
    return {score.name: score for score in (*_likelihood_score(evaluation, likelihood), *found(evaluation))}


def _likelihood_score(evaluation: Evaluation, likelihood: Likelihood | None) -> Iterator[Score]:
    if likelihood is not None:
        estimate = Estimate(likelihood.value, likelihood.low, likelihood.high, "examples")
        name, how = f"-log p, {likelihood.label}", {"claim": likelihood.claim, "how": likelihood.how}
        yield evaluation.protocol.score(name, estimate, how, better="lower", question="likelihood")


def _in_features(evaluation: Evaluation) -> Iterator[Score]:
    reference = evaluation.reference
    lower: dict[str, Any] = {"better": "lower"}
    features = reference.features
    if features is None:
        return
    name, real = f"kernel distance ({features.name})", reference.real_features
    yield evaluation.attempt(
        name, lambda: kernel_distance(evaluation.features, real), features.protocol, question="quality", **lower
    )
    yield from _cloud(evaluation, evaluation.features, real)
    labels = evaluation.labels
    if reference.classifier is not None and labels is not None:
        found = summarise_classes(probabilities_of(evaluation.samples, reference.classifier), labels)
        yield evaluation.protocol.score("samples of the class asked for", found.agreement, better="higher", question="labels")
    detail: dict[str, float] = {}
    yield evaluation.attempt(
        f"copied training {kind_of(evaluation.data.space).examples}",
        lambda: _copied(evaluation, detail),
        question="copying",
        detail=detail,
        **lower,
    )


def _copied(evaluation: Evaluation, detail: dict[str, float]) -> Estimate:
    rule = evaluation.reference.copy_rule
    detail[USUAL] = rule.false_alarms.high
    return copies(evaluation.samples.flatten(1), rule).share


def _points(evaluation: Evaluation) -> Iterator[Score]:
    real, source = evaluation.reference.real, evaluation.data
    widths, how = widths_for(real), {"kernel": KERNEL}
    yield evaluation.attempt(
        "squared MMD", lambda: mmd(evaluation.samples, real, widths), how, better="lower", question="quality"
    )
    centers, std = getattr(source, "modes", None), getattr(source, "mode_std", None)
    if centers is not None and std is not None:
        covered, good = modes(evaluation.samples, centers, std)
        yield evaluation.protocol.score("share of modes covered", covered, better="higher", question="coverage")
        yield evaluation.protocol.score("share of good samples", good, better="higher", question="quality")
    yield from _cloud(evaluation, evaluation.samples.double(), real.double())


def _cloud(evaluation: Evaluation, samples: Tensor, real: Tensor) -> Iterator[Score]:
    """Precision, recall and coverage of as many samples as real examples, and the spread of the samples."""
    how = {"k": NEIGHBOURS}
    options: dict[str, Any] = {"better": "higher"}
    try:
        found = manifold(*equally_many(samples, real), NEIGHBOURS)
    except ValueError:
        return
    yield evaluation.protocol.score("coverage", found.coverage, how, question="coverage", **options)
    yield evaluation.protocol.score("recall", found.recall, how, question="coverage", **options)
    yield evaluation.protocol.score("precision", found.precision, how, question="quality", **options)
    scale = mean_distance(real)
    if scale > 0:
        yield evaluation.protocol.score("spread", mean_distance(samples) / scale, {"of": "mean distances"}, question="coverage")


def mean_distance(x: Tensor) -> float:
    """Mean distance between two different rows of x (n, d), over its first thousand rows."""
    return float(torch.pdist(x[:1000].double()).mean())


def _tokens(evaluation: Evaluation) -> Iterator[Score]:
    space, score = evaluation.data.space, evaluation.protocol.score
    lengths = space.sizes(Batch(evaluation.samples))
    yield score("distinct-2", distinct(evaluation.samples, lengths, 2), better="higher", question="coverage")
    part = copied(evaluation.samples, lengths, passes(evaluation.data, "train"), space, 8)
    yield score("share of copied 8-grams", part, question="copying")


CHECKUPS: dict[str, Callable[[Evaluation], Iterator[Score]]] = {  # by kind of data
    "points": _points,
    "pictures": _in_features,
    "text": _tokens,
    "lines": _tokens,
    "sound": _in_features,
    "video": _in_features,
    "voxels": _in_features,
}
