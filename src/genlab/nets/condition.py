"""Conditions of a network, for every model alike: labels, texts and pictures, any of which may be missing.

The space of a condition decides how it is encoded:

    axes ""      a label: one vector a class
    axes "T"     a text: a small transformer in which every token attends to all others
    axes "CHW"   a picture: convolutions down to a grid of at most 8 x 8 positions

A condition reaches a network as one vector (the mean over its positions), as tokens to attend to, or, if it is a picture, as
channels beside the network's input (`aligned`). A label is missing where it is -1, a text where it is empty, and any condition
where its key is absent or the caller's `cond_mask` is False; a learnt vector replaces it then. Where vectors are all that a
network reads, that one is zero at the start: a condition that was never missing in training does nothing where it is missing.
Classifier-free guidance needs a share of the training examples without conditions (Ho & Salimans, "Classifier-Free Diffusion
Guidance", 2022): `cond_mask = u >= share` with a uniform number u for each row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.core.space import Space
from genlab.nets.conv import BlockConfig, GridEncoder, grids
from genlab.nets.transformer import CrossAttention, FeedForward
from genlab.nets.units import centred

TEXT_WIDTH, TEXT_BLOCKS, TEXT_HEADS = 64, 2, 2
PICTURE_WIDTH, PICTURE_GRID = 32, 8  # channels of the first halved grid; longest side of the last
NO_CONDITIONS: Mapping[str, Any] = MappingProxyType({})


class Conditioning(nn.Module):
    """Conditions of these spaces, as vectors, tokens, or both, of one width.

    vector, tokens   which of the two methods will be called; the other has no weights
    scale            standard deviation of a condition's vector at the start; with 0 conditions have no influence at first
    ValueError for a space that is none of the three kinds.
    """

    def __init__(
        self, given: Mapping[str, Space], width: int, *, vector: bool = True, tokens: bool = False, scale: float = 1.0
    ):
        super().__init__()
        self.spaces, self.width = dict(given), width
        self.parts = nn.ModuleDict(
            {_key(name): _part(name, space, width, vector, tokens, scale) for name, space in given.items()}
        )

    def vector(self, given: Mapping[str, Tensor], n: int, cond_mask: Tensor | None = None) -> Tensor:
        """(n, width): the sum of the conditions' vectors.

        given       by name, n rows each; other names are ignored
        cond_mask   (n,) bool: rows where it is False are unconditional
        """
        return torch.stack([part.vector(given.get(name), n, cond_mask) for name, part in self._named()]).sum(0)

    def tokens(self, given: Mapping[str, Tensor], n: int, cond_mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Tokens (n, K, width), and (n, K) bool: those that carry a condition, at least one of each condition.

        A missing condition is one learnt token. Tokens that carry nothing, as those behind the end of a text, are equal to it,
        and K does not depend on how long the texts are, so a network may also read all K without the mask.
        """
        parts = [part.tokens(given.get(name), n, cond_mask) for name, part in self._named()]
        return torch.cat([tokens for tokens, _ in parts], 1), torch.cat([mask for _, mask in parts], 1)

    def _named(self) -> list[tuple[str, Label | Sequence]]:
        return [(name, self.parts[_key(name)]) for name in self.spaces]  # pyright: ignore[reportReturnType]


def _key(name: str) -> str:
    """A condition's name as the name of a module, which may hold no dots."""
    return f"of_{name.replace('.', '_')}"


def repeated(given: Mapping[str, Tensor], times: int) -> dict[str, Tensor]:
    """The same conditions for `times` copies of a batch, one after another."""
    return {name: value.repeat(times, *[1] * (value.ndim - 1)) for name, value in given.items()}


def aligned_channels(given: Mapping[str, Space]) -> int:
    """Channels of `aligned`; 0 where no condition is a picture."""
    return sum(space.shape[0] + 1 for space in given.values() if space.picture)


