"""The measures of each kind of data, taken together under one protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from genlab.core.data import Data, Split, some
from genlab.core.kinds import kind_of
from genlab.core.model import Given
from genlab.core.space import Batch
from genlab.features import Features
from genlab.measure.copies import USUAL
from genlab.measure.distances import coverage_scores, distance_scores
from genlab.measure.evaluation import PAIRS, Evaluation, Reference, concat_batches, evaluation_of, passes
from genlab.measure.pictures import copied_examples, pictures
from genlab.measure.points import KERNEL, divergences, energy_distance, mmd, modes, widths_for
from genlab.measure.score import FAIR, Score
from genlab.measure.text import copied, distinct, lines_copied

GRAMS = 8  # length of the n-grams whose copying is counted


def scores_for(
    data: Data,
    samples: Tensor,
    *,
    split: Split = "test",
    seed: int = 0,
    features: Features | None = None,
    given: Given | None = None,
    weights: str = "averaged",
) -> dict[str, Score]:
    """Every measure of samples that suits the data, by name.

    samples     (N, *space.shape) in the data's units
    features    what pictures are compared in (genlab.features.features_for); without them, distances of pictures are left out
    seed, given, weights   how the samples were drawn, for every score's protocol; samples are also compared with their labels
    ValueError where the samples are of another shape, range or kind than the data, or not finite.
    """
    return scores_of(evaluation_of(Reference(data, split, features), samples, given, seed, weights))


def scores_of(evaluation: Evaluation) -> dict[str, Score]:
    """Every measure of an evaluation, whose reference several models may share."""
    return {score.name: score for score in MEASURES[kind_of(evaluation.data.space).name](evaluation)}


# --- points ----------------------------------------------------------------------------------------------------------


def points(evaluation: Evaluation) -> Iterator[Score]:
    real, samples = concat_batches(some(evaluation.data, evaluation.reference.split, PAIRS))[0], evaluation.samples[:PAIRS]
    widths, lower = widths_for(real), {"better": "lower", "question": "quality"}
    how = {"kernel": KERNEL, **FAIR}
    yield evaluation.attempt("squared MMD", lambda: mmd(samples, real, widths), how, **lower)
    yield evaluation.attempt("energy distance", lambda: energy_distance(samples, real), FAIR, **lower)
    yield from _known(evaluation, real)
    yield from in_features(evaluation)


def in_features(evaluation: Evaluation) -> Iterator[Score]:
    """Measures in features of the user's own, where there are any."""
    features = evaluation.reference.features
    if features is not None:
        yield from distance_scores(evaluation, features)
        yield from coverage_scores(evaluation, features)


def _known(evaluation: Evaluation, real: Tensor) -> Iterator[Score]:
    """Measures against a source whose density is known."""
    score, source = evaluation.protocol.score, evaluation.data
    centers, std = getattr(source, "modes", None), getattr(source, "mode_std", None)
    if centers is not None and std is not None:
        coverage_scores, good = modes(evaluation.samples, centers, std)
        how = {"modes": len(centers), "good within": "4 standard deviations"}
        yield score("share of modes covered", coverage_scores, how, better="higher", question="coverage")
        yield score("share of good samples", good, how | FAIR, better="higher", question="quality")
    density = getattr(source, "log_density", None)
    if density is not None and real.shape[1] == 2:
        box = torch.stack([real.min(0).values, real.max(0).values])
        found, how = divergences(evaluation.samples, density, box), {"grid": "40 x 40 cells"}
        for name, value in (("Kullback-Leibler divergence", found.kl), ("Jensen-Shannon divergence", found.js)):
            yield score(name, value, how, unit="nats", better="lower", question="quality")


# --- tokens ----------------------------------------------------------------------------------------------------------


def tokens(evaluation: Evaluation) -> Iterator[Score]:
    space, score, data = evaluation.data.space, evaluation.protocol.score, evaluation.data
    lengths = space.sizes(Batch(evaluation.samples))
    higher: dict[str, Any] = {"better": "higher", "question": "coverage"}
    if space.end is not None:
        different, known = lines_copied(evaluation.samples, passes(data, "train"))
        yield score("share of different lines", different, **higher)
        held_out = lines_copied(evaluation.reference.real, passes(data, "train")).known
        detail = {USUAL: held_out.high}
        yield score("share of lines of the training set", known, FAIR, question="copying", detail=detail)
    for n in (2, 4):
        yield score(f"distinct-{n}", distinct(evaluation.samples, lengths, n), **higher)
    yield from in_features(evaluation)
    part = copied(evaluation.samples, lengths, passes(data, "train"), space, GRAMS)
    yield score(f"share of copied {GRAMS}-grams", part, FAIR, question="copying")


# --- sound, video, voxels -------------------------------------------------------------------------------------------


def fields(evaluation: Evaluation) -> Iterator[Score]:
    """Numbers on a grid of any shape: distances and coverage in the features, copies among the entries themselves."""
    yield from in_features(evaluation)
    yield from copied_examples(evaluation)


MEASURES: dict[str, Callable[[Evaluation], Iterator[Score]]] = {  # by kind of data
    "points": points,
    "pictures": pictures,
    "text": tokens,
    "lines": tokens,
    "sound": fields,
    "video": fields,
    "voxels": fields,
}
