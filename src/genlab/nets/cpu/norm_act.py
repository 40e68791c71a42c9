"""Group normalisation, scale, shift and activation as one operation.

    y = silu(scale * x^ + shift),    x^ = (x - mean_g) / sqrt(var_g + 1e-5)

with mean_g and var_g over the entries of one of the groups of channels of one example, and scale and shift given for each
example and channel (adaptive normalisation, Dhariwal & Nichol, "Diffusion Models Beat GANs on Image Synthesis", 2021) or for
each channel. On a CPU these are passes over memory beside convolutions that run near the arithmetic peak, and the
channels-last backward of group norm is the slowest of them; `NormAct` writes the passes out, keeps x alone for the
backward, and works through the batch in slices that stay in cache.

With k_c = scale_c rstd_g, the pre-activation is z = k x + (shift - k mean). Given dz, and writing S for sums over the
places of a channel, the gradients are d shift = S dz, d scale = S (dz x^) and, M entries to a group,
    dx = k dz - rstd (m1 + x^ m2),    m1 = sum_c scale_c S_c dz / M,    m2 = sum_c scale_c S_c (dz x^) / M.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

EPS = 1e-5
_SLICE = 2**19  # entries of a slice: two megabytes of float32


def possible(x: Tensor, scale: Tensor) -> bool:
    """Whether `NormAct` can take this input."""
    return x.device.type == "cpu" and x.is_contiguous(memory_format=torch.channels_last) and x.dtype == scale.dtype


class NormAct(torch.autograd.Function):
    """x (B, C, H, W) channels-last on a CPU, scale and shift (B or 1, C), groups -> y like x; differentiable once."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, groups: int) -> Tensor:
        C, H, W = x.shape[1:]
        y = torch.empty_like(x)
        means, rstds = [], []
        for xs, ys, a, b in zip(*_sliced(x, y, scale, shift), strict=True):
            normal, mean, rstd = torch.native_group_norm(xs, None, None, len(xs), C, H * W, groups, EPS)
            torch.addcmul(b[:, :, None, None], normal, a[:, :, None, None], out=normal)
            torch.ops.aten.silu.out(normal, out=ys)
            means.append(mean)
            rstds.append(rstd)
        ctx.save_for_backward(x, scale, shift, torch.cat(means), torch.cat(rstds))
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, scale, shift, mean, rstd = ctx.saved_tensors
        dy = dy.contiguous(memory_format=torch.channels_last)
        each = x.shape[1] // mean.shape[1]  # channels of a group
        mean, rstd = mean.repeat_interleave(each, 1), rstd.repeat_interleave(each, 1)  # (B, C)
        dx = torch.empty_like(x)
        d_scale, d_shift = [], []
        for parts in zip(*_sliced(x, dy, dx, scale, shift, mean, rstd), strict=True):
            one, two = _backward(*parts, each=each)
            d_scale.append(one)
            d_shift.append(two)
        found = torch.cat(d_scale), torch.cat(d_shift)
        shared = (value.sum(0, keepdim=True) if scale.shape[0] == 1 else value for value in found)
        return dx, *shared, None


def _backward(
    x: Tensor, dy: Tensor, dx: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, rstd: Tensor, *, each: int
) -> tuple[Tensor, Tensor]:
    """Fills dx and returns d scale, d shift (b, C) of a slice; x, dy, dx (b, C, H, W), the others (b or 1, C)."""
    b, C, H, W = x.shape
    k = scale * rstd
    z = torch.addcmul(_over(shift - k * mean), x, _over(k), out=dx)
    dz = torch.ops.aten.silu_backward(dy, z)
    sum_dz = dz.permute(0, 2, 3, 1).reshape(b, H * W, C).sum(1)
    product = torch.mul(dz, x, out=dx)
    sum_dz_normal = (product.permute(0, 2, 3, 1).reshape(b, H * W, C).sum(1) - mean * sum_dz) * rstd
    m1, m2 = (_grouped(scale * value, each) / (each * H * W) for value in (sum_dz, sum_dz_normal))
    torch.addcmul(_over(rstd * (m2 * mean * rstd - m1)), x, _over(-m2 * rstd.square()), out=dx)
    dx.addcmul_(dz, _over(k))
    return sum_dz_normal, sum_dz


def _grouped(value: Tensor, each: int) -> Tensor:
    """(b, C) -> (b, C): every channel gets its group's sum."""
    return value.unflatten(1, (-1, each)).sum(2).repeat_interleave(each, 1)


def _over(value: Tensor) -> Tensor:
    return value[:, :, None, None]


def _sliced(*tensors: Tensor) -> list[tuple[Tensor, ...]]:
    """Rows of a few megabytes at a time; tensors of one row are repeated."""
    B = max(len(tensor) for tensor in tensors)
    rows = max(1, _SLICE // tensors[0][0].numel())
    return [tensor.split(rows) if len(tensor) == B else (tensor,) * math.ceil(B / rows) for tensor in tensors]
