"""What the discriminator is shown: the same kinds of change for real and generated pictures, each picture its own."""

from __future__ import annotations

import torch
from torch import Tensor

from genlab.core.noise import BatchNoise
from genlab.objectives.augmentation import CUT, SHIFT, augmented

STILL = torch.tensor([0.5, 0.5, 0.5])  # brightness, saturation and contrast as they are


class Fixed:
    """Numbers instead of draws."""

    def __init__(self, u: Tensor):
        self.u = u

    def uniform(self, shape: object) -> Tensor:
        return self.u

    normal = uniform

    def __len__(self) -> int:
        return len(self.u)


def fixed(tone: Tensor, places: tuple[float, float, float, float], n: int = 1) -> Fixed:
    return Fixed(torch.cat([tone, torch.tensor(places)]).expand(n, -1))


def test_a_shift_moves_whole_pixels_and_zeros_come_in():
    x = torch.rand(1, 3, 16, 16) + 1
    for share, moved in ((0.0, 2), (0.5, 0), (0.999, -2)):
        found = augmented(x, fixed(STILL, (share, 0.5, 0.0, 0.0)))[:, :, 8:]  # below the blank square
        wanted = torch.zeros_like(x)
        rows = slice(max(0, moved), 16 + min(0, moved))
        wanted[:, :, rows] = x[:, :, slice(max(0, -moved), 16 - max(0, moved))]
        torch.testing.assert_close(found, wanted[:, :, 8:])
    assert round(16 * SHIFT) == 2


def test_a_square_of_half_the_side_is_blank():
    found = augmented(torch.ones(1, 1, 16, 16), fixed(STILL, (0.5, 0.5, 0.5, 0.5)))
    assert (found == 0).sum() == (16 * CUT - 1) ** 2
    assert (found[0, 0, 5:12, 5:12] == 0).all()


def test_tones_change_level_colour_and_range():
    x = torch.rand(2, 3, 8, 8)
    seen = (slice(None), slice(None), slice(4, None))  # below the blank square
    places = (0.5, 0.5, 0.0, 0.0)
    brighter = augmented(x, fixed(torch.tensor([0.75, 0.5, 0.5]), places, 2))
    torch.testing.assert_close(brighter[seen], (x + 0.25)[seen])
    grey = augmented(x, fixed(torch.tensor([0.5, 0.0, 0.5]), places, 2))
    torch.testing.assert_close(grey[seen], x.mean(1, keepdim=True).expand_as(x)[seen])
    flat = augmented(x, fixed(torch.tensor([0.5, 0.5, 0.0]), places, 2))
    middle = x.mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(flat[seen], (middle + (x - middle) / 2)[seen])


def test_each_picture_has_draws_of_its_own_and_the_gradient_passes():
    x = torch.rand(1, 3, 16, 12).expand(6, -1, -1, -1).clone().requires_grad_()
    found = augmented(x, BatchNoise(3, 6))
    assert len({tuple(row.flatten().tolist()) for row in found.detach()}) == 6
    torch.testing.assert_close(found[4:], augmented(x[4:], BatchNoise(3, 2, first=4, total=6)))
    found.sum().backward()
    assert x.grad is not None
    assert (x.grad.flatten(1).abs().sum(1) > 0).all()
