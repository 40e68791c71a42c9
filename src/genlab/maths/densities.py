"""Log-densities, log-probabilities and quantile functions, entry by entry: the caller sums over what it calls an example.

All are natural logarithms. A quantile function turns uniforms u in [0, 1) into draws, so that noise stays an argument.
Networks hand over logits or a location and the logarithm of a scale, both in centred units: level k of L ordered levels
stands at c_k = 2k/(L-1) - 1 in [-1, 1].

The discretised logistic (Salimans, Karpathy, Chen & Kingma, "PixelCNN++", 2017) gives level k the mass that a logistic
distribution with location m and scale s puts on its bin, whose edges lie half way to the neighbours; the first and the
last bin are open. With a, b the standardised lower and upper edges and sigma the logistic function,
    P(k) = sigma(b) - sigma(a) = sigma(b) sigma(-a) (1 - exp(a - b)),
a product of three numbers in (0, 1), so its logarithm needs no approximation in the tails. The discretised Gaussian (Ho, Jain &
Abbeel, "Denoising Diffusion Probabilistic Models", 2020, eq. 13) does the same with a normal distribution.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.maths.double import precise

_LOG_TWO_PI = math.log(2 * math.pi)


def bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    """log P(x) of bits x in {0, 1} with P(1) = sigma(logits); any broadcastable shapes."""
    return F.logsigmoid(torch.where(x > 0, logits, -logits))


def bernoulli_quantile(u: Tensor, logits: Tensor) -> Tensor:
    """Bits (bool) drawn with P(1) = sigma(logits)."""
    return u < logits.sigmoid()


def categorical(x: Tensor, logits: Tensor, dim: int = -1) -> Tensor:
    """log P(x) of integers x (...) under logits with one more axis, `dim`, over the categories."""
    return logits.log_softmax(dim).gather(dim, x.long().unsqueeze(dim)).squeeze(dim)


def categorical_quantile(u: Tensor, logits: Tensor, dim: int = -1) -> Tensor:
    """Integers (int64) drawn from the softmax of logits over `dim`, one for each u (...); never one whose mass is zero."""
    cumulated = precise(logits).softmax(dim).cumsum(dim)
    # Categories up to the first that u is below; and where rounding leaves the total at or below u, up to the last with mass.
    passed = (precise(u).unsqueeze(dim) >= cumulated).logical_and_(cumulated < cumulated.narrow(dim, -1, 1))
    return passed.sum(dim)  # logits that are no numbers draw the first


def discretised_logistic(x: Tensor, mean: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """log P(x) of levels x in {0 .. levels-1}; location and log of the scale in centred units."""
    half = 1 / (levels - 1)
    centre = x.to(mean.dtype) * (2 * half) - 1
    inverse = torch.exp(-log_scale)
    above = F.logsigmoid((centre + half - mean) * inverse)  # log sigma(b)
    below = F.logsigmoid((mean - centre + half) * inverse)  # log sigma(-a)
    inside = log1mexp(2 * half * inverse)
    zero = torch.zeros((), dtype=mean.dtype, device=mean.device)
    first, last = x <= 0, x >= levels - 1
    return torch.where(last, zero, above) + torch.where(first, zero, below) + torch.where(first | last, zero, inside)


def discretised_logistic_quantile(u: Tensor, mean: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """Levels (int64): a logistic draw, rounded to the bin it falls in."""
    return nearest_level(logistic_quantile(u, mean, log_scale), levels)


def discretised_gaussian(x: Tensor, mean: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """log P(x) of levels x in {0 .. levels-1}: a normal draw, rounded to its bin; mean and log of the deviation centred."""
    half = 1 / (levels - 1)
    inverse = torch.exp(-log_scale)
    middle = (x.to(mean.dtype) * (2 * half) - 1 - mean) * inverse
    infinite = torch.full_like(middle, torch.inf)
    a = torch.where(x <= 0, -infinite, middle - half * inverse)
    b = torch.where(x >= levels - 1, infinite, middle + half * inverse)
    # Phi(b) - Phi(a) = Phi(-a) - Phi(-b): of the two, the one in the lower tail keeps its digits.
    a, b = torch.where(a + b > 0, -b, a), torch.where(a + b > 0, -a, b)
    below, above = torch.special.log_ndtr(a), torch.special.log_ndtr(b)
    return above + torch.log1p(-torch.exp(below - above))


def nearest_level(c: Tensor, levels: int) -> Tensor:
    """The level (int64) whose bin holds the centred value c."""
    return ((c + 1) * ((levels - 1) / 2)).round().clamp(0, levels - 1).long()


def logistic_quantile(u: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Draws of the logistic distribution; u = 0 is minus infinity."""
    return mean + log_scale.exp() * u.logit()


def gaussian(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """log N(x; mean, exp(log_scale)^2), entry by entry."""
    return standard_normal((x - mean) * torch.exp(-log_scale)) - log_scale


def standard_normal(z: Tensor) -> Tensor:
    """log N(z; 0, 1), entry by entry."""
    return -0.5 * (z.square() + _LOG_TWO_PI)


def log1mexp(d: Tensor) -> Tensor:
    """log(1 - exp(-d)) for d > 0."""
    return torch.log(-torch.expm1(-d))


def log_mean_exp(values: Tensor, dim: int) -> Tensor:
    """log of the mean of exp(values) over `dim`."""
    return values.logsumexp(dim) - math.log(values.shape[dim])
