"""Quality and coverage apart: how many samples lie where real examples are, and how many real ones where samples are.

A set's manifold is the union of balls about its members, each reaching to its k-th nearest neighbour within the set.
Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models", 2019:

    precision   share of samples inside the real manifold        recall     share of real examples inside the samples' manifold

One outlier's ball can hold much of either; Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", 2020,
count real balls only and let them overlap:

    density     mean over samples of (real balls that hold it) / k        coverage   share of real balls that hold a sample

Density may exceed 1. Balls are open. All four depend on both numbers of examples and on k, and even for perfect samples
precision, recall and coverage stay below 1 (coverage near 1 - 2^-k for equal numbers).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from genlab.measure.estimate import Estimate, distinct_sides, mean, share
from genlab.measure.neighbours import nearest

ROWS = 512


class Manifold(NamedTuple):
    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate


def manifold(samples: Tensor, real: Tensor, k: int = 5) -> Manifold:
    """Precision, recall, density and coverage of features samples (n, d) and real (m, d).

    Each interval is over the side that is counted, with the other one fixed.

    ValueError where a side has no more than k examples.
    """
    distinct_sides(samples, real)
    if min(len(samples), len(real)) <= k:
        raise ValueError(f"the {k}-th neighbour needs more than {k} examples a side, got {len(samples)} and {len(real)}")
    about_samples, about_real = radii(samples, k), radii(real, k)
    holding = torch.zeros(len(samples), dtype=torch.float64)  # how many real balls hold it
    held, covered = [], []
    center = real.double().mean(0)
    x = samples.double() - center
    for part, reach in zip(real.split(ROWS), about_real.split(ROWS), strict=True):
        squared = _squared(part.double() - center, x)
        inside = squared < reach.square()[:, None]
        holding += inside.sum(0)
        covered.append(inside.any(1))
        held.append((squared < about_samples.square()).any(1))
    return Manifold(
        share(int((holding > 0).sum()), len(samples), "samples, real examples fixed"),
        share(int(torch.cat(held).sum()), len(real), "real examples, samples fixed"),
        mean(holding / k, "samples, real examples fixed"),
        share(int(torch.cat(covered).sum()), len(real), "real examples, samples fixed"),
    )


def radii(x: Tensor, k: int) -> Tensor:
    """Distance from each of x (n, d) to its k-th nearest other, in float64 (n,)."""
    return nearest(x, x, k + 1)[0][:, k]  # the first is itself, or a copy at the same distance


def _squared(a: Tensor, b: Tensor) -> Tensor:
    squared = torch.addmm(b.square().sum(1), a, b.T, alpha=-2)
    return squared.add_(a.square().sum(1)[:, None]).clamp_min_(0)
