"""The adaptive solver against equations that are solved, and against torchdiffeq's."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from genlab.samplers import adaptive
from genlab.samplers.adaptive import solve

f64 = torch.float64
TURN = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=f64)


def oscillator(t: float, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Van der Pol's, mu = 5: slow and fast in turns. Beside it a part of another shape, int of x_1^2."""
    x, v = state[0].unbind(-1)
    return torch.stack([v, 5 * (1 - x * x) * v - x], -1), x * x


def test_the_tableau_meets_the_conditions_of_its_order() -> None:
    """sum b c^k = 1/(k+1) up to order 5; the rows of a sum to c; d is orthogonal to 1, c, c^2, c^3 (order 4), not to c^4."""
    c, b, d = (torch.tensor(row, dtype=f64) for row in (adaptive.C, (*adaptive.A[-1], 0), adaptive.D))
    for k in range(5):
        assert float((b * c**k).sum()) == pytest.approx(1 / (k + 1), abs=1e-15)
    assert [sum(row) for row in adaptive.A] == pytest.approx(list(adaptive.C), abs=1e-14)
    assert [float((d * c**k).sum()) for k in range(4)] == pytest.approx([0] * 4, abs=1e-16)
    assert abs(float((d * c**4).sum())) > 1e-4


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("ends", [(0.0, 7.0), (7.0, 0.0), (1.0, 1.0)])
def test_a_turning_plane_ends_where_it_should(tolerance: float, ends: tuple[float, float]) -> None:
    x = torch.tensor([[1.0, 0.5], [-2.0, 0.1]], dtype=f64)
    times: list[float] = []

    def flow(t: float, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        times.append(t)
        return (state[0] @ TURN.T,)

    (place,) = solve(flow, (x,), *ends, tolerance)
    expected = x @ torch.matrix_exp((ends[1] - ends[0]) * TURN).T
    assert float((place - expected).abs().max()) <= 30 * tolerance  # some 10 to 100 steps, each within the tolerance
    assert min(ends) <= min(times) <= max(times) <= max(ends)


def test_as_exact_and_as_cheap_as_torchdiffeq() -> None:
    from torchdiffeq import odeint

    start = (torch.tensor([[2.0, 0.0], [0.5, -1.0]], dtype=f64), torch.zeros(2, dtype=f64))
    calls = 0

    def counted(t: float, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        nonlocal calls
        calls += 1
        return oscillator(t, state)

    ends = torch.tensor([0.0, 8.0], dtype=f64)
    strict = {"rtol": 1e-10, "atol": 1e-10, "method": "dopri8"}
    truth = [part[-1] for part in odeint(lambda t, at: oscillator(float(t), at), start, ends, **strict)]
    for tolerance in (1e-4, 1e-7):
        calls = 0
        odeint(lambda t, at: counted(float(t), at), start, ends, rtol=tolerance, atol=tolerance, method="dopri5")
        theirs, calls = calls, 0
        ours = solve(counted, start, 0.0, 8.0, tolerance)
        assert calls <= 1.1 * theirs
        for part, expected in zip(ours, truth, strict=True):
            assert float((part - expected).abs().max()) < 300 * tolerance


def test_an_equation_without_an_answer_says_so() -> None:
    one = (torch.ones(3, dtype=f64),)
    with pytest.raises(ValueError, match=r"beyond t = 0: its derivative is not finite"):
        solve(lambda t, state: (state[0] * math.nan,), one, 0.0, 1.0, 1e-5)
    with pytest.raises(ValueError, match=r"beyond t = (1|0\.99999)"):  # dx/dt = x^2 is infinite at t = 1
        solve(lambda t, state: (state[0].square(),), one, 0.0, 2.0, 1e-5)


def test_every_part_of_the_state_decides_about_a_step() -> None:
    """The first stands still; the second turns, and ends where it should, or is no number."""
    still, x = torch.zeros(2, dtype=f64), torch.tensor([[1.0, 0.5]], dtype=f64)
    _, place = solve(lambda t, state: (torch.zeros_like(state[0]), state[1] @ TURN.T), (still, x), 0.0, 7.0, 1e-6)
    torch.testing.assert_close(place, x @ torch.matrix_exp(7 * TURN).T, rtol=0, atol=3e-5)
    with pytest.raises(ValueError, match="its derivative is not finite"):
        solve(lambda t, state: (state[0], state[1] * (1 if t == 0 else math.nan)), (still + 1, x), 0.0, 7.0, 1e-6)


def test_single_numbers_and_no_rows() -> None:
    (place,) = solve(lambda t, state: (-state[0],), (torch.ones(4),), 0.0, 1.0, 1e-5)
    assert place.dtype == torch.float32
    torch.testing.assert_close(place, torch.full((4,), math.exp(-1)), atol=1e-4, rtol=0)
    (place,) = solve(lambda t, state: (-state[0],), (torch.ones(0, 2),), 0.0, 1.0, 1e-5)
    assert place.shape == (0, 2)
