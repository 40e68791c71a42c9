"""Noise schedules: how much of the example and how much noise there is at each time.

    x_t = alpha_t x + sigma_t eps,    eps ~ N(0, I),    t in [0, 1]: the example at 0, noise at 1

A schedule is a function t -> (alpha_t, sigma_t). The signal-to-noise ratio SNR_t = alpha_t^2 / sigma_t^2 falls with t. The
process is Markov: for s < t,
    q(x_t | x_s) = N(alpha_ts x_s, sigma_ts^2 I),
    alpha_ts = alpha_t / alpha_s,    sigma_ts^2 = sigma_t^2 - alpha_ts^2 sigma_s^2,
and, given the example, it can be run backwards over any stretch of time:
    q(x_s | x_t, x) = N(a x + b x_t, c I),
    a = alpha_s sigma_ts^2 / sigma_t^2,    b = alpha_ts sigma_s^2 / sigma_t^2,    c = sigma_s^2 sigma_ts^2 / sigma_t^2.
In Ho's letters alpha_t^2 is alpha-bar_t and, where s is one level below t, sigma_ts^2 is beta_t and c is beta-tilde_t.

Ho, Jain & Abbeel, "Denoising Diffusion Probabilistic Models", 2020; the coefficients between any two times: Kingma, Salimans,
Poole & Ho, "Variational Diffusion Models", 2021, appendix A; VP and VE: Song et al., "Score-Based Generative Modeling through
Stochastic Differential Equations", 2021.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from genlab.maths.double import precise

Time = float | Tensor  # one for all rows, or (B,)

_MOST_NOISE = 0.999  # largest beta: no single step may erase the signal
_LOG_SNR = (-5.0, 10.0)
_BISECTIONS = 60  # of [0, 1], until float64 can no longer separate the ends


class Level(NamedTuple):
    """alpha and sigma at some times: float64, shaped like the times."""

    alpha: Tensor
    sigma: Tensor

    @property
    def log_snr(self) -> Tensor:
        """log(alpha^2 / sigma^2): infinite for the example, minus infinite for nothing but noise."""
        return 2 * (self.alpha.log() - self.sigma.log())

    @property
    def snr(self) -> Tensor:
        return (self.alpha / self.sigma).square()

    @property
    def angle(self) -> Tensor:
        """phi = arctan(sigma / alpha): 0 for the example, pi/2 for noise, whatever x_t is scaled by."""
        return torch.atan2(self.sigma, self.alpha)

    @property
    def radius(self) -> Tensor:
        """sqrt(alpha^2 + sigma^2): 1 where the schedule preserves variance."""
        return torch.hypot(self.alpha, self.sigma)


class Reverse(NamedTuple):
    """q(x_s | x_t, x) = N(on_x x + on_xt x_t, variance I): float64, shaped like the times."""

    on_x: Tensor
    on_xt: Tensor
    variance: Tensor


def forward_variance_share(s: Level, t: Level) -> Tensor:
    """sigma_ts^2 / sigma_t^2 = 1 - SNR_t / SNR_s: the share of the variance of the noise at t that was added after s."""
    return -torch.expm1(t.log_snr - s.log_snr)


def forward_variance(s: Level, t: Level) -> Tensor:
    """sigma_ts^2, the variance of q(x_t | x_s)."""
    return t.sigma.square() * forward_variance_share(s, t)


def reverse(s: Level, t: Level) -> Reverse:
    """The coefficients of q(x_s | x_t, x), s < t."""
    share = forward_variance_share(s, t)
    on_xt = t.alpha / s.alpha * (s.sigma / t.sigma).square()
    return Reverse(s.alpha * share, on_xt, s.sigma.square() * share)


def broadcast(values: Tensor, like: Tensor) -> Tensor:
    """A scalar, or (B,), with the dtype of `like` (B, *shape), shaped to broadcast with it."""
    if not values.ndim:
        return values.to(like.dtype)
    return values.to(like).reshape(-1, *[1] * (like.ndim - 1))


class Schedule(ABC):
    """t in [0, 1] -> (alpha, sigma)."""

    @abstractmethod
    def level(self, t: Tensor) -> Level:
        """alpha and sigma at float64 times of any shape."""

    def __call__(self, t: Time) -> Level:
        return self.level(precise(t) if isinstance(t, Tensor) else torch.tensor(t, dtype=torch.float64))

    def rates(self, t: Time) -> Level:
        """d alpha / dt and d sigma / dt."""
        t = precise(t) if isinstance(t, Tensor) else torch.tensor(t, dtype=torch.float64)
        return torch.func.jvp(self.level, (t,), (torch.ones_like(t),))[1]

    def time_of(self, angle: Tensor) -> Tensor:
        """The float64 times at which the angle of `Level` is `angle`, by bisection of [0, 1]."""
        low, high = torch.zeros_like(angle), torch.ones_like(angle)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            beyond = self(middle).angle < angle
            low, high = torch.where(beyond, middle, low), torch.where(beyond, high, middle)
        return (low + high) / 2

    def at(self, t: Time, like: Tensor) -> Level:
        """alpha and sigma with the dtype and device of `like` (B, *shape), broadcasting over its shape."""
        alpha, sigma = self(t)
        return Level(broadcast(alpha, like), broadcast(sigma, like))


@dataclass(frozen=True, eq=False)
class Table(Schedule):
    """alpha = cos(angle), sigma = sin(angle), from the angles at t = 0, 1/T, ..., 1: (T+1,) float64, linear between them."""

    angles: Tensor

    @classmethod
    def from_betas(cls, betas: Tensor) -> Table:
        """From beta_1 .. beta_T of the variance-preserving process, where alpha^2 + sigma^2 = 1 (Ho et al., eq. 2)."""
        log_alpha_bar = torch.cat([torch.zeros(1, dtype=torch.float64), torch.log1p(-betas.double())]).cumsum(0)
        return cls(torch.atan2((-torch.expm1(log_alpha_bar)).sqrt(), (log_alpha_bar / 2).exp()))

    def level(self, t: Tensor) -> Level:
        position, angles = t * (len(self.angles) - 1), self.angles.to(t)
        below = position.detach().long().clamp(0, len(self.angles) - 2)
        angle = angles[below] + (position - below) * (angles[below + 1] - angles[below])
        return Level(angle.cos(), angle.sin())


class Straight(Schedule):
    """alpha = 1 - t, sigma = t: straight lines between example and noise (flow matching)."""

    def level(self, t: Tensor) -> Level:
        return Level(1 - t, t)

    def rates(self, t: Time) -> Level:
        one = torch.ones_like(t) if isinstance(t, Tensor) else torch.ones((), dtype=torch.float64)
        return Level(-one, one)


@dataclass(frozen=True)
class VP(Schedule):
    """The variance-preserving equation dx = -beta x / 2 dt + sqrt(beta) dW with beta growing linearly (Song et al., eq. 33)."""

    least: float = 0.1  # beta at t = 0
    most: float = 20.0  # beta at t = 1

    def level(self, t: Tensor) -> Level:
        log_alpha = -0.5 * (self.least * t + 0.5 * (self.most - self.least) * t.square())
        return Level(log_alpha.exp(), (-torch.expm1(2 * log_alpha)).sqrt())


@dataclass(frozen=True)
class VE(Schedule):
    """Exploding variance: alpha = 1 and sigma grows geometrically from `least`, which is not 0, to `most`."""

    least: float = 0.01
    most: float = 50.0

    def level(self, t: Tensor) -> Level:
        return Level(torch.ones_like(t), self.least * (self.most / self.least) ** t)


def linear(T: int) -> Table:
    """Ho's schedule: beta from 1e-4 to 0.02 at T = 1000, scaled by 1000 / T otherwise, so that x_1 is as noisy."""
    scale = 1000 / T
    betas = torch.linspace(1e-4 * scale, 0.02 * scale, T, dtype=torch.float64)
    return Table.from_betas(betas.clamp(max=_MOST_NOISE))


