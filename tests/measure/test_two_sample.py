"""Accuracy of the two-sample classifier where it is known."""

from __future__ import annotations

import math

import pytest
import torch

from genlab.measure.two_sample import two_sample


def test_one_source_cannot_be_told_apart():
    torch.manual_seed(0)
    found = [two_sample(x, y) for x, y in torch.randn(40, 2, 200, 3)]
    assert sum(one.low <= 0.5 <= one.high for one in found) >= 36
    assert sum(one.value for one in found) / 40 == pytest.approx(0.5, abs=0.02)


def test_sets_that_share_nothing_are_always_told_apart():
    torch.manual_seed(1)
    found = two_sample(torch.randn(100, 2), torch.randn(100, 2) + 50)
    assert found.value == found.high == 1
    assert found.low > 0.95


def test_shifted_gaussians_reach_the_best_accuracy_there_is():
    """N(-1, 1) and N(1, 1) in one dimension: nobody does better than Phi(1) = 0.841."""
    torch.manual_seed(2)
    found = two_sample(torch.randn(4000, 1) - 1, torch.randn(4000, 1) + 1)
    assert found.value == pytest.approx(0.5 * (1 + math.erf(1 / math.sqrt(2))), abs=0.02)


def test_sides_are_balanced():
    """Always saying "real" would be right in 9 of 10 without it."""
    torch.manual_seed(3)
    found = two_sample(torch.randn(200, 2), torch.randn(1800, 2))
    assert found.value == pytest.approx(0.5, abs=0.12)
    assert found.over == "the 200 examples asked about"


def test_ties_count_half():
    """All points at one place but for one on each side: four neighbours, chosen for no reason, must not favour a side."""
    x, y = torch.zeros(40, 2), torch.zeros(40, 2)
    x[0], y[0] = 1.0, 2.0
    assert two_sample(x, y).low <= 0.5 <= two_sample(x, y).high


def test_too_few_are_refused():
    with pytest.raises(ValueError, match="eight examples"):
        two_sample(torch.randn(7, 2), torch.randn(100, 2))
    with pytest.raises(ValueError, match="identical"):
        two_sample(torch.ones(10, 2), torch.ones(10, 2))
