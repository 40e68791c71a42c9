"""Attention from the positions of a picture: to one another, and to the tokens of a condition."""

from __future__ import annotations

from torch import Tensor, nn

from genlab.nets.layers import EPS, attend, groups_of, laid_out
from genlab.nets.transformer import CrossAttention


def heads_of(channels: int, size: int) -> int:
    """The number of heads of `size` channels; ValueError where they do not divide."""
    if channels % size:
        raise ValueError(f"{channels} channels do not divide into heads of {size}")
    return channels // size


class GridAttention(nn.Module):
    """h + W attention(group_norm(h)): (B, C, H, W) -> the same; W starts at zero.

    size    channels of a head; they divide C
    In channels-last memory the positions of a picture are the rows of a matrix, so nothing is copied.
    """

    def __init__(self, channels: int, size: int):
        super().__init__()
        self.heads = heads_of(channels, size)
        self.norm = nn.GroupNorm(groups_of(channels), channels, eps=EPS)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, h: Tensor) -> Tensor:
        B, C, H, W = h.shape
        rows = self.norm(laid_out(h)).permute(0, 2, 3, 1).reshape(B, H * W, C)
        q, k, v = self.qkv(rows).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, heads, positions, size)
        mixed = attend(q, k, v).transpose(1, 2).reshape(B, H, W, C)
        return h + self.out(mixed).permute(0, 3, 1, 2)


class TokenAttention(nn.Module):
    """h + W attention(group_norm(h), tokens): (B, C, H, W) -> the same; W starts at zero.

    size    channels of a head; they divide C
    inputs  entries of a token
    """

    def __init__(self, channels: int, size: int, inputs: int):
        super().__init__()
        self.norm = nn.GroupNorm(groups_of(channels), channels, eps=EPS)
        self.attention = CrossAttention(channels, inputs, heads_of(channels, size))
        nn.init.zeros_(self.attention.out.weight)
        nn.init.zeros_(self.attention.out.bias)

    def forward(self, h: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
        """tokens (B, K, inputs); mask (B, K) bool: the tokens that may be attended to, at least one in a row."""
        B, C, H, W = h.shape
        rows = self.norm(laid_out(h)).permute(0, 2, 3, 1).reshape(B, H * W, C)
        mixed = self.attention(rows, self.attention.keys(tokens), mask)
        return h + mixed.reshape(B, H, W, C).permute(0, 3, 1, 2)
