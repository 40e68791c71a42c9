"""A stack of pre-norm blocks: causal self-attention A, cross-attention C where there is a context, and a feed-forward map F:

    h <- h + A(norm(h)),    h <- h + C(norm(h)),    h <- h + F(norm(h)),    out = norm(h)

Shapes: B rows, S positions, C width, H heads, d = C/H a head.

What can be chosen: the norm, "layer" (gains and biases, and biases in every linear map), "gain" (layer norm with gains, no
biases anywhere) or "rms" (neither); the activation of F; whether queries and keys are normalised (Henry et al., "Query-Key
Normalization for Transformers", 2020); whether they are rotated by their positions. Maps into the residual stream start at
zero: a new stack is the identity.

Vaswani et al., "Attention Is All You Need", 2017; pre-norm and layout as in Radford et al., "Language Models are
Unsupervised Multitask Learners", 2019; squared ReLU: So et al., "Primer", 2021; gated: Shazeer, "GLU Variants Improve
Transformer", 2020.
"""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.nets.layers import attend
from genlab.nets.rotary import apply_rotary

Context = tuple[Tensor, Tensor]


def squared_relu(x: Tensor) -> Tensor:
    return F.relu(x).square()


ACTIVATIONS = {"gelu": F.gelu, "gelu-tanh": partial(F.gelu, approximate="tanh"), "relu2": squared_relu, "swiglu": F.silu}


