"""Precision, recall, density and coverage where the answer is known, and nearest neighbours against all distances."""

from __future__ import annotations

import pytest
import torch

from genlab.measure import neighbours
from genlab.measure.manifold import manifold, radii
from genlab.measure.neighbours import nearest


@pytest.mark.parametrize(("n", "m", "d", "k"), [(40, 70, 3, 5), (300, 20_000, 8, 7), (10, 12, 2, 12)])
def test_nearest_are_those_of_all_distances(n, m, d, k):
    torch.manual_seed(d)
    x, y = torch.randn(n, d) + 100, torch.randn(m, d) + 100
    distance, row = nearest(x, y, k)
    every = torch.cdist(x.double(), y.double(), compute_mode="donot_use_mm_for_euclid_dist").sort(1)
    assert distance.dtype == torch.float64
    torch.testing.assert_close(distance, every.values[:, :k], rtol=1e-6, atol=0)
    assert row.equal(every.indices[:, :k])


def test_a_copy_is_at_distance_zero_exactly_and_bytes_are_taken_as_numbers():
    torch.manual_seed(0)
    y = torch.randint(256, (3000, 20), dtype=torch.uint8)
    distance, row = nearest(y[[7, 2999]], y, 2)
    assert distance[:, 0].tolist() == [0, 0]
    assert row[:, 0].tolist() == [7, 2999]
    assert (distance[:, 1] > 0).all()


def test_blocks_and_groups_change_nothing(monkeypatch):
    torch.manual_seed(1)
    x, y = torch.randn(50, 4), torch.randn(1000, 4)
    whole = nearest(x, y, 3)
    for name, value in (("ACROSS", 512), ("DOWN", 16), ("GROUP", 8), ("SPARE", 2)):
        monkeypatch.setattr(neighbours, name, value)
    found = nearest(x, y, 3)
    assert found[0].equal(whole[0])
    assert found[1].equal(whole[1])


def test_more_neighbours_than_examples_are_refused():
    with pytest.raises(ValueError, match="1 to 3"):
        nearest(torch.zeros(2, 2), torch.zeros(3, 2), 4)


def test_radii_reach_the_kth_other():
    x = torch.tensor([[0.0], [1.0], [3.0], [7.0], [7.0]])
    assert radii(x, 1).tolist() == [1, 1, 2, 0, 0]
    assert radii(x, 2).tolist() == [3, 2, 3, 4, 4]


def test_sets_that_share_nothing_score_zero():
    torch.manual_seed(2)
    found = manifold(torch.randn(200, 4) + 100, torch.randn(300, 4))
    assert [estimate.value for estimate in found] == [0, 0, 0, 0]
    assert found.precision.high < 0.03  # but 200 samples cannot exclude two in a hundred


def test_samples_from_the_same_source_cover_as_theory_says():
    """Expected coverage of equal numbers from one source: 1 - (M - 1) ... (M - k) / (2M - 1) ... (2M - k), near 1 - 2^-k (Naeem
    et al., 2020); expected density 1."""
    torch.manual_seed(3)
    found = [manifold(x, y, k=3) for x, y in torch.randn(20, 2, 400, 3)]
    coverage = torch.tensor([one.coverage.value for one in found])
    density = torch.tensor([one.density.value for one in found])
    assert float(coverage.mean()) == pytest.approx(1 - 2**-3, abs=0.01)
    assert float(density.mean()) == pytest.approx(1, abs=0.03)


def test_a_dropped_mode_costs_recall_and_coverage_a_stray_sample_precision_and_density():
    torch.manual_seed(4)
    real = torch.randn(600, 2) + 50 * (torch.arange(600) % 2)[:, None]
    half = manifold(torch.randn(500, 2), real)
    assert half.precision.value > 0.9
    assert half.recall.value < 0.51
    assert half.coverage.value < 0.51
    strays = torch.cat([torch.randn(250, 2), torch.randn(250, 2) + 500])
    assert manifold(strays, real).precision.value == pytest.approx(half.precision.value / 2, abs=0.03)


def test_an_outlier_s_ball_fools_recall_but_not_coverage():
    """Naeem et al.'s reason for their pair: samples a little wider apart than real examples hold them all in their balls."""
    torch.manual_seed(5)
    real = 0.1 * torch.randn(300, 2) + 5
    samples = torch.tensor([[0.0, 0], [10, 0], [0, 10], [10, 10], [5, 0], [0, 5]])
    found = manifold(samples, real, k=5)
    assert found.recall.value == 1
    assert found.coverage.value == 0


def test_too_few_or_identical_sides_are_refused():
    x = torch.randn(6, 2)
    with pytest.raises(ValueError, match="more than 6 examples"):
        manifold(x, torch.randn(50, 2), k=6)
    with pytest.raises(ValueError, match="identical"):
        manifold(x, x)
