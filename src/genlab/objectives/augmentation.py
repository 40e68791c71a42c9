"""Augmentation of what a discriminator sees: with few pictures to learn from it cannot learn them by heart.

Real and generated pictures are changed alike and at random, by operations through which the generator's gradient passes: if the
changed pictures have one distribution, so have those before the change. Zhao et al., "Differentiable Augmentation for
Data-Efficient GAN Training", 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from genlab.core.moves import Draws

SHIFT, CUT = 1 / 8, 1 / 2  # shares of a side: the largest translation, and the square that is blanked


def augmented(x: Tensor, noise: Draws) -> Tensor:
    """x (B, C, H, W), centred: brightness, saturation and contrast, then a translation, then a blank square."""
    u = noise.uniform((7,)).to(x)
    tone, places = u[:, :3, None, None, None], u[:, 3:]
    x = x + (tone[:, 0] - 0.5)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * (2 * tone[:, 1])
    middle = x.mean((1, 2, 3), keepdim=True)
    x = middle + (x - middle) * (0.5 + tone[:, 2])
    return _blanked(_shifted(x, places[:, :2]), places[:, 2:])


def _shifted(x: Tensor, u: Tensor) -> Tensor:
    """Each picture moved by its own whole number of pixels, from -SHIFT to SHIFT of a side; zeros come in."""
    height, width = x.shape[2:]
    most = [round(side * SHIFT) for side in (height, width)]
    first = [(u[:, axis] * (2 * most[axis] + 1)).long() for axis in (0, 1)]  # in the padded picture
    rows = first[0][:, None] + torch.arange(height, device=x.device)
    columns = first[1][:, None] + torch.arange(width, device=x.device)
    whole = pad(x, (most[1], most[1], most[0], most[0]))
    every = torch.arange(len(x), device=x.device)[:, None, None]
    return whole.permute(0, 2, 3, 1)[every, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _blanked(x: Tensor, u: Tensor) -> Tensor:
    """A square of CUT of the sides, its middle anywhere in the picture, is 0."""
    inside = []
    for axis, side in enumerate(x.shape[2:]):
        middle = (u[:, axis] * side).floor()[:, None]
        inside.append((torch.arange(side, device=x.device) - middle).abs() < side * CUT / 2)
    return x * ~(inside[0][:, None, :, None] & inside[1][:, None, None, :])
