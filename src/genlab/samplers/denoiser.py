"""A denoiser: what is to be expected of the example, and of the noise, at x_t.

Samplers, likelihoods and guidance know nothing else of a model. Classifier-free guidance (Ho & Salimans, "Classifier-Free
Diffusion Guidance", 2022) makes one denoiser of two, and exaggerates the difference that a condition makes:
    output = output(unconditional) + w (output(conditional) - output(unconditional)),    w = 1: as learnt
(their w is this one minus 1). Noise, example, v and velocity are affine in one another at a given x_t and the weights add up
to one, so it does not matter which of them the output is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from genlab.maths.predictions import Estimate
from genlab.maths.schedules import Schedule, Time, broadcast

Predict = Callable[[Tensor, Time], Tensor]  # (x_t (B, *shape), t) -> what the network says, (B, *shape)
Interpret = Callable[[Tensor, Tensor, Tensor, Tensor], Estimate]  # (output, x_t, alpha, sigma) -> x^ and eps^


@dataclass(frozen=True)
class Denoiser:
    """(x_t (B, *shape), t) -> Estimate; t is one time for all rows, or (B,)."""

    predict: Predict
    interpret: Interpret
    schedule: Schedule

    def __call__(self, x_t: Tensor, t: Time) -> Estimate:
        return self.interpret(self.predict(x_t, t), x_t, *self.schedule.at(t, x_t))

    def score(self, x_t: Tensor, t: Time) -> Tensor:
        """grad log q_t(x_t) = -eps^ / sigma, (B, *shape); sigma > 0."""
        return -self(x_t, t).eps / self.schedule.at(t, x_t).sigma

    def velocity(self, x_t: Tensor, t: Time) -> Tensor:
        """dx_t/dt = alpha' x^ + sigma' eps^ of the flow that carries the distribution of x_t along, (B, *shape)."""
        x, eps = self(x_t, t)
        on_x, on_eps = (broadcast(rate, x_t) for rate in self.schedule.rates(t))
        return on_x * x + on_eps * eps


def classifier_free(conditional: Denoiser, unconditional: Denoiser, scale: float) -> Denoiser:
    """The guided denoiser; scale is w."""

    def predict(x_t: Tensor, t: Time) -> Tensor:
        output = unconditional.predict(x_t, t)
        return output + scale * (conditional.predict(x_t, t) - output)

    return replace(conditional, predict=predict)
