"""Features: a fixed function from examples to vectors, with a protocol that identifies it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from genlab.core.space import Space

CHUNK = 500  # examples computed at once


@dataclass(frozen=True)
class Features:
    """A fixed function from examples to vectors.

    name          as measures quote it, "classifier features"
    dims          of a vector
    protocol      hash of the weights, preprocessing, ...
    function      (B, *shape) in the data's units -> (B, dims)
    classify      (B, *shape) -> (B, classes) probabilities, where the features come from a classifier
    own_classes   whether those classes are the data's own labels
    fid           whether a distance in these features is the FID: TensorFlow's Inception features with verified weights
    """

    name: str
    dims: int
    function: Callable[[Tensor], Tensor]
    protocol: Mapping[str, Any] = field(default_factory=dict)
    classify: Callable[[Tensor], Tensor] | None = None
    own_classes: bool = False
    fid: bool = False

    def __call__(self, x: Tensor) -> Tensor:
        """(N, *shape) -> (N, dims) float64 on the CPU, computed in chunks."""
        return chunked(self.function, x).double()


@torch.no_grad()
def chunked(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return torch.cat([function(part).float().cpu() for part in x.split(CHUNK)])


def in_parts(function: Callable[[Tensor], Tensor], size: int) -> Callable[[Tensor], Tensor]:
    """The same function, `size` examples at a time: large networks need much memory for each."""
    return lambda x: torch.cat([function(part) for part in x.split(size)])


def colours(x: Tensor, space: Space) -> Tensor:
    """Pictures (B, C, H, W) in the data's units -> (B, 3, H, W) from 0 (black) to 1; grey is repeated.

    ValueError where the space has no black and white, or neither 1 nor 3 channels.
    """
    if not space.picture or space.kind not in ("binary", "ordinal") or space.shape[0] not in (1, 3):
        raise ValueError(
            f"a network trained on photographs needs pictures of 1 or 3 channels whose levels run from black to white, "
            f"these data are {space.kind} of shape {space.shape} ({space.axes}); use a function of your own (FILE.py:NAME)"
        )
    return (x.to(torch.get_default_dtype()) / (space.levels - 1)).expand(-1, 3, -1, -1)


def hash_of(module: nn.Module) -> str:
    """Twelve hex digits that any change of a weight changes."""
    digest = hashlib.blake2b(digest_size=6)
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(_bytes(value) if isinstance(value, Tensor) else repr(value).encode())
    return digest.hexdigest()


def _bytes(value: Tensor) -> bytes:
    """The bytes of a tensor of any type, also of those that numpy lacks."""
    return value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def device_of(module: nn.Module) -> torch.device:
    """The device of its weights; the CPU for a module without any."""
    return next((value.device for value in module.state_dict().values() if isinstance(value, Tensor)), torch.device("cpu"))


def cache() -> Path:
    """The folder of trained feature networks: $GENLAB_CACHE, or genlab in the user's cache folder."""
    chosen = os.environ.get("GENLAB_CACHE")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "genlab"
