"""3x3 convolutions on a CPU with half the products: Winograd's minimal filtering along one side, F(4, 3).

Four neighbouring rows of the output need, for each column of the kernel, 4 x 3 = 12 products; from six rows of the input
    y = A^T [(G w) * (B^T x)]
needs 6 (Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, with their points 0, 1, -1, 2, -2 and
infinity). B^T and A^T only add multiples of whole rows, which lie together in channels-last memory; the six products are
1x3 convolutions along the other side. Tiles in both directions would need a quarter of the products, but their sums over
pieces of rows cost here what that saves.

The backward pass uses the transposes: dM = A dy, then the gradients of the six convolutions, dx = B dV, dw = G^T dU.
Rounding in float32 is a few times that of the plain sum (below 1e-5 of the largest output).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

TILE = 4  # rows of the output made together
_G = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_CHANNELS, _PRODUCTS = 64, 2**26  # with fewer channels, or fewer products a kernel entry, the plain way is as fast
_SLICE = 2**22  # entries of the input worked on at once: what comes of them stays in the outer cache


def faster(x: Tensor, weight: Tensor) -> bool:
    """Whether `Winograd` can take this input, and is worth it."""
    return (
        x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and x.shape[2] % TILE == 0
        and min(weight.shape[:2]) >= _CHANNELS
        and x.numel() * len(weight) >= _PRODUCTS
        and x.is_contiguous(memory_format=torch.channels_last)
    )


class Winograd(torch.autograd.Function):
    """x (B, C, H, W) channels-last with H a multiple of 4, w (O, C, 3, 3), bias (O,) -> (B, O, H, W); differentiable once."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, w)
        kernels = _kernels(w)
        y = x.new_empty(len(x), *x.shape[2:], len(w))
        for xs, ys in zip(_slices(x.permute(0, 2, 3, 1)), _slices(y, like=x), strict=True):
            v = _spread(xs)
            # the second column of A^T is all ones: a bias there is one everywhere
            m = [_convolved(v[i], kernel, bias if i == 1 else None) for i, kernel in enumerate(kernels)]
            _collect(m, ys)
        return y.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, w = ctx.saved_tensors
        kernels, dx = _kernels(w), torch.empty_like(x)
        du = [torch.zeros_like(kernel) for kernel in kernels]
        rows = (tensor.permute(0, 2, 3, 1) for tensor in (x, dy.contiguous(memory_format=torch.channels_last), dx))
        for xs, dys, dxs in zip(*(_slices(tensor, like=x) for tensor in rows), strict=True):
            v, dm, dv = _spread(xs), _collect_back(dys), []
            for i, kernel in enumerate(kernels):
                d_input, d_kernel = _convolved_back(dm[i], v[i], kernel)
                dv.append(d_input)
                du[i] += d_kernel
            _spread_back(dv, dxs)
        dw = torch.einsum("ia,iocb->ocab", _g(w), torch.stack(du).squeeze(3))
        return dx, dw, dy.sum((0, 2, 3))


def _g(like: Tensor) -> Tensor:
    return torch.tensor(_G, dtype=like.dtype)


def _kernels(w: Tensor) -> list[Tensor]:
    """G w: six kernels (O, C, 1, 3)."""
    u = torch.einsum("ia,ocab->iocb", _g(w), w).unsqueeze(3)
    return [kernel.contiguous(memory_format=torch.channels_last) for kernel in u]


def _slices(tensor: Tensor, like: Tensor | None = None) -> Sequence[Tensor]:
    """A few pictures at a time: as many of `like`'s as make `_SLICE` entries."""
    like = tensor if like is None else like
    return tensor.tensor_split(math.ceil(like.numel() / _SLICE))