def cosine(T: int) -> Table:
    """alpha_t = cos(pi/2 (t + 0.008) / 1.008) up to a factor, betas at most 0.999.

    Nichol & Dhariwal, "Improved Denoising Diffusion Probabilistic Models", 2021, eq. 17: gentler at both ends.
    """
    t = torch.arange(T + 1, dtype=torch.float64) / T
    alpha_bar = torch.cos((t + 0.008) / 1.008 * (math.pi / 2)).square()
    return Table.from_betas((1 - alpha_bar[1:] / alpha_bar[:-1]).clamp(max=_MOST_NOISE))


SCHEDULES: dict[str, Callable[[int], Table]] = {"linear": linear, "cosine": cosine}


def levels(T: int) -> Tensor:
    """The times 0, 1/T, ..., 1 at which a process of T noise levels is trained: (T+1,) float64."""
    return torch.arange(T + 1, dtype=torch.float64) / T


def times(T: int, steps: int, first: int = 1) -> list[float]:
    """`steps` + 1 of the T levels from 1 down to 0, evenly spread between 1 and first/T, from which the last step goes to 0."""
    most = T - first + 1
    if not 1 <= steps <= most:
        raise ValueError(f"sampling steps must lie between 1 and {most} with {T} noise levels, got {steps}")
    if steps == 1:
        return [1.0, 0.0]
    return [round(first + (T - first) * k / (steps - 1)) / T for k in range(steps - 1, -1, -1)] + [0.0]


def log_snr_times(schedule: Schedule, steps: int, last: float = 0.0) -> list[float]:
    """`steps` + 1 times from 1 down to 0, evenly spread in log SNR between 1 and `last`, from which the last step goes to 0.

    A log SNR outside [-5, 10] counts as its nearer end: beyond it there is next to nothing of the example, or of the noise.
    """
    if steps < 1:
        raise ValueError(f"sampling steps must be at least 1, got {steps}")
    if steps == 1:
        return [1.0, 0.0]
    start, end = (float(schedule(t).log_snr.clamp(*_LOG_SNR)) for t in (1.0, last))
    if not start < end:
        raise ValueError(f"{steps} sampling steps need a schedule whose log SNR differs at t = 1 and {last:g}; take 1 step")
    log_snr = torch.linspace(start, end, steps, dtype=torch.float64)[1:]
    return [1.0, *schedule.time_of(torch.atan((-log_snr / 2).exp())).tolist(), 0.0]
