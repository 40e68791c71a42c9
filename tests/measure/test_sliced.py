"""Pyramids, patches and the distance between them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from genlab.measure.sliced import descriptors, doubled, halved, pyramid, sizes, sliced_wasserstein, sorted_difference


def pictures(n: int, side: int = 28, channels: int = 1) -> torch.Tensor:
    """Smooth blobs with a little noise."""
    places = torch.rand(n, channels, 2, 1, 1) * side
    i, j = torch.arange(side)[:, None], torch.arange(side)[None]
    squared = (i - places[:, :, 0]) ** 2 + (j - places[:, :, 1]) ** 2
    return torch.exp(-squared / 20) + 0.05 * torch.randn(n, channels, side, side)


@pytest.mark.parametrize(("side", "levels"), [(8, [8]), (28, [28, 14]), (32, [32, 16]), (64, [64, 32, 16]), (27, [27, 14])])
def test_levels_have_at_least_14_pixels(side, levels):
    assert sizes(torch.zeros(1, 1, side, side + 3)) == levels


@pytest.mark.parametrize("shape", [(28, 28), (15, 18)])
def test_a_blur_is_that_of_scipy(shape):
    torch.manual_seed(0)
    x = torch.rand(2, 3, *shape)
    taps = np.array([1, 4, 6, 4, 1]) / 16
    theirs = np.stack([[ndimage.convolve(c, np.outer(taps, taps), mode="mirror") for c in picture] for picture in x.numpy()])
    assert halved(x).numpy() == pytest.approx(theirs[:, :, ::2, ::2], abs=1e-6)


@pytest.mark.parametrize("side", [28, 27])
def test_bands_add_up_to_the_picture(side):
    x = pictures(3, side)
    fine, middle, rest = pyramid(x, 3)
    torch.testing.assert_close(fine + doubled(middle + doubled(rest, middle.shape[2:]), x.shape[2:]), x)


def test_an_even_picture_has_nothing_in_its_fine_bands():
    for band in pyramid(torch.full((1, 1, 32, 32), 0.7), 2)[:1]:
        assert band.abs().max() < 1e-6


def test_descriptors_are_normalised_patches_of_one_picture_after_the_other():
    torch.manual_seed(1)
    x = pictures(40, channels=3)
    found = descriptors(x, 1, 5, torch.Generator().manual_seed(0)).view(40, 5, 3, 7, 7)
    for channel in range(3):
        values = found[:, :, channel]
        assert float(values.mean()) == pytest.approx(0, abs=1e-5)
        assert float(values.square().mean()) == pytest.approx(1, abs=1e-4)
    top = pyramid(x, 2)[1]
    windows = top[17].unfold(1, 7, 1).unfold(2, 7, 1).permute(1, 2, 0, 3, 4).flatten(0, 1)  # every patch of picture 17
    low, spread = top_moments(x)
    wanted = found[17, 2] * spread[:, None, None] + low[:, None, None]
    assert float((windows - wanted).flatten(1).norm(dim=1).min()) < 1e-3


def top_moments(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the patches drawn above, channel by channel."""
    top = pyramid(x, 2)[1]
    stream = torch.Generator().manual_seed(0)
    i, j = (torch.randint(8, (40, 5), generator=stream) for _ in range(2))
    cut = torch.stack([top[n, :, i[n, k] : i[n, k] + 7, j[n, k] : j[n, k] + 7] for n in range(40) for k in range(5)])
    return cut.mean((0, 2, 3)), cut.std((0, 2, 3))


def test_the_sorted_difference_is_the_wasserstein_distance_of_scipy():
    a, b = np.random.default_rng(0).normal(size=(2, 50))
    ours = sorted_difference(torch.from_numpy(a)[None], torch.from_numpy(b)[None]).mean()
    assert float(ours) == pytest.approx(stats.wasserstein_distance(a, b))


def test_what_is_wrong_shows_at_its_level():
    torch.manual_seed(2)
    real, samples = pictures(300), pictures(300)
    same = sliced_wasserstein(samples, real)
    squares = 0.1 * (-1.0) ** (torch.arange(28)[:, None] + torch.arange(28))  # gone once halved, but for the border
    fine = sliced_wasserstein(samples + squares, real)
    coarse = sliced_wasserstein(torch.nn.functional.interpolate(real.flip(0)[:, :, ::4, ::4], scale_factor=4), real)
    assert list(same.levels) == [28, 14]
    assert fine.levels[28].low > 5 * same.levels[28].high
    assert fine.levels[14].value == pytest.approx(same.levels[14].value, rel=0.1)
    assert coarse.average.value > 5 * same.average.value
    assert same.average.value == pytest.approx(sum(level.value for level in same.levels.values()) / 2)
    assert same.protocol == {"patches a picture": 16, "directions": 128, "pictures a side": 300, "seed": 0}


def test_units_do_not_matter():
    torch.manual_seed(3)
    real, samples = pictures(50), pictures(50) + 0.1 * torch.rand(50, 1, 28, 28)
    one = sliced_wasserstein(samples, real)
    other = sliced_wasserstein(samples, 100 * real - 7)
    assert other.average.value == pytest.approx(one.average.value, rel=1e-4)


def test_its_error_is_about_the_spread_over_fresh_draws():
    torch.manual_seed(4)

    def draw():
        noisy = pictures(64) + 0.1 * torch.randn(64, 1, 28, 28)
        return sliced_wasserstein(noisy, pictures(64), patches=8, directions=16).average

    found = [draw() for _ in range(50)]
    spread = float(torch.tensor([one.value for one in found]).std())
    assert 0.75 * spread < sum(one.error or 0 for one in found) / 50 < 1.5 * spread


def test_the_larger_side_is_thinned_and_small_pictures_are_refused():
    torch.manual_seed(5)
    assert sliced_wasserstein(pictures(30), pictures(50)).protocol["pictures a side"] == 30
    with pytest.raises(ValueError, match="7 x 7"):
        sliced_wasserstein(torch.zeros(3, 1, 6, 8), torch.ones(3, 1, 6, 8))
    with pytest.raises(ValueError, match="identical"):
        sliced_wasserstein(torch.zeros(3, 1, 8, 8), torch.zeros(3, 1, 8, 8))
