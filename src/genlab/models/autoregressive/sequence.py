"""The base of models of sequences: p(x | y) = prod_t p(x_t | x_<t, y), exactly scored, drawn in order, completed in order.

A model defines two things: the log-probabilities of all entries of whole sequences, and a reader, which computes the logits of
one entry after another. Windows of a text may come with the tokens before them, which are conditioned on and not scored.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

import torch
from torch import Tensor

from genlab.core.model import Claim, Given, LogProb, Model
from genlab.core.moves import Draws
from genlab.core.space import Batch, Space
from genlab.nets.units import dtype_of
from genlab.samplers.tokens import Predict, SamplingParams, sequence, token_by_token, unsequence

FRAMES = 32  # of a text while it is drawn; of a picture, one a row


class Autoregressive(Model):
    """Learns text, lines and pictures of bits or levels."""

    claim: ClassVar[Claim] = "exact"

    def __init__(self, space: Space, given: Mapping[str, Space] | None = None):
        super().__init__(space, given)
        if not (space.text or space.picture) or not space.discrete:
            raise ValueError(f"sequences are text, lines or pictures of levels, not {space.kind} data with axes {space.axes!r}")

    @abstractmethod
    def entries(self, x: Tensor, given: Given, before: Tensor | None = None) -> Tensor:
        """log p(x_t | x_<t, given), nats: sequences (B, T) -> (B, T).

        before   (B, K) tokens that stand before a window of text, -1 where there are none
        """

    @abstractmethod
    def reader(self, n: int, given: Given, before: Tensor | None = None) -> Predict:
        """A fresh `predict` for `token_by_token`; before (n, K) as in `entries`."""

    def scored(self, batch: Batch) -> Tensor:
        """(B, T) bool: the entries whose probability counts. The last of a line can only be its end and is left out."""
        mask = sequence(self.space.mask(batch), self.space).bool()
        if self.space.end is not None:
            mask[:, -1] = False
        return mask

    def log_prob(self, batch: Batch, *, noise: Draws | None = None) -> LogProb:
        """(B,) nats of the integers themselves; nothing is drawn."""
        nats = self.entries(sequence(batch.x, self.space), self.conditioned(batch.given), batch.before)
        nats = nats.masked_fill(~self.scored(batch), 0).sum(1)
        return LogProb(nats, "exact", "exact", tuple(self.given))

    def sample(
        self,
        n: int,
        given: Given | None = None,
        *,
        noise: Draws,
        length: int | None = None,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
    ) -> Iterator[Tensor]:
        """Frames (n, *shape): a text as far as it is written, a picture as far down as it is painted.

        given    the model's conditions, n rows each
        length   tokens of a text, any number; the space's own otherwise

        To continue a text, see `complete`.
        """
        length = self._length(length)
        blank = torch.zeros(n, length, dtype=torch.int64, device=noise.device)
        yield from self._draw(blank, None, self.conditioned(given), noise, SamplingParams(temperature, top_k, top_p))

    def complete(
        self,
        x: Tensor,
        mask: Tensor,
        given: Given | None = None,
        *,
        noise: Draws,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
    ) -> Iterator[Tensor]:
        """Fill the entries where mask (B, *shape) is False, each given the entries before it in the order of reading.

        A text may have any length here: keep its beginning and the rest is its continuation.
        """
        keep = sequence(mask, self.space).bool()
        yield from self._draw(
            sequence(x, self.space), keep, self.conditioned(given), noise, SamplingParams(temperature, top_k, top_p)
        )

    def _draw(self, x: Tensor, keep: Tensor | None, given: Given, noise: Draws, choice: SamplingParams) -> Iterator[Tensor]:
        n, length = x.shape
        stride = self.space.shape[0] * self.space.shape[2] if self.space.picture else max(1, length // FRAMES)
        u = noise.uniform((length,))
        frames = token_by_token(self.reader(n, given), x, u, choice, keep=keep, end=self.space.end, stride=stride)
        for frame in frames:
            yield unsequence(frame, self.space).to(dtype_of(self.space))

    def _length(self, requested: int | None) -> int:
        if requested is None:
            return self.space.size
        if self.space.picture or self.space.end is not None:
            raise ValueError("length is an option of text; pictures and lines have the length of their space")
        if requested < 1:
            raise ValueError(f"length must be at least 1 token, got {requested}")
        return requested
