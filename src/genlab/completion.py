"""Completion: a model fills in the missing part of an example, as the rest of a text or the other half of a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from genlab.core.data import Data, Split
from genlab.core.noise import Noise
from genlab.core.options import own_options
from genlab.core.space import Space
from genlab.latents import device_of, first

if TYPE_CHECKING:
    from genlab.trained import Run

Half = Literal["top", "bottom", "left", "right"]
LENGTH = 200  # tokens that a text goes on for


@dataclass(frozen=True)
class Completion:
    """n completed examples, on the CPU and in the data's units; a text may be longer than those the model learnt from.

    frames    (n, *shape) each, on the way; the last one is x
    original  (n, *shape), the examples before completion
    mask      (n, *shape) bool: True for the entries that were kept
    given     the conditions, n rows each
    """

    frames: tuple[Tensor, ...]
    original: Tensor
    mask: Tensor
    given: Mapping[str, Tensor]

    @property
    def x(self) -> Tensor:
        return self.frames[-1]


@torch.no_grad()
def complete(
    run: Run,
    x: Tensor,
    mask: Tensor,
    seed: int,
    given: Mapping[str, Any] | None,
    averaged: bool,
    data: Data | None,
    options: Mapping[str, Any],
) -> Completion:
    """See `Run.complete`."""
    model: Any = run.able("complete", averaged)
    if not len(x) or (not run.space.text and tuple(x.shape[1:]) != run.space.shape):
        raise ValueError(f"x has shape {tuple(x.shape)}; there is to be at least one example of shape {run.space.shape}")
    if mask.shape not in (x.shape, x.shape[1:]):
        raise ValueError(f"a mask of shape {tuple(mask.shape)} does not fit examples of shape {tuple(x.shape)}")
    device = device_of(model)
    mask = mask.bool().expand(x.shape)
    conditions = run.conditions(len(x), seed, given, data=data).given
    noise = Noise(seed, range(len(x)), device)
    options = own_options(model.complete, options)
    frames = model.complete(x.to(device), mask.to(device), conditions, noise=noise, **options)
    on_cpu = {key: value.cpu() for key, value in conditions.items()}
    return Completion(tuple(frame.cpu() for frame in frames), x.cpu(), mask.cpu(), on_cpu)


def begun(run: Run, text: str, n: int, length: int) -> tuple[Tensor, Tensor]:
    """(x, mask), (n, T) each: n copies of a beginning, with the tokens after it to be filled in.

    ValueError for a run of other data than text, or a beginning as long as a whole line.
    """
    if not run.space.text:
        raise ValueError(f"{run.path} learnt from no text: there is nothing that goes on from {text[:20]!r}")
    if n < 1 or length < 1:
        raise ValueError(f"a text needs at least 1 completion of at least 1 token, got n={n} and length={length}")
    tokens = run.tokenizer().encode(text)
    total = run.space.size if run.space.end is not None else len(tokens) + length
    if len(tokens) >= total:
        raise ValueError(f"the beginning has {len(tokens)} characters; lines of this run end after {total - 1}")
    x = torch.zeros(n, total, dtype=torch.int64)
    x[:, : len(tokens)] = tokens
    return x, (torch.arange(total) < len(tokens)).expand(n, total)


def halved(run: Run, keep: Half, n: int, split: Split, data: Data) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """(x, mask, given) of the first n real pictures of a split: the mask of the half that is kept, and their conditions."""
    batch = first(data, split, n, torch.device("cpu"))
    return batch.x, half(run.space, keep), {key: batch.given[key] for key in run.takes}


def half(space: Space, keep: Half) -> Tensor:
    """(C, H, W) bool: True in the half of a picture that is kept."""
    if not space.picture:
        raise ValueError("only pictures have halves to keep; give x and a mask")
    _, height, width = space.shape
    places = {
        "top": (slice(height // 2), slice(None)),
        "bottom": (slice(height // 2, None), slice(None)),
        "left": (slice(None), slice(width // 2)),
        "right": (slice(None), slice(width // 2, None)),
    }
    mask = torch.zeros(space.shape, dtype=torch.bool)
    mask[(slice(None), *places[keep])] = True
    return mask
