"""Convolutional networks between pictures of any size and a small grid of features.

Each level halves both sides, rounding up (31 -> 16 -> 8), so pictures may have odd and unequal sides; the way up returns to the
same sizes. Residual blocks (He et al., "Identity Mappings in Deep Residual Networks", 2016) work on the halved grids only: at
full size, where a block would cost most, there is one convolution.

Grids are halved by strided 3x3 convolutions and doubled by 3x3 convolutions after repeating neighbours (no checkerboard: Odena
et al., "Deconvolution and Checkerboard Artifacts", 2016), or by 4x4 ones, strided and transposed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.nets.layers import Upsample
from genlab.nets.mlp import MLP


@dataclass(frozen=True)
class BlockConfig:
    """The settings that all residual blocks of a network share."""

    norm: Literal["group", "none"] = "group"  # group norm couples no examples
    condition: int = 0  # size of the vector that shifts every block's channels; 0: there is none
    dropout: float = 0.0  # share of whole channels left out while training
    kernel_size: Literal[3, 4] = 3  # side of the convolutions that halve and double


def grids(height: int, width: int, smallest: int = 4) -> list[tuple[int, int]]:
    """Sizes on the way down, the picture's own first: halved while the longer side exceeds `smallest`."""
    found = [(height, width)]
    while max(found[-1]) > smallest:
        rows, columns = found[-1]
        found.append((math.ceil(rows / 2), math.ceil(columns / 2)))
    return found


def widths(base: int, levels: int, largest: int = 4) -> list[int]:
    """Channels of each level: doubling from `base`, at most `largest` times it."""
    return [base * min(2**level, largest) for level in range(levels)]


def prepared(channels: int, norm: str) -> list[nn.Module]:
    """Normalisation (up to 8 groups) and activation, as they stand before a convolution."""
    return [nn.GroupNorm(math.gcd(8, channels), channels), nn.SiLU()] if norm == "group" else [nn.SiLU()]


def even(x: Tensor) -> Tensor:
    """Repeats the last row or column where there is an odd number of them."""
    return F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), mode="replicate")


class DownsampleConv(nn.Module):
    """(B, before, h, w) -> (B, after, ceil(h/2), ceil(w/2))."""

    def __init__(self, before: int, after: int, kernel_size: int):
        super().__init__()
        self.kernel_size, self.conv = kernel_size, nn.Conv2d(before, after, kernel_size, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(even(x) if self.kernel_size == 4 else x)


class UpsampleConv(nn.Module):
    """(B, before, ceil(h/2), ceil(w/2)) -> (B, after, h, w)."""

    def __init__(self, before: int, after: int, size: tuple[int, int], kernel_size: int):
        super().__init__()
        self.size, self.kernel_size = size, kernel_size
        self.conv = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1) if kernel_size == 4 else Upsample(before, after)

    def forward(self, x: Tensor) -> Tensor:
        if self.kernel_size == 4:
            return self.conv(x)[:, :, : self.size[0], : self.size[1]]
        return self.conv(x, self.size)


class ResidualBlock(nn.Module):
    """x + conv(act(norm(conv(act(norm(x))) + W c))): x (B, C, H, W), c (B, condition) -> (B, C, H, W).

    The second convolution starts at zero: a new block is the identity.
    """

    def __init__(self, channels: int, block: BlockConfig):
        super().__init__()
        last = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # pyright: ignore[reportArgumentType]
        self.first = nn.Sequential(*prepared(channels, block.norm), nn.Conv2d(channels, channels, 3, padding=1))
        self.second = nn.Sequential(*prepared(channels, block.norm), nn.Dropout2d(block.dropout), last)
        self.shift = nn.Linear(block.condition, channels) if block.condition else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.first(x)
        if self.shift is not None and c is not None:
            h = h + self.shift(c)[:, :, None, None]
        return x + self.second(h)


class Resolution(nn.Module):
    """The layers between two grids: a convolution that changes size and channels, and residual blocks beside it."""

    def __init__(self, resize: nn.Module, blocks: Sequence[ResidualBlock]):
        super().__init__()
        self.resize, self.blocks = resize, nn.ModuleList(blocks)

    def refined(self, x: Tensor, c: Tensor | None) -> Tensor:
        for block in self.blocks:
            x = block(x, c)
        return x


