"""Sources of points: densities integrate to one, entropies are right, samples follow their density."""

from __future__ import annotations

import math
from functools import cache

import pytest
import torch
from torch import Tensor

from genlab.data import open as opened
from genlab.data import points
from genlab.data.index import SOURCES

NAMES = [row.name for row in SOURCES if row.kind == "points"]
SIDE = 5.0  # half the side of the box that holds all but 1e-8 of every source


@cache
def data(name: str) -> points.Points:
    return opened(name)


def grid(cells: int) -> tuple[Tensor, float]:
    """Midpoints (cells^2, 2) over the box and the area of a cell."""
    ticks = (torch.arange(cells, dtype=torch.float64) + 0.5) / cells * 2 * SIDE - SIDE
    return torch.cartesian_prod(ticks, ticks), (2 * SIDE / cells) ** 2


@pytest.mark.parametrize("name", NAMES)
def test_density_integrates_to_one_and_gives_the_entropy(name: str) -> None:
    x, area = grid(300 if name == "points/grid" else 160)
    log_p = data(name).log_density(x)
    assert float(log_p.exp().sum() * area) == pytest.approx(1, abs=1e-5)
    entropy = -float(torch.xlogy(log_p.exp(), log_p.exp()).sum() * area)
    assert data(name).entropy == pytest.approx(entropy, abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_samples_have_the_entropy_and_follow_the_density(name: str) -> None:
    """Monte Carlo: mean -log p of the samples, and their counts in an 8 x 8 grid against the integral of p (chi-squared)."""
    n = 20_000
    x = data(name).stream("train", 0, n).x.double()
    nats = -data(name).log_density(x)
    assert abs(float(nats.mean()) - data(name).entropy) <= 4 * float(nats.std()) / math.sqrt(n) + 1e-6
    fine, area = grid(160)
    p = (data(name).log_density(fine).exp() * area).reshape(8, 20, 8, 20).sum((1, 3)).flatten()
    place = ((x + SIDE) / (2 * SIDE) * 8).floor().long()
    seen = torch.bincount(place[:, 0] * 8 + place[:, 1], minlength=64).double()
    common = p * n >= 20
    z = (seen - n * p)[common] / (n * p * (1 - p))[common].sqrt()
    assert float(z.square().mean()) < 2.2, z
    assert float(seen[~common].sum()) <= n * float(p[~common].sum()) + 40


@pytest.mark.parametrize("name", NAMES)
def test_centre_and_scale_are_those_of_the_train_sample(name: str) -> None:
    x = data(name).once("train", 0, 10**6).x.double()
    assert torch.allclose(x.mean(0), torch.tensor(data(name).space.center, dtype=torch.float64))
    assert torch.allclose(x.std(0, correction=0), torch.tensor(data(name).space.scale, dtype=torch.float64))


def test_more_nodes_along_a_curve_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x = data("points/spirals").stream("train", 0, 500).x
    coarse = [data(name).log_density(x) for name in ("points/spirals", "points/moons")]
    monkeypatch.setattr(points, "NODES", 700)
    fine = [opened(name).log_density(x) for name in ("points/spirals", "points/moons")]
    for a, b in zip(coarse, fine, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-7)


def test_the_circle_has_a_bessel_density() -> None:
    """p(x) = exp(-(r^2 + R^2) / 2 s^2) I_0(r R / s^2) / (2 pi s^2), the closed form of a blurred circle."""
    x = data("points/circle").stream("train", 0, 200).x.double()
    r, radius, s = x.norm(dim=1), 2.0, 0.1
    exact = torch.special.i0e(r * radius / s**2).log() - (r - radius) ** 2 / (2 * s**2) - math.log(2 * math.pi * s**2)
    assert torch.allclose(data("points/circle").log_density(x), exact, atol=1e-8)


def test_the_line_has_an_error_function_density() -> None:
    """Along the segment a difference of normal distribution functions over its length, across it a normal density."""
    x, s = data("points/line").stream("train", 0, 200).x.double(), 0.1
    half = math.sqrt(5)
    along = x @ torch.tensor([2.0, 1.0], dtype=torch.float64) / half
    across = x @ torch.tensor([-1.0, 2.0], dtype=torch.float64) / half
    cdf = torch.special.ndtr
    exact = ((cdf((along + half) / s) - cdf((along - half) / s)) / (2 * half)).log()
    exact = exact + torch.distributions.Normal(0.0, s).log_prob(across)
    assert torch.allclose(data("points/line").log_density(x), exact, atol=1e-7)


@pytest.mark.parametrize(("name", "count"), [("points/ring", 8), ("points/grid", 25)])
def test_modes_are_where_the_samples_are(name: str, count: int) -> None:
    source = data(name)
    assert source.modes is not None
    assert source.mode_std is not None
    assert len(source.modes) == count
    distance, nearest = torch.cdist(source.stream("train", 0, 10_000).x.double(), source.modes).min(1)
    assert torch.bincount(nearest).min() > 0.8 * 10_000 / count
    assert float(distance.square().mean()) == pytest.approx(2 * source.mode_std**2, rel=0.05)
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(torch.ones(count, dtype=torch.float64)),
        torch.distributions.Independent(torch.distributions.Normal(source.modes, source.mode_std), 1),
    )
    x = source.stream("train", 0, 100).x.double()
    assert torch.allclose(source.log_density(x), mixture.log_prob(x), atol=1e-9)


def test_sources_without_modes_say_so() -> None:
    assert data("points/moons").modes is None
    assert data("points/moons").mode_std is None


def test_no_density_outside_the_board() -> None:
    x = torch.tensor([[0.5, -0.5], [0.5, 0.5], [3.0, 0.0], [-1.5, -1.5]])
    found = data("points/checkerboard").log_density(x)
    assert found.tolist() == pytest.approx([-math.inf, -math.log(8), -math.inf, -math.log(8)])


def test_density_keeps_no_memory_of_dtype() -> None:
    """float32 points give the density of their float64 values."""
    x = data("points/ring").stream("train", 0, 50).x
    assert torch.equal(data("points/ring").log_density(x), data("points/ring").log_density(x.double()))
