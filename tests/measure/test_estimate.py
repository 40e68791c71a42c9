"""Intervals hold what they promise."""

from __future__ import annotations

import math

import pytest
import torch

from genlab.measure.estimate import Estimate, bootstrap, distinct_sides, influence, jackknife, mean, normal, ratio, share


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(0, 10, 0.0, 0.27753), (5, 10, 0.23659, 0.76341), (10, 10, 0.72247, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_share_has_wilsons_interval(hits, n, low, high):
    """The last is the worked example of Newcombe, "Two-Sided Confidence Intervals for the Single Proportion", 1998."""
    found = share(hits, n, "")
    assert (found.value, found.low, found.high) == pytest.approx((hits / n, low, high), abs=1e-4)


def test_intervals_of_a_share_and_of_a_mean_hold_the_truth_in_95_of_100():
    torch.manual_seed(0)
    held = [found.low <= 0.07 <= found.high for found in (share(int(n), 80, "") for n in (torch.rand(2000, 80) < 0.07).sum(1))]
    assert 0.93 < sum(held) / 2000 < 0.98
    held = [found.low <= 1 <= found.high for found in (mean(row, "") for row in torch.rand(1000, 50).log().neg())]
    assert 0.91 < sum(held) / 1000 < 0.97  # of an exponential, so a little less


def test_error_is_that_of_the_interval():
    assert normal(3.0, 0.5, "x").error == pytest.approx(0.5)
    assert Estimate(1.0).error is None
    assert normal(0.1, 0.5, "x", floor=0.0).low == 0


def test_jackknife_and_influence_of_a_mean_are_its_standard_error():
    torch.manual_seed(1)
    values = torch.randn(60, dtype=torch.float64)
    without = (values.sum() - values) / 59
    for found in (jackknife(float(values.mean()), "", without), influence(float(values.mean()), "", values)):
        assert found.error == pytest.approx(float(values.std()) / math.sqrt(60))


def test_bootstrap_of_a_mean_is_near_its_standard_error():
    torch.manual_seed(2)
    values = torch.randn(200, dtype=torch.float64)
    found = bootstrap(lambda rows: float(values[rows].mean()), 200, "", draws=1000)
    assert found.value == pytest.approx(float(values.mean()))
    assert found.error == pytest.approx(float(values.std()) / math.sqrt(200), rel=0.1)


def test_a_ratio_over_clusters_knows_that_they_hang_together():
    torch.manual_seed(3)
    single = (torch.rand(400) < 0.3).double()
    alone, wilson = ratio(single, torch.ones(400), ""), share(int(single.sum()), 400, "")
    assert (alone.value, alone.low, alone.high) == pytest.approx((wilson.value, wilson.low, wilson.high), rel=2e-3)
    tenfold = ratio(10 * single, 10 * torch.ones(400), "")  # ten equal trials each say no more than one
    assert (tenfold.low, tenfold.high) == pytest.approx((alone.low, alone.high))
    nothing = ratio(torch.zeros(20), torch.full((20,), 50), "")
    assert nothing.low == 0
    assert nothing.high == pytest.approx(share(0, 20, "").high)
    assert math.isnan(ratio(torch.zeros(3), torch.zeros(3), "").value)


def test_a_ratio_s_error_is_the_spread_over_fresh_draws():
    torch.manual_seed(4)

    def draw():
        of = torch.randint(1, 30, (300,))
        tendency = torch.rand(300)
        return ratio((of * tendency).round(), of, "")

    found = [draw() for _ in range(300)]
    spread = float(torch.tensor([one.value for one in found]).std())
    assert sum(one.error or 0 for one in found) / 300 == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize(
    ("x", "y", "remedy"),
    [
        (torch.ones(3, 2), torch.ones(3, 2), "identical"),
        (torch.ones(3, 2), torch.zeros(3, 4), "same features"),
        (torch.ones(1, 2), torch.zeros(3, 2), "draw more samples"),
        (torch.tensor([[1.0], [math.nan]]), torch.zeros(3, 1), "the samples hold numbers that are not finite"),
        (torch.zeros(3, 1), torch.tensor([[1.0], [math.inf]]), "the real examples hold numbers that are not finite"),
    ],
)
def test_sides_that_cannot_be_compared_are_refused(x, y, remedy):
    with pytest.raises(ValueError, match=remedy):
        distinct_sides(x, y)


def test_other_sides_pass():
    """Equal rows do not make two sets one, nor do equal numbers of another kind."""
    for x, y in ((torch.ones(3, 2), torch.ones(4, 2)), (torch.zeros(3, 2, dtype=torch.uint8), torch.ones(3, 2))):
        assert distinct_sides(x, y) is None
