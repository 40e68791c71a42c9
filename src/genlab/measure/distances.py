"""Samples and real examples in feature space: their distance, and how much of each the other covers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from genlab.features import Features
from genlab.measure.evaluation import Evaluation
from genlab.measure.frechet import extrapolated, frechet
from genlab.measure.kernel import kernel_distance
from genlab.measure.manifold import manifold
from genlab.measure.score import FAIR, Score
from genlab.measure.two_sample import two_sample

NEIGHBOURS = 5  # k of precision, recall, density and coverage


def distance_scores(evaluation: Evaluation, features: Features) -> Iterator[Score]:
    how, name = dict(features.protocol), features.name
    real = evaluation.reference.real_features
    quality: dict[str, Any] = {"better": "lower", "question": "quality"}
    kernel = {**how, **FAIR, "kernel": "(a b / dims + 1)^3, unbiased"}
    shown = "KID" if features.fid else f"kernel distance ({name})"
    yield evaluation.attempt(shown, lambda: kernel_distance(evaluation.features, real), kernel, **quality)
    distance = "FID" if features.fid else f"Fréchet distance ({name})"
    yield evaluation.attempt(distance, lambda: frechet(evaluation.features, real), how, **quality)
    without_end = {**how, **FAIR, "extrapolated": "line in 1/n over thinned sets, both sides"}
    yield evaluation.attempt(f"{distance}, unbiased", lambda: extrapolated(evaluation.features, real), without_end, **quality)
    nearest = {**how, **FAIR, "classifier": "nearest neighbours, k the root of half the samples; 0.5 cannot tell"}
    nearest["on each side"] = min(len(evaluation.features), len(real))
    yield evaluation.attempt(f"two-sample accuracy ({name})", lambda: two_sample(evaluation.features, real), nearest, **quality)


def coverage_scores(evaluation: Evaluation, features: Features) -> Iterator[Score]:
    samples, real = equally_many(evaluation.features, evaluation.reference.real_features)
    how = {**features.protocol, **FAIR, "k": NEIGHBOURS, "on each side": len(samples)}
    asked = {"precision": "quality", "density": "quality", "recall": "coverage", "coverage": "coverage"}
    try:
        found = manifold(samples, real, NEIGHBOURS)._asdict()
    except ValueError as refusal:
        for name, question in asked.items():
            options: dict[str, Any] = {"better": "higher", "question": question, "reason": str(refusal)}
            yield evaluation.protocol.score(f"{name} ({features.name})", None, how, **options)
        return
    for name, question in asked.items():
        options: dict[str, Any] = {"better": "higher", "question": question}
        yield evaluation.protocol.score(f"{name} ({features.name})", found[name], how, **options)


def equally_many(samples: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Both sides, the larger one thinned evenly to the size of the smaller: coverage depends on both numbers."""
    n = min(len(samples), len(real))
    return samples[thin(len(samples), n)], real[thin(len(real), n)]


def thin(m: int, n: int) -> Tensor:
    """The numbers of n of m rows, evenly spaced."""
    return torch.arange(n) * m // n
