"""How a classifier of the real classes classifies samples."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from genlab.features import Features
from genlab.measure.estimate import Estimate, share


class ClassifierSummary(NamedTuple):
    confidence: float  # mean probability of the likeliest class
    shares: Tensor  # (classes,) of the samples, by likeliest class
    agreement: Estimate | None  # share whose likeliest class is the one asked for


def probabilities_of(samples: Tensor, classifier: Features) -> Tensor:
    """(N, classes) of samples (N, *shape), on the CPU."""
    assert classifier.classify is not None
    return torch.cat([classifier.classify(part).cpu() for part in samples.split(500)])


def summarise_classes(probabilities: Tensor, asked: Tensor | None = None) -> ClassifierSummary:
    """The summary of samples' class probabilities (n, classes), and of the labels (n,) that they were given, if any."""
    top, found = probabilities.double().max(1)
    shares = torch.bincount(found, minlength=probabilities.shape[1]).double() / len(found)
    agreement = None if asked is None else share(int((found == asked.to(found.device)).sum()), len(found), "samples")
    return ClassifierSummary(float(top.mean()), shares, agreement)
