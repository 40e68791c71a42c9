"""Samplers, which go from noise to data against the time of x_t = alpha_t x + sigma_t eps (`maths.schedules`).

A denoiser yields x^ and eps^ at x_t. Every sampler is one `step` from t to s < t, and all share one loop:

    Ancestral         x_s = a x^ + b x_t + sqrt(var) z
                      (Ho et al., "Denoising Diffusion Probabilistic Models", 2020, Algorithm 2)
    DDIM              x_s = alpha_s x^ + sqrt(sigma_s^2 - var) eps^ + sqrt(var) z, var = eta^2 c
                      (Song, Meng & Ermon, "Denoising Diffusion Implicit Models", 2021)
    RungeKutta        dx/dt = alpha' x^ + sigma' eps^, by any explicit method
    AngularRungeKutta the same flow along the circle (Karras et al., "Elucidating the Design Space of Diffusion-Based Generative
                      Models", 2022, for Heun's method)
    DPMSolver2M       DDIM's step with x^ extrapolated from the step before (Lu et al., "DPM-Solver++", 2022, Algorithm 2)

On the circle, z = x_t / r_t with r_t^2 = alpha_t^2 + sigma_t^2 and the angle phi_t = arctan(sigma_t / alpha_t) obey dz/dphi =
cos(phi) eps^ - sin(phi) x^ (Salimans & Ho, 2022), which has no singular end and does not depend on how x_t is scaled. DDIM
with eta = 0 turns along it with x^ and eps^ held still.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from genlab.core.moves import Draws
from genlab.maths.schedules import reverse
from genlab.samplers import ode
from genlab.samplers.denoiser import Denoiser

Steps = Iterator[tuple[Tensor, Tensor]]

_BLOCK = 2**14  # numbers of a row drawn at once


@dataclass
class Sampler(ABC):
    """A way from noise to data. It may remember its last step, so every sample needs a sampler of its own."""

    denoise: Denoiser

    @abstractmethod
    def step(self, x: Tensor, t: float, s: float) -> tuple[Tensor, Tensor]:
        """(x_s, x^ at x_t) from x_t, both (B, *shape)."""

    def walk(self, x: Tensor, times: Sequence[float]) -> Steps:
        """(x_s, x^) after each step, from x at times[0] down to times[-1]."""
        for t, s in pairwise(times):
            x, x_hat = self.step(x, t, s)
            yield x, x_hat

    def ddim_step(self, x: Tensor, x_hat: Tensor, t: float, s: float) -> Tensor:
        """DDIM's deterministic step: alpha_s x^ + sigma_s eps^, with the eps^ that goes with x^ at x_t."""
        at_t, at_s = self.denoise.schedule(t), self.denoise.schedule(s)
        ratio = float(at_s.sigma / at_t.sigma)
        return (float(at_s.alpha) - float(at_t.alpha) * ratio) * x_hat + ratio * x


@dataclass
class Ancestral(Sampler):
    """A draw of the Markov chain whose bound is scored. variances: of p(x_s | x_t) at each step; the last is the decoder's."""

    variances: Iterator[float]
    normals: Iterator[Tensor]

    def step(self, x: Tensor, t: float, s: float) -> tuple[Tensor, Tensor]:
        a, b, _ = map(float, reverse(self.denoise.schedule(s), self.denoise.schedule(t)))
        x_hat = self.denoise(x, t).x
        return a * x_hat + b * x + next(self.variances) ** 0.5 * next(self.normals), x_hat


@dataclass
class DDIM(Sampler):
    """First order.

    eta      0 is deterministic, 1 the ancestral chain with the variance c of q(x_s | x_t, x)
    normals  one for each step where eta > 0
    """

    eta: float = 0.0
    normals: Iterator[Tensor] | None = None

    def step(self, x: Tensor, t: float, s: float) -> tuple[Tensor, Tensor]:
        x_hat, eps_hat = self.denoise(x, t)
        if not self.eta:
            return self.ddim_step(x, x_hat, t, s), x_hat
        assert self.normals is not None
        at_s = self.denoise.schedule(s)
        variance = self.eta**2 * float(reverse(at_s, self.denoise.schedule(t)).variance)
        on_eps = math.sqrt(max(float(at_s.sigma) ** 2 - variance, 0.0))
        return float(at_s.alpha) * x_hat + on_eps * eps_hat + math.sqrt(variance) * next(self.normals), x_hat


@dataclass
class RungeKutta(Sampler):
    """The flow in time, by the method of `tableau`."""

    tableau: ode.Tableau

    def step(self, x: Tensor, t: float, s: float) -> tuple[Tensor, Tensor]:
        estimates: list[Tensor] = []

        def velocity(x: Tensor, t: float) -> Tensor:
            x_hat, eps_hat = self.denoise(x, t)
            estimates.append(x_hat)
            on_x, on_eps = map(float, self.denoise.schedule.rates(t))
            return on_x * x_hat + on_eps * eps_hat

        return ode.step(velocity, x, t, s - t, self.tableau), estimates[0]


@dataclass
class AngularRungeKutta(RungeKutta):
    """The flow in the angle. The step to sigma = 0 is DDIM's, since x^ and eps^ cannot both be computed there."""

    def step(self, x: Tensor, t: float, s: float) -> tuple[Tensor, Tensor]:
        schedule, estimates = self.denoise.schedule, []
        at_t, at_s = schedule(t), schedule(s)
        if not at_s.sigma:
            x_hat = self.denoise(x, t).x
            return self.ddim_step(x, x_hat, t, s), x_hat
        start, h = float(at_t.angle), float(at_s.angle - at_t.angle)

        def slope(z: Tensor, share: float) -> Tensor:
            """h dz/dphi where a share of the step is done."""
            angle = start + share * h
            time = t if share == 0 else s if share == 1 else float(schedule.time_of(torch.tensor(angle, dtype=torch.float64)))
            x_hat, eps_hat = self.denoise(z * float(schedule(time).radius), time)
            estimates.append(x_hat)
            return h * (math.cos(angle) * eps_hat - math.sin(angle) * x_hat)

        z = ode.step(slope, x / float(at_t.radius), 0, 1, self.tableau)
        return z * float(at_s.radius), estimates[0]


@dataclass
class DPMSolver2M(Sampler):
    """Second order in lambda = log(alpha / sigma), with one evaluation a step, at the times of `schedules.log_snr_times`.

    The first step, and one to sigma = 0, is DDIM's.
    """

    before: tuple[float, Tensor] | None = None  # lambda and x^ one step ago

    def step(self, x: Tensor, t: float, s: float) -> tuple[Tensor, Tensor]:
        extrapolated = x_hat = self.denoise(x, t).x
        at_t, at_s = (float(self.denoise.schedule(time).log_snr) / 2 for time in (t, s))  # lambda
        if self.before is not None and at_s < math.inf:
            extrapolated = x_hat + (at_s - at_t) / (2 * (at_t - self.before[0])) * (x_hat - self.before[1])
        self.before = at_t, x_hat
        return self.ddim_step(x, extrapolated, t, s), x_hat


def normals_of_steps(noise: Draws, shape: Sequence[int], steps: int, dtype: torch.dtype) -> Iterator[Tensor]:
    """`steps` standard normal tensors (n, *shape), several drawn at a time, since a call costs more than a small row."""
    at_once = max(1, _BLOCK // max(1, torch.Size(shape).numel()))
    for first in range(0, steps, at_once):
        block = noise.normal((min(at_once, steps - first), *shape)).to(dtype)
        yield from block.unbind(1)
