"""Convolutional generator and discriminator: a vector is doubled into a picture, a picture is halved into a vector.

The grids of a picture of side s are s, ceil(s/2), ceil(s/4), ... down to at most 4, so every size is reached exactly, odd
and oblong ones too: a doubling crops its last row or column, a halving repeats it. A picture of more than 16 pixels is
halved at once and doubled last: at full size a layer costs most and sees least. Grids are doubled by repeating pixels before a
convolution, since strides that overlap unevenly draw checkerboards (Odena et al., "Deconvolution and Checkerboard Artifacts",
2016).

Radford et al., "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks", 2016, with a
residual convolution on every grid and group norm in place of batch norm, which would make a sample depend on its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from genlab.core.space import Space
from genlab.nets.condition import NO_CONDITIONS, Conditioning
from genlab.nets.conv import even, grids
from genlab.nets.discriminator import ProjectionHead
from genlab.nets.layers import Upsample

LARGE = 16  # pixels: pictures with a longer side are halved at once
LEAK = 0.2  # slope of the activations below 0


def channels(count: int, width: int) -> list[int]:
    """Channels of `count` grids, finest first: they double at every halving, up to 8 times `width`."""
    return [width * min(2**level, 8) for level in range(count)]


class ConditionalGroupNorm(nn.Module):
    """Group norm whose scale and shift follow a condition of `cond` numbers, if there is one: (B, C, H, W) -> the same."""

    def __init__(self, width: int, cond: int = 0):
        super().__init__()
        self.norm = nn.GroupNorm(math.gcd(8, width), width, affine=not cond)
        self.style = nn.Linear(cond, 2 * width) if cond else None

    def forward(self, h: Tensor, cond: Tensor | None = None) -> Tensor:
        h = self.norm(h)
        if self.style is None or cond is None:
            return h
        scale, shift = self.style(cond)[:, :, None, None].chunk(2, 1)
        return h * (1 + scale) + shift


class UpBlock(nn.Module):
    """One grid of the generator: h + act(norm(conv(h))), then doubled: (B, C, h, w) -> (B, C', *size)."""

    def __init__(self, before: int, after: int, size: tuple[int, int], cond: int = 0):
        super().__init__()
        self.size = size
        self.refine = nn.Conv2d(before, before, 3, padding=1)
        self.grow = Upsample(before, after)
        self.norms = nn.ModuleList([ConditionalGroupNorm(before, cond), ConditionalGroupNorm(after, cond)])

    def forward(self, h: Tensor, cond: Tensor | None) -> Tensor:
        h = h + leaky_relu(self.norms[0](self.refine(h), cond), LEAK)
        h = self.grow(h, self.size)
        return leaky_relu(self.norms[1](h, cond), LEAK)


class Generator(nn.Module):
    """(B, latent) and conditions -> (B, *shape) real numbers.

    by   how conditions enter: "embedding" beside the latent, or "norm", the scale and shift of every norm
    """

    def __init__(
        self,
        latent: int,
        shape: tuple[int, int, int],
        width: int = 32,
        given: Mapping[str, Space] = NO_CONDITIONS,
        by: str = "embedding",
    ):
        super().__init__()
        whole, *sizes = grids(*shape[1:])
        large = max(whole) > LARGE
        sizes = sizes if large else [whole, *sizes]
        wide = channels(len(sizes), width)
        self.cond = Conditioning(given, width) if given else None
        self.by_norm = self.cond is not None and by == "norm"
        style = width if self.by_norm else 0
        self.whole, self.grid = whole, (wide[-1], *sizes[-1])
        self.stem = nn.Linear(latent + (width if self.cond is not None and not self.by_norm else 0), math.prod(self.grid))
        self.stem_norm = ConditionalGroupNorm(wide[-1], style)
        steps = pairwise(zip(reversed(wide), reversed(sizes), strict=True))
        self.ups = nn.ModuleList(UpBlock(before, after, size, style) for (before, _), (after, size) in steps)
        self.refine = nn.Conv2d(width, width, 3, padding=1)
        self.grow = Upsample(width, width) if large else None
        self.picture = nn.Conv2d(width, shape[0], 3, padding=1)

    def forward(self, z: Tensor, given: Mapping[str, Tensor] = NO_CONDITIONS) -> Tensor:
        cond = None if self.cond is None else self.cond.vector(given, len(z))
        if cond is not None and not self.by_norm:
            z = torch.cat([z, cond], 1)
        h = self.stem(z).unflatten(1, self.grid)
        h = leaky_relu(self.stem_norm(h, cond), LEAK)
        for up in self.ups:
            h = up(h, cond)
        h = h + leaky_relu(self.refine(h), LEAK)
        if self.grow is not None:
            h = leaky_relu(self.grow(h, self.whole), LEAK)
        return self.picture(h)


class DownBlock(nn.Module):
    """One grid of the discriminator: h + act(conv(h)), then halved: (B, C, h, w) -> (B, C', ceil(h/2), ceil(w/2))."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.refine = nn.Conv2d(before, before, 3, padding=1)
        self.shrink = nn.Conv2d(before, after, 4, stride=2, padding=1)

    def forward(self, h: Tensor) -> Tensor:
        h = h + leaky_relu(self.refine(h), LEAK)
        return leaky_relu(self.shrink(even(h)), LEAK)


class Discriminator(nn.Module):
    """(B, *shape) real numbers and conditions -> (B,) scores."""

    def __init__(self, shape: tuple[int, int, int], width: int = 32, given: Mapping[str, Space] = NO_CONDITIONS):
        super().__init__()
        whole, *sizes = grids(*shape[1:])
        self.large = max(whole) > LARGE
        sizes = sizes if self.large else [whole, *sizes]
        wide = channels(len(sizes), width)
        stem = nn.Conv2d(shape[0], width, 4, stride=2, padding=1)
        self.stem = stem if self.large else nn.Conv2d(shape[0], width, 3, padding=1)
        self.downs = nn.ModuleList(DownBlock(before, after) for before, after in pairwise(wide))
        self.features = nn.Linear(wide[-1] * math.prod(sizes[-1]), 4 * width)
        self.head = ProjectionHead(4 * width, given)

    def forward(self, x: Tensor, given: Mapping[str, Tensor] = NO_CONDITIONS) -> Tensor:
        h = leaky_relu(self.stem(even(x) if self.large else x), LEAK)
        for down in self.downs:
            h = down(h)
        return self.head(leaky_relu(self.features(h.flatten(1)), LEAK), given)
