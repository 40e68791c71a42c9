"""Solving dx/dt = v(x, t) with steps as long as a tolerance allows: the method of Dormand & Prince.

Seven slopes give two answers at t + h, of orders 5 and 4, whose difference
    e = h sum_i d_i k_i,   d = b - b*,
estimates the error of the step. With s = tolerance (1 + max(|x_t|, |x_{t+h}|)), entry by entry, the step stands where the root
mean square of e / s is at most 1; then or otherwise the next h is 0.9 (that number)^(-1/5) times this one. The last slope of a
step is the first of the next.

Dormand & Prince, "A Family of Embedded Runge-Kutta Formulae", 1980; the choice of h: Hairer, Norsett & Wanner, "Solving
Ordinary Differential Equations I", 1993, section II.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce

import torch
from torch import Tensor

State = tuple[Tensor, ...]
Flow = Callable[[float, State], State]  # (t, state) -> its derivative, of the same shapes

C = (0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1)
A = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),  # also b, the answer of order 5
)
D = (71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
SAFETY, SHRINK, GROW = 0.9, 0.2, 10.0  # how much of the step that seems right is taken; how fast a step may change


def solve(flow: Flow, state: State, start: float, end: float, tolerance: float) -> State:
    """The state at `end` from the one at `start`, which may be later.

    flow        called with growing t (falling, where end < start) and tensors of the shapes of `state`
    tolerance   absolute and relative error of a step, root mean square over the entries of each part
    ValueError where no step is short enough: the derivative is not finite, or jumps.
    """
    t, slope = start, flow(start, state)
    h = _first(flow, state, slope, start, end, tolerance)
    while t != end:
        h = math.copysign(min(abs(h), abs(end - t)), end - t)
        if t + h == t:
            raise ValueError(
                f"the differential equation cannot be followed beyond t = {t:.6g}: its derivative is not finite, or jumps. "
                "Is the model's loss finite? If so, a larger tolerance may help"
            )
        slopes, reached = [slope], state
        for c, row in zip(C[1:], A[1:], strict=True):
            reached = _moved(state, h, row, slopes)
            slopes.append(flow(t + c * h, reached))
        error = _size(_combined(h, D, slopes), state, reached, tolerance)
        if error <= 1:
            t, state, slope = end if h == end - t else t + h, reached, slopes[-1]
        factor = SAFETY * error**-0.2 if 0 < error < math.inf else GROW if error == 0 else SHRINK
        h *= min(GROW, max(1.0 if error <= 1 else SHRINK, factor))
    return state


def _first(flow: Flow, state: State, slope: State, start: float, end: float, tolerance: float) -> float:
    """A first step from how fast the state and its slope change (section II.4, "starting step size")."""
    size, speed, span = _size(state, state, state, tolerance), _size(slope, state, state, tolerance), abs(end - start)
    if not math.isfinite(speed):
        return span
    guess = min(0.01 * size / speed if min(size, speed) >= 1e-5 else 1e-6, span)
    later = flow(start + math.copysign(guess, end - start), _moved(state, math.copysign(guess, end - start), (1,), [slope]))
    change = tuple(after - before for after, before in zip(later, slope, strict=True))
    bend = max(speed, _size(change, state, state, tolerance) / max(guess, 1e-12))
    return min(100 * guess, (0.01 / bend) ** 0.2) if 1e-15 < bend < math.inf else span


def _combined(h: float, weights: Sequence[float], slopes: Sequence[State]) -> State:
    """h sum_i w_i k_i."""
    moves = [tuple(h * weight * part for part in slope) for weight, slope in zip(weights, slopes, strict=True) if weight]
    return tuple(reduce(torch.add, parts) for parts in zip(*moves, strict=True))


def _moved(state: State, h: float, weights: Sequence[float], slopes: Sequence[State]) -> State:
    return tuple(part + move for part, move in zip(state, _combined(h, weights, slopes), strict=True))


def _size(value: State, before: State, after: State, tolerance: float) -> float:
    """The largest over the parts of the root mean square of value / s."""
    parts = [part for part in zip(value, before, after, strict=True) if part[0].numel()]
    sizes = [(v / (tolerance + tolerance * a.abs().maximum(b.abs()))).square().mean().sqrt().item() for v, a, b in parts]
    return math.nan if any(map(math.isnan, sizes)) else max(sizes, default=0.0)
