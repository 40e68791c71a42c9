"""Flow matching: learn the velocity that carries noise into data along straight lines, then follow it.

    x_t = (1 - t) eps + t x,    v(x_t, t) ~ E[x - eps | x_t],    dx/dt = v(x, t) from t = 0 (noise) to t = 1 (data)

Training is least squares; sampling solves an ordinary differential equation; the equation's divergence gives the density.
Levels have no density: level k of L becomes a number uniform within `filled` times the half distance to its neighbours, and
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
from genlab.core.recipe import knob
from genlab.core.space import Batch, Space
from genlab.maths import transports
from genlab.maths.densities import standard_normal
from genlab.models.diffusion.network import Denoiser, DenoiserConfig, network
from genlab.nets.units import centred, log_volume, restored
from genlab.samplers import ode

EXACT = 8  # entries up to which the divergence is exact


@dataclass(frozen=True)
class FlowMatchingConfig(DenoiserConfig):
    times: Literal["uniform", "logit-normal"] = knob("uniform", "how training draws t; logit-normal prefers the middle")
    filled: float = knob(1.0, "share of the distance between levels that dequantisation fills", low=0.01, high=1)
    solver: Literal["euler", "midpoint", "heun"] = knob("heun", "of the equation while sampling")
    steps: int = knob(25, "steps of the solver while sampling", low=1, high=100_000)
    tolerance: float = knob(1e-4, "of the adaptive solver while scoring and encoding", low=1e-9, high=0.1)


class FlowMatching(Denoiser):
    """Points and pictures of any size, with or without labels. Latents are x_0; encode and decode follow the equation."""

    claim: ClassVar[Claim] = "estimate"

    def __init__(self, config: FlowMatchingConfig, space: Space, given: Mapping[str, Space] | None = None):
        super().__init__(space, given, config.unlabelled)
        self.config = config
        self.net = network(config, space, self.classes)
        # Half the width that a level is spread over, centred units.
        self.half_width = config.filled / (space.levels - 1) if space.discrete else 0.0

    # --- training ----------------------------------------------------------------------------------------------------

    def stages(self) -> Iterator[Stage]:
        yield Stage("fit", [Descend("velocity", [self.net], self.loss)])

    def loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        """Squared error of the velocity an entry."""
        x = self.continuous(batch.x, now.noise)
        t = self._drawn_times(now.noise).to(x)
        eps = now.noise.normal(self.space.shape).to(x)
        label = self.dropped(self.heard(batch.given), now.noise)
        x_t = transports.along(x, eps, t.reshape(-1, *[1] * (x.ndim - 1)))
        wrong = (self.net(x_t, t, label) - transports.velocity(x, eps)).square()
        return wrong.mean(), {}

    def _drawn_times(self, noise: Draws) -> Tensor:
        return noise.uniform(()) if self.config.times == "uniform" else noise.normal(()).sigmoid()

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
        z, gained = ode.back_to_noise(self.guided(self.heard(batch.given), 1.0), x, self.config.tolerance, probe)
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
        steps: int | None = None,
        solver: Literal["euler", "midpoint", "heun"] | None = None,
        guidance: float = 1.0,
        frames: Literal["states", "estimates"] = "states",
    ) -> Iterator[Tensor]:
        """steps + 1 frames (n, *shape): x_t from noise to the result, or with frames="estimates" where each was heading.

        guidance   1: as learnt; above: what the label changes, exaggerated
        """
        field = self.guided(self.chosen(given, noise), guidance)
        x, steps = noise.normal(self.space.shape).to(self.dtype), self.config.steps if steps is None else steps
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}")
        name = solver or self.config.solver
        if name not in ode.SOLVERS:
            raise ValueError(f"solver {name!r}: choose {', '.join(ode.SOLVERS)}")
        times = [k / steps for k in range(steps + 1)]
        yield restored(x, self.space)
        for t, x in zip(times[1:], ode.integrate(field, x, times, ode.SOLVERS[name]), strict=True):  # noqa: B020
            ahead = frames == "estimates" and t < 1
            yield restored(transports.example(x, field(x, t), t) if ahead else x, self.space)

    # --- latents: x_0 ------------------------------------------------------------------------------------------------

    def encode(self, x: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor:
        """Where the equation comes from: (B, *shape) -> (B, *shape)."""
        field = self.guided(self.heard(given or {}), 1.0)
        return ode.carried(field, centred(x, self.space).to(self.dtype), 1.0, 0.0, self.config.tolerance)

    def decode(self, z: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor:
        """Where the equation ends, in the data's units. Labels must be given where the model has them."""
        field = self.guided(self.heard(given or {}), 1.0)
        return restored(ode.carried(field, z.to(self.dtype), 0.0, 1.0, self.config.tolerance), self.space)
