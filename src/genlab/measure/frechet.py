"""Fréchet distance between two clouds of features, each taken for a Gaussian.

    d^2 = |m - m'|^2 + tr S + tr S' - 2 tr (S S')^(1/2)

is the squared 2-Wasserstein distance between N(m, S) and N(m', S') (Dowson & Landau, 1982; with the features of an Inception
network it is the FID of Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", 2017; with other features it is not,
and is named for its features here).

With centred data X = sqrt(n - 1) Q R (n, d), S = R^T R, and the last term needs no root of a product: the eigenvalues of S S'
are the squared singular values s of R R'^T = U diag(s) V^T, so tr (S S')^(1/2) = sum s. Nothing is squared on the way, so that
what is singular or badly scaled costs no digits.

Its error. The derivative of tr (S S')^(1/2) with respect to S is T / 2, with T = R^-1 U diag(s) U^T R^-T the optimal map from
N(m, S) to N(m', S'). One more example x therefore moves d^2 by 1/n of

    2 (m - m').(x - m) + (x - m)^T (I - T) (x - m) - tr (I - T) S,

and because R^-T (x - m) is that example's row of sqrt(n - 1) Q, its quadratic form needs no inverse. Where the two sides agree
this first order vanishes with the distance, and what is left of the error is about the bias below.

Its bias. Estimated covariances overlap less than true ones: d^2 is too large by about a constant over n, a different one for
every model, which can turn a ranking round. `extrapolated` removes it as Chong & Forsyth, "Effectively Unbiased FID and
Inception Score and Where to Find Them", 2020, do: distances of thinned sets lie on a line in 1/n, which is followed to 1/n = 0.
Here both sides are thinned in the same proportion, so that the bias of the real examples goes too, and each thinned distance is
the mean over disjoint parts that make up the whole.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from genlab.measure.estimate import Estimate, distinct_sides, influence, normal

OVER = "samples and real examples, delta method"


def frechet_distance(x: Tensor, y: Tensor) -> float:
    """Squared distance d^2 between features x (n, d) and y (n', d), in float64.

    ValueError where a side has no more examples than features have dimensions: its covariance would be singular by
    construction, and the distance would mostly measure that.
    """
    _enough(x, y)
    return _distance(_moments(x, "r"), _moments(y, "r"))


def frechet(samples: Tensor, real: Tensor) -> Estimate:
    """`frechet_distance` of features (n, d) and (n', d), biased by their number as all are, with its first-order error."""
    distinct_sides(samples, real)
    _enough(samples, real)
    x, y = _moments(samples), _moments(real)
    return influence(_distance(x, y), OVER, *_effects(x, y), floor=0.0)


def extrapolated(samples: Tensor, real: Tensor, points: int = 6, seed: int = 0) -> Estimate:
    """d^2 for infinitely many of samples (n, d) and real (n', d): the line through `points` sizes, at 1/n = 0.

    The sizes run from all examples down to a fifth, or to what still leaves two examples a dimension, evenly in 1/n. May
    fall below 0. The error is the first-order one joined with that of the line.
    """
    distinct_sides(samples, real)
    _enough(samples, real)
    widest = min(5.0, min(len(samples), len(real)) / (2 * samples.shape[1]))
    if widest < 1.5:
        raise ValueError(
            f"extrapolating a distance of {samples.shape[1]} features needs {3 * samples.shape[1]} examples on each side, "
            f"got {len(samples)} and {len(real)}; draw more samples, or use features of fewer dimensions"
        )
    stream = torch.Generator().manual_seed(seed)
    thinning = torch.linspace(1, widest, points, dtype=torch.float64)
    x, y = _moments(samples), _moments(real)
    found = [[_distance(x, y)], *(_thinned(samples, real, float(t), stream) for t in thinning[1:])]
    first = influence(found[0][0], OVER, *_effects(x, y)).error or 0.0
    value, error = _intercept(thinning, found)
    return normal(value, math.hypot(first, error), f"{OVER}, and the line")


class _Moments(NamedTuple):
    m: Tensor  # (d,)
    q: Tensor  # (n, d), orthonormal columns
    r: Tensor  # (d, d): r^T r is the unbiased covariance


def _moments(x: Tensor, mode: str = "reduced") -> _Moments:
    """The moments of x. Mode "r" leaves q out, which takes half of the time."""
    x = x.double()
    m = x.mean(0)
    return _Moments(m, *torch.linalg.qr((x - m) / math.sqrt(len(x) - 1), mode=mode))


def _distance(x: _Moments, y: _Moments) -> float:
    overlap = torch.linalg.svdvals(x.r @ y.r.T).sum()
    return max(0.0, float((x.m - y.m).square().sum() + x.r.square().sum() + y.r.square().sum() - 2 * overlap))


def _effects(x: _Moments, y: _Moments) -> tuple[Tensor, Tensor]:
    """n times the effect of each example on d^2, up to a constant: (n,) of x, (n',) of y."""
    u, s, v = torch.linalg.svd(x.r @ y.r.T)
    return _effect(x, x.m - y.m, u, s), _effect(y, y.m - x.m, v.mT, s)


def _effect(x: _Moments, shift: Tensor, u: Tensor, s: Tensor) -> Tensor:
    n = len(x.q) - 1
    centred = x.q @ x.r * math.sqrt(n)
    return 2 * centred @ shift + centred.square().sum(1) - n * (x.q @ u).square() @ s


def _thinned(samples: Tensor, real: Tensor, times: float, stream: torch.Generator) -> list[float]:
    """Distances of floor(times) disjoint parts, each of 1 / times of both sides."""
    rows = [torch.randperm(len(side), generator=stream) for side in (samples, real)]
    parts = [order.split(int(len(order) / times))[: int(times)] for order in rows]
    return [_distance(_moments(samples[a], "r"), _moments(real[b], "r")) for a, b in zip(*parts, strict=True)]


def _intercept(thinning: Tensor, distances: list[list[float]]) -> tuple[float, float]:
    """(intercept, standard error) of the line through the mean distances at 1/n = thinning / n.

    A mean is weighted by its number of parts over the scatter of one part, which grows with 1/n.
    """
    parts = torch.tensor([float(len(values)) for values in distances], dtype=torch.float64)
    y = torch.tensor([sum(values) / len(values) for values in distances], dtype=torch.float64)
    root = parts.sqrt() / thinning
    design = torch.stack([torch.ones_like(thinning), thinning], 1)
    inverse = torch.linalg.pinv(root[:, None] * design)
    line = inverse @ (root * y)
    scatter = (root * (y - design @ line)).square().sum() / (len(y) - 2)
    return float(line[0]), math.sqrt(float(scatter) * float(inverse[0].square().sum()))


def _enough(x: Tensor, y: Tensor) -> None:
    d = x.shape[1]
    if min(len(x), len(y)) <= d:
        raise ValueError(
            f"a Fréchet distance of {d} features needs more than {d} examples on each side, got {len(x)} and {len(y)}; "
            "draw more samples, or use features of fewer dimensions"
        )