def _convolved(v: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """Along the rows: (b, h, W, C) -> (b, h, W, O)."""
    return F.conv2d(v.permute(0, 3, 1, 2), kernel, bias, padding=(0, 1)).permute(0, 2, 3, 1)


def _convolved_back(dm: Tensor, v: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of `_convolved` by v and by its kernel."""
    dv, du, _ = torch.ops.aten.convolution_backward(
        dm.permute(0, 3, 1, 2), v.permute(0, 3, 1, 2), kernel,
        None, [1, 1], [0, 1], [1, 1], False, [0, 0], 1, [True, True, False],
    )  # fmt: skip
    return dv.permute(0, 2, 3, 1), du


def _tiles(x: Tensor) -> Sequence[Tensor]:
    """The four rows of every tile: (b, 4h, W, C) -> four (b, h, W, C)."""
    return x.unflatten(1, (-1, TILE)).unbind(2)


def _spread(x: Tensor) -> Tensor:
    """B^T x: (b, 4h, W, C) -> (6, b, h, W, C). A tile reads its own rows and one more above (x0) and below (x5)."""
    x1, x2, x3, x4 = _tiles(x)
    v = x.new_empty(6, *x1.shape)
    even, odd = torch.sub(x4, x2, alpha=4), torch.sub(x3, x1, alpha=4)
    torch.add(even, odd, out=v[1])
    torch.sub(even, odd, out=v[2])
    torch.sub(x4, x2, out=even)
    torch.sub(x3, x1, out=odd)
    torch.add(even, odd, alpha=2, out=v[3])
    torch.sub(even, odd, alpha=2, out=v[4])
    torch.sub(x4, x2, alpha=5, out=v[0])  # 4 x0 - 5 x2 + x4
    v[0, :, 1:].add_(x4[:, :-1], alpha=4)
    torch.mul(x1, 4, out=v[5])  # 4 x1 - 5 x3 + x5
    v[5].sub_(x3, alpha=5)
    v[5, :, :-1].add_(x1[:, 1:])
    return v


def _spread_back(dv: Sequence[Tensor], dx: Tensor) -> None:
    """dx = B dV, the transpose of `_spread`, written into dx (b, 4h, W, C)."""
    x1, x2, x3, x4 = _tiles(dx)
    sum1, difference1, sum2, difference2 = dv[1] + dv[2], dv[1] - dv[2], dv[3] + dv[4], dv[3] - dv[4]
    torch.sub(dv[5], difference1, out=x1)  # 4 (v5 - v1 + v2) - 2 (v3 - v4)
    x1.mul_(4).sub_(difference2, alpha=2)
    torch.add(dv[0], sum1, out=x4)  # v0 + v1 + v2 + v3 + v4
    x4.add_(sum2)
    torch.add(x4, sum1, alpha=3, out=x2)  # -(5 v0 + 4 (v1 + v2) + v3 + v4)
    x2.add_(dv[0], alpha=4).neg_()
    torch.add(difference1, difference2, alpha=2, out=x3)  # v1 - v2 + 2 (v3 - v4) - 5 v5
    x3.sub_(dv[5], alpha=5)
    x4[:, :-1].add_(dv[0][:, 1:], alpha=4)
    x1[:, 1:].add_(dv[5][:, :-1])


def _collect(m: Sequence[Tensor], y: Tensor) -> None:
    """y = A^T M, six (b, h, W, O), written into y (b, 4h, W, O)."""
    y1, y2, y3, y4 = _tiles(y)
    sum1, difference1, sum2, difference2 = m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4]
    torch.add(m[0], sum1, out=y1)
    y1.add_(sum2)
    torch.add(difference1, difference2, alpha=2, out=y2)
    torch.add(sum1, sum2, alpha=4, out=y3)
    torch.add(difference1, difference2, alpha=8, out=y4)
    y4.add_(m[5])


def _collect_back(dy: Tensor) -> list[Tensor]:
    """dM = A dy, the transpose of `_collect`: (b, 4h, W, O) -> six (b, h, W, O)."""
    y1, y2, y3, y4 = _tiles(dy)
    even, odd, even4, odd4 = y1 + y3, y2 + y4, torch.add(y1, y3, alpha=4), torch.add(y2, y4, alpha=4)
    pairs = [even + odd, even - odd, torch.add(even4, odd4, alpha=2), torch.sub(even4, odd4, alpha=2)]
    return [y1.contiguous(), *pairs, y4.contiguous()]
