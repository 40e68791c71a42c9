"""Classifier two-sample test: how often can a classifier tell samples from real examples?

A classifier learns from half of both sides and is tested on the other half. Its accuracy is 1/2 where the two distributions
agree (or the classifier is blind), and 1 where they share nothing (Lopez-Paz & Oquab, "Revisiting Classifier Two-Sample Tests",
2017). The classifier is theirs without training: the vote of the k = floor(sqrt(number that train)) nearest, of which a tied
one counts half.

The accuracy may lie below 1/2: where samples are copies of those real examples in the test half, or the real examples'
nearest are always samples.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genlab.measure.estimate import Estimate, distinct_sides, share
from genlab.measure.neighbours import nearest


def two_sample(samples: Tensor, real: Tensor, seed: int = 0) -> Estimate:
    """Accuracy of the classifier on features (n, d) and (m, d), of which the larger set is thinned at random to the smaller."""
    distinct_sides(samples, real)
    n = min(len(samples), len(real)) // 2
    if n < 4:
        raise ValueError(f"a two-sample test needs eight examples on each side, got {len(samples)} and {len(real)}")
    stream = torch.Generator().manual_seed(seed)
    x, y = (side[torch.randperm(len(side), generator=stream)[: 2 * n]].double() for side in (samples, real))
    train = torch.cat([x[:n], y[:n]])
    is_sample = torch.arange(2 * n) < n
    votes = is_sample[nearest(torch.cat([x[n:], y[n:]]), train, math.isqrt(2 * n))[1]].double().mean(1)
    right = torch.where(is_sample, votes, 1 - votes)
    hits = (right > 0.5).double() + 0.5 * (right == 0.5)
    return share(float(hits.sum()), 2 * n, f"the {2 * n:,} examples asked about")
