"""Kernel densities against scikit-learn, and the bandwidth against the best there is."""

from __future__ import annotations

import math

import pytest
import torch

from genlab.measure.parzen import log_densities, parzen


def test_densities_are_those_of_scikit_learn():
    from sklearn.neighbors import KernelDensity

    torch.manual_seed(0)
    samples, x = torch.randn(700, 5) + 30, torch.randn(600, 5) + 30
    ours = log_densities(samples, x, [0.4, 1.3])
    for row, h in zip(ours, (0.4, 1.3), strict=True):
        theirs = KernelDensity(bandwidth=h, rtol=1e-9).fit(samples.double().numpy()).score_samples(x.double().numpy())
        assert row.numpy() == pytest.approx(theirs, rel=1e-6)


def test_one_sample_is_one_gaussian():
    found = log_densities(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 4.0]]), [2.0])
    assert float(found) == pytest.approx(-math.log(2 * math.pi * 4) - 0.5)


def test_far_away_it_is_small_but_a_number():
    assert float(log_densities(torch.zeros(3, 2), torch.full((1, 2), 1000.0), [0.1])) == pytest.approx(-1e8, rel=1e-3)


def test_the_bandwidth_is_the_best_on_validation():
    torch.manual_seed(1)
    samples, validation, test = torch.randn(300, 2), torch.randn(400, 2), torch.randn(500, 2)
    found = parzen(samples, validation, test)

    def score(h: float) -> float:
        return float(log_densities(samples, validation, [h]).mean())

    assert score(found.bandwidth) > max(score(found.bandwidth * 1.03), score(found.bandwidth / 1.03)) - 1e-4
    assert score(found.bandwidth) > max(score(found.bandwidth * 1.3), score(found.bandwidth / 1.3))
    assert found.estimate.value == pytest.approx(float(log_densities(samples, test, [found.bandwidth]).mean()))
    assert found.estimate.value == pytest.approx(-math.log(2 * math.pi) - 1, abs=0.15)  # entropy of the plane's normal


def test_units_shift_it_by_their_logarithm():
    torch.manual_seed(2)
    sides = torch.randn(3, 200, 4).unbind()
    one, other = parzen(*sides), parzen(*(255 * side for side in sides))
    assert other.bandwidth == pytest.approx(255 * one.bandwidth, rel=1e-5)
    assert other.estimate.value == pytest.approx(one.estimate.value - 4 * math.log(255), abs=1e-4)


def test_its_known_failure():
    """Theis et al.: in 50 dimensions 1,000 true samples score far below the truth, and below samples drawn too narrow."""
    torch.manual_seed(3)
    true, validation, test = torch.randn(3, 1000, 50).unbind()
    entropy = -25 * (math.log(2 * math.pi) + 1)
    honest = parzen(true, validation, test).estimate
    narrow = parzen(0.3 * torch.randn(1000, 50), validation, test).estimate
    assert honest.high < entropy - 3
    assert narrow.low > honest.high


def test_collapsed_samples_are_refused():
    with pytest.raises(ValueError, match="collapsed"):
        parzen(torch.ones(10, 2), torch.randn(10, 2), torch.randn(10, 2))