class GridEncoder(nn.Module):
    """Picture to grid: (B, channels, *sizes[0]) -> (B, widths[-1], *sizes[-1]), by strided convolutions and residual blocks.

    sizes   from `grids`; a single one is kept, and the convolution then has stride one
    base    channels of the first halved grid
    depth   residual blocks a level
    """

    def __init__(self, channels: int, sizes: Sequence[tuple[int, int]], base: int, depth: int, block: BlockConfig):
        super().__init__()
        self.widths = widths(base, max(len(sizes) - 1, 1))
        steps = zip([channels, *self.widths[:-1]], self.widths, strict=True)
        resizes = [_convolution(*step) if len(sizes) == 1 else DownsampleConv(*step, block.kernel_size) for step in steps]
        self.levels = nn.ModuleList(
            Resolution(resize, [ResidualBlock(after, block) for _ in range(depth)])
            for resize, after in zip(resizes, self.widths, strict=True)
        )
        self.last = nn.Sequential(*prepared(self.widths[-1], block.norm))

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        for level in self.levels:
            assert isinstance(level, Resolution)
            x = level.refined(level.resize(x), c)
        return self.last(x)


class GridDecoder(nn.Module):
    """Grid to picture, the mirror of `GridEncoder`: (B, widths[-1], *sizes[-1]) -> (B, channels, *sizes[0])."""

    def __init__(self, channels: int, sizes: Sequence[tuple[int, int]], base: int, depth: int, block: BlockConfig):
        super().__init__()
        self.widths = widths(base, max(len(sizes) - 1, 1))
        upward = self.widths[::-1]
        steps = list(zip(upward, [*upward[1:], channels], strict=True))
        if len(sizes) == 1:
            resizes = [_convolution(*step) for step in steps]
        else:
            resizes = [UpsampleConv(*step, size, block.kernel_size) for step, size in zip(steps, sizes[-2::-1], strict=True)]
        self.levels = nn.ModuleList(
            Resolution(
                nn.Sequential(*prepared(before, block.norm), resize), [ResidualBlock(before, block) for _ in range(depth)]
            )
            for (before, _), resize in zip(steps, resizes, strict=True)
        )

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        for level in self.levels:
            assert isinstance(level, Resolution)
            x = level.resize(level.refined(x, c))
        return x


def _convolution(before: int, after: int) -> nn.Conv2d:
    """The only level of a picture that is not halved."""
    return nn.Conv2d(before, after, 3, padding=1)


class ConvEncoder(nn.Module):
    """Picture to vector: (B, C, H, W), c (B, condition) -> (B, outputs).

    hidden      units of a dense layer between grid and vector; 0 leaves it out
    coarsest    longest side of the grid
    """

    def __init__(
        self, shape: Sequence[int], outputs: int, base: int, depth: int, block: BlockConfig, hidden: int = 0, coarsest: int = 4
    ):
        super().__init__()
        channels, height, width = shape
        sizes = grids(height, width, coarsest)
        self.trunk = GridEncoder(channels, sizes, base, depth, block)
        self.head = dense(self.trunk.widths[-1] * math.prod(sizes[-1]) + block.condition, hidden, outputs)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.trunk(x, c).flatten(1)
        return self.head(h if c is None else torch.cat([h, c], 1))


class ConvDecoder(nn.Module):
    """Vector to picture, the mirror of `ConvEncoder`: (B, inputs), c (B, condition) -> (B, C, H, W)."""

    def __init__(
        self, inputs: int, shape: Sequence[int], base: int, depth: int, block: BlockConfig, hidden: int = 0, coarsest: int = 4
    ):
        super().__init__()
        channels, height, width = shape
        sizes = grids(height, width, coarsest)
        self.trunk = GridDecoder(channels, sizes, base, depth, block)
        self.grid = (self.trunk.widths[-1], *sizes[-1])
        self.head = dense(inputs + block.condition, hidden, math.prod(self.grid))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        z = z if c is None else torch.cat([z, c], 1)
        return self.trunk(self.head(z).unflatten(1, self.grid), c)


def dense(inputs: int, hidden: int, outputs: int) -> nn.Module:
    """A linear layer, or two with a normalised hidden layer between them."""
    return MLP([inputs, hidden, outputs], norm="layer") if hidden else nn.Linear(inputs, outputs)
