"""Ladders of damage: real pictures made worse step by step, by which features are tested before they judge a model.

A distance that is to be trusted grows along each ladder. Pictures are damaged in ways that a model's samples are wrong in:
noise of a sampler that stopped early, blur of a mean over many answers, pixels that know nothing of each other, and too little
variety.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from genlab.core.space import Space
from genlab.measure.evaluation import independent

NOISES = (0.04, 0.16, 0.5)  # deviation, as a share of the range from black to white
BLURS = (1 / 32, 1 / 16, 1 / 8)  # deviation of the Gaussian, as a share of the longer side
MIXED = 0.8  # share of the mean picture
SEED = 0


class Rung(NamedTuple):
    """Damaged pictures. words completes "as far from real pictures as ...": "a blur of 2 pixels"."""

    words: str
    x: Tensor  # (n, C, H, W) in the data's units


def ladders(x: Tensor, labels: Tensor | None, space: Space) -> Mapping[str, tuple[Rung, ...]]:
    """Rungs by ladder, each from mild to strong: "noise", "blur", "variety", and "nothing", of what no model had to learn.

    x        (n, C, H, W) real pictures in the data's units, of levels
    labels   (n,) classes, where there are any, -1 for none
    """
    widths = [share * max(space.shape[1:]) for share in BLURS]
    mean = x.float().mean(0)
    mixed = levelled(MIXED * mean + (1 - MIXED) * x.float(), space)
    drawn = torch.Generator().manual_seed(SEED)
    uniform = torch.randint(space.levels, x.shape, generator=drawn).to(x.dtype)
    return {
        "noise": tuple(Rung(f"noise of {share:.0%}", noisy(x, share, space)) for share in NOISES),
        "blur": tuple(Rung(f"a blur of {_pixels(width)}", blurred(x, width, space)) for width in widths),
        "variety": (
            Rung("half of the kinds missing", half(x, labels)),
            Rung("the same picture again and again", x[:1].expand_as(x).contiguous()),
        ),
        "nothing": (
            Rung(f"pictures that are {MIXED:.0%} the mean picture", mixed),
            Rung("pixels drawn independently", independent(x)),
            Rung("uniform noise", uniform),
        ),
    }


def noisy(x: Tensor, share: float, space: Space) -> Tensor:
    """Normal noise of a deviation, as a share of the range; of black and white, that share of the pixels tossed anew."""
    drawn = torch.Generator().manual_seed(SEED)
    if space.levels == 2:
        tossed = torch.rand(x.shape, generator=drawn) < share
        return torch.where(tossed, torch.randint(2, x.shape, generator=drawn).to(x.dtype), x)
    return levelled(x + share * (space.levels - 1) * torch.randn(x.shape, generator=drawn), space)


def blurred(x: Tensor, width: float, space: Space) -> Tensor:
    """Convolution with a Gaussian of a deviation in pixels; beyond the border lies the border's own value."""
    reach = math.ceil(3 * width)
    places = torch.arange(-reach, reach + 1, dtype=torch.float32)
    weights = torch.exp(-places.square() / (2 * width**2))
    kernel = (weights / weights.sum()).expand(x.shape[1], 1, 1, -1)
    across = conv2d(pad(x.float(), (reach, reach, 0, 0), "replicate"), kernel, groups=x.shape[1])
    down = conv2d(pad(across, (0, 0, reach, reach), "replicate"), kernel.mT, groups=x.shape[1])
    return levelled(down, space)


def half(x: Tensor, labels: Tensor | None) -> Tensor:
    """The pictures of every other class; without classes, or where these are rare, the half most like the first picture."""
    if labels is not None and len(kinds := labels[labels >= 0].unique()) > 1:
        found = x[torch.isin(labels, kinds[::2])]
        if len(found) >= len(x) / 4:  # rare classes alone would be too few to compare
            return found
    order = (x.float() - x[:1].float()).flatten(1).square().sum(1).argsort()
    return x[order[: len(x) // 2]]


def levelled(x: Tensor, space: Space) -> Tensor:
    """Real numbers rounded to levels of the space."""
    return x.round().clamp(0, space.levels - 1).to(torch.uint8 if space.levels <= 256 else torch.int64)


def _pixels(width: float) -> str:
    return f"{float(f'{width:.2g}'):g} pixel{'' if width == 1 else 's'}"
