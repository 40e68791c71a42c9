"""The forward process of diffusion: what noise does to data, in closed form.

    x_t = alpha_t x + sigma_t eps,    eps ~ N(0, I),    t = 0 .. T,    alpha_0 = 1, sigma_0 = 0

so x_0 is the example and x_T nearly pure noise. The signal-to-noise ratio SNR_t = alpha_t^2 / sigma_t^2 falls with t. The
process is Markov: for s < t,
    q(x_t | x_s) = N(alpha_ts x_s, sigma_ts^2 I),
    alpha_ts = alpha_t / alpha_s,    sigma_ts^2 = sigma_t^2 - alpha_ts^2 sigma_s^2,
and, knowing where it began, it can be run backwards over any number of steps at once:
    q(x_s | x_t, x) = N(a x + b x_t, c I),
    a = alpha_s sigma_ts^2 / sigma_t^2,    b = alpha_ts sigma_s^2 / sigma_t^2,    c = sigma_s^2 sigma_ts^2 / sigma_t^2.
In Ho's letters alpha_t^2 is alpha-bar_t and, where s = t - 1, sigma_ts^2 is beta_t and c is beta-tilde_t.

Ho, Jain & Abbeel, "Denoising Diffusion Probabilistic Models", 2020; the coefficients between any two times: Kingma, Salimans,
Poole & Ho, "Variational Diffusion Models", 2021, appendix A.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

Time = int | Tensor  # t in 0 .. T: one for all rows, or (B,) int64

_MOST_NOISE = 0.999  # largest beta: no single step may erase the signal


class Reverse(NamedTuple):
    """q(x_s | x_t, x) = N(on_x x + on_xt x_t, variance I): float64, shaped like the times."""

    on_x: Tensor
    on_xt: Tensor
    variance: Tensor


@dataclass(frozen=True, eq=False)
class Forward:
    """alpha and sigma of every t = 0 .. T: (T+1,) float64 on the CPU. Coefficients are float64; `spread` casts them."""

    alpha: Tensor
    sigma: Tensor

    @classmethod
    def from_betas(cls, betas: Tensor) -> Forward:
        """From beta_1 .. beta_T of the variance-preserving process, where alpha_t^2 + sigma_t^2 = 1 (Ho et al., eq. 2)."""
        log_kept = torch.cat([torch.zeros(1, dtype=torch.float64), torch.log1p(-betas.double())]).cumsum(0)  # log abar_t
        return cls((log_kept / 2).exp(), (-torch.expm1(log_kept)).sqrt())

    @property
    def T(self) -> int:
        return len(self.alpha) - 1

    @property
    def snr(self) -> Tensor:
        """(T+1,), infinite at t = 0."""
        return (self.alpha / self.sigma).square()

    @property
    def angle(self) -> Tensor:
        """phi_t = arctan(sigma_t / alpha_t), (T+1,): 0 for the example, pi/2 for noise, whatever the process is scaled by."""
        return torch.atan2(self.sigma, self.alpha)

    def diffuse(self, x: Tensor, t: Time, eps: Tensor) -> Tensor:
        """x_t: rows of x and eps (B, *shape)."""
        return spread(self.alpha, t, x) * x + spread(self.sigma, t, x) * eps

    def forgotten(self, s: Time, t: Time) -> Tensor:
        """sigma_ts^2 / sigma_t^2 = 1 - SNR_t / SNR_s: the share of the noise at t that came after s."""
        log_snr = self.snr.log()
        return -torch.expm1(log_snr[t] - log_snr[s])

    def fresh(self, s: Time, t: Time) -> Tensor:
        """sigma_ts^2, the variance of q(x_t | x_s)."""
        return self.sigma[t].square() * self.forgotten(s, t)

    def reverse(self, s: Time, t: Time) -> Reverse:
        """The coefficients of q(x_s | x_t, x), s < t."""
        forgotten = self.forgotten(s, t)
        kept = (self.sigma[s] / self.sigma[t]).square()  # sigma_s^2 / sigma_t^2
        return Reverse(self.alpha[s] * forgotten, self.alpha[t] / self.alpha[s] * kept, self.sigma[s].square() * forgotten)

    def times(self, steps: int, first: int = 1) -> list[int]:
        """`steps` + 1 times from T down to 0, evenly spread between T and `first`, from which the last step goes to 0."""
        most = self.T - first + 1
        if not 1 <= steps <= most:
            raise ValueError(f"steps must lie between 1 and {most} with {self.T} noise levels, got {steps}")
        if steps == 1:
            return [self.T, 0]
        return [round(first + (self.T - first) * k / (steps - 1)) for k in range(steps - 1, -1, -1)] + [0]


def spread(table: Tensor, t: Time, like: Tensor) -> Tensor:
    """table[t] with the dtype and device of `like` (B, *shape), broadcasting over its shape."""
    if isinstance(t, int):
        return table[t].to(like.dtype)
    return table.to(like.device, like.dtype)[t.to(like.device)].reshape(-1, *[1] * (like.ndim - 1))


def linear(T: int) -> Forward:
    """Ho's schedule: beta from 1e-4 to 0.02 at T = 1000, scaled by 1000 / T otherwise, so that x_T is as noisy."""
    scale = 1000 / T
    betas = torch.linspace(1e-4 * scale, 0.02 * scale, T, dtype=torch.float64)
    return Forward.from_betas(betas.clamp(max=_MOST_NOISE))


def cosine(T: int) -> Forward:
    """alpha_t = cos(pi/2 (t/T + 0.008) / 1.008) up to a factor, betas at most 0.999.

    Nichol & Dhariwal, "Improved Denoising Diffusion Probabilistic Models", 2021, eq. 17: gentler at both ends.
    """
    u = torch.arange(T + 1, dtype=torch.float64) / T
    kept = torch.cos((u + 0.008) / 1.008 * (math.pi / 2)).square()
    return Forward.from_betas((1 - kept[1:] / kept[:-1]).clamp(max=_MOST_NOISE))


SCHEDULES: dict[str, Callable[[int], Forward]] = {"linear": linear, "cosine": cosine}
