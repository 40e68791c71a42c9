"""Gated PixelCNN: p(x) = prod_t p(x_t | x_<t), the entries of a picture in raster order, channels of a pixel in turn.

At every pixel a vertical stack reads the rows above, a horizontal stack reads what is left of it in its row, and a head turns
both and the pixel's earlier channels into a categorical distribution over the levels (see `nets.masked`; bits are Bernoulli). A
condition, a label or a text, is a vector that shifts every gate.

Sampling reads every entry once: the vertical stack is computed a row at a time, the horizontal one a pixel at a time, and each
layer remembers the few positions that its kernel reaches back to.

van den Oord et al., "Conditional Image Generation with PixelCNN Decoders", 2016.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.core.model import Given
from genlab.core.moves import Descend, Now, Readings, Stage
from genlab.core.recipe import setting
from genlab.core.space import Batch, Space
from genlab.models.autoregressive.sequence import Autoregressive
from genlab.nets.condition import Conditioning
from genlab.nets.masked import EntryEmbedding, Gated, Head, HorizontalStack, Memory, Shifts, VerticalStack
from genlab.samplers.tokens import Predict, sequence

ENTRIES = 2**22  # logits computed at once while scoring
GAIN = 8.0  # shifts of gates are so many times larger than stored, so that they are learnt as fast as what sees pixels


@dataclass(frozen=True)
class PixelCNNConfig:
    widths: tuple[int, ...] = setting((32, 48, 96), "channels of the vertical stack on cells of 1, 2, 4, ... pixels", low=1)
    layers: int = setting(2, "gated layers of the vertical stack on every grid", low=0, high=64)
    width: int = setting(48, "channels of the horizontal stack", low=1, high=4096)
    depth: int = setting(4, "gated layers of the horizontal stack", low=0, high=256)
    horizontal_kernel: int = setting(
        3, "width of a horizontal layer's kernel: the current pixel and those left of it", low=1, high=64
    )
    vertical_radius: int = setting(
        1, "cells to the left and to the right of its own that a vertical layer reads", low=0, high=32
    )
    hidden: int = setting(64, "hidden units of the head, a channel", low=1, high=4096)
    embedding: int = setting(16, "numbers that embed an entry; with fewer levels, fewer", low=1, high=256)
    dropout: float = setting(0.0, "share of what each layer adds that is dropped while training", low=0, high=0.95)


class PixelCNN(Autoregressive):
    """Learns pictures of bits, levels or tokens."""

    uses: ClassVar[tuple[str, ...]] = ("label", "text")

    def __init__(self, config: PixelCNNConfig, space: Space, given: Mapping[str, Space] | None = None):
        super().__init__(space, given)
        if not space.picture:
            raise ValueError(f"a PixelCNN learns pictures, not data with axes {space.axes!r}; gpt learns those")
        self.config = config
        channels, height, _ = space.shape
        ordered = space.kind != "token"
        self.embedding = EntryEmbedding(space.levels, config.embedding, ordered)
        inputs = channels * self.embedding.size
        self.vertical = VerticalStack(inputs, height, config.widths, config.layers, config.vertical_radius, config.dropout)
        self.horizontal = HorizontalStack(
            inputs, config.widths[0], config.width, config.depth, config.horizontal_kernel, config.dropout
        )
        self.head = Head(self.embedding.size, config.width, channels, config.hidden, space.levels)
        self.gates = [module for module in self.modules() if isinstance(module, Gated)]
        if self.given and not self.gates:
            raise ValueError("a PixelCNN without gated layers takes no condition: --set model.depth=1")
        shifts = sum(2 * gate.width for gate in self.gates)
        self.cond = Conditioning(self.given, shifts, scale=0.0) if self.given else None

    # --- training ----------------------------------------------------------------------------------------------------

    def stages(self) -> Iterator[Stage]:
        yield Stage("fit", [Descend("predict", [self], self.loss)])

    def loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        """Mean negative log-probability of an entry, nats."""
        return -self.entries(sequence(batch.x, self.space), self.conditioned(batch.given)).mean(), {}

    # --- the network -------------------------------------------------------------------------------------------------

    def entries(self, x: Tensor, given: Given, before: Tensor | None = None) -> Tensor:
        if torch.is_grad_enabled():
            return self._entries(x, given)
        rows = max(1, ENTRIES // (self.space.size * self.space.levels))
        parts = [{key: value[i : i + rows] for key, value in given.items()} for i in range(0, len(x), rows)]
        return torch.cat([self._entries(some, part) for some, part in zip(x.split(rows), parts, strict=True)])

    def _entries(self, x: Tensor, given: Given) -> Tensor:
        logits = self.logits(self.read(x), given).flatten(0, 1)
        return -F.cross_entropy(logits, x.flatten(), reduction="none").view_as(x)

    def read(self, x: Tensor) -> Tensor:
        """Whole rows of pixels (B, R W C) int64 as numbers (B, R, W, C size)."""
        channels, _, width = self.space.shape
        return self.embedding(x.unflatten(1, (-1, width, channels))).flatten(3)

    def logits(self, e: Tensor, given: Given) -> Tensor:
        """Logits of all entries, each given those before it: (B, H, W, C size) -> (B, T, levels), at least float32."""
        shifts = self.shifts(given, len(e))
        v = self.vertical(e, range(e.shape[1]), shifts)
        h = self.horizontal(F.pad(e[:, :, :-1], (0, 0, 1, 0)), self.horizontal.link(v), shifts)
        out = self.head.logits(self.head.pixel(F.silu(h)), e).flatten(1, 3)
        return out if out.dtype == torch.float64 else out.float()

    def shifts(self, given: Given, n: int) -> Shifts:
        """The terms that the conditions add to each gate."""
        if self.cond is None:
            return {}
        parts = (GAIN * self.cond.vector(given, n)).split([2 * gate.width for gate in self.gates], 1)
        return dict(zip(self.gates, parts, strict=True))

    def reader(self, n: int, given: Given, before: Tensor | None = None, *, cached: bool = True) -> Predict:
        """cached=False computes the whole canvas again for every pixel: slow, and plainly right."""
        return Reader(self, n, given, cached)


class Reader:
    """Logits of one entry after another; cached: it remembers what every layer's kernel reaches back to."""

    def __init__(self, model: PixelCNN, n: int, given: Given, cached: bool = True):
        self.model, self.given, self.cached = model, given, cached
        self.shifts = model.shifts(given, n)
        self.above: Memory = {}  # of the vertical stack
        self.left: Memory = {}  # of the horizontal stack, in this row
        self.row, self.column = -1, -1  # the last ones computed

    def __call__(self, t: int, x: Tensor) -> Tensor:
        """(n, levels) logits of entry t given x[:, :t]."""
        model = self.model
        channels, _, width = model.space.shape
        pixel, channel = divmod(t, channels)
        if not self.cached:
            return model.logits(model.read(x), self.given)[:, t]
        i, j = divmod(pixel, width)
        if i > self.row:
            self._descend(i, x)
        if j > self.column:
            self._advance(j, x)
        e = model.embedding(x[:, pixel * channels : (pixel + 1) * channels]).flatten(1)
        return model.head.logits(self.a, e)[:, channel]

    def _descend(self, i: int, x: Tensor) -> None:
        """The vertical stack down to row i."""
        model = self.model
        v = model.vertical(model.read(x), range(self.row + 1, i + 1), self.shifts, self.above)
        self.linked = model.horizontal.link(v[:, -1:])
        self.row, self.column, self.left = i, -1, {}

    def _advance(self, j: int, x: Tensor) -> None:
        """The horizontal stack to column j of this row."""
        model, begin = self.model, self.column + 1
        channels, _, width = model.space.shape
        first = (self.row * width + max(begin - 1, 0)) * channels
        e = model.embedding(x[:, first : (self.row * width + j) * channels].unflatten(1, (-1, channels))).flatten(2)
        if begin == 0:
            e = F.pad(e, (0, 0, 1, 0))
        h = model.horizontal(e[:, None], self.linked[:, :, begin : j + 1], self.shifts, self.left)
        self.a = model.head.pixel(F.silu(h[:, :, -1:]))[:, 0, 0]
        self.column = j
