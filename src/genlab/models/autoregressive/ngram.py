"""n-grams: p(x_t | c_t), c_t the order - 1 symbols nearest to entry t among those before it, counted in one pass and smoothed.

    text       the symbols before, across windows as far as the batch's `before` reaches; at the beginning of everything
               the context is shorter
    lines      the symbols before, from the start of the line on, which is a symbol of its own
    pictures   the entries nearest on the plane among those already read (left, above, above left, above right, ...: the
               templates of bi-level image coding, ITU-T T.82), "outside" being a symbol; many levels are quantised to `tones`

A context is the integer z + Z (d_0 + B d_1 + B^2 d_2 + ...), d_0 the nearest symbol, z the label and the channel (Z of
them), so a shorter context is a remainder, and backing off forgets the farthest symbol first, the label and channel never.
"No label" is a label of its own: examples without one are counted there, and its probabilities come from all examples.
Two digits beyond the levels stand for start or outside and for "unknown", which ends a context.

The model is the list of events and how often each was seen: the saved buffers `codes` and `counts`, whose size the data
decide. They grow in place, and loading resizes them before it copies. Everything smoothed is a function of the list, and
computed when it is first used.

Smoothing: see `maths.smoothing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.core.model import Given
from genlab.core.moves import Apply, Now, Readings, Stage
from genlab.core.recipe import setting
from genlab.core.space import Batch, Space, label_of
from genlab.maths.smoothing import Counts, Level, added, discounted, ladder, tally, whole_ladder
from genlab.models.autoregressive.sequence import Autoregressive
from genlab.samplers.tokens import Predict, sequence


@dataclass(frozen=True)
class NGramConfig:
    order: int = setting(5, "symbols of a gram: the entry itself and order - 1 around or before it", low=1, high=33)
    smoothing: Literal["kneser-ney", "add-k"] = setting("kneser-ney", "what events that were never seen get")
    k: float = setting(0.1, "add-k: what is added to every count", low=1e-9, high=1e9)
    tones: int = setting(16, "levels that pixels of a context are quantised to", low=2, high=65536)


class NGram(Autoregressive):
    """Learns text, lines and pictures of bits or levels, by counting."""

    grows: ClassVar[tuple[str, ...]] = ("codes", "counts")
    codes: Tensor  # (E,) int64: context * levels + entry, ascending
    counts: Tensor  # (E,) int64

    def __init__(self, config: NGramConfig, space: Space, given: Mapping[str, Space] | None = None):
        super().__init__(space, given)
        self.config, self.symbols = config, space.levels
        self.tones, self.channels, self.tables = _alphabet(space, self.given, config.tones)
        self.classes = self.given[label_of(self.given)].levels if self.given else 0
        self.edge, self.unknown, self.base = self.tones, self.tones + 1, self.tones + 2
        self.reach = config.order - 1
        most = largest_order(space, self.given, config.tones)
        if config.order > most:
            raise ValueError(f"with {self.symbols} symbols the order can be at most {most}, not {config.order}")
        self.register_buffer("codes", torch.empty(0, dtype=torch.int64))
        self.register_buffer("counts", torch.empty(0, dtype=torch.int64))
        self._levels: list[Level] | None = None

    # --- counting ----------------------------------------------------------------------------------------------------

    def stages(self) -> Iterator[Stage]:
        yield Stage("count", [Apply("count", [self], self.count)], passes=1)

    def count(self, batch: Batch, now: Now) -> Readings:
        """Add the batch's events, and those of the other processes' batches, to the list."""
        x = sequence(batch.x, self.space)
        context, _ = self.contexts(x, batch.given, batch.before)
        events = (context * self.symbols + x)[self.scored(batch)]
        known = Counts(self.codes, self.counts) if now.step else Counts(self.codes[:0], self.counts[:0])
        seen = _everyone(tally(events, torch.ones_like(events)), now)
        codes, counts = tally(torch.cat([known.codes, seen.codes]), torch.cat([known.counts, seen.counts]))
        for name, found in zip(self.grows, (codes, counts), strict=True):
            getattr(self, name).resize_(found.shape).copy_(found)
        self._levels = None
        return {"events": counts.sum(), "kinds": float(len(codes))}

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        for name in self.grows:
            if (value := state_dict.get(prefix + name)) is not None:
                getattr(self, name).resize_(value.shape)
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self._levels = None

    # --- contexts ----------------------------------------------------------------------------------------------------

    def contexts(self, x: Tensor, given: Given, before: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Context of every entry as an integer, and how many symbols of it are known: sequences (B, T) -> (B, T) each."""
        where = self.neighbours(x.shape[1]).to(x.device)
        return self._contexts(self.columns(x, before), where, torch.arange(x.shape[1], device=x.device), given)

    def _contexts(self, columns: Tensor, where: Tensor, entries: Tensor, given: Given) -> tuple[Tensor, Tensor]:
        """(contexts, number of known entries in each), (B, T), of entries (T,) in columns (B, S); where (T, order - 1)."""
        context = (entries % self.channels).expand(len(columns), -1)
        if self.classes:
            label = given[label_of(self.given)].to(context.device)
            context = context + torch.where(label < 0, self.classes, label)[:, None] * self.channels
        known = torch.zeros_like(context)
        weight, alive = self.tables, torch.ones_like(context, dtype=torch.bool)
        for symbol in where.T:
            digit = columns[:, symbol]
            alive = alive & (digit != self.unknown)
            known = known + alive
            context = context + digit * weight
            weight *= self.base
        return context, known

    def columns(self, x: Tensor, before: Tensor | None = None) -> Tensor:
        """Digits that contexts are made of, (B, S): the entries, then the symbols before them, the nearest first."""
        n, device = len(x), x.device
        if self.space.picture:
            return F.pad(x * self.tones // self.symbols, (0, 1), value=self.edge)
        if self.space.end is not None:
            edge = torch.full((n, 1), self.edge, device=device)
            return torch.cat([x, F.pad(edge, (0, self.reach), value=self.unknown)], 1)
        before = x[:, :0] if before is None else before.flip(1)[:, : self.reach]
        before = before.masked_fill(before < 0, self.unknown)
        return torch.cat([x, F.pad(before, (0, self.reach - before.shape[1]), value=self.unknown)], 1)

    def neighbours(self, length: int) -> Tensor:
        """(T, order - 1): the columns where an entry's context is found, the nearest first."""
        if self.space.picture:
            return template(self.space, self.reach)
        back = torch.arange(length)[:, None] - torch.arange(1, self.reach + 1)
        return torch.where(back < 0, length - 1 - back, back)

    # --- probabilities -----------------------------------------------------------------------------------------------

    def levels(self) -> list[Level]:
        """The ladder, from the empty context up."""
        if self._levels is None or self._levels[0].codes.device != self.codes.device:
            self._levels = self._both()
        return self._levels

    def _both(self) -> list[Level]:
        """The ladder of the events with a label, and beside it that of all events without theirs."""
        if not self.classes:
            return self._ladder(Counts(self.codes, self.counts))
        context, entry = self.codes // self.symbols, self.codes % self.symbols
        label = context % self.tables // self.channels
        unlabelled = tally((context + (self.classes - label) * self.channels) * self.symbols + entry, self.counts)
        labelled = label < self.classes
        if not labelled.any():
            return self._ladder(unlabelled)
        own = self._ladder(Counts(self.codes[labelled], self.counts[labelled]))
        return [_beside(one, other) for one, other in zip(own, self._ladder(unlabelled), strict=True)]

    def _ladder(self, events: Counts) -> list[Level]:
        context, known = events.codes // self.symbols // self.tables, torch.zeros_like(events.codes)
        alive = torch.ones_like(events.codes, dtype=torch.bool)
        for _ in range(self.reach):
            alive = alive & (context % self.base != self.unknown)
            known, context = known + alive, context // self.base
        found: list[Level] = []
        above = Counts(events.codes[:0], events.counts[:0])
        for size in range(self.reach, -1, -1):
            own = known == size
            codes = self._shortened(torch.cat([above.codes, events.codes[own]]), size)
            kinds = torch.ones_like(above.counts) if self.config.smoothing == "kneser-ney" else above.counts
            above = tally(codes, torch.cat([kinds, events.counts[own]]))
            found.insert(0, self._smoothed(above))
        return found

    def _shortened(self, codes: Tensor, size: int) -> Tensor:
        """Events with their contexts cut to `size` symbols."""
        return codes % (self.tables * self.base**size * self.symbols)

    def _smoothed(self, table: Counts) -> Level:
        if self.config.smoothing == "add-k":
            return added(table, self.symbols, self.config.k)
        return discounted(table, self.symbols)

    def _below(self, p: Tensor) -> Tensor:
        """The distribution that a level is smoothed towards: that of the level below, or 1/V."""
        return torch.full_like(p, 1 / self.symbols) if self.config.smoothing == "add-k" else p

    def entries(self, x: Tensor, given: Given, before: Tensor | None = None) -> Tensor:
        context, known = self.contexts(x, given, before)
        p = torch.full(x.shape, 1 / self.symbols, dtype=torch.float64, device=x.device)
        for size, level in enumerate(self.levels()):
            short = context % (self.tables * self.base**size)
            p = torch.where(known >= size, ladder(level, short, x, self.symbols, self._below(p)), p)
        return p.log()

    def reader(self, n: int, given: Given, before: Tensor | None = None) -> Predict:
        where: list[Tensor] = []

        def predict(t: int, x: Tensor) -> Tensor:
            if not where:
                where.append(self.neighbours(x.shape[1]).to(x.device))
            entry = torch.tensor([t], device=x.device)
            context, known = self._contexts(self.columns(x, before), where[0][t : t + 1], entry, given)
            return self.following(context[:, 0], known[:, 0]).log()

        return predict

    def following(self, context: Tensor, known: Tensor) -> Tensor:
        """p(. | c) after contexts (n,) of which so many symbols are known: (n, levels) float64."""
        p = torch.full((len(context), self.symbols), 1 / self.symbols, dtype=torch.float64, device=context.device)
        for size, level in enumerate(self.levels()):
            short = context % (self.tables * self.base**size)
            p = torch.where(known[:, None] >= size, whole_ladder(level, short, self.symbols, self._below(p)), p)
        return p


def _beside(one: Level, other: Level) -> Level:
    """Two levels that share no context as one."""
    codes, order = torch.cat([one.codes, other.codes]).sort()
    contexts, places = torch.cat([one.contexts, other.contexts]).sort()
    alpha, gamma = torch.cat([one.alpha, other.alpha])[order], torch.cat([one.gamma, other.gamma])[places]
    return Level(codes, alpha, contexts, gamma)


def _everyone(table: Counts, now: Now) -> Counts:
    """The sum of all processes' tables: padded to one size, gathered, summed."""
    sizes = now.gather(torch.tensor([len(table.codes)], device=table.codes.device))
    padded = torch.stack([F.pad(part, (0, int(sizes.max()) - len(part)), value=-1) for part in table])
    codes, counts = now.gather(padded[None]).movedim(1, 0).flatten(1)
    return tally(codes[codes >= 0], counts[codes >= 0])


def _alphabet(space: Space, given: Mapping[str, Space], tones: int) -> tuple[int, int, int]:
    """Levels in a context, channels, and tables (one for every channel and label, "no label" among them)."""
    channels = space.shape[0] if space.picture else 1
    label = label_of(given)
    classes = given[label].levels + 1 if label else 1
    return min(tones, space.levels) if space.picture else space.levels, channels, channels * classes


def largest_order(space: Space, given: Mapping[str, Space], tones: int = 2) -> int:
    """The largest order whose events have codes below 2^63."""
    tones, _, tables = _alphabet(space, given, tones)
    order, codes = 1, tables * space.levels
    while (codes := codes * (tones + 2)) < 2**63:
        order += 1
    return order


def template(space: Space, size: int) -> Tensor:
    """(N, size): for every entry of a picture, the positions in its sequence of the nearest earlier entries, nearest first.

    Another channel of a pixel counts as half a pixel farther away. The position after the last stands for outside.
    """
    channels, height, width = space.shape
    reach = range(-size - 1, size + 2)
    offsets = [(row, column) for row, column in product(range(-size - 1, 1), reach) if (row, column) < (0, 1)]
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    found = torch.empty(height, width, channels, size, dtype=torch.int64)
    for channel in range(channels):
        near = [
            ((row * row + column * column) ** 0.5 + 0.5 * (other != channel), -row, column, row, column, other)
            for row, column in offsets
            for other in range(channels)
            if (row, column) < (0, 0) or other < channel
        ]
        for rank, (*_, row, column, other) in enumerate(sorted(near)[:size]):
            inside = (rows + row >= 0) & (columns + column >= 0) & (columns + column < width)
            index = ((rows + row) * width + columns + column) * channels + other
            found[:, :, channel, rank] = torch.where(inside, index, space.size)
    return found.flatten(0, 2)