def aligned(
    spaces: Mapping[str, Space], given: Mapping[str, Tensor], like: Tensor, cond_mask: Tensor | None = None
) -> Tensor | None:
    """(n, channels, H, W): the pictures among the conditions, as channels beside a network's input; None without any.

    like   the network's input (n, any, H, W), whose size, type and device the pictures are brought to (by bilinear
           interpolation where they have another size)
    Each picture, in centred units, comes with a channel of ones; all are 0 in rows where the picture is missing.
    """
    n, _, *size = like.shape
    channels = []
    for name, space in spaces.items():
        if not space.picture:
            continue
        if name not in given:
            channels.append(like.new_zeros(n, space.shape[0] + 1, *size))
            continue
        u = centred(given[name], space).to(like)
        u = u if list(u.shape[2:]) == size else F.interpolate(u, size, mode="bilinear", antialias=True)
        both = torch.cat([u, u.new_ones(n, 1, *size)], 1)
        channels.append(both if cond_mask is None else both * cond_mask.to(both).reshape(-1, 1, 1, 1))
    return torch.cat(channels, 1) if channels else None


def _part(name: str, space: Space, width: int, vector: bool, tokens: bool, scale: float) -> Label | Sequence:
    if not space.shape and space.kind == "token":
        return Label(space.levels, width, scale, neutral=not tokens)
    if space.text and space.kind == "token":
        return Sequence(TextEncoder(space), width, vector, tokens, scale)
    if space.picture and space.kind != "token":
        return Sequence(PictureEncoder(space), width, vector, tokens, scale)
    raise ValueError(
        f"the condition {name!r} is {space.kind} data with axes {space.axes!r}; a network takes labels, texts of tokens "
        "and pictures of levels or real numbers"
    )


class Label(nn.Module):
    """(n,) classes, -1 where missing -> vectors (n, width); one token.

    neutral   the vector of a missing class is zero at the start
    """

    def __init__(self, classes: int, width: int, scale: float, neutral: bool = False):
        super().__init__()
        self.table = _table(classes + 1, width, scale)  # row 0: missing
        if neutral:
            nn.init.zeros_(self.table.weight.data[0])

    def vector(self, label: Tensor | None, n: int, cond_mask: Tensor | None) -> Tensor:
        device = self.table.weight.device
        rows = torch.zeros(n, dtype=torch.long, device=device) if label is None else label.to(device) + 1
        return self.table(rows if cond_mask is None else rows * cond_mask.to(device))

    def tokens(self, label: Tensor | None, n: int, cond_mask: Tensor | None) -> tuple[Tensor, Tensor]:
        vector = self.vector(label, n, cond_mask)
        return vector[:, None], torch.ones(n, 1, dtype=torch.bool, device=vector.device)


class Sequence(nn.Module):
    """The output of an encoder as one vector and as tokens.

    encoder   value -> h (n, K, encoder.width) and (n, K) bool: the positions that count
    """

    def __init__(self, encoder: TextEncoder | PictureEncoder, width: int, vector: bool, tokens: bool, scale: float):
        super().__init__()
        self.encoder = encoder
        self.as_vector = ProjectionOrNull(encoder.width, width, scale, neutral=True) if vector else None
        self.as_tokens = ProjectionOrNull(encoder.width, width, scale) if tokens else None

    def vector(self, value: Tensor | None, n: int, cond_mask: Tensor | None) -> Tensor:
        assert self.as_vector is not None
        if value is None:
            return self.as_vector.null.expand(n, -1)
        places, mask = self._encoded(value, cond_mask)
        weights = mask / mask.sum(1, keepdim=True).clamp(min=1)
        mean = (places * weights.to(places.dtype)[:, :, None]).sum(1)
        return self.as_vector(F.rms_norm(mean, mean.shape[-1:]), mask.any(1))

    def tokens(self, value: Tensor | None, n: int, cond_mask: Tensor | None) -> tuple[Tensor, Tensor]:
        assert self.as_tokens is not None
        count, device = self.encoder.places, self.as_tokens.null.device
        first = (torch.arange(count, device=device) == 0).expand(n, -1)
        if value is None:
            return self.as_tokens.null.expand(n, count, -1), first
        places, mask = self._encoded(value, cond_mask)
        tokens, missing = self.as_tokens(places, mask), count - mask.shape[1]
        if missing:
            tokens = torch.cat([tokens, self.as_tokens.null.to(tokens.dtype).expand(n, missing, -1)], 1)
            mask = F.pad(mask, (0, missing))
        return tokens, torch.where(mask.any(1, keepdim=True), mask, first)

    def _encoded(self, value: Tensor, cond_mask: Tensor | None) -> tuple[Tensor, Tensor]:
        places, mask = self.encoder(value.to(next(self.parameters()).device))
        return places, mask if cond_mask is None else mask & cond_mask.to(mask.device)[:, None]


