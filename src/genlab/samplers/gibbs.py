"""Gibbs sampling of bits, and annealed importance sampling of a normalising constant.

Annealed importance sampling (Neal, 2001; for RBMs Salakhutdinov & Murray, "On the Quantitative Analysis of Deep Belief
Networks", 2008) goes from a base distribution p*_0, which can be drawn from and whose constant Z_0 is known, to the target
p*_1, through unnormalised p*_b, 0 = b_0 < ... < b_T = 1, with a transition that leaves each p*_b unchanged:

    log w = sum_t log p*_{b_t}(x_{t-1}) - log p*_{b_{t-1}}(x_{t-1}),     x_t ~ T_{b_t}(x_{t-1}),     E[w] = Z_1 / Z_0
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from genlab.core.moves import Draws
from genlab.maths.densities import log_mean_exp

AT_ONCE = 32  # sweeps whose uniforms are drawn together: one call for each row and sweep would cost more than the sweep


def sweep_uniforms(count: int, size: int, noise: Draws) -> Iterator[Tensor]:
    """For each of `count` sweeps its uniforms, (rows, size)."""
    for start in range(0, count, AT_ONCE):
        yield from noise.uniform((min(AT_ONCE, count - start), size)).unbind(1)


def inverse_temperatures(sweeps: int, settle: int = 0) -> list[float]:
    """Inverse temperatures of an annealed chain: 1/sweeps, 2/sweeps, ..., 1, then `settle` times 1."""
    return [(step + 1) / sweeps for step in range(sweeps)] + [1.0] * settle


class Constant(NamedTuple):
    """log Z with its standard error, nats."""

    log_z: Tensor
    error: Tensor


def annealed_importance(
    x: Tensor,
    betas: Sequence[float],
    log_density: Callable[[Tensor, float], Tensor],
    transition: Callable[[Tensor, float], Tensor],
) -> Tensor:
    """log w of each chain, (B,): x (B, ...) drawn from p*_0, betas from just above 0 to 1.

    log_density(x, b) is log p*_b(x), (B,); transition(x, b) leaves p*_b unchanged.
    """
    log_w = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    before = 0.0
    for beta in betas:
        log_w += (log_density(x, beta) - log_density(x, before)).double()
        x, before = transition(x, beta), beta
    return log_w


def constant(log_z_base: Tensor, log_w: Tensor, dim: int = -1) -> Constant:
    """log Z_0 + log mean w over the chains of `dim`; its error by the delta method, std(w) / (mean(w) sqrt(chains))."""
    chains = log_w.shape[dim]
    log_mean = log_mean_exp(log_w, dim)
    relative = (log_w - log_mean.unsqueeze(dim)).exp()
    return Constant(log_z_base + log_mean, relative.std(dim) / math.sqrt(chains))
