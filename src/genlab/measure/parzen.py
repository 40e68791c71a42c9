"""Parzen window: log-density of test examples under Gaussians set on the samples,

    log p(x) = log 1/n sum_i N(x; s_i, h^2 I),

with the bandwidth h that suits a validation set best (Breuleux, Bengio & Vincent, "Quickly Generating Representative Samples
from an RBM-Derived Process", 2011). It was how models without a likelihood were compared, and it fails at that: in many
dimensions it stays far from the true log-likelihood for any number of samples that can be drawn, and can rank a model that
repeats training examples, or k-means centres, above the true distribution (Theis, van den Oord & Bethge, "A Note on the
Evaluation of Generative Models", 2016). Good for comparing with old tables and, in few dimensions, for a look.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from genlab.measure.estimate import Estimate, distinct_sides, mean

ROWS = 512


class Parzen(NamedTuple):
    estimate: Estimate  # nats an example
    bandwidth: float  # h, in the units of the examples


def parzen(samples: Tensor, validation: Tensor, test: Tensor) -> Parzen:
    """Mean log-density (nats) of test (m, d) under samples (n, d), all in the same units; the interval is over test examples.

    h is found to 2% among validation (v, d): on a coarse grid from a hundredth of the samples' standard deviation to twice
    it, then on a fine one about the best.
    """
    distinct_sides(samples, validation)
    distinct_sides(samples, test)
    spread = float(samples.double().var(0).mean().sqrt())
    if spread == 0:
        raise ValueError("all samples are the same, so there is no width to try; the model has collapsed")
    coarse = [spread * 2 * 200 ** (-i / 15) for i in range(16)]
    best = _best(samples, validation, coarse)
    fine = [best * 200 ** (i / (15 * 8)) for i in range(-7, 8)]
    h = _best(samples, validation, fine)
    return Parzen(mean(log_densities(samples, test, [h])[0], "test examples"), h)


def log_densities(samples: Tensor, x: Tensor, bandwidths: Sequence[float]) -> Tensor:
    """(bandwidths, m) nats of x (m, d) under Gaussians on samples (n, d)."""
    center, d = samples.double().mean(0), samples.shape[1]
    s = samples.double() - center
    norms = s.square().sum(1)
    parts = []
    for part in x.split(ROWS):
        a = part.double() - center
        squared = torch.addmm(norms, a, s.T, alpha=-2).add_(a.square().sum(1)[:, None]).clamp_min_(0)
        parts.append(torch.stack([_log_mean(squared, h) - d * math.log(h * math.sqrt(2 * math.pi)) for h in bandwidths]))
    return torch.cat(parts, 1)


def _log_mean(squared: Tensor, h: float) -> Tensor:
    """log of the mean over the row of exp(-squared / 2 h^2)."""
    least = squared.amin(1, keepdim=True)
    kernel = (squared - least).mul_(-0.5 / h**2).exp_()
    return kernel.mean(1).log() - least[:, 0] / (2 * h**2)


def _best(samples: Tensor, validation: Tensor, bandwidths: Sequence[float]) -> float:
    found = log_densities(samples, validation, bandwidths).mean(1)
    return bandwidths[int(found.argmax())]
