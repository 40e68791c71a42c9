"""Which measures suit which data, taken together under one protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlab.core.data import Data, Split
from genlab.core.model import Given, Model
from genlab.core.space import Batch
from genlab.features import Features
from genlab.measure.classify import verdict
from genlab.measure.frechet import frechet_distance
from genlab.measure.points import KERNEL, jensen_shannon, mmd, modes, widths_for
from genlab.measure.score import Protocol, Score
from genlab.measure.text import copied, distinct, lines_copied

REAL = 10_000  # examples of a split at most, for distances
PAIRS = 3_000  # points a side at most, where every pair is looked at
GRAMS = 8  # length of the n-grams whose copying is counted


class Sitting(NamedTuple):
    """What the measures of one model's samples share."""

    data: Data
    samples: Tensor  # (N, *shape) in the data's units
    given: Given | None  # what they were asked to be
    split: Split
    features: Features | None
    protocol: Protocol


def scores_for(
    model: Model,
    data: Data,
    samples: Tensor,
    *,
    split: Split = "test",
    seed: int = 0,
    features: Features | None = None,
    given: Given | None = None,
    weights: str = "averaged",
) -> dict[str, Score]:
    """Every measure that suits the data, by name, best known first.

    samples     (N, *space.shape) of `model`, in the data's units
    features    what pictures are compared in (genlab.features.features_for); without them there is no distance of pictures
    seed, given, weights   how the samples were drawn: noted with every score; labels also allow agreement to be counted
    ValueError where the samples are of another shape than the data.
    """
    if tuple(samples.shape[1:]) != tuple(data.space.shape) or tuple(model.space.shape) != tuple(data.space.shape):
        raise ValueError(
            f"samples of shape {tuple(samples.shape[1:])} cannot be compared with data of shape {data.space.shape}"
        )
    real = min(REAL, data.count(split))
    protocol = Protocol(split, real, len(samples), seed, weights, data.space.note)
    sitting = Sitting(data, samples.cpu(), given, split, features, protocol)
    return {score.name: score for score in MEASURES[data.space.axes](sitting)}


def first(data: Data, split: Split, n: int) -> Tensor:
    """The first n examples of a split (n', *shape), n' <= n."""
    return torch.cat([batch.x for batch in passes(data, split, n)])


def passes(data: Data, split: Split, n: int | None = None, size: int = 1000) -> Iterator[Batch]:
    """One finite pass over a split, or over its first n examples."""
    total = data.count(split) if n is None else min(n, data.count(split))
    for cursor in range(0, total, size):
        yield data.once(split, cursor, min(size, total - cursor))


# --- pictures --------------------------------------------------------------------------------------------------------


def pictures(sitting: Sitting) -> Iterator[Score]:
    if sitting.features is None:
        return
    yield _frechet(sitting, sitting.features)
    if sitting.features.classify is not None:
        yield from _classified(sitting, sitting.features)


def _frechet(sitting: Sitting, features: Features) -> Score:
    """With two distances beside it that say what it is worth: of as many training examples (what a perfect memory would get),
    and of pictures that have nothing of the data but each pixel's own distribution."""
    name = f"Fréchet distance ({features.name})"
    real = features(first(sitting.data, sitting.split, REAL))
    train = first(sitting.data, "train", len(sitting.samples))
    beside = {"train examples themselves": train, "pixels drawn independently": independent(train)}
    how = dict(features.protocol)
    for title, examples in beside.items():
        found = _attempt(sitting, name, partial(_distance, features, examples, real), {}).value
        how[title] = None if found is None else round(found, 6)
    return _attempt(sitting, name, partial(_distance, features, sitting.samples, real), how)


def _distance(features: Features, examples: Tensor, real: Tensor) -> float:
    return frechet_distance(features(examples), real)


def independent(x: Tensor) -> Tensor:
    """Every entry of an example taken from another one, at the same place: (N, *shape) -> the same, always in the same way."""
    drawn = torch.Generator().manual_seed(0)
    rows = torch.rand(len(x), x[0].numel(), generator=drawn).argsort(0)
    return x.flatten(1).gather(0, rows).view_as(x)


def _classified(sitting: Sitting, features: Features) -> Iterator[Score]:
    assert features.classify is not None
    labels = (sitting.given or {}).get("label")
    found = verdict(torch.cat([features.classify(part).cpu() for part in sitting.samples.split(500)]), labels)
    how = {"classifier": features.protocol.get("classifier", {})}
    names = sitting.data.given["label"].names or tuple(str(k) for k in range(len(found.shares)))
    shares = {str(name): round(float(share), 4) for name, share in zip(names, found.shares, strict=True)}
    score = sitting.protocol.score
    yield score("classifier's mean confidence", found.confidence, better="higher", how=how)
    yield score("smallest class share", float(found.shares.min()), better="higher", how={**how, "shares": shares})
    if found.agreement is not None:
        yield score("samples of the class asked for", found.agreement, better="higher", how=how)


def _attempt(sitting: Sitting, name: str, measure: Callable[[], float], how: Mapping[str, Any]) -> Score:
    """A distance, or a score that carries its refusal."""
    try:
        return sitting.protocol.score(name, measure(), how, better="lower")
    except ValueError as refusal:
        return sitting.protocol.score(name, None, how, better="lower", reason=str(refusal))


# --- points ----------------------------------------------------------------------------------------------------------


def points(sitting: Sitting) -> Iterator[Score]:
    real, samples = first(sitting.data, sitting.split, PAIRS), sitting.samples[:PAIRS]
    train = first(sitting.data, "train", PAIRS)
    widths = widths_for(real)
    how = {
        "kernel": KERNEL,
        "pairs of": f"{len(samples)} and {len(real)}",
        "train examples themselves": mmd(train, real, widths),
    }
    yield sitting.protocol.score("squared MMD", mmd(samples, real, widths), better="lower", how=how)
    yield from _known(sitting, real)


def _known(sitting: Sitting, real: Tensor) -> Iterator[Score]:
    """Measures against a source whose density is written down."""
    score, source = sitting.protocol.score, sitting.data
    centers, spread = getattr(source, "modes", None), getattr(source, "spread", None)
    if centers is not None and spread is not None:
        covered, good = modes(sitting.samples, centers, spread)
        how = {"modes": len(centers), "good within": "4 standard deviations"}
        yield score("share of modes covered", covered, better="higher", how=how)
        yield score("share of good samples", good, better="higher", how=how)
    density = getattr(source, "log_density", None)
    if density is not None and real.shape[1] == 2:
        box = torch.stack([real.min(0).values, real.max(0).values])
        divergence = jensen_shannon(sitting.samples, density, box)
        yield score("Jensen-Shannon divergence", divergence, unit="nats", better="lower", how={"grid": "40 x 40 cells"})


# --- tokens ----------------------------------------------------------------------------------------------------------


def tokens(sitting: Sitting) -> Iterator[Score]:
    space, score = sitting.data.space, sitting.protocol.score
    lengths = space.sizes(Batch(sitting.samples))
    if space.end is not None:
        different, known = lines_copied(sitting.samples, passes(sitting.data, "train"))
        yield score("share of different lines", different, better="higher")
        yield score("share of lines of the training set", known)
    for n in (2, 4):
        yield score(f"distinct-{n}", distinct(sitting.samples, lengths, n), better="higher")
    part = copied(sitting.samples, lengths, passes(sitting.data, "train"), space, GRAMS)
    yield score(f"share of copied {GRAMS}-grams", part)


MEASURES: dict[str, Callable[[Sitting], Iterator[Score]]] = {"CHW": pictures, "D": points, "T": tokens}
