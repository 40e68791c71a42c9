"""Each rung is damaged as it says, and by nothing else."""

from __future__ import annotations

import pytest
import torch
from scipy.ndimage import gaussian_filter

from genlab.core.space import Space
from genlab.measure.ladders import BLURS, NOISES, blurred, half, ladders, noisy

SPACE = Space((3, 32, 24), "CHW", "ordinal", 256)


def pictures(n: int = 40, levels: int = 256) -> torch.Tensor:
    return torch.randint(levels, (n, 3, 32, 24), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


@pytest.mark.parametrize("width", [0.5, 1, 2, 4.5])
def test_a_blur_is_a_gaussian_convolution(width):
    x = pictures(3)
    expected = gaussian_filter(x.double().numpy(), width, axes=(2, 3), mode="nearest", truncate=3)
    assert (blurred(x, width, SPACE).double() - torch.tensor(expected)).abs().max() < 1.1, "rounding apart"


@pytest.mark.parametrize("share", NOISES)
def test_noise_has_the_deviation_it_says(share):
    middle = torch.full((20, 3, 32, 24), 128, dtype=torch.uint8)
    found = (noisy(middle, share, SPACE).double() - 128).std() / 255
    expected = torch.randn(100_000).mul(share).clamp(-128 / 255, 127 / 255).std()
    assert float(found) == pytest.approx(float(expected), rel=0.02)


def test_black_and_white_pixels_are_tossed():
    space = Space((3, 32, 24), "CHW", "binary", 2)
    black = torch.zeros(50, 3, 32, 24, dtype=torch.uint8)
    assert float(noisy(black, 0.16, space).float().mean()) == pytest.approx(0.08, rel=0.05)


def test_half_is_every_other_class_or_the_pictures_most_alike():
    x, labels = pictures(6), torch.tensor([0, 1, 2, 0, -1, 3])
    assert half(x, labels).equal(x[[0, 2, 3]])
    near = x.clone()
    near[4] = near[0]
    assert half(near, None)[:2].equal(near[[0, 4]])
    assert len(half(near, torch.zeros(6, dtype=torch.long))) == 3, "one class cannot lose its other half"
    rare = torch.tensor([1, 1, 1, 1, 1, 0])
    assert len(half(near, rare)) == 3, "a single picture of a rare class is no half"


def test_the_rungs_are_pictures_of_the_space_and_one_is_repeated():
    x = pictures()
    rungs = ladders(x, None, SPACE)
    for rung in (rung for ladder in rungs.values() for rung in ladder):
        assert rung.x.shape[1:] == x.shape[1:]
        assert rung.x.dtype == torch.uint8
    assert rungs["variety"][1].x.unique(dim=0).equal(x[:1])
    assert [rung.words for rung in rungs["blur"]] == [
        f"a blur of {32 * share:g} pixel{'s' * (share > BLURS[0])}" for share in BLURS
    ]
    independent = rungs["nothing"][1].x
    assert independent.sort(0).values.equal(x.sort(0).values), "each pixel keeps its own values"
    assert not independent.equal(x)
