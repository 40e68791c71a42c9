"""How a denoiser's errors are weighted, and the variational bound they add up to.

Whatever a network predicts (`maths.predictions`), its squared error is that of x^ times a factor that depends on t alone, so
one weight w(t) on ||x - x^||^2 serves all predictions.
Where x has few levels a network may instead predict the odds of each level against the next lower one before the entry's own
x_t is looked at; Bayes' rule then adds the likelihood of x_t. x^ is then exact where there is little noise, which no smooth
network would be, and p(x | x_{t_1}) is categorical, good from a t_1 where the noise is as wide as half the distance between two
levels.

The model runs the process backwards with x^ in place of x: p(x_s | x_t) = N(a x^ + b x_t, var I), a and b from
`schedules.reverse`. For any times 0 = t_0 < t_1 < ... < t_S = 1,
    -log p(x)  <=  L_T + sum_i L_i + L_0,
    L_T = KL(q(x_1 | x) || N(0, I)),    L_i = E KL(q(x_s | x_t, x) || p(x_s | x_t)),    L_0 = E[-log p(x | x_{t_1})],
which are eq. 5 of Ho et al., 2020. With e^2 the mean squared error of x^ at t, the best var is c + a^2 e^2: what the backward
step's variance if x were known, and the uncertainty about x (Bao, Li, Zhu & Zhang, "Analytic-DPM", 2022). At s = 0 it is e^2
itself, the variance of the decoder p(x | x_{t_1}): the discretised Gaussian where x has levels.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from genlab.maths.densities import discretised_gaussian, gaussian
from genlab.maths.divergences import gaussian_kl, standard_normal_kl
from genlab.maths.predictions import Prediction, error_scale
from genlab.maths.schedules import Level

LossWeighting = Literal["simple", "bound", "min-snr"]

_GAMMA = 5.0  # Hang et al., "Efficient Diffusion Training via Min-SNR Weighting Strategy", 2023


# --- odds of levels: x_t is (B, *shape); alpha and sigma broadcast ---------------------------------------------------------


def level_log_probs(odds: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor, levels: int) -> Tensor:
    """log P(level | x_t), (B, *shape, levels), where level k has prior odds exp(odds) against level k - 1."""
    k = torch.arange(levels, device=x_t.device, dtype=x_t.dtype)
    z = (x_t[..., None] - alpha[..., None] * (k * (2 / (levels - 1)) - 1)) / sigma[..., None]
    return (odds[..., None] * k - 0.5 * z.square()).log_softmax(-1)


def level_mean(log_probs: Tensor) -> Tensor:
    """E[x | x_t], centred: (B, *shape)."""
    return log_probs.exp() @ torch.linspace(-1, 1, log_probs.shape[-1], device=log_probs.device, dtype=log_probs.dtype)


def loss_weights(kind: LossWeighting, prediction: Prediction, level: Level) -> Tensor:
    """(T+1,) float64: what the squared error of the prediction is multiplied by at each of T noise levels and at 0.

    level   alpha and sigma at t = 0, 1/T, ..., 1; no error is ever made at 0
    simple   1
    bound    lambda_t: the expectation over t, times T, is then the bound in nats up to a constant
    min-snr  min(SNR, 5) on x^
    """
    scale, snr, T = error_scale(prediction, *level), level.snr, len(level.alpha) - 1
    if kind == "simple":
        return torch.ones_like(snr)
    if kind == "min-snr":
        return snr.clamp(max=_GAMMA) / scale
    on_x = 0.5 * T * (snr.roll(1) - snr)
    # L_0 with a Gaussian decoder of deviation sigma_1.
    on_x[:2] = 0.5 * T / level.sigma[1].square()
    return on_x / scale


# --- the bound: all terms (B,), nats, costs --------------------------------------------------------------------------------


def prior_cost(x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
    """L_T = KL(q(x_1 | x) || N(0, I)); alpha and sigma at t = 1."""
    return standard_normal_kl(alpha * x, sigma.log().expand_as(x)).flatten(1).sum(1)


def step_cost(x: Tensor, x_hat: Tensor, on_x: Tensor, posterior: Tensor, variance: Tensor) -> Tensor:
    """L_i = KL(N(a x + b x_t, c) || N(a x^ + b x_t, var)), for the x_t that x^ was made from.

    on_x (a), posterior (c) and variance (var) broadcast over (B, *shape); b x_t cancels.
    """
    return gaussian_kl(on_x * x, 0.5 * posterior.log(), on_x * x_hat, 0.5 * variance.log()).expand_as(x).flatten(1).sum(1)


def decoder_cost(x: Tensor, x_hat: Tensor, variance: Tensor, levels: int = 0) -> Tensor:
    """L_0 = -log p(x | x_{t_1}): of the level when x has levels (0 .. levels-1), else of the density at centred x."""
    log_scale = (0.5 * variance.log()).expand_as(x_hat)
    nats = discretised_gaussian(x, x_hat, log_scale, levels) if levels else gaussian(x, x_hat, log_scale)
    return -nats.flatten(1).sum(1)


def best_variance(posterior: Tensor, on_x: Tensor, error: Tensor) -> Tensor:
    """c + a^2 e^2: the variance of p(x_s | x_t) that makes the bound tightest, e^2 being the error of x^ in each entry."""
    return posterior + on_x.square() * error
