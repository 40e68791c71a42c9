"""Against scipy's matrix root, torchmetrics, and Gaussians whose distance is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import nn

from genlab.measure.estimate import bootstrap
from genlab.measure.frechet import _effects, _moments, extrapolated, frechet, frechet_distance


def by_scipy(x: torch.Tensor, y: torch.Tensor) -> float:
    a, b = x.double().numpy(), y.double().numpy()
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(s @ t)
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * np.trace(np.real(root)))


@pytest.mark.parametrize("offset", [0.0, 100.0])
@pytest.mark.parametrize("d", [2, 16, 64])
def test_agrees_with_scipy(d, offset):
    torch.manual_seed(d)
    x = torch.randn(5 * d, d) @ torch.randn(d, d) + offset
    y = torch.randn(7 * d, d) @ torch.randn(d, d) + offset + 0.3
    assert frechet_distance(x, y) == pytest.approx(by_scipy(x, y), rel=1e-6)


def test_agrees_with_torchmetrics():
    from torchmetrics.image.fid import FrechetInceptionDistance

    class Flat(nn.Module):
        num_features = 12

        def forward(self, x):
            return x.flatten(1).float()

    torch.manual_seed(0)
    x, y = torch.randn(100, 3, 2, 2), 0.5 * torch.randn(150, 3, 2, 2) + 0.2
    theirs = FrechetInceptionDistance(feature=Flat(), normalize=True, input_img_size=(3, 2, 2))
    theirs.update(x, real=True)
    theirs.update(y, real=False)
    assert frechet_distance(x.flatten(1), y.flatten(1)) == pytest.approx(float(theirs.compute()), rel=1e-4)


def test_diagonal_gaussians_have_a_closed_form():
    """|m - m'|^2 + sum (s - s')^2; standardised samples have exactly the moments asked for."""
    torch.manual_seed(1)
    z = torch.randn(500, 3, dtype=torch.float64)
    z = z - z.mean(0)
    z = z @ torch.linalg.inv(torch.linalg.cholesky(z.T @ z / 499)).T
    m, s = torch.tensor([1.0, 0.0, -2.0]), torch.tensor([2.0, 0.5, 1.0])
    assert frechet_distance(z, m + s * z) == pytest.approx(5 + 1 + 0.25, rel=1e-9)


def test_identical_clouds_are_at_distance_zero_also_where_singular():
    torch.manual_seed(2)
    x = torch.randn(60, 20)
    x[:, 5:] = 0  # constant features: a singular covariance
    assert frechet_distance(x, x) < 1e-9
    assert frechet_distance(x, x.flip(0)) < 1e-9


def test_too_few_samples_are_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"needs more than 8 examples .* draw more samples"):
        frechet_distance(torch.randn(8, 8), torch.randn(100, 8))


class Gaussians:
    """Two of them with a known distance, to draw from."""

    def __init__(self, d: int, apart: float):
        torch.manual_seed(d)
        self.roots = torch.randn(2, d, d, dtype=torch.float64) / d**0.5
        if not apart:
            self.roots[1] = self.roots[0]
        self.mean = torch.zeros(d, dtype=torch.float64)
        self.mean[0] = apart
        s, t = (np.asarray(root @ root.T) for root in self.roots)
        self.distance = apart**2 + np.trace(s) + np.trace(t) - 2 * np.trace(np.real(linalg.sqrtm(s @ t)))

    def draw(self, n: int, m: int) -> tuple[torch.Tensor, torch.Tensor]:
        d = len(self.mean)
        x, y = (torch.randn(k, d, dtype=torch.float64) @ root.T for k, root in zip((n, m), self.roots, strict=True))
        return x + self.mean, y


@pytest.mark.parametrize("side", [0, 1])
def test_its_effects_are_what_one_example_moves_it_by(side):
    """n (d^2 - d^2 without it), which the influence function is but for 1/n."""
    sides = list(Gaussians(4, 2.0).draw(2000, 2000))
    whole, effect = frechet_distance(*sides), _effects(*map(_moments, sides))[side]
    rows, moved = torch.arange(0, 2000, 40), []
    for row in rows.tolist():
        without = [torch.cat([x[:row], x[row + 1 :]]) if k == side else x for k, x in enumerate(sides)]
        moved.append(2000 * (whole - frechet_distance(*without)))
    found, expected = torch.tensor(moved, dtype=torch.float64), (effect - effect.mean())[rows]
    assert float((found - expected).abs().max()) < 0.02 * float(effect.std())


def test_its_error_is_the_spread_over_fresh_draws():
    two = Gaussians(6, 1.0)
    found = [frechet(*two.draw(800, 400)) for _ in range(300)]
    spread = float(torch.tensor([one.value for one in found]).std())
    assert sum(one.error or 0 for one in found) / 300 == pytest.approx(spread, rel=0.15)


def test_its_error_is_that_of_the_bootstrap_on_each_side():
    x, y = Gaussians(6, 1.0).draw(600, 900)
    ours = frechet(x, y).error or 0
    samples = bootstrap(lambda rows: frechet_distance(x[rows], y), 600, "", draws=300).error or 0
    real = bootstrap(lambda rows: frechet_distance(x, y[rows]), 900, "", draws=300).error or 0
    assert ours == pytest.approx((samples**2 + real**2) ** 0.5, rel=0.15)


def test_extrapolation_removes_the_bias_and_its_interval_holds():
    """32 dimensions, 400 examples a side: the plain distance is too large by half a unit, twice its standard error."""
    two = Gaussians(32, 0.5)
    draws = [two.draw(400, 400) for _ in range(40)]
    plain, free = [frechet(*sides) for sides in draws], [extrapolated(*sides) for sides in draws]
    assert sum(one.value for one in plain) / 40 - two.distance > 0.5
    assert sum(one.value for one in free) / 40 == pytest.approx(two.distance, abs=0.2)
    assert sum(one.low <= two.distance <= one.high for one in free) >= 36
    spread = float(torch.tensor([one.value for one in free]).std())
    assert sum(one.error or 0 for one in free) / 40 < 1.5 * spread


def test_extrapolation_finds_zero_for_the_same_source_also_with_unequal_sides():
    two = Gaussians(16, 0.0)
    found = [extrapolated(*two.draw(500, 300)) for _ in range(40)]
    assert sum(one.low <= 0 <= one.high for one in found) >= 36
    assert frechet(*two.draw(500, 300)).low > 0  # which the plain distance does not


def test_identical_sides_and_broken_features_are_refused():
    x = torch.randn(50, 3)
    for measure in (frechet, extrapolated):
        with pytest.raises(ValueError, match="identical"):
            measure(x, x.clone())
        with pytest.raises(ValueError, match="not finite"):
            measure(torch.full((50, 3), float("nan")), x)
    with pytest.raises(ValueError, match="draw more samples"):
        extrapolated(torch.randn(20, 8), torch.randn(100, 8))
