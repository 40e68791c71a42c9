"""Against scipy's matrix root, torchmetrics, and Gaussians whose distance is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import nn

from genlab.measure.frechet import frechet_distance


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
