"""U-Net: a picture and a time in, a picture of the same size out.

Down through halved grids and up again; every block on the way up also gets the output of its mirror on the way down
(Ronneberger, Fischer & Brox, "U-Net", 2015; for denoising, Ho et al., 2020; modulated by time, Dhariwal & Nichol, 2021;
attending to the tokens of a text, Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2022). Sides
are halved rounding up and doubled with the surplus cut off, so they may be odd and unequal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.nets.attention import GridAttention, TokenAttention
from genlab.nets.layers import Conv3x3, Upsample, groups_of, laid_out, norm_act
from genlab.nets.time import TimeEmbedding


def patched(x: Tensor, side: int) -> Tensor:
    """(B, C, H, W) -> (B, C side^2, ceil(H/side), ceil(W/side)): squares of pixels as channels; borders are repeated."""
    if side == 1:
        return x
    more = (0, -x.shape[3] % side, 0, -x.shape[2] % side)
    return F.pixel_unshuffle(F.pad(x, more, mode="replicate") if any(more) else x, side)


class AdaptiveNormAct(nn.Module):
    """silu(scale group_norm(x) + shift): scale and shift are learnt for each channel; `modulation` (B, 2C) is added to them."""

    def __init__(self, channels: int):
        super().__init__()
        self.groups = groups_of(channels)
        self.scale, self.shift = nn.Parameter(torch.ones(1, channels)), nn.Parameter(torch.zeros(1, channels))

    def forward(self, x: Tensor, modulation: Tensor | None = None) -> Tensor:
        scale, shift = self.scale, self.shift
        if modulation is not None:
            more_scale, more_shift = modulation.chunk(2, 1)
            scale, shift = scale + more_scale, shift + more_shift
        return norm_act(x, scale, shift, self.groups)


class UNetBlock(nn.Module):
    """x (B, before, H, W) -> (B, after, H, W): two convolutions beside a skip connection, then attention, if any.

    head    channels of an attention head; 0: no attention
    tokens  entries of the tokens that are attended to as well; 0: none
    """

    def __init__(self, before: int, after: int, head: int = 0, dropout: float = 0.0, tokens: int = 0):
        super().__init__()
        self.after = after
        self.norm1, self.norm2 = AdaptiveNormAct(before), AdaptiveNormAct(after)
        self.conv1 = Conv3x3(before, after)
        self.conv2 = Conv3x3(after, after)
        nn.init.zeros_(self.conv2.weight)
        self.dropout = nn.Dropout(dropout)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        self.attention = GridAttention(after, head) if head else None
        self.token_attention = TokenAttention(after, head, tokens) if head and tokens else None

    def forward(self, x: Tensor, modulation: Tensor | None, tokens: Tensor | None, mask: Tensor | None) -> Tensor:
        h = self.conv1(self.norm1(x))
        h = self.skip(x) + self.conv2(self.dropout(self.norm2(h, modulation)))
        if self.attention is not None:
            h = self.attention(h)
        return h if self.token_attention is None else self.token_attention(h, tokens, mask)


class UNet(nn.Module):
    """x (B, channels, H, W), u (B,) in [0, 1] -> (B, outputs, H, W).

    widths      channels of each grid, the picture's own first
    depth       blocks a grid on the way down; one more on the way up
    attends     for each grid, whether its blocks attend; the smallest grid's middle always does
    head        channels of an attention head
    outputs     channels of the output; None: as many as of the input
    timed       whether there is a time u
    vector      whether a network without time takes a vector; with neither, nothing is modulated
    tokens      entries of the tokens that attending blocks also attend to; 0: there are none
    patch       side of the squares of pixels that make one place of the finest grid. What the network says of a square has to
                fit into widths[0] numbers: noise does not, a clean picture does (Li & He, "Back to Basics: Let Denoising
                Generative Models Denoise", 2025).
    The last convolution starts at zero.
    """

    def __init__(
        self,
        channels: int,
        widths: Sequence[int],
        depth: int,
        attends: Sequence[bool],
        head: int = 32,
        dropout: float = 0.0,
        *,
        outputs: int | None = None,
        timed: bool = True,
        vector: bool = False,
        tokens: int = 0,
        patch: int = 1,
    ):
        super().__init__()
        self.patch = patch
        self.width, self.depth = 4 * widths[0], depth  # of the embedding that scales and shifts
        self.time = TimeEmbedding(self.width) if timed else None
        self.first = nn.Conv2d(patch**2 * channels, widths[0], 3, padding=1)
        self.down, self.downsample = nn.ModuleList(), nn.ModuleList()
        skips, now = [widths[0]], widths[0]  # channels of the skip connections
        for level, width in enumerate(widths):
            for _ in range(depth):
                self.down.append(UNetBlock(now, width, head * attends[level], dropout, tokens))
                now = width
                skips.append(now)
            if level + 1 < len(widths):
                self.downsample.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
                skips.append(now)
        self.middle = nn.ModuleList([UNetBlock(now, now, head, dropout, tokens), UNetBlock(now, now, 0, dropout)])
        self.up, self.upsample = nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(len(widths))):
            for _ in range(depth + 1):
                self.up.append(UNetBlock(now + skips.pop(), widths[level], head * attends[level], dropout, tokens))
                now = widths[level]
            if level:
                self.upsample.append(Upsample(now, now))
        self.norm, self.last = AdaptiveNormAct(now), nn.Conv2d(now, patch**2 * (outputs or channels), 3, padding=1)
        shifts = sum(2 * block.after for block in self.blocks())
        self.modulate = nn.Linear(self.width, shifts) if timed or vector else None
        for start_at_zero in (self.last, self.modulate):
            if start_at_zero is not None:
                nn.init.zeros_(start_at_zero.weight)
                nn.init.zeros_(start_at_zero.bias)  # pyright: ignore[reportArgumentType]

    def blocks(self) -> Iterator[UNetBlock]:
        """All blocks, in the order in which they are computed."""
        for block in (*self.down, *self.middle, *self.up):
            assert isinstance(block, UNetBlock)
            yield block

    def forward(
        self,
        x: Tensor,
        u: Tensor | None = None,
        vector: Tensor | None = None,
        tokens: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Conditions: vector (B, self.width) is added to the embedding of time; tokens (B, K, tokens) are attended to.

        mask    (B, K) bool: the tokens that may be attended to, at least one in a row
        """
        modulations = self._modulations(u, vector)
        height, width = x.shape[2:]
        h = self.first(laid_out(patched(x, self.patch)))
        skips = [h]
        for i, block in enumerate(self.down):
            h = block(h, next(modulations), tokens, mask)
            skips.append(h)
            level, left = divmod(i + 1, self.depth)
            if not left and level <= len(self.downsample):
                h = self.downsample[level - 1](h)
                skips.append(h)
        for block in self.middle:
            h = block(h, next(modulations), tokens, mask)
        for i, block in enumerate(self.up):
            h = block(torch.cat([h, skips.pop()], 1), next(modulations), tokens, mask)
            level, left = divmod(i + 1, self.depth + 1)
            if not left and level <= len(self.upsample):
                h = self.upsample[level - 1](h, skips[-1].shape[-2:])
        h = self.last(self.norm(h))
        return h if self.patch == 1 else F.pixel_shuffle(h, self.patch)[:, :, :height, :width]

    def _modulations(self, u: Tensor | None, vector: Tensor | None) -> Iterator[Tensor | None]:
        """(B, 2 channels) for each block in turn; None where there is neither time nor vector."""
        h = vector
        if self.time is not None:
            assert u is not None
            h = self.time(u) if vector is None else self.time(u) + vector
        if h is None or self.modulate is None:
            return repeat(None)
        return iter(self.modulate(F.silu(h)).split([2 * block.after for block in self.blocks()], 1))
