"""Masked convolutions, and the two stacks of a gated PixelCNN, as streams: they may be fed a piece of the picture at a time.

The kernel of a masked convolution is zero wherever it must not look. Here it has no entries there: it ends at its own position,
and "before" becomes strict by shifting the input once. With a picture's entries e (i row, j column)

    vertical     v(i, j)  depends on  e(i', j'),  i' < i,  every j'
    horizontal   h(i, j)  depends on  v(i, 0..j) and e(i, j'),  j' < j:  together on all before (i, j), no blind spot

(van den Oord et al., "Conditional Image Generation with PixelCNN Decoders", 2016). The output at row i depends on the rows
before it only through the last few rows of every layer, so a layer remembers those (`Memory`), and the same code computes a
whole picture while training, a row of v and a pixel of h while sampling.

The vertical stack is a pyramid. On a grid of s x s pixels a layer costs s^2 times less and sees s times as far; its row I
depends on the rows of pixels before s I, and the finer grids add what lies between. The finest grid is the picture's own.

Activations are (B, H, W, C), channels last, so that a layer's weight is one matrix (outputs, taps x inputs): a kernel when a
piece is large, a matrix product when it is one pixel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROWS, COLUMNS = 1, 2
Memory = dict[nn.Module, Tensor]
Shifts = Mapping[nn.Module, Tensor]  # of gated layers: what a condition adds to their gates, (B, 2 width) each


class Causal(nn.Module):
    """A causal convolution, (B, H, W, inputs) -> (B, H, W, outputs). With a memory, x continues what was read before.

    kernel_size   along `axis`: the position itself and kernel_size - 1 before it
    radius        along ROWS: columns to the left and to the right that are read, too
    zero          whether the weights start at zero
    """

    def __init__(
        self, inputs: int, outputs: int, axis: int = COLUMNS, kernel_size: int = 1, radius: int = 0, zero: bool = False
    ):
        super().__init__()
        self.axis, self.kernel_size, self.radius = axis, kernel_size, radius
        self.kernel = (kernel_size, 2 * radius + 1) if axis == ROWS else (1, kernel_size)
        fan = math.prod(self.kernel) * inputs
        self.weight = nn.Parameter(torch.zeros(outputs, fan) if zero else torch.randn(outputs, fan) / math.sqrt(fan))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor, memory: Memory | None = None) -> Tensor:
        if self.kernel_size > 1:
            x = self._continued(x, memory)
        if not self.radius and x.shape[1:3] == self.kernel:
            return F.linear(x.flatten(1), self.weight, self.bias)[:, None, None]
        kernel = self.weight.unflatten(1, (*self.kernel, -1)).permute(0, 3, 1, 2)
        return F.conv2d(x.permute(0, 3, 1, 2), kernel, self.bias, padding=(0, self.radius)).permute(0, 2, 3, 1)

    def _continued(self, x: Tensor, memory: Memory | None) -> Tensor:
        """x after the kernel_size - 1 positions before it."""
        past = memory.get(self) if memory is not None else None
        if past is None:
            shape = list(x.shape)
            shape[self.axis] = self.kernel_size - 1
            past = x.new_zeros(shape)
        x = torch.cat([past, x], self.axis)
        if memory is not None:
            memory[self] = x.narrow(self.axis, x.shape[self.axis] - self.kernel_size + 1, self.kernel_size - 1)
        return x


class Gated(nn.Module):
    """h + W (a * sigmoid(b)) with (a, b) = causal convolution of h + shift of the condition: (B, H, W, width) -> the same.

    W starts at zero: a new layer is the identity.
    """

    def __init__(self, width: int, axis: int, kernel_size: int, radius: int, dropout: float):
        super().__init__()
        self.width = width
        self.inside = Causal(width, 2 * width, axis, kernel_size, radius)
        self.out = Causal(width, width, zero=True)
        self.drop = nn.Dropout(dropout)

    def forward(self, h: Tensor, shifts: Shifts, memory: Memory | None = None) -> Tensor:
        u = self.inside(h, memory)
        if self in shifts:
            u = u + shifts[self][:, None, None]
        return h + self.out(self.drop(F.glu(u, -1)))


class CellGrid(nn.Module):
    """The vertical stack on cells of scale x scale pixels.

    inputs   numbers an entry of the picture has
    coarser  (scale, width) of the grid above this one in the pyramid, or None
    """

    def __init__(self, inputs: int, scale: int, width: int, coarser: tuple[int, int] | None, layers: Sequence[nn.Module]):
        super().__init__()
        self.scale, self.width = scale, width
        self.embed = Causal(inputs * scale**2, width, ROWS, 2, 1)
        self.factor = coarser[0] // scale if coarser else 1
        self.refine = Causal(coarser[1], width * self.factor**2) if coarser else None
        self.layers = nn.ModuleList(layers)

    def forward(self, e: Tensor, rows: range, coarser: Tensor | None, shifts: Shifts, memory: Memory | None) -> Tensor:
        """Cells of the grid's rows that begin in these rows of pixels, after those remembered: (B, R, W / scale, width).

        e (B, H, W, inputs): entries, of which the rows from rows.stop - 1 on are not looked at.
        """
        made = memory.get(self) if memory is not None else None
        first, last = -(-rows.start // self.scale), -(-rows.stop // self.scale)
        if last > first:
            h = self.embed(self._above(e, first, last), memory)
            if self.refine is not None and coarser is not None:
                h = h + self._refined(coarser, first, last)[:, :, : h.shape[2]]
            for layer in self.layers:
                h = layer(h, shifts, memory)
            made = h if made is None else torch.cat([made, h], 1)
            if memory is not None and self.scale > 1:
                memory[self] = made
        assert made is not None
        return made

    def _above(self, e: Tensor, first: int, last: int) -> Tensor:
        """The cells above those of rows first .. last - 1; above the first row there are zeros."""
        s = self.scale
        e = e[:, max(first - 1, 0) * s : (last - 1) * s]
        e = F.pad(e, (0, 0, 0, -e.shape[2] % s, s if first == 0 else 0, 0))
        return e if s == 1 else e.unflatten(2, (-1, s)).unflatten(1, (-1, s)).transpose(2, 3).flatten(3)

    def _refined(self, coarser: Tensor, first: int, last: int) -> Tensor:
        """Every cell of the coarser grid as factor x factor cells of this one."""
        assert self.refine is not None
        f, begin = self.factor, first // self.factor
        h = self.refine(coarser[:, begin : -(-last // self.factor)])
        h = h.unflatten(3, (f, f, self.width)).transpose(2, 3).flatten(3, 4).flatten(1, 2)
        return h[:, first - begin * f : last - begin * f]


class VerticalStack(nn.Module):
    """The vertical stack, from the coarsest grid to that of the pixels: v(i, j) depends on all rows above i.

    widths   of the grids of cells of 1, 2, 4, ... pixels, finest first; a grid of a single row depends on nothing: left out
    layers   gated layers a grid
    radius   cells to either side that a layer reads
    """

    def __init__(self, inputs: int, height: int, widths: Sequence[int], layers: int, radius: int, dropout: float):
        super().__init__()
        self.grids = nn.ModuleList()
        coarser = None
        used = [(2**level, width) for level, width in enumerate(widths) if level == 0 or height > 2**level]
        for scale, width in reversed(used):
            stack = [Gated(width, ROWS, 2, radius, dropout) for _ in range(layers)]
            self.grids.append(CellGrid(inputs, scale, width, coarser, stack))
            coarser = (scale, width)

    def forward(self, e: Tensor, rows: range, shifts: Shifts, memory: Memory | None = None) -> Tensor:
        """v of these rows of pixels, which continue those remembered: e (B, H, W, inputs) -> (B, R, W, widths[0])."""
        v = None
        for grid in self.grids:
            v = grid(e, rows, v, shifts, memory)
        assert v is not None
        return v


class HorizontalStack(nn.Module):
    """The horizontal stack: h(i, j) depends on v in its row, up to column j, and on the entries left of j.

    above         channels of v
    kernel_size   pixels that a layer reads: the current one and those left of it
    """

    def __init__(self, inputs: int, above: int, width: int, layers: int, kernel_size: int, dropout: float):
        super().__init__()
        self.embed = Causal(inputs, width, COLUMNS, kernel_size)
        self.link = Causal(above, width)
        self.layers = nn.ModuleList(Gated(width, COLUMNS, kernel_size, 0, dropout) for _ in range(layers))

    def forward(self, before: Tensor, linked: Tensor, shifts: Shifts, memory: Memory | None = None) -> Tensor:
        """h (B, R, S, width) of S columns, which continue those remembered.

        before   (B, R, S, inputs): the entries one pixel to the left of each, zeros left of the first column
        linked   (B, R, S, width): `link` of v there
        """
        h = self.embed(before, memory) + linked
        for layer in self.layers:
            h = layer(h, shifts, memory)
        return h


class EntryEmbedding(nn.Module):
    """The embedding of a picture's integers: (...) -> (..., size).

    Ordered levels become the cosines sqrt(2) cos(pi k (x + 1/2) / levels), k = 1 .. size: the first is monotone in x, the
    others separate neighbouring levels. Tokens have learnt vectors.
    """

    table: Tensor

    def __init__(self, levels: int, size: int, ordered: bool):
        super().__init__()
        self.size = min(size, levels - 1) if ordered else size
        if ordered:
            self.register_buffer("table", cosines(levels)[1 : self.size + 1].T.contiguous(), persistent=False)
        else:
            self.table = nn.Parameter(torch.randn(levels, size))
            self.table.table = True  # pyright: ignore[reportAttributeAccessIssue]

    def forward(self, x: Tensor) -> Tensor:
        return F.embedding(x, self.table)


class Head(nn.Module):
    """Logits of the channels of a pixel, each given the channels before it: the masks within a pixel.

    Channel c has hidden units s_c = silu(A_c h + sum_{c' < c} U_{c c'} e_c') and logits B s_c + b, with one B and b
    for all channels.
    """

    before: Tensor

    def __init__(self, inputs: int, width: int, channels: int, hidden: int, levels: int):
        super().__init__()
        self.channels, self.hidden = channels, hidden
        self.pixel = Causal(width, channels * hidden)
        self.inside = nn.Parameter(torch.zeros(channels * hidden, channels * inputs)) if channels > 1 else None
        before = torch.ones(channels, channels).tril(-1)
        before = before.repeat_interleave(hidden, 0).repeat_interleave(inputs, 1)
        self.register_buffer("before", before, persistent=False)
        self.out = nn.Linear(hidden, 1 if levels == 2 else levels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        for weight in (self.out.weight, self.inside):
            if weight is not None:
                weight.table = True  # pyright: ignore[reportAttributeAccessIssue]

    def logits(self, a: Tensor, e: Tensor) -> Tensor:
        """a (..., channels * hidden) = A h, e (..., channels * inputs): the pixel's own entries -> (..., channels, levels)."""
        if self.inside is not None:
            a = a + F.linear(e, self.inside * self.before)
        s = F.silu(a).unflatten(-1, (self.channels, self.hidden))
        logits = self.out(s)
        return F.pad(logits, (1, 0)) if self.out.out_features == 1 else logits  # bits: logits 0 and log p / (1 - p)


def cosines(levels: int) -> Tensor:
    """(levels, levels): row k is sqrt(2) cos(pi k (x + 1/2) / levels) over the levels x, row 0 is one."""
    k, x = torch.arange(levels, dtype=torch.float64)[:, None], torch.arange(levels, dtype=torch.float64)
    table = math.sqrt(2) * torch.cos(math.pi * k * (x + 0.5) / levels)
    table[0] = 1
    return table.to(torch.get_default_dtype())
