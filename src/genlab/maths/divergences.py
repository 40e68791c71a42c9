"""Kullback-Leibler divergences KL(q || p) = E_q[log q - log p] in closed form, in nats, entry by entry."""

from __future__ import annotations

import torch
from torch import Tensor


def gaussian_kl(mean_q: Tensor, log_scale_q: Tensor, mean_p: Tensor, log_scale_p: Tensor) -> Tensor:
    """KL(N(mean_q, exp(log_scale_q)^2) || N(mean_p, exp(log_scale_p)^2))."""
    log_ratio = log_scale_q - log_scale_p
    shift = (mean_q - mean_p) * torch.exp(-log_scale_p)
    # expm1 keeps the digits of exp(2r) - 1 - 2r where q and p nearly agree.
    return 0.5 * (shift.square() + torch.expm1(2 * log_ratio)) - log_ratio


def standard_normal_kl(mean: Tensor, log_scale: Tensor) -> Tensor:
    """KL(N(mean, exp(log_scale)^2) || N(0, 1))."""
    return 0.5 * (mean.square() + torch.expm1(2 * log_scale)) - log_scale


def categorical_kl(logits_q: Tensor, logits_p: Tensor, dim: int = -1) -> Tensor:
    """KL of two softmax distributions over `dim`, which is summed away; impossible categories of q count nothing."""
    log_q, log_p = logits_q.log_softmax(dim), logits_p.log_softmax(dim)
    q = log_q.exp()
    return torch.where(q > 0, q * (log_q - log_p), torch.zeros_like(q)).sum(dim)
