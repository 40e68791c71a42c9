"""Self-attention between the places of a picture."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from genlab.nets.norm import EPS, groups_of


class GridAttention(nn.Module):
    """h + W attention(group_norm(h)): (B, C, H, W) -> the same; W starts at zero.

    size    channels of a head; they divide C
    In channels-last memory the places of a picture are the rows of a matrix, so nothing is copied.
    """

    def __init__(self, channels: int, size: int):
        super().__init__()
        if channels % size:
            raise ValueError(f"{channels} channels do not divide into heads of {size}")
        self.size = size
        self.norm = nn.GroupNorm(groups_of(channels), channels, eps=EPS)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, h: Tensor) -> Tensor:
        B, C, H, W = h.shape
        rows = self.norm(h).permute(0, 2, 3, 1).reshape(B, H * W, C)
        q, k, v = self.qkv(rows).unflatten(2, (3, -1, self.size)).permute(2, 0, 3, 1, 4)  # (B, heads, places, size)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, H, W, C)
        return h + self.out(mixed).permute(0, 3, 1, 2)
