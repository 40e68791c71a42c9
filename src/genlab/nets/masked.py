"""Masked convolutions, and the two stacks of a gated PixelCNN, as streams: they may be fed a piece of the picture at a time.

A masked convolution is one whose kernel lacks the taps that it must not see. Here those taps do not exist: a kernel ends at
its own place, and the strictness of "before" comes from shifting the input once. With a picture's entries e (i row, j column)

    vertical     v(i, j)  depends on  e(i', j'),  i' < i,  every j'
    horizontal   h(i, j)  depends on  v(i, 0..j) and e(i, j'),  j' < j:  together on all before (i, j), no blind spot

(van den Oord et al., "Conditional Image Generation with PixelCNN Decoders", 2016). What is said of row i needs the rows before
it only through the last few rows of every layer, so a layer remembers those (`Memory`), and the same code computes a whole
picture while training, a row of v and a pixel of h while sampling.

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
    """A convolution that sees `back` places along `axis`, the last of them its own, and `sides` columns to the left and right.

    (B, H, W, inputs) -> (B, H, W, outputs). With a memory, x continues what was read before; without, nothing was.
    """

    def __init__(self, inputs: int, outputs: int, axis: int = COLUMNS, back: int = 1, sides: int = 0, zero: bool = False):
        super().__init__()
        self.axis, self.back, self.sides = axis, back, sides
        self.kernel = (back, 2 * sides + 1) if axis == ROWS else (1, back)
        fan = math.prod(self.kernel) * inputs
        self.weight = nn.Parameter(torch.zeros(outputs, fan) if zero else torch.randn(outputs, fan) / math.sqrt(fan))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor, memory: Memory | None = None) -> Tensor:
        if self.back > 1:
            x = self._continued(x, memory)
        if not self.sides and x.shape[1:3] == self.kernel:
            return F.linear(x.flatten(1), self.weight, self.bias)[:, None, None]
        kernel = self.weight.unflatten(1, (*self.kernel, -1)).permute(0, 3, 1, 2)
        return F.conv2d(x.permute(0, 3, 1, 2), kernel, self.bias, padding=(0, self.sides)).permute(0, 2, 3, 1)

    def _continued(self, x: Tensor, memory: Memory | None) -> Tensor:
        """x after the `back - 1` places before it."""
        past = memory.get(self) if memory is not None else None
        if past is None:
            shape = list(x.shape)
            shape[self.axis] = self.back - 1
            past = x.new_zeros(shape)
        x = torch.cat([past, x], self.axis)
        if memory is not None:
            memory[self] = x.narrow(self.axis, x.shape[self.axis] - self.back + 1, self.back - 1)
        return x


class Gated(nn.Module):
    """h + W (a * sigmoid(b)) with (a, b) = causal convolution of h + shift of the condition: (B, H, W, width) -> the same.

    W starts at zero: a new layer is the identity.
    """

    def __init__(self, width: int, axis: int, back: int, sides: int, dropout: float):
        super().__init__()
        self.width = width
        self.inside = Causal(width, 2 * width, axis, back, sides)
        self.out = Causal(width, width, zero=True)
        self.drop = nn.Dropout(dropout)

    def forward(self, h: Tensor, shifts: Shifts, memory: Memory | None = None) -> Tensor:
        u = self.inside(h, memory)
        if self in shifts:
            u = u + shifts[self][:, None, None]
        return h + self.out(self.drop(F.glu(u, -1)))


class Grid(nn.Module):
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


class Vertical(nn.Module):
    """The grids from the coarsest to that of the pixels: what is known at every pixel of the rows above it.

    widths   of the grids of cells of 1, 2, 4, ... pixels, finest first; grids with a single row know nothing and are left out
    layers   gated layers a grid
    """

    def __init__(self, inputs: int, height: int, widths: Sequence[int], layers: int, sides: int, dropout: float):
        super().__init__()
        self.grids = nn.ModuleList()
        coarser = None
        known = [(2**level, width) for level, width in enumerate(widths) if level == 0 or height > 2**level]
        for scale, width in reversed(known):
            stack = [Gated(width, ROWS, 2, sides, dropout) for _ in range(layers)]
            self.grids.append(Grid(inputs, scale, width, coarser, stack))
            coarser = (scale, width)

    def forward(self, e: Tensor, rows: range, shifts: Shifts, memory: Memory | None = None) -> Tensor:
        """v of these rows of pixels, which continue those remembered: e (B, H, W, inputs) -> (B, R, W, widths[0])."""
        v = None
        for grid in self.grids:
            v = grid(e, rows, v, shifts, memory)
        assert v is not None
        return v


class Horizontal(nn.Module):
    """What is known at every pixel of all before it: along its row, on top of what the vertical stack says."""

    def __init__(self, inputs: int, above: int, width: int, layers: int, back: int, dropout: float):
        super().__init__()
        self.embed = Causal(inputs, width, COLUMNS, back)
        self.link = Causal(above, width)
        self.layers = nn.ModuleList(Gated(width, COLUMNS, back, 0, dropout) for _ in range(layers))

    def forward(self, before: Tensor, linked: Tensor, shifts: Shifts, memory: Memory | None = None) -> Tensor:
        """h (B, R, S, width) of S columns, which continue those remembered.

        before   (B, R, S, inputs): the entries one pixel to the left of each, zeros left of the first column
        linked   (B, R, S, width): `link` of v there
        """
        h = self.embed(before, memory) + linked
        for layer in self.layers:
            h = layer(h, shifts, memory)
        return h


class Entries(nn.Module):
    """Integers as numbers a convolution can read: (...) -> (..., size).

    Ordered levels are the cosines sqrt(2) cos(pi k (x + 1/2) / levels), k = 1 .. size, of which the first is a scaled x and
    the others tell neighbouring levels apart; tokens are learnt vectors.
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
    """Logits of the channels of a pixel, each knowing those before it: the masks within a pixel.

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
        return F.pad(logits, (1, 0)) if self.out.out_features == 1 else logits  # Bernoulli: logits 0 and the one said


def cosines(levels: int) -> Tensor:
    """(levels, levels): row k is sqrt(2) cos(pi k (x + 1/2) / levels) over the levels x, row 0 is one."""
    k, x = torch.arange(levels, dtype=torch.float64)[:, None], torch.arange(levels, dtype=torch.float64)
    table = math.sqrt(2) * torch.cos(math.pi * k * (x + 0.5) / levels)
    table[0] = 1
    return table.to(torch.get_default_dtype())
