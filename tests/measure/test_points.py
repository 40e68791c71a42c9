"""Known answers for clouds of points."""

from __future__ import annotations

import math

import pytest
import torch

from genlab.measure.points import HALVINGS, divergences, energy_distance, mmd, modes, widths_for


def test_mmd_is_its_definition():
    torch.manual_seed(0)
    x, y = torch.randn(6, 2, dtype=torch.float64), torch.randn(5, 2, dtype=torch.float64)

    def k(a, b):
        return sum(math.exp(-float((a - b).square().sum()) / (2 * s * s)) for s in (0.5, 2.0)) / 2

    across = sum(k(a, b) for a in x for b in y)
    inside_x = sum(k(x[i], x[j]) for i in range(6) for j in range(6) if i != j)
    inside_y = sum(k(y[i], y[j]) for i in range(5) for j in range(5) if i != j)
    assert mmd(x, y, [0.5, 2.0]).value == pytest.approx(inside_x / 30 + inside_y / 20 - 2 * across / 30)


def test_mmd_of_shifted_gaussians_has_a_closed_form():
    """E k = (s^2 / (s^2 + 2))^(d/2) exp(-|m|^2 / 2(s^2 + 2)) for unit Gaussians m apart, in d dimensions."""
    torch.manual_seed(1)
    x, y = torch.randn(2, 3000, 2, dtype=torch.float64)
    y[:, 0] += 1.0
    s = 1.5
    scale = s * s / (s * s + 2)
    exact = 2 * scale * (1 - math.exp(-1 / (2 * (s * s + 2))))
    found = mmd(x, y, [s])
    assert found.value == pytest.approx(exact, abs=0.005)
    assert found.low < exact < found.high


def test_mmd_of_the_same_source_is_zero_within_error_on_either_side():
    torch.manual_seed(2)
    values = torch.tensor([mmd(x, y, [1.0]).value for x, y in torch.randn(40, 2, 100, 2)])
    assert values.min() < 0 < values.max()  # unbiased
    assert abs(values.mean()) < 3 * values.std() / math.sqrt(40)


def test_widths_halve_and_follow_the_units():
    torch.manual_seed(3)
    x = torch.randn(200, 2)
    widths = widths_for(x)
    assert len(widths) == HALVINGS
    assert widths[0] / widths[1] == pytest.approx(2)
    assert widths_for(10 * x)[0] == pytest.approx(10 * widths[0], rel=1e-5)
    one, other = mmd(10 * x[:100], 10 * x[100:], widths_for(10 * x)), mmd(x[:100], x[100:], widths)
    assert one[:3] == pytest.approx(other[:3], abs=1e-6)


def test_energy_distance_of_shifted_gaussians_has_a_closed_form():
    """In one dimension E|z| of N(m, 2) is sqrt(4 / pi) exp(-m^2 / 4) + m erf(m / 2)."""
    torch.manual_seed(6)
    exact = 2 * (math.sqrt(4 / math.pi) * math.exp(-1) + 2 * math.erf(1)) - 2 * math.sqrt(4 / math.pi)
    found = [energy_distance(torch.randn(200, 1) + 2, torch.randn(150, 1)) for _ in range(60)]
    values = torch.tensor([one.value for one in found])
    assert float(values.mean()) == pytest.approx(exact, abs=4 * float(values.std()) / math.sqrt(60))
    assert sum(one.error or 0 for one in found) / 60 == pytest.approx(float(values.std()), rel=0.25)


def test_energy_distance_has_the_points_units_and_is_unbiased():
    torch.manual_seed(7)
    x, y = torch.randn(2, 80, 3)
    assert energy_distance(10 * x, 10 * y).value == pytest.approx(10 * energy_distance(x, y).value, rel=1e-4)
    values = torch.tensor([energy_distance(x, y).value for x, y in torch.randn(40, 2, 100, 2)])
    assert values.min() < 0 < values.max()
    assert abs(values.mean()) < 3 * values.std() / math.sqrt(40)


def test_modes_counts_what_is_covered_and_what_is_good():
    centers = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    torch.manual_seed(4)
    perfect = centers.repeat(500, 1) + 0.1 * torch.randn(2000, 2)
    found = modes(perfect, centers, 0.1)
    assert found.covered[:3] == (1, 1, 1)
    assert found.good.value == pytest.approx(1 - math.exp(-8), abs=2e-3)  # Rayleigh beyond 4 sigma
    two = torch.cat([centers[:2].repeat(40, 1), torch.full((20, 2), 5.0)])
    assert modes(two, centers, 0.1).covered[:3] == (0.5, 0.5, 0.5)
    assert modes(two, centers, 0.1).good.value == 0.8


