"""Layers with a plain and a fast implementation, and the choice between the two.

The fast ones (`nets.cpu`, and torch's kernels of attention) have a first derivative only. Where a network is differentiated
forward (`torch.func.jvp`) or twice (a gradient penalty, score matching), evaluate it within `plain_layers()`: the results
are the same up to rounding, and can be differentiated any number of times.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.nets.cpu import norm_act as fused
from genlab.nets.cpu import winograd

EPS = fused.EPS
_plain: ContextVar[bool] = ContextVar("plain", default=False)


@contextmanager
def plain_layers() -> Iterator[None]:
    """Within it all networks are evaluated by plain operations, which are slower and have every derivative."""
    before = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(before)


def laid_out(x: Tensor) -> Tensor:
    """x (B, C, H, W) in the memory layout that suits its layers: channels last, or, for plain ones, as torch has it."""
    return x.contiguous() if _plain.get() else x.contiguous(memory_format=torch.channels_last)


def groups_of(channels: int) -> int:
    """Groups of a group norm: up to 32, of at least 4 channels where there are so many."""
    return math.gcd(32, max(1, channels // 4), channels)


def norm_act(x: Tensor, scale: Tensor, shift: Tensor, groups: int) -> Tensor:
    """silu(scale group_norm(x) + shift): x (B, C, H, W), scale and shift (B, C) or (1, C) -> (B, C, H, W)."""
    if not _plain.get() and fused.possible(x, scale):
        return fused.NormAct.apply(x, scale, shift, groups)  # pyright: ignore[reportReturnType]
    normal = F.group_norm(laid_out(x), groups, eps=EPS)
    return F.silu(normal * scale[:, :, None, None] + shift[:, :, None, None])


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, causal: bool = False) -> Tensor:
    """softmax(q k^T / sqrt(d)) v: q (B, H, S, d), k and v (B, H, K, d) -> (B, H, S, d).

    mask    bool, broadcasts to (B, H, S, K); False where nothing may be seen; True at least once in a row
    causal  query s sees keys up to s; not together with a mask
    """
    if not _plain.get():
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
    if causal:
        mask = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril()
    weights = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    return (weights if mask is None else weights.masked_fill(~mask, -math.inf)).softmax(-1) @ v


class Conv3x3(nn.Conv2d):
    """(B, before, H, W) -> (B, after, H, W): a 3x3 convolution, padded with zeros."""

    def __init__(self, before: int, after: int):
        super().__init__(before, after, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if not _plain.get() and winograd.faster(x, self.weight):
            return winograd.Winograd.apply(x, self.weight, self.bias)  # pyright: ignore[reportReturnType]
        return super().forward(x)


class Upsample(nn.Conv2d):
    """(B, before, ceil(H/2), ceil(W/2)) -> (B, after, H, W): every pixel twice as wide and high, then a 3x3 convolution.

    Repeating pixels is a transposed convolution with a 2x2 kernel of ones, so the two together are one with the 4x4 kernel
    that is their convolution: 16 products for each pixel before, where the two take 36.
    """

    def __init__(self, before: int, after: int):
        super().__init__(before, after, 3, padding=1)

    def forward(self, x: Tensor, size: Sequence[int]) -> Tensor:
        """size: H and W."""
        if _plain.get():
            return super().forward(F.interpolate(x, scale_factor=2.0, mode="nearest"))[..., : size[0], : size[1]]
        flipped = self.weight.flip(-1, -2).transpose(0, 1)
        kernel = sum(F.pad(flipped, (right, 1 - right, down, 1 - down)) for right in (0, 1) for down in (0, 1))
        assert isinstance(kernel, Tensor)
        kernel = kernel.contiguous(memory_format=torch.channels_last)
        return F.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)[..., : size[0], : size[1]]
