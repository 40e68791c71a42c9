"""A denoiser: the expected example x^ = E[x | x_t] and the expected noise eps^ = E[eps | x_t].

Samplers, likelihoods and guidance need nothing else of a model. Classifier-free guidance (Ho & Salimans, "Classifier-Free
Diffusion Guidance", 2022) combines two denoisers into one and exaggerates the effect of a condition:
    output = output(unconditional) + w (output(conditional) - output(unconditional)),    w = 1: as learnt
(their w is this one minus 1). Noise, example, v and velocity are affine in one another at a given x_t and the weights add up
to one, so it does not matter which of them the output is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from genlab.maths.predictions import Denoised
from genlab.maths.schedules import Schedule, Time, broadcast

Predict = Callable[[Tensor, Time], Tensor]  # (x_t (B, *shape), t) -> the network's output, (B, *shape)
Interpret = Callable[[Tensor, Tensor, Tensor, Tensor], Denoised]  # (output, x_t, alpha, sigma) -> x^ and eps^


@dataclass(frozen=True)
class Denoiser:
    """(x_t (B, *shape), t) -> Denoised; t is one time for all rows, or (B,).

    predict     the network
    interpret   x^ and eps^ from its output at x_t, with the schedule's alpha and sigma there
    """

    predict: Predict
    interpret: Interpret
    schedule: Schedule

    def __call__(self, x_t: Tensor, t: Time) -> Denoised:
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
