"""MS-SSIM by hand, against two libraries, and where they differ."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from genlab.measure.similarity import WEIGHTS, Scales, _terms, diversity, ms_ssim, scales


def pair(side: int = 192, channels: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(side + channels)
    a = torch.rand(3, channels, side, side)
    return a, (a + 0.3 * torch.randn_like(a)).clamp(0, 1)


def by_hand(a: torch.Tensor, b: torch.Tensor, span: float, used: Scales) -> float:
    """Of two grey pictures, place by place."""
    taps = torch.exp(-((torch.arange(used.window) - used.window // 2).double() ** 2) / 4.5)
    window = taps[:, None] * taps / taps.sum() ** 2
    c1, c2, result = (0.01 * span) ** 2, (0.03 * span) ** 2, 1.0
    for scale, weight in enumerate(used.weights):
        values = []
        for i in range(a.shape[0] - used.window + 1):
            for j in range(a.shape[1] - used.window + 1):
                p, q = (x[i : i + used.window, j : j + used.window] for x in (a, b))
                m, n = float((window * p).sum()), float((window * q).sum())
                v, w = float((window * (p - m) ** 2).sum()), float((window * (q - n) ** 2).sum())
                structure = (2 * float((window * (p - m) * (q - n)).sum()) + c2) / (v + w + c2)
                light = (2 * m * n + c1) / (m * m + n * n + c1)
                values.append(structure * light if scale == len(used.weights) - 1 else structure)
        result *= max(0.0, sum(values) / len(values)) ** weight
        a, b = (functional.avg_pool2d(x[None, None], 2)[0, 0] for x in (a, b))
    return result


@pytest.mark.parametrize(("side", "count", "window"), [(28, 2, 11), (13, 1, 11), (8, 1, 7), (7, 1, 7)])
def test_it_is_its_definition_on_small_pictures(side, count, window):
    used = scales(side, side)
    assert (len(used.weights), used.window) == (count, window)
    a, b = pair(side)
    ours = ms_ssim(2 * a - 1, 2 * b - 1, 2.0)
    assert float(ours[0]) == pytest.approx(by_hand(2 * a[0, 0].double() - 1, 2 * b[0, 0].double() - 1, 2.0, used), rel=1e-5)


def test_scales_are_the_paper_s_where_they_fit():
    assert scales(176, 400).weights == pytest.approx(WEIGHTS, abs=1e-4)
    assert len(scales(175, 400).weights) == 4
    for side in (28, 32, 64, 100):
        assert sum(scales(side, side).weights) == pytest.approx(1)
    assert str(scales(64, 64)) == "3 of 5 scales, window 11"


@pytest.mark.parametrize("channels", [1, 3])
def test_agrees_with_pytorch_msssim(channels):
    from pytorch_msssim import ms_ssim as theirs

    a, b = pair(192, channels)
    assert ms_ssim(a, b, 1.0).numpy() == pytest.approx(theirs(a, b, data_range=1.0, size_average=False).numpy(), rel=1e-3)


@pytest.mark.parametrize("channels", [1, 3])
def test_torchmetrics_differs_by_two_choices(channels):
    """It takes means over colours before the powers, so that MS-SSIM is no longer the mean of the channels' own, and its last
    scale counts places where the window hangs over a mirrored border: at 192 pixels 12 x 12 places, though it fits at 2 x 2.
    Wang et al. count where it fits, and speak of one channel. With both choices made as there, the terms here give its value.
    """
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as theirs

    a, b = pair(192, channels)
    expected = theirs(a, b, data_range=1.0, reduction="none", normalize="relu")
    assert float((ms_ssim(a, b, 1.0) - expected).abs().max()) > 1e-3
    found, x, y = torch.ones(3, dtype=torch.float64), a.double(), b.double()
    for weight in WEIGHTS[:-1]:
        found *= _terms(x, y, 1.0, 11)[1].mean((1, 2, 3)) ** weight
        x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
    x, y = (functional.pad(last, (5, 5, 5, 5), mode="reflect") for last in (x, y))
    found *= torch.mul(*_terms(x, y, 1.0, 11)).mean((1, 2, 3)) ** WEIGHTS[-1]
    assert found.numpy() == pytest.approx(expected.numpy(), rel=1e-3)


def test_a_picture_is_like_itself_and_unlike_its_negative():
    a, _ = pair(32, 3)
    assert ms_ssim(a, a, 1.0).tolist() == pytest.approx([1, 1, 1])
    assert ms_ssim(a, 1 - a, 1.0).tolist() == [0, 0, 0]


def test_diversity_of_one_picture_is_1_and_of_noise_near_0():
    torch.manual_seed(0)
    noise = torch.rand(60, 1, 28, 28)
    collapsed = diversity(noise[:1].expand(60, -1, -1, -1), 1.0)
    assert collapsed.estimate.value == pytest.approx(1)
    found = diversity(noise, 1.0)
    assert abs(found.estimate.value) < 0.1
    assert found.protocol == {"pairs": 30, "scales": "2 of 5 scales, window 11", "seed": 0}
    assert diversity(noise, 1.0, pairs=10).protocol["pairs"] == 10


def test_no_pair_is_of_one_picture_with_itself():
    """Half the pictures light, half dark, so that equal ones would show."""
    values = diversity(torch.arange(40.0)[:, None, None, None].expand(-1, 1, 12, 12) / 39, 1.0).estimate
    assert values.value < 0.999


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (lambda: ms_ssim(torch.zeros(2, 1, 8, 8), torch.zeros(2, 1, 8, 9), 1.0), "one shape"),
        (lambda: ms_ssim(torch.zeros(2, 1, 8, 8), torch.zeros(2, 1, 8, 8), 0.0), "above 0"),
        (lambda: diversity(torch.zeros(3, 1, 8, 8), 1.0), "at least two pairs"),
    ],
)
def test_what_cannot_be_compared_is_refused(call, remedy):
    with pytest.raises(ValueError, match=remedy):
        call()
