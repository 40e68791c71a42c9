"""Flow matching: learn the velocity that carries noise into data along straight lines, then follow it.

    x_t = (1 - t) x + t eps,    v(x_t, t) ~ E[x - eps | x_t],    dx/dt = -v(x, t) from t = 1 (noise) to t = 0 (data)

Training is least squares; sampling solves an ordinary differential equation; the equation's divergence gives the density.
Lipman et al. count the other way, and so does the network, whose time is the way that is done: 1 - t.
Levels have no density: level k of L becomes a number uniform within `dequantization` times the half distance to its
neighbours, and
    log P(k) >= E[log p(c)] + log(width),    c uniform in the bin of that width around the level
(Theis, van den Oord & Bethge, "A Note on the Evaluation of Generative Models", 2016), while samples go to the nearest level.
The expectation, and for more than a few entries the divergence, are estimated by one draw.

Lipman et al., "Flow Matching for Generative Modeling", 2023; times drawn from a logit-normal distribution: Esser et al.,
"Scaling Rectified Flow Transformers for High-Resolution Image Synthesis", 2024.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from genlab.core.model import Claim, Given, LogProb
from genlab.core.moves import Descend, Draws, Now, Readings, Stage
from genlab.core.recipe import setting
from genlab.core.space import Batch, Space
from genlab.maths import predictions
from genlab.maths.densities import standard_normal
from genlab.maths.double import precise
from genlab.maths.predictions import Denoised
from genlab.maths.schedules import Straight, Time, log_snr_times
from genlab.models.diffusion.network import DenoiserConfig, Diffusion
from genlab.nets.units import centred, log_volume, restored
from genlab.samplers import ode
from genlab.samplers.diffusion import DPMSolver2M, RungeKutta

EXACT = 8  # entries up to which the divergence is exact
SOLVERS = (*ode.SOLVERS, "dpm++")


@dataclass(frozen=True)
class FlowMatchingConfig(DenoiserConfig):
    time_sampling: Literal["uniform", "logit-normal"] = setting(
        "uniform", "how training draws t; logit-normal prefers the middle"
    )
    dequantization: float = setting(1.0, "share of the distance between levels that uniform noise fills", low=0.01, high=1)
    solver: Literal["euler", "midpoint", "heun", "dpm++"] = setting("heun", "of the equation while sampling")
    sampling_steps: int = setting(25, "steps of the solver while sampling", low=1, high=100_000)
    tolerance: float = setting(1e-4, "of the adaptive solver while scoring and encoding", low=1e-9, high=0.1)


class FlowMatching(Diffusion):
    """Points and pictures of any size, with or without conditions. Latents are x_1; encode and decode follow the equation."""

    claim: ClassVar[Claim] = "estimate"

    def __init__(self, config: FlowMatchingConfig, space: Space, given: Mapping[str, Space] | None = None):
        super().__init__(config, space, given)
        self.config, self.schedule = config, Straight()
        # Half the width that a level is spread over, centred units.
        self.half_width = config.dequantization / (space.levels - 1) if space.discrete else 0.0

    # --- training ----------------------------------------------------------------------------------------------------

    def stages(self) -> Iterator[Stage]:
        yield Stage("fit", [Descend("velocity", [self.net], self.loss)])

    def loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        """Squared error of the velocity an entry."""
        x = self.continuous(batch.x, now.noise)
        t = self._drawn_times(now.noise)
        eps = now.noise.normal(self.space.shape).to(x)
        cond_mask = self.cond_mask(batch.given, now.noise)
        alpha, sigma = self.schedule.at(t, x)
        velocity = self.predict(alpha * x + sigma * eps, t, batch.given, cond_mask)
        return (velocity - predictions.target("velocity", x, eps, alpha, sigma)).square().mean(), {}

    def _drawn_times(self, noise: Draws) -> Tensor:
        """(B,) float64."""
        return 1 - precise(noise.uniform(()) if self.config.time_sampling == "uniform" else noise.normal(()).sigmoid())

    # --- the velocity ------------------------------------------------------------------------------------------------

    def predict(self, x_t: Tensor, t: Time, given: Given | None = None, cond_mask: Tensor | None = None) -> Tensor:
        return super().predict(x_t, 1 - t, given, cond_mask)

    def interpret(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Denoised:
        return predictions.denoised("velocity", output, x_t, alpha, sigma)

    def continuous(self, x: Tensor, noise: Draws) -> Tensor:
        """Centred x; levels are spread uniformly."""
        u = centred(x, self.space).to(self.dtype)
        return u + self.half_width * (2 * noise.uniform(self.space.shape).to(u) - 1) if self.space.discrete else u

    # --- scoring -----------------------------------------------------------------------------------------------------

    def log_prob(self, batch: Batch, *, noise: Draws) -> LogProb:
        """Density at the example in the user's units, or of its levels: (B,) nats."""
        x = self.continuous(batch.x, noise)
        exact = self.space.size <= EXACT
        probe = None if exact else torch.where(noise.uniform(self.space.shape) < 0.5, -1.0, 1.0).to(x)
        field = self.denoiser(batch.given).velocity
        z, gained = ode.carried_with_divergence(field, x, 0.0, 1.0, self.config.tolerance, probe)
        nats = standard_normal(z).flatten(1).sum(1) + gained
        how = f"ODE, {'exact divergence' if exact else 'Hutchinson'}"
        if self.space.discrete:
            nats, how = nats + self.space.size * math.log(2 * self.half_width), f"{how}, uniform dequantisation"
        else:
            nats = nats + log_volume(self.space)
        return LogProb(nats, "estimate", how, tuple(self.given))

    # --- sampling ----------------------------------------------------------------------------------------------------

    def sample(
        self,
        n: int,
        given: Given | None = None,
        *,
        noise: Draws,
        sampling_steps: int | None = None,
        solver: Literal["euler", "midpoint", "heun", "dpm++"] | None = None,
        guidance: float = 1.0,
        frames: Literal["states", "estimates"] = "states",
    ) -> Iterator[Tensor]:
        """sampling_steps + 1 frames (n, *shape): x_1, ..., x_0, or with frames="estimates" x^ at each of them.

        sampling_steps, solver   the config's unless given
        dpm++                    DPM-Solver++(2M): second order at one evaluation a step, where heun takes two
        guidance                 1: as learnt; above: what the conditions change, exaggerated
        """
        steps = self.config.sampling_steps if sampling_steps is None else sampling_steps
        if steps < 1:
            raise ValueError(f"sampling_steps must be at least 1, got {steps}")
        name = solver or self.config.solver
        if name not in SOLVERS:
            raise ValueError(f"solver {name!r}: choose {', '.join(SOLVERS)}")
        denoise = self.denoiser(given, guidance)
        if name == "dpm++":
            sampler, times = DPMSolver2M(denoise), log_snr_times(self.schedule, steps)
        else:
            sampler, times = RungeKutta(denoise, ode.SOLVERS[name]), [k / steps for k in range(steps, -1, -1)]
        x = noise.normal(self.space.shape).to(self.dtype)
        yield restored(x, self.space)
        for s, (x_s, x_hat) in zip(times[1:], sampler.walk(x, times), strict=True):
            yield restored(x_hat if frames == "estimates" and s else x_s, self.space)

    # --- latents: x_1 ------------------------------------------------------------------------------------------------

    def encode(self, x: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor:
        """The noise from which the equation leads to x: (B, *shape) -> (B, *shape)."""
        field = self.denoiser(given).velocity
        return ode.carried(field, centred(x, self.space).to(self.dtype), 0.0, 1.0, self.config.tolerance)

    def decode(self, z: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor:
        """The end of the equation that begins at z, in the data's units. Conditions must be given where the model has them."""
        field = self.denoiser(given).velocity
        return restored(ode.carried(field, z.to(self.dtype), 1.0, 0.0, self.config.tolerance), self.space)
