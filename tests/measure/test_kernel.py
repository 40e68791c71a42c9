"""The kernel distance is its definition, unbiased, and its error is the jackknife's."""

from __future__ import annotations

import math

import pytest
import torch

from genlab.measure import kernel
from genlab.measure.kernel import kernel_distance


def by_definition(x: torch.Tensor, y: torch.Tensor) -> float:
    def k(a, b):
        return (float(a @ b) / len(a) + 1) ** 3

    n, m = len(x), len(y)
    within = [sum(k(z[i], z[j]) for i in range(len(z)) for j in range(len(z)) if i != j) for z in (x, y)]
    return within[0] / (n * (n - 1)) + within[1] / (m * (m - 1)) - 2 * sum(k(a, b) for a in x for b in y) / (n * m)


def test_it_is_its_definition():
    torch.manual_seed(0)
    x, y = torch.randn(7, 4, dtype=torch.float64), torch.randn(5, 4, dtype=torch.float64) + 1
    assert kernel_distance(x, y).value == pytest.approx(by_definition(x, y))


def test_its_error_is_that_of_leaving_out_one_by_one():
    torch.manual_seed(1)
    x, y = torch.randn(12, 3, dtype=torch.float64), torch.randn(9, 3, dtype=torch.float64)
    variance = 0.0
    for left_out in (
        [kernel_distance(torch.cat([x[:i], x[i + 1 :]]), y).value for i in range(12)],
        [kernel_distance(x, torch.cat([y[:i], y[i + 1 :]])).value for i in range(9)],
    ):
        n, values = len(left_out), torch.tensor(left_out, dtype=torch.float64)
        variance += (n - 1) / n * float((values - values.mean()).square().sum())
    assert kernel_distance(x, y).error == pytest.approx(math.sqrt(variance))


def test_blocks_change_nothing(monkeypatch):
    torch.manual_seed(2)
    x, y = torch.randn(50, 4), torch.randn(37, 4)
    whole = kernel_distance(x, y)
    monkeypatch.setattr(kernel, "ROWS", 8)
    assert kernel_distance(x, y)[:3] == pytest.approx(whole[:3])


def test_gaussians_have_a_closed_form():
    """x ~ N(m, I), y ~ N(0, I): with z = a.b / d, E (z + 1)^3 = 1 + 3 E z + 3 E z^2 + E z^3 and moments of a.b by hand."""
    d, n = 4, 600
    torch.manual_seed(3)
    m = torch.tensor([1.0, 0.5, 0, 0], dtype=torch.float64)
    q = float(m @ m)

    def expected(p: float, r: float, s: float) -> float:
        """Of a ~ N(u, I), b ~ N(v, I) with p = u.v, r = |u|^2, s = |v|^2."""
        first, second = p, p * p + r + s + d
        third = p**3 + 3 * p * (r + s + d) + 6 * p
        return 1 + 3 * first / d + 3 * second / d**2 + third / d**3

    exact = expected(q, q, q) + expected(0, 0, 0) - 2 * expected(0, q, 0)
    found = [kernel_distance(torch.randn(n, d) + m, torch.randn(n, d)) for _ in range(60)]
    values = torch.tensor([one.value for one in found])
    assert float(values.mean()) == pytest.approx(exact, abs=4 * float(values.std()) / math.sqrt(60))
    assert sum(one.low <= exact <= one.high for one in found) >= 52
    assert sum(one.error or 0 for one in found) / 60 == pytest.approx(float(values.std()), rel=0.25)


def test_the_same_source_is_at_zero_on_either_side():
    torch.manual_seed(4)
    found = [kernel_distance(x, y) for x, y in torch.randn(60, 2, 150, 5)]
    values = torch.tensor([one.value for one in found])
    assert values.min() < 0 < values.max()
    assert abs(float(values.mean())) < 3 * float(values.std()) / math.sqrt(60)
    assert sum(one.low <= 0 <= one.high for one in found) >= 56


def test_what_cannot_be_compared_is_refused():
    x = torch.randn(10, 2)
    with pytest.raises(ValueError, match="identical"):
        kernel_distance(x, x)
    with pytest.raises(ValueError, match="three examples"):
        kernel_distance(x[:2], x)