class ProjectionOrNull(nn.Module):
    """A linear map where the mask is True, a learnt vector elsewhere: (..., inputs), (...) bool -> (..., width).

    neutral   the learnt vector is zero at the start. As a token it is not, since tokens are normalised, which zero cannot be
    """

    def __init__(self, inputs: int, width: int, scale: float, neutral: bool = False):
        super().__init__()
        self.map = nn.Linear(inputs, width, bias=False)
        nn.init.normal_(self.map.weight, std=scale / math.sqrt(inputs))
        self.null = nn.Parameter(torch.randn(width) * (0 if neutral else scale))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        h = self.map(x)
        return torch.where(mask[..., None], h, self.null.to(h.dtype))


class TextEncoder(nn.Module):
    """Tokens (n, up to T) -> (n, K, width) of unit root mean square, and (n, K) bool: the positions before the text's end.

    A text ends before its first `end` token or negative entry. While training, a text that several rows share is encoded once;
    otherwise every row is, so that its bits do not depend on what the others say.
    """

    width = TEXT_WIDTH

    def __init__(self, space: Space):
        super().__init__()
        self.end, self.places = space.end, space.size
        self.table = _table(space.levels, self.width, 1.0)
        self.positions = _table(space.size, self.width, 0.5)
        self.blocks = nn.ModuleList(TextBlock(self.width, TEXT_HEADS) for _ in range(TEXT_BLOCKS))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.shape[1] > self.places:
            raise ValueError(f"a text of {x.shape[1]} tokens is longer than the {self.places} this model was trained on")
        if self.training and not x.is_meta:
            few, row = (part.to(x.device) for part in x.cpu().unique(dim=0, return_inverse=True))
            if len(few) < len(x):
                h, mask = self._encoded(few)
                # h[row], but with a gradient that the threads of a CPU add up in one order
                return F.embedding(row, h.flatten(1)).unflatten(1, h.shape[1:]), mask[row]
        return self._encoded(x)

    def _encoded(self, x: Tensor) -> tuple[Tensor, Tensor]:
        over = x < 0 if self.end is None else (x < 0) | (x == self.end)
        mask = over.cumsum(1) == 0
        h = self.table(x.clamp(min=0).long()) + self.positions(torch.arange(x.shape[1], device=x.device))
        seen = mask.clone()
        seen[:, 0] = True  # attention to nothing is no number
        for block in self.blocks:
            h = block(h, seen)
        return F.rms_norm(h, h.shape[-1:]), mask


class TextBlock(nn.Module):
    """(n, K, width), (n, K) bool -> (n, K, width): attention to the positions that the mask keeps, then a feed-forward map."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention = CrossAttention(width, width, heads)
        self.feed = FeedForward(width, "gelu", bias=True)
        for part in (self.attention.out, self.feed.out):
            nn.init.zeros_(part.weight)

    def forward(self, h: Tensor, mask: Tensor) -> Tensor:
        u = F.rms_norm(h, h.shape[-1:])
        h = h + self.attention(u, self.attention.keys(u), mask)
        return h + self.feed(F.rms_norm(h, h.shape[-1:]))


class PictureEncoder(nn.Module):
    """(n, C, H, W) -> (n, h w, width) of unit root mean square, and (n, h w) bool, all True."""

    def __init__(self, space: Space):
        super().__init__()
        sizes = grids(*space.shape[1:], smallest=PICTURE_GRID)
        self.space, self.places = space, math.prod(sizes[-1])
        self.net = GridEncoder(space.shape[0], sizes, PICTURE_WIDTH, 1, BlockConfig())
        self.width = self.net.widths[-1]
        self.positions = _table(self.places, self.width, 0.5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        u = centred(x, self.space).to(self.positions.weight.dtype)
        h = self.net(u).flatten(2).transpose(1, 2) + self.positions.weight
        return F.rms_norm(h, h.shape[-1:]), torch.ones(h.shape[:2], dtype=torch.bool, device=h.device)


def _table(rows: int, width: int, scale: float) -> nn.Embedding:
    """Learnt vectors. Marked as a table, so that no optimiser takes it for a linear map."""
    made = nn.Embedding(rows, width)
    nn.init.normal_(made.weight, std=scale)
    made.weight.table = True  # pyright: ignore[reportAttributeAccessIssue]
    return made
