"""Fréchet distance between two clouds of features, each taken for a Gaussian.

    d^2 = |m - m'|^2 + tr S + tr S' - 2 tr (S S')^(1/2)

is the squared 2-Wasserstein distance between N(m, S) and N(m', S') (Dowson & Landau, 1982; with the features of an Inception
network it is the FID of Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", 2017; with other features it is not,
and is named for its features here).

With centred data X = Q R (n, d), S = R^T R / (n - 1), and the last term needs no root of a product: the eigenvalues of S S'
are the squared singular values of R R'^T / sqrt((n - 1)(n' - 1)), so tr (S S')^(1/2) is their sum. Nothing is squared on the
way, so that what is singular or badly scaled costs no digits.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def frechet_distance(x: Tensor, y: Tensor) -> float:
    """Squared distance d^2 between features x (n, d) and y (n', d), in float64.

    ValueError where a side has no more examples than features have dimensions: its covariance would be singular by
    construction, and the distance would mostly measure that.
    """
    d = x.shape[1]
    if min(len(x), len(y)) <= d:
        raise ValueError(
            f"a Fréchet distance of {d} features needs more than {d} examples on each side, got {len(x)} and {len(y)}; "
            "draw more samples, or use features of fewer dimensions"
        )
    x, y = x.double(), y.double()
    m, n = x.mean(0), y.mean(0)
    r, s = _factor(x - m), _factor(y - n)
    overlap = torch.linalg.svdvals(r @ s.T).sum()
    distance = (m - n).square().sum() + r.square().sum() + s.square().sum() - 2 * overlap
    return max(0.0, float(distance))


def _factor(centred: Tensor) -> Tensor:
    """R (d, d) with R^T R the unbiased covariance of centred rows (n, d)."""
    return torch.linalg.qr(centred / math.sqrt(len(centred) - 1), mode="r")[1]
