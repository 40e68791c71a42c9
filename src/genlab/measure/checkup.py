"""A short look at a model in the middle of its training: a few samples before the validation split.

Chosen to be quick and unbiased at few samples: kernel distances rather than Fréchet's, coverage, spread, copies. The first
score is the quality that curves show. Test data play no part.
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
from genlab.measure.classify import verdict
from genlab.measure.copies import USUAL, copies
from genlab.measure.distances import NEIGHBOURS, equally_many
from genlab.measure.estimate import Estimate
from genlab.measure.kernel import kernel_distance
from genlab.measure.likelihood import Likelihood
from genlab.measure.manifold import manifold
from genlab.measure.points import KERNEL, mmd, modes, widths_for
from genlab.measure.score import Score
from genlab.measure.sitting import Reference, Sitting, passes, sitting_of
from genlab.measure.text import copied, distinct

HELD_OUT = 1000  # validation examples


def looking_at(data: Data, features: Features | None) -> Reference:
    """The reference of all check-ups of a run."""
    return Reference(data, "validation", features, most=HELD_OUT)


def checked(
    reference: Reference, samples: Tensor, given: Given | None = None, seed: int = 0, likelihood: Likelihood | None = None
) -> dict[str, Score]:
    """Scores of samples (n, *shape) by name, the quality first. likelihood: of the validation split, where the run has one."""
    sitting = sitting_of(reference, samples, given, seed)
    found = CHECKUPS[kind_of(reference.data.space).name]
    return {score.name: score for score in (*_cost(sitting, likelihood), *found(sitting))}


def _cost(sitting: Sitting, likelihood: Likelihood | None) -> Iterator[Score]:
    if likelihood is not None:
        unit = likelihood.unit.replace("_", " ")
        estimate = Estimate(likelihood.value, likelihood.low, likelihood.high, "examples")
        name, how = f"-log p, {unit}", {"claim": likelihood.claim, "how": likelihood.how}
        yield sitting.protocol.score(name, estimate, how, better="lower", question="likelihood")


def _in_features(sitting: Sitting) -> Iterator[Score]:
    reference = sitting.reference
    lower: dict[str, Any] = {"better": "lower"}
    features = reference.features
    if features is None:
        return
    name, real = f"kernel distance ({features.name})", reference.real_features
    yield sitting.attempt(name, lambda: kernel_distance(sitting.features, real), features.protocol, question="quality", **lower)
    yield from _cloud(sitting, sitting.features, real)
    labels = sitting.labels
    if features.classify is not None and features.own_classes and labels is not None:
        found = verdict(torch.cat([features.classify(part).cpu() for part in sitting.samples.split(500)]), labels)
        yield sitting.protocol.score("samples of the class asked for", found.agreement, better="higher", question="labels")
    detail: dict[str, float] = {}
    yield sitting.attempt(
        f"copied training {kind_of(sitting.data.space).examples}",
        lambda: _copied(sitting, detail),
        question="copying",
        detail=detail,
        **lower,
    )


def _copied(sitting: Sitting, detail: dict[str, float]) -> Estimate:
    rule = sitting.reference.copy_rule
    detail[USUAL] = rule.false_alarms.high
    return copies(sitting.samples.flatten(1), rule).share


def _points(sitting: Sitting) -> Iterator[Score]:
    real, source = sitting.reference.real, sitting.data
    widths, how = widths_for(real), {"kernel": KERNEL}
    yield sitting.attempt("squared MMD", lambda: mmd(sitting.samples, real, widths), how, better="lower", question="quality")
    centers, spread = getattr(source, "modes", None), getattr(source, "spread", None)
    if centers is not None and spread is not None:
        covered, good = modes(sitting.samples, centers, spread)
        yield sitting.protocol.score("share of modes covered", covered, better="higher", question="coverage")
        yield sitting.protocol.score("share of good samples", good, better="higher", question="quality")
    yield from _cloud(sitting, sitting.samples.double(), real.double())


def _cloud(sitting: Sitting, samples: Tensor, real: Tensor) -> Iterator[Score]:
    """Precision, recall and coverage of equally many, and how far the samples lie from one another."""
    how = {"k": NEIGHBOURS}
    options: dict[str, Any] = {"better": "higher"}
    try:
        found = manifold(*equally_many(samples, real), NEIGHBOURS)
    except ValueError:
        return
    yield sitting.protocol.score("coverage", found.coverage, how, question="coverage", **options)
    yield sitting.protocol.score("recall", found.recall, how, question="coverage", **options)
    yield sitting.protocol.score("precision", found.precision, how, question="quality", **options)
    scale = apart(real)
    if scale > 0:
        yield sitting.protocol.score("spread", apart(samples) / scale, {"of": "mean distances"}, question="coverage")


def apart(x: Tensor) -> float:
    """Mean distance between two of x (n, d), from a thousand at most."""
    return float(torch.pdist(x[:1000].double()).mean())


def _tokens(sitting: Sitting) -> Iterator[Score]:
    space, score = sitting.data.space, sitting.protocol.score
    lengths = space.sizes(Batch(sitting.samples))
    yield score("distinct-2", distinct(sitting.samples, lengths, 2), better="higher", question="coverage")
    part = copied(sitting.samples, lengths, passes(sitting.data, "train"), space, 8)
    yield score("share of copied 8-grams", part, question="copying")


CHECKUPS: dict[str, Callable[[Sitting], Iterator[Score]]] = {  # by kind of data
    "points": _points,
    "pictures": _in_features,
    "text": _tokens,
    "lines": _tokens,
    "sound": _in_features,
    "video": _in_features,
    "voxels": _in_features,
}
