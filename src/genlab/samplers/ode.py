"""Ordinary differential equations dx/dt = v(x, t): solving them, and the density they carry along.

An explicit Runge-Kutta step of size h takes s slopes k_i = v(x + h sum_j a_ij k_j, t + c_i h) and moves by h sum_i b_i k_i;
the numbers a, b, c are its Butcher tableau (Hairer, Norsett & Wanner, "Solving Ordinary Differential Equations I", 1993).

Along a solution the log-density falls by the divergence, d log p_t(x_t) / dt = -div v(x_t, t) (Chen et al., "Neural
Ordinary Differential Equations", 2018), so
    log p_s(x_s) = log p_t(x_t) + integral over time from s to t of div v.
The divergence is the trace of a Jacobian: exact from one vector-Jacobian product an entry, or estimated without bias from a
single one, e . J e with a random e of covariance I (Hutchinson, 1990; Grathwohl et al., "FFJORD", 2019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genlab.samplers.adaptive import solve

Field = Callable[[Tensor, float], Tensor]  # (x (B, *shape), t) -> dx/dt (B, *shape)


@dataclass(frozen=True)
class Tableau:
    """An explicit method. order: the power of the step size that its error falls with."""

    order: int
    c: tuple[float, ...]
    a: tuple[tuple[float, ...], ...]  # row i: the weights of the slopes before it
    b: tuple[float, ...]


EULER = Tableau(1, (0,), ((),), (1,))
MIDPOINT = Tableau(2, (0, 1 / 2), ((), (1 / 2,)), (0, 1))
HEUN = Tableau(2, (0, 1), ((), (1,)), (1 / 2, 1 / 2))
SOLVERS = {"euler": EULER, "midpoint": MIDPOINT, "heun": HEUN}


def step(field: Field, x: Tensor, t: float, h: float, tableau: Tableau) -> Tensor:
    """x at t + h."""
    slopes: list[Tensor] = []
    for c, row in zip(tableau.c, tableau.a, strict=True):
        slopes.append(field(_moved(x, h, row, slopes), t + c * h))
    return _moved(x, h, tableau.b, slopes)


def _moved(x: Tensor, h: float, weights: Sequence[float], slopes: Sequence[Tensor]) -> Tensor:
    for weight, slope in zip(weights, slopes, strict=True):
        if weight:
            x = x + h * weight * slope
    return x


def carried(field: Field, x: Tensor, start: float, end: float, tolerance: float) -> Tensor:
    """x at `end` from x at `start`, by Dormand & Prince's adaptive method; tolerance absolute and relative."""
    (reached,) = solve(lambda t, state: (field(state[0], t),), (x,), start, end, tolerance)
    return reached


def carried_with_divergence(
    field: Field, x: Tensor, start: float, end: float, tolerance: float, probe: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """x at `end` from x at `start`, (B, *shape), and the integral of div v on the way, (B,) nats.

    probe   (B, *shape) of mean 0 and covariance I for Hutchinson's estimate; None takes the exact divergence
    """
    state = (x, torch.zeros(len(x), dtype=x.dtype, device=x.device))
    reached, integral = solve(lambda t, state: with_divergence(field, state[0], t, probe), state, start, end, tolerance)
    return reached, integral


def with_divergence(field: Field, x: Tensor, t: float, probe: Tensor | None) -> tuple[Tensor, Tensor]:
    """v (B, *shape) and div v (B,) at x."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        v = field(x, t)
        if probe is not None:
            (pulled,) = torch.autograd.grad(v, x, probe)
            return v.detach(), (pulled * probe).flatten(1).sum(1)
        flat = v.flatten(1)
        div = torch.zeros_like(flat[:, 0])
        for entry in range(flat.shape[1]):
            (pulled,) = torch.autograd.grad(flat[:, entry].sum(), x, retain_graph=True)
            div = div + pulled.flatten(1)[:, entry]
    return v.detach(), div.detach()
