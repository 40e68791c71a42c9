"""Inception score: are a classifier's verdicts on single samples sharp, and spread over all classes?

    IS = exp(mean_i KL(p(y | x_i) || p(y))),   p(y) = mean_i p(y | x_i),   1 <= IS <= number of classes

(Salimans et al., "Improved Techniques for Training GANs", 2016, whose classifier was the Inception network; with another one
it is named for that). It sees neither real examples nor variety within a class.

log IS = H(p(y)) - mean_i H(p(y | x_i)). One more sample moves it by 1/n of KL(p(y | x_i) || p(y)) - log IS, so that the
standard error of log IS is that of a mean of KLs. Being concave in p(y), it is biased
downward, by about (classes - 1) / 2n for sharp verdicts.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genlab.measure.estimate import Estimate, mean


def inception_score(probabilities: Tensor) -> Estimate:
    """The inception score of class probabilities (n, classes), n > 1; the interval is symmetric in log IS.

    ValueError where the rows are no distributions.
    """
    p = probabilities.double()
    if p.ndim != 2 or len(p) < 2 or bool((p < 0).any()) or bool((p.sum(1) - 1).abs().max() > 1e-3):
        raise ValueError(
            f"expected rows of class probabilities (n, classes) that sum to 1, got shape {tuple(p.shape)}; use softmax"
        )
    p = p / p.sum(1, keepdim=True)
    divergences = torch.special.entr(p).sum(1).neg() - torch.xlogy(p, p.mean(0)).sum(1)
    found = mean(divergences, "samples, delta method")
    top = float(p.shape[1])
    low, high = max(1.0, math.exp(found.low)), min(top, math.exp(found.high))
    return Estimate(min(top, max(1.0, math.exp(found.value))), low, high, found.over)
