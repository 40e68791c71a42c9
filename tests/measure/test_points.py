"""Known answers for clouds of points."""

from __future__ import annotations

import math

import pytest
import torch

from genlab.measure.points import HALVINGS, jensen_shannon, mmd, modes, widths_for


def test_mmd_is_its_definition():
    torch.manual_seed(0)
    x, y = torch.randn(6, 2, dtype=torch.float64), torch.randn(5, 2, dtype=torch.float64)

    def k(a, b):
        return sum(math.exp(-float((a - b).square().sum()) / (2 * s * s)) for s in (0.5, 2.0)) / 2

    across = sum(k(a, b) for a in x for b in y)
    inside_x = sum(k(x[i], x[j]) for i in range(6) for j in range(6) if i != j)
    inside_y = sum(k(y[i], y[j]) for i in range(5) for j in range(5) if i != j)
    assert mmd(x, y, [0.5, 2.0]) == pytest.approx(inside_x / 30 + inside_y / 20 - 2 * across / 30)


def test_mmd_of_shifted_gaussians_has_a_closed_form():
    """E k = (s^2 / (s^2 + 2))^(d/2) exp(-|m|^2 / 2(s^2 + 2)) for unit Gaussians m apart, in d dimensions."""
    torch.manual_seed(1)
    x, y = torch.randn(2, 3000, 2, dtype=torch.float64)
    y[:, 0] += 1.0
    s = 1.5
    scale = s * s / (s * s + 2)
    exact = 2 * scale * (1 - math.exp(-1 / (2 * (s * s + 2))))
    assert mmd(x, y, [s]) == pytest.approx(exact, abs=0.005)


def test_mmd_of_the_same_source_is_zero_within_error_on_either_side():
    torch.manual_seed(2)
    values = torch.tensor([mmd(x, y, [1.0]) for x, y in torch.randn(40, 2, 100, 2)])
    assert values.min() < 0 < values.max()  # unbiased
    assert abs(values.mean()) < 3 * values.std() / math.sqrt(40)


def test_widths_halve_and_follow_the_units():
    torch.manual_seed(3)
    x = torch.randn(200, 2)
    widths = widths_for(x)
    assert len(widths) == HALVINGS
    assert widths[0] / widths[1] == pytest.approx(2)
    assert widths_for(10 * x)[0] == pytest.approx(10 * widths[0], rel=1e-5)
    assert mmd(10 * x[:100], 10 * x[100:], widths_for(10 * x)) == pytest.approx(mmd(x[:100], x[100:], widths), abs=1e-6)


def test_modes_counts_what_is_covered_and_what_is_good():
    centers = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    torch.manual_seed(4)
    perfect = centers.repeat(500, 1) + 0.1 * torch.randn(2000, 2)
    assert modes(perfect, centers, 0.1) == pytest.approx((1.0, 1 - math.exp(-8)), abs=2e-3)  # Rayleigh beyond 4 sigma
    two = torch.cat([centers[:2].repeat(40, 1), torch.full((20, 2), 5.0)])
    assert modes(two, centers, 0.1) == (0.5, 0.8)


def test_jensen_shannon_of_uniform_squares():
    """Samples from the left half of a uniform square: JS(q, p) with q twice p on half of it."""
    torch.manual_seed(5)
    box = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    samples = torch.rand(200_000, 2)

    def log_density(x):
        return torch.zeros(len(x))

    assert jensen_shannon(samples, log_density, box, cells=10) == pytest.approx(0, abs=1e-3)
    exact = 0.5 * (math.log(4 / 3) + 0.5 * math.log(2 / 3) + 0.5 * math.log(2))
    assert jensen_shannon(samples * torch.tensor([0.5, 1.0]), log_density, box, cells=10) == pytest.approx(exact, abs=2e-3)
    outside = samples + 5
    assert jensen_shannon(outside, log_density, box, cells=10) == pytest.approx(math.log(2))
