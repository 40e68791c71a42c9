"""Examples as sequences of tokens, drawn one entry at a time.

A model that factorises p(x) = prod_t p(x_t | x_<t) needs an order of the entries: a text has one, a picture is read in
raster order, rows from the top, pixels from the left, the channels of a pixel one after the other.

Entry t of a row is the inverse of its cumulated probabilities at a uniform number u_t, and all the uniforms of a row are drawn
before its first entry. Two ways of computing the same probabilities (with and without a cache) therefore draw the same
tokens from the same noise, which is how one is tested against the other.

Temperature divides the logits; top-k is from Fan, Lewis & Dauphin, "Hierarchical Neural Story Generation", 2018; top-p from
Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from genlab.core.space import Space
from genlab.maths.densities import categorical_quantile

Predict = Callable[[int, Tensor], Tensor]


@dataclass(frozen=True)
class SamplingParams:
    """Settings of choosing a token from its distribution; the default draws from the distribution itself.

    temperature   above 0 divides the logits; 0 takes the likeliest token
    top_k         draw among the k likeliest tokens only; 0 among all
    top_p         draw among the fewest likeliest tokens whose mass reaches p
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise ValueError(f"temperature must be 0 or more, got {self.temperature}; 1 is the model's own")
        if self.top_k < 0:
            raise ValueError(f"top_k must be 0 (all tokens) or more, got {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1 (all tokens), got {self.top_p}")

    def __call__(self, logits: Tensor) -> Tensor:
        """(..., V) logits of what is drawn from: minus infinity where a token is out."""
        if self.temperature == 0:
            return _only(logits, logits.topk(1).indices)
        logits = logits / self.temperature
        if 0 < self.top_k < logits.shape[-1]:
            logits = _only(logits, logits.topk(self.top_k).indices)
        if self.top_p < 1:
            p, tokens = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
            likelier = p.cumsum(-1) - p  # mass of the tokens likelier than this one
            out = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, tokens, likelier >= self.top_p)
            logits = logits.masked_fill(out, -torch.inf)
        return logits


def _only(logits: Tensor, tokens: Tensor) -> Tensor:
    out = torch.ones_like(logits, dtype=torch.bool).scatter(-1, tokens, False)
    return logits.masked_fill(out, -torch.inf)


def token_by_token(
    predict: Predict,
    x: Tensor,
    u: Tensor,
    choice: SamplingParams | None = None,
    *,
    keep: Tensor | None = None,
    end: int | None = None,
    stride: int = 0,
) -> Iterator[Tensor]:
    """Draw the entries of x (n, T) in order; yields frames (n, T) int64, the last is the result.

    predict   predict(t, x) -> (n, V) logits of entry t given x[:, :t]. Called with growing t, and what lies before t is
              final, so it may remember what it read; entries kept in every row are passed over
    x         (n, T) int64: starting values, overwritten in a copy
    u         (n, T) uniforms in [0, 1)
    keep      (n, T) bool: entries that stay as they are in x
    end       from the first `end` of a row on every entry is `end`, and the last entry is one
    stride    a frame after every so many entries; 0 yields the last only
    """
    x, choice = x.clone(), choice or SamplingParams()
    n, length = x.shape
    keep = torch.zeros_like(x, dtype=torch.bool) if keep is None else keep
    known = keep.all(0).tolist()
    ended = torch.zeros(n, dtype=torch.bool, device=x.device)
    for t in range(length):
        if not known[t]:
            last = end is not None and t == length - 1
            forced = ended | last
            drawn = x[:, t] if bool(forced.all()) else categorical_quantile(u[:, t], choice(predict(t, x)))
            drawn = drawn if end is None else drawn.masked_fill(forced, end)
            x[:, t] = torch.where(keep[:, t], x[:, t], drawn)
        if end is not None:
            ended = ended | (x[:, t] == end)
        if stride and (t + 1) % stride == 0 and t + 1 < length:
            yield x.clone()
    yield x


def sequence(x: Tensor, space: Space) -> Tensor:
    """Examples (B, *shape) as int64 sequences (B, T); pictures in raster order, the channels of a pixel together."""
    return (x.movedim(1, -1) if space.picture else x).flatten(1).long()


def unsequence(x: Tensor, space: Space) -> Tensor:
    """The inverse of `sequence`: (B, T) -> (B, *shape) int64."""
    if not space.picture:
        return x
    channels, height, width = space.shape
    return x.unflatten(1, (height, width, channels)).movedim(-1, 1).contiguous()