class Cache:
    """Keys and values of the positions already read, for every block: (layers, n, H, room, d)."""

    def __init__(self, layers: int, n: int, heads: int, room: int, size: int, like: Tensor):
        self.keys = torch.empty(layers, n, heads, room, size, dtype=like.dtype, device=like.device)
        self.values = torch.empty_like(self.keys)
        self.context: dict[int, Tensor] = {}  # by layer: keys and values of the context
        self.used = 0

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of everything read so far, these positions included."""
        end = self.used + k.shape[2]
        self.keys[layer, :, :, self.used : end] = k
        self.values[layer, :, :, self.used : end] = v
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]


class Attention(nn.Module):
    """Causal self-attention, (B, S, C) -> (B, S, C)."""

    def __init__(self, width: int, heads: int, bias: bool, qk_norm: bool):
        super().__init__()
        self.heads, self.qk_norm = heads, qk_norm
        self.qkv = nn.Linear(width, 3 * width, bias)
        self.out = nn.Linear(width, width, bias)

    def forward(self, x: Tensor, rotary: Tensor | None, cache: Cache | None, layer: int) -> Tensor:
        rows, positions, width = x.shape
        found = self.qkv(x).unflatten(-1, (3 * self.heads, -1)).transpose(1, 2)  # (B, 3H, S, d)
        if self.qk_norm or rotary is not None:
            qk, v = found.split([2 * self.heads, self.heads], 1)
            if self.qk_norm:
                qk = F.rms_norm(qk, qk.shape[-1:])
            if rotary is not None:
                qk = apply_rotary(qk, rotary)
            q, k = qk.chunk(2, 1)
        else:
            q, k, v = found.chunk(3, 1)
        mask = None
        if cache is not None:
            k, v = cache.extend(layer, k, v)
            if cache.used and positions > 1:
                mask = torch.ones(positions, k.shape[2], dtype=torch.bool, device=x.device).tril(cache.used)
        y = attend(q, k, v, mask, causal=mask is None and positions > 1)
        return self.out(y.transpose(1, 2).reshape(rows, positions, width))


class CrossAttention(nn.Module):
    """Attention of x (B, S, C) to a context (B, K, inputs), another network's output.

    `keys` depend on the context alone: they are computed once, however often it is attended to.
    """

    def __init__(self, width: int, inputs: int, heads: int, bias: bool = True):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias)
        self.both = nn.Linear(inputs, 2 * width, bias)
        self.out = nn.Linear(width, width, bias)

    def keys(self, context: Tensor) -> Tensor:
        """(2, B, H, K, d): keys and values."""
        return self.both(context).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)

    def forward(self, x: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
        """x (B, S, C), the context's `keys` and a mask (B, K) bool, True at least once in a row -> (B, S, C)."""
        q = self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        y = attend(q, keys[0], keys[1], mask[:, None, None])
        return self.out(y.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Two linear maps and an activation, four times as wide inside (a gated one 8/3 times: as many weights)."""

    def __init__(self, width: int, activation: str, bias: bool):
        super().__init__()
        self.activation, self.gated = ACTIVATIONS[activation], activation == "swiglu"
        inside = 8 * width // 3 if self.gated else 4 * width
        self.into = nn.Linear(width, inside * (1 + self.gated), bias)
        self.out = nn.Linear(inside, width, bias)

    def forward(self, x: Tensor) -> Tensor:
        h = self.into(x)
        if self.gated:
            gate, h = h.chunk(2, -1)
            return self.out(self.activation(gate) * h)
        return self.out(self.activation(h))


class TransformerBlock(nn.Module):
    """One layer of a `Transformer`; cross: with attention to a context between its other two parts."""

    def __init__(self, width: int, heads: int, norm: str, activation: str, qk_norm: bool, dropout: float, cross: bool = False):
        super().__init__()
        bias = norm == "layer"
        self.before_attention, self.before_feed = normalisation(norm, width), normalisation(norm, width)
        self.attention = Attention(width, heads, bias, qk_norm)
        self.before_cross = normalisation(norm, width) if cross else None
        self.cross = CrossAttention(width, width, heads, bias) if cross else None
        self.feed = FeedForward(width, activation, bias)
        self.drop = nn.Dropout(dropout)

    def forward(self, h: Tensor, rotary: Tensor | None, cache: Cache | None, layer: int, context: Context | None) -> Tensor:
        h = h + self.drop(self.attention(self.before_attention(h), rotary, cache, layer))
        if self.cross is not None and self.before_cross is not None and context is not None:
            known = None if cache is None else cache.context.get(layer)
            keys = self.cross.keys(context[0]) if known is None else known
            if cache is not None:
                cache.context[layer] = keys
            h = h + self.drop(self.cross(self.before_cross(h), keys, context[1]))
        return h + self.drop(self.feed(self.before_feed(h)))


class Transformer(nn.Module):
    """(B, S, C) -> (B, S, C); position s attends to positions up to s.

    rotary  (2, S, d) from `rotary.rotary_factors`, or None
    cache   makes these positions a continuation of those it holds
    context (B, K, C) and a mask (B, K): what every position attends to besides, where the stack is made with `cross`
    """

    def __init__(
        self, layers: int, width: int, heads: int, norm: str = "layer", activation: str = "gelu", qk_norm: bool = False,
        dropout: float = 0.0, cross: bool = False,
    ):  # fmt: skip
        super().__init__()
        if width % heads:
            raise ValueError(f"a width of {width} does not divide among {heads} heads; choose a multiple of {heads}")
        self.heads, self.size = heads, width // heads
        self.blocks = nn.ModuleList(
            TransformerBlock(width, heads, norm, activation, qk_norm, dropout, cross) for _ in range(layers)
        )
        self.norm = normalisation(norm, width)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=1 / math.sqrt(module.in_features))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, Attention | CrossAttention | FeedForward):
                nn.init.zeros_(module.out.weight)

    def forward(
        self, h: Tensor, rotary: Tensor | None = None, cache: Cache | None = None, context: Context | None = None
    ) -> Tensor:
        for layer, block in enumerate(self.blocks):
            h = block(h, rotary, cache, layer, context)
        if cache is not None:
            cache.used += h.shape[1]
        return self.norm(h)

    def cache(self, n: int, room: int, like: Tensor) -> Cache:
        """An empty cache for n rows of up to `room` positions."""
        return Cache(len(self.blocks), n, self.heads, room, self.size, like)


def normalisation(kind: str, width: int) -> nn.Module:
    """The norm called "layer", "gain" or "rms"; see the module's docstring."""
    return nn.RMSNorm(width, elementwise_affine=False) if kind == "rms" else nn.LayerNorm(width, bias=kind == "layer")
