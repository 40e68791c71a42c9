"""A decoder-only transformer: p(x_t | x_<t) is the softmax of a linear map of causal self-attention over x_<t.

An example is a sequence x_0 .. x_{N-1} (see `samplers.tokens`). The network reads `lead` positions before it,

    position     0 ...      lead-1   lead  lead+1 ...
    reads     before ...   before     x_0     x_1 ...
    predicts                  x_0     x_1     x_2 ...

which hold the text before the example, or a start token where there is none; lines and pictures always begin at the start
token, so there lead = 1. While it trains on text, one example in START is trained without the text before it, so that the model
also learns how a text begins.

A sequence longer than `context` positions is read in context windows that overlap by half: the entry of a position is predicted
from the last window, beginning at a multiple of context/2, in which at least half a window precedes it (see `window_start`).
Scoring, sampling and completing share this rule, so likelihoods stay exact and a text may have any length.

Positions are learned vectors or rotary (see `nets.rotary`); in pictures both go by row, column and channel of the entry
predicted. A label is a vector added at every position. A text is a prefix, tokens before every window that have no position of
their own, or is attended to from every position (cross-attention). Every row of a sample has its own uniforms; the cache of
keys and values changes how the logits are computed, not their values.

Radford et al., "Language Models are Unsupervised Multitask Learners", 2019; Chen et al., "Generative Pretraining from
Pixels", 2020.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.core.model import Given
from genlab.core.moves import Descend, Now, Readings, Stage
from genlab.core.recipe import setting
from genlab.core.space import Batch, Space
from genlab.models.autoregressive.sequence import Autoregressive
from genlab.nets.condition import Conditioning
from genlab.nets.rotary import angles, rotary_factors
from genlab.nets.transformer import Cache, Transformer
from genlab.samplers.tokens import Predict, sequence

START = 32  # of so many examples of text one is trained without the text before it
LENGTHS = 2  # groups of similar length that a batch of lines is read in: a quarter less padding
LOGITS = 2**25  # computed at once while scoring
SCALE = 0.02  # standard deviation of vectors at the start


@dataclass(frozen=True)
class GPTConfig:
    layers: int = setting(4, "blocks of attention and feed-forward", low=1, high=256)
    heads: int = setting(4, "heads of attention; they divide the width", low=1, high=256)
    width: int = setting(128, "numbers in the residual stream", low=1, high=65536)
    dropout: float = setting(0.0, "share of what each block adds that is dropped while training", low=0, high=0.95)
    positions: Literal["learned", "rotary"] = setting("rotary", "how positions are encoded")
    norm: Literal["layer", "gain", "rms"] = setting("rms", "layer: gains and biases as in GPT-2; gain: no biases; rms: neither")
    activation: Literal["gelu", "gelu-tanh", "relu2", "swiglu"] = setting("relu2", "of the feed-forward maps")
    qk_norm: bool = setting(True, "queries and keys are normalised")
    tied: bool = setting(True, "the last linear map is the table of token vectors")
    before: int = setting(1, "tokens of text before an example that are read", low=1, high=32)
    context: int = setting(1024, "positions in a context window; longer sequences take several that overlap by half", low=2)
    conditioning: Literal["prefix", "cross"] = setting(
        "prefix", "where a text enters: before the sequence, or by cross-attention"
    )


class EncodedConditions(NamedTuple):
    """Conditions of n rows: a vector (n, width) for every position, tokens (n, K, width) and which of them are used (n, K)."""

    vector: Tensor | None
    tokens: Tensor | None
    mask: Tensor | None


class GPT(Autoregressive):
    """Learns text, lines and pictures of bits or levels."""

    uses: ClassVar[tuple[str, ...]] = ("label", "text")
    coordinates: Tensor
    rotary: Tensor | None

    def __init__(self, config: GPTConfig, space: Space, given: Mapping[str, Space] | None = None):
        super().__init__(space, given)
        self.config = config
        self.lead = config.before if space.text and space.end is None else 1
        self.context = min(config.context, self.lead - 1 + space.size)
        if self.context < self.lead:
            raise ValueError(f"a context of {config.context} positions has no room for {self.lead} tokens before the example")
        if config.positions == "rotary" and config.width % (2 * config.heads):
            raise ValueError(f"rotary heads have an even size: choose a width that is a multiple of {2 * config.heads}")
        labels = {name: one for name, one in self.given.items() if not one.shape}
        texts = {name: one for name, one in self.given.items() if one.shape}
        self.crosses = bool(texts) and config.conditioning == "cross"
        self.body = Transformer(
            config.layers, config.width, config.heads, config.norm, config.activation, config.qk_norm, config.dropout,
            cross=self.crosses,
        )  # fmt: skip
        self.table = table(space.levels + 1, config.width)  # the last row is the start token
        self.label = Conditioning(labels, config.width, scale=SCALE) if labels else None
        scale = 1.0 if self.crosses else SCALE
        self.text = Conditioning(texts, config.width, vector=False, tokens=True, scale=scale) if texts else None
        self.head = None if config.tied else table(space.levels, config.width)
        self.drop = nn.Dropout(config.dropout)
        coordinates, extents = positions(space, self.context)
        self.register_buffer("coordinates", coordinates, persistent=False)
        self.positions = nn.ModuleList(table(extent, config.width) for extent in extents if config.positions == "learned")
        rotary = rotary_factors(angles(coordinates, extents, self.body.size // 2)).to(torch.get_default_dtype())
        self.register_buffer("rotary", rotary if config.positions == "rotary" else None, persistent=False)

    # --- training ----------------------------------------------------------------------------------------------------

    def stages(self) -> Iterator[Stage]:
        yield Stage("fit", [Descend("predict", [self], self.loss)])

    def loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        """Mean negative log-probability of an entry, nats; of several context windows, one is drawn at random."""
        x, mask, u = sequence(batch.x, self.space), self.scored(batch), now.noise.uniform((2,))
        groups = mask.sum(1).argsort().chunk(LENGTHS) if self.space.end is not None else [slice(None)]
        parts = [self._summed(take(batch._replace(x=x), rows), mask[rows], u[rows]) for rows in groups]
        nats, count = (torch.stack(column).sum(0) for column in zip(*parts, strict=True))
        return -nats / now.mean(count).clamp(min=1), {}

    def _summed(self, batch: Batch, mask: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probability of the scored entries of a context window, and their number; batch.x are sequences."""
        x = batch.x
        if self.space.end is not None:  # behind the longest line's end there is nothing to learn
            x = x[:, : max(1, int(mask.any(0).sum()))]
        read = self.read(x, batch.before)
        if batch.before is not None:
            read[:, : self.lead] = read[:, : self.lead].masked_fill(u[:, :1] < 1 / START, self.space.levels)
        starts = self.window_starts(read.shape[1])
        start = starts[int(u[0, 1] * len(starts))] if len(starts) > 1 else starts[0]
        first = max(start, self.lead - 1)
        nats = self.predicted(x, read, start, first, self.encode_conditions(batch.given, len(x)))
        mask = mask[:, first - self.lead + 1 :][:, : nats.shape[1]]
        return (nats * mask).sum(), mask.sum().to(nats.dtype)

    # --- the network -------------------------------------------------------------------------------------------------

    def blocks(self) -> Iterable[nn.Module]:
        return self.body.blocks

    def read(self, x: Tensor, before: Tensor | None = None) -> Tensor:
        """The tokens that the positions read: sequences (B, N) -> (B, lead - 1 + N)."""
        return torch.cat([self.opening(len(x), before), x[:, :-1]], 1)

    def opening(self, n: int, before: Tensor | None = None) -> Tensor:
        """(n, lead) tokens before the first entry: the last of `before` (n, K), a start token where there is none."""
        start = self.space.levels
        if before is None or not self.space.text or self.space.end is not None:
            return torch.full((n, self.lead), start, device=self.table.weight.device)
        known = before[:, -self.lead :]
        return F.pad(known.masked_fill(known < 0, start), (self.lead - known.shape[1], 0), value=start)

    def encode_conditions(self, given: Given, n: int) -> EncodedConditions:
        """The conditions of n rows, encoded."""
        given = self.conditioned(given)
        vector = None if self.label is None else self.label.vector(given, n)
        tokens, mask = (None, None) if self.text is None else self.text.tokens(given, n)
        return EncodedConditions(vector, tokens, mask)

    def hidden(self, tokens: Tensor, first: int, cond: EncodedConditions, cache: Cache | None = None) -> Tensor:
        """The last layer at the positions first, first + 1, ..., which read tokens (B, S): (B, S, width)."""
        where = slice(first, first + tokens.shape[1])
        h = self.table(tokens)
        for axis, vectors in enumerate(self.positions):
            h = h + vectors(self.coordinates[where, axis])
        if cond.vector is not None:
            h = h + cond.vector[:, None]
        rotary = None if self.rotary is None else self.rotary[:, where]
        if cond.tokens is None or cond.mask is None:
            return self.body(self.drop(h), rotary, cache)
        if self.crosses:
            return self.body(self.drop(h), rotary, cache, (cond.tokens, cond.mask))
        if cache is not None and cache.used:
            return self.body(self.drop(h), rotary, cache)
        count = cond.tokens.shape[1]
        h = torch.cat([cond.tokens.to(h.dtype), h], 1)
        rotary = None if rotary is None else torch.cat([no_rotation(rotary, count), rotary], 1)
        return self.body(self.drop(h), rotary, cache)[:, count:]

    def logits(self, h: Tensor) -> Tensor:
        """(..., width) -> (..., levels), at least float32."""
        vectors = self.table if self.head is None else self.head
        out = F.linear(h, vectors.weight[: self.space.levels])
        return out if out.dtype == torch.float64 else out.float()

    # --- context windows ---------------------------------------------------------------------------------------------

    def window_starts(self, length: int) -> range:
        """The first position of each context window of a sequence of so many positions."""
        return range(0, window_start(length - 1, self.context) + 1, stride(self.context))

    def position_index(self, position: int, start: int) -> int:
        """The index of a position's encoding: absolute in pictures, counted from the start of its window in texts."""
        return position if self.space.picture else position - start

    def predicted(self, x: Tensor, read: Tensor, start: int, first: int, cond: EncodedConditions) -> Tensor:
        """log-probabilities (B, E) of the entries predicted at the positions from `first` on of the window at `start`."""
        stop = min(start + self.context, read.shape[1])
        h = self.hidden(read[:, start:stop], self.position_index(start, start), cond)
        logits = self.logits(h[:, first - start :] if first > start else h)
        x = x[:, first - self.lead + 1 : stop - self.lead + 1]
        return -F.cross_entropy(logits.flatten(0, 1), x.flatten(), reduction="none").view_as(x)

    def entries(self, x: Tensor, given: Given, before: Tensor | None = None) -> Tensor:
        rows, batch = max(1, LOGITS // (self.context * self.space.levels)), Batch(x, given, before=before)
        return torch.cat([self._entries(take(batch, slice(i, i + rows))) for i in range(0, len(x), rows)])

    def _entries(self, batch: Batch) -> Tensor:
        x, cond = batch.x, self.encode_conditions(batch.given, len(batch.x))
        read = self.read(x, batch.before)
        overlap = self.context - stride(self.context)  # positions of a later window whose entries an earlier one predicts
        return torch.cat(
            [
                self.predicted(x, read, start, start + overlap if start else self.lead - 1, cond)
                for start in self.window_starts(read.shape[1])
            ],
            1,
        )

    def reader(self, n: int, given: Given, before: Tensor | None = None, *, cached: bool = True) -> Predict:
        """cached=False reads the whole context window again for every entry: slow, and plainly right."""
        return Reader(self, n, given, before, cached)


class Reader:
    """Logits of one entry after another; cached: the keys and values of what was read are kept."""

    def __init__(self, model: GPT, n: int, given: Given, before: Tensor | None = None, cached: bool = True):
        self.model, self.cond, self.cached = model, model.encode_conditions(given, n), cached
        self.opening = model.opening(n, before)
        self.start = self.done = 0
        self.cache: Cache | None = None

    def __call__(self, t: int, x: Tensor) -> Tensor:
        """(n, levels) logits of entry t given x[:, :t]."""
        model, position = self.model, self.model.lead - 1 + t
        start = window_start(position, model.context)
        if self.cache is None or start != self.start or not self.cached:
            room = min(model.context, self.opening.shape[1] + x.shape[1])
            room += 0 if self.cond.tokens is None or model.crosses else self.cond.tokens.shape[1]
            self.cache = model.body.cache(len(x), room, model.table.weight)
            self.start = self.done = start
        tokens = self._read(x, self.done, position + 1)
        h = model.hidden(tokens, model.position_index(self.done, start), self.cond, self.cache)
        self.done = position + 1
        return model.logits(h[:, -1])

    def _read(self, x: Tensor, first: int, stop: int) -> Tensor:
        """The tokens that the positions first .. stop - 1 read."""
        lead = self.model.lead
        return torch.cat([self.opening[:, first:stop], x[:, max(first - lead, 0) : max(stop - lead, 0)]], 1)


def take(batch: Batch, rows: Tensor | slice) -> Batch:
    """Some rows of sequences, with their conditions and the tokens before them."""
    given = {key: value[rows] for key, value in batch.given.items()}
    return Batch(batch.x[rows], given, before=None if batch.before is None else batch.before[rows])


def window_start(position: int, context: int) -> int:
    """The first position of the context window from which this position's entry is predicted."""
    return 0 if position < context else ((position - context) // stride(context) + 1) * stride(context)


def stride(context: int) -> int:
    """Positions from the start of one context window to that of the next."""
    return max(1, context // 2)


def positions(space: Space, context: int) -> tuple[Tensor, tuple[int, ...]]:
    """Integer coordinates (P, A) of the positions, and the extents of the A axes; an axis of extent one is left out."""
    if not space.picture:
        return torch.arange(context)[:, None], (context,)
    channels, height, width = space.shape
    index = torch.arange(space.size)
    axes = [(index // (width * channels), height), (index // channels % width, width), (index % channels, channels)]
    axes = [axis for axis in axes if axis[1] > 1] or axes[:1]
    return torch.stack([axis[0] for axis in axes], 1), tuple(axis[1] for axis in axes)


def no_rotation(like: Tensor, count: int) -> Tensor:
    """Rotary factors (2, count, d) that leave queries and keys as they are."""
    return torch.stack([torch.ones_like(like[0, :1]), torch.zeros_like(like[0, :1])]).expand(-1, count, -1)


def table(rows: int, width: int) -> nn.Embedding:
    """Learned vectors. Marked as a table, so that no optimiser takes it for a linear map."""
    made = nn.Embedding(rows, width)
    nn.init.normal_(made.weight, std=SCALE)
    made.weight.table = True  # pyright: ignore[reportAttributeAccessIssue]
    return made
