"""Lower bounds on log p(x) of a model with latents z, prior p(z), decoder p(x|z) and encoder q(z|x).

    ELBO(x)  = E_q[log p(x|z)] - KL(q(z|x) || p(z))                                  Kingma & Welling, 2014
    IW-k(x)  = E_q[log 1/k sum_i w_i],   w_i = p(x|z_i) p(z_i) / q(z_i|x)            Burda, Grosse & Salakhutdinov, 2016

IW-1 is the ELBO, the bound never falls as k grows, and it reaches log p(x) as k goes to infinity. beta multiplies the
KL (Higgins et al., beta-VAE, 2017): from 1 upward still a lower bound. Free bits (Kingma et al., Improved Variational
Inference with Inverse Autoregressive Flow, 2016) stop pushing down what a latent costs once its mean over the batch is
below a floor, so that latents are not switched off before the decoder has learnt to use them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from genlab.maths.densities import log_mean_exp


def negative_elbo(
    log_likelihood: Tensor,
    kl: Tensor,
    beta: float = 1.0,
    free_bits: float = 0.0,
    mean: Callable[[Tensor], Tensor] = lambda value: value,
) -> Tensor:
    """The scalar to descend on, nats per example: -mean log p(x|z) + beta sum_j max(free_bits, mean KL_j).

    log_likelihood (B,), kl (B, latents), free_bits in nats a latent; `mean` averages over processes, because the floor is
    about the whole batch.
    """
    cost = mean(kl.mean(0))  # (latents,)
    return beta * cost.clamp(min=free_bits).sum() - mean(log_likelihood.mean())


def importance_weighted(log_weights: Tensor) -> Tensor:
    """IW-k of each example, (B,), from log w (k, B)."""
    return log_mean_exp(log_weights, 0)


def shares(log_weights: Tensor) -> Tensor:
    """Normalised importance weights w_i / sum_i w_i (k, B), without gradient."""
    return torch.softmax(log_weights.detach(), 0)