def test_a_mode_seen_about_often_enough_leaves_its_cover_open():
    centers = torch.tensor([[0.0, 0.0], [10.0, 0.0]])
    found = modes(torch.cat([centers[:1].expand(45, -1), centers[1:].expand(5, -1)]), centers, 0.1)  # a tenth is needed
    assert found.covered[:3] == (1.0, 0.5, 1.0)


def test_jensen_shannon_of_uniform_squares():
    """Samples from the left half of a uniform square: JS(q, p) with q twice p on half of it."""
    torch.manual_seed(5)
    box = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    samples = torch.rand(200_000, 2)

    def log_density(x):
        return torch.where(((x >= 0) & (x <= 1)).all(1), 0.0, -math.inf)

    assert divergences(samples, log_density, box, cells=10).js.value == pytest.approx(0, abs=1e-3)
    exact = 0.5 * (math.log(4 / 3) + 0.5 * math.log(2 / 3) + 0.5 * math.log(2))
    assert divergences(samples * torch.tensor([0.5, 1.0]), log_density, box, cells=10).js.value == pytest.approx(
        exact, abs=2e-3
    )
    outside = samples + 5
    assert divergences(outside, log_density, box, cells=10).js.value == pytest.approx(math.log(2))


def normal_density(x: torch.Tensor) -> torch.Tensor:
    return -0.5 * x.square().sum(1) - math.log(2 * math.pi)


BOX = torch.tensor([[-4.0, -4.0], [4.0, 4.0]])


def test_divergences_of_shifted_gaussians():
    """KL(N(m, I) || N(0, I)) = |m|^2 / 2; on a fine enough grid little of it is lost."""
    torch.manual_seed(8)
    found = divergences(torch.randn(50_000, 2) + torch.tensor([1.0, 0.0]), normal_density, BOX, cells=30)
    assert found.kl.value == pytest.approx(0.5, abs=0.02)
    assert found.kl.low < found.kl.value < found.kl.high
    assert found.js.value == pytest.approx(jensen_shannon_of_normals(1.0), abs=0.005)


def jensen_shannon_of_normals(m: float) -> float:
    """Of N(m, 1) and N(0, 1), by summing over a fine line."""
    t = torch.linspace(-10, 10, 20_001, dtype=torch.float64)
    p, q = (torch.exp(-0.5 * (t - shift) ** 2) / math.sqrt(2 * math.pi) for shift in (0.0, m))
    middle = (p + q) / 2
    return float((p * (p / middle).log() + q * (q / middle).log()).sum() * 0.001 / 2)


def test_their_bias_is_as_stated_and_their_error_the_spread():
    torch.manual_seed(10)
    n, cells = 1000, 10
    found = [divergences(torch.randn(n, 2), normal_density, BOX, cells) for _ in range(20)]
    kl, js = (sum(each) / 20 for each in zip(*((one.kl.value, one.js.value) for one in found), strict=True))
    assert 50 / (2 * n) < kl < (cells**2 - 1) / (2 * n)  # about 50 cells hold samples
    assert js == pytest.approx(kl / 4, rel=0.1)
    moved = [divergences(torch.randn(n, 2) + 0.5, normal_density, BOX, cells) for _ in range(20)]
    spread = float(torch.tensor([one.kl.value for one in moved]).std())
    assert sum(one.kl.error or 0 for one in moved) / 20 == pytest.approx(spread, rel=0.4)


def test_a_missing_half_is_seen_by_both_and_a_stray_sample_by_kl():
    """All samples from one half: KL = log 2. Samples where the density is 0: KL is infinite and JS is not."""
    torch.manual_seed(11)
    half = torch.randn(50_000, 2)
    half[:, 0].abs_()
    assert divergences(half, normal_density, BOX, cells=20).kl.value == pytest.approx(math.log(2), abs=0.02)

    def upper(x):
        return torch.where(x[:, 1] > 0, normal_density(x) + math.log(2), -math.inf)

    found = divergences(torch.randn(1000, 2), upper, BOX, cells=20)
    assert found.kl.value == math.inf
    assert 0 < found.js.value < math.log(2)
    far = divergences(torch.full((10, 2), 30.0), normal_density, BOX, cells=20)
    assert math.isfinite(far.kl.value)  # outside there is density, if little
    assert far.kl.value > 5


def test_identical_clouds_are_refused():
    x = torch.randn(20, 2)
    for measure in (energy_distance, lambda a, b: mmd(a, b, [1.0])):
        with pytest.raises(ValueError, match="identical"):
            measure(x, x)
