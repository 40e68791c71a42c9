"""U-Net: a picture and a time in, a picture of the same size out.

Down through halved grids and up again, each block on the way up beside what its mirror saw on the way down (Ronneberger,
Fischer & Brox, "U-Net", 2015; for denoising, Ho et al., 2020; scaled and shifted by time, Dhariwal & Nichol, 2021). Sides are
halved rounding up and doubled with the surplus cut off, so they may be odd and unequal.

Tensors are channels-last from the first convolution to the last, where a CPU's convolutions are fastest and a 1x1
convolution or an attention is a matrix product without a copy. See `nets.norm` for what stands between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.nets.attention import GridAttention
from genlab.nets.norm import groups_of, norm_act
from genlab.nets.time import Clock
from genlab.nets.winograd import Conv3x3


class Norm(nn.Module):
    """silu(scale x^ + shift): learnt for each channel, and with `said` (B, 2C) moved by it."""

    def __init__(self, channels: int):
        super().__init__()
        self.groups = groups_of(channels)
        self.scale, self.shift = nn.Parameter(torch.ones(1, channels)), nn.Parameter(torch.zeros(1, channels))

    def forward(self, x: Tensor, said: Tensor | None = None) -> Tensor:
        scale, shift = self.scale, self.shift
        if said is not None:
            more, moved = said.chunk(2, 1)
            scale, shift = scale + more, shift + moved
        return norm_act(x, scale, shift, self.groups)


class Block(nn.Module):
    """x (B, before, H, W), said (B, 2 after) -> (B, after, H, W): two convolutions beside a straight line."""

    def __init__(self, before: int, after: int, head: int = 0, dropout: float = 0.0):
        super().__init__()
        self.after = after
        self.norm1, self.norm2 = Norm(before), Norm(after)
        self.conv1 = Conv3x3(before, after)
        self.conv2 = Conv3x3(after, after)
        nn.init.zeros_(self.conv2.weight)
        self.dropout = nn.Dropout(dropout) if dropout else None
        self.line = nn.Conv2d(before, after, 1) if before != after else None
        self.attention = GridAttention(after, head) if head else None

    def forward(self, x: Tensor, said: Tensor) -> Tensor:
        h = self.norm2(self.conv1(self.norm1(x)), said)
        h = self.conv2(h if self.dropout is None else self.dropout(h))
        h = h + (x if self.line is None else self.line(x))
        return h if self.attention is None else self.attention(h)


class Double(nn.Conv2d):
    """Every place twice as wide and high, then a 3x3 convolution, cut to `size`; computed as one transposed convolution.

    Repeating places is a transposed convolution with a 2x2 kernel of ones, so the two together are one with the 4x4 kernel
    that is their convolution: 16 products a small place where the plain way takes 36.
    """

    def __init__(self, channels: int):
        super().__init__(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, size: Sequence[int]) -> Tensor:
        flipped = self.weight.flip(-1, -2).transpose(0, 1)
        kernel = sum(F.pad(flipped, (right, 1 - right, down, 1 - down)) for right in (0, 1) for down in (0, 1))
        assert isinstance(kernel, Tensor)
        kernel = kernel.contiguous(memory_format=torch.channels_last)
        out = F.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)
        return out if out.shape[-2:] == tuple(size) else out[..., : size[0], : size[1]]


class UNet(nn.Module):
    """x (B, channels, H, W), u (B,) in [0, 1], label (B,) or None -> (B, channels, H, W).

    widths      channels of each grid, the picture's own first
    depth       blocks a grid on the way down; one more on the way up
    attends     for each grid, whether its blocks attend; the smallest grid's middle always does
    head        channels of an attention head
    The last convolution starts at zero.
    """

    def __init__(
        self,
        channels: int,
        widths: Sequence[int],
        depth: int,
        attends: Sequence[bool],
        head: int = 32,
        classes: int = 0,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.clock = Clock(4 * widths[0], classes)
        self.first = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        passed, now = [widths[0]], widths[0]
        for level, width in enumerate(widths):
            blocks = [Block(now if i == 0 else width, width, head * attends[level], dropout) for i in range(depth)]
            self.down.append(nn.ModuleList(blocks))
            passed, now = [*passed, *[width] * depth], width
            if level + 1 < len(widths):
                self.shrink.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
                passed.append(width)
        self.middle = nn.ModuleList([Block(now, now, head, dropout), Block(now, now, 0, dropout)])
        for level in reversed(range(len(widths))):
            width, blocks = widths[level], []
            for _ in range(depth + 1):
                blocks.append(Block(now + passed.pop(), width, head * attends[level], dropout))
                now = width
            self.up.append(nn.ModuleList(blocks))
            if level:
                self.grow.append(Double(width))
        self.norm, self.last = Norm(now), nn.Conv2d(now, channels, 3, padding=1)
        self.modulate = nn.Linear(self.clock.width, sum(2 * block.after for block in self.blocks()))
        for start_at_zero in (self.last, self.modulate):
            nn.init.zeros_(start_at_zero.weight)
            nn.init.zeros_(start_at_zero.bias)  # pyright: ignore[reportArgumentType]

    def blocks(self) -> Iterator[Block]:
        """In the order in which a picture meets them."""
        for module in (*self.down, self.middle, *self.up):
            assert isinstance(module, nn.ModuleList)
            yield from (block for block in module if isinstance(block, Block))

    def forward(self, x: Tensor, u: Tensor, label: Tensor | None = None) -> Tensor:
        said = iter(self.modulate(self.clock(u, label)).split([2 * block.after for block in self.blocks()], 1))
        h = self.first(x.contiguous(memory_format=torch.channels_last))
        seen = [h]
        for level, blocks in enumerate(self.down):
            for block in blocks:  # pyright: ignore[reportGeneralTypeIssues]
                h = block(h, next(said))
                seen.append(h)
            if level < len(self.shrink):
                h = self.shrink[level](h)
                seen.append(h)
        for block in self.middle:
            h = block(h, next(said))
        for level, blocks in enumerate(self.up):
            for block in blocks:  # pyright: ignore[reportGeneralTypeIssues]
                h = block(torch.cat([h, seen.pop()], 1), next(said))
            if level < len(self.grow):
                h = self.grow[level](h, seen[-1].shape[-2:])
        return self.last(self.norm(h))
