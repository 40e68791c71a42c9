"""Features: a fixed function from pictures to vectors, with what is needed to say which one it was."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

CHUNK = 500  # pictures computed at once


@dataclass(frozen=True)
class Features:
    """name: as a measure quotes it ("classifier features"); dims: of a vector; protocol: weights' hash, preprocessing, ...

    function    (B, *shape) in the data's units -> (B, dims)
    classify    (B, *shape) -> (B, classes) probabilities, where the features come from a classifier
    """

    name: str
    dims: int
    function: Callable[[Tensor], Tensor]
    protocol: Mapping[str, Any] = field(default_factory=dict)
    classify: Callable[[Tensor], Tensor] | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """(N, *shape) -> (N, dims) float64 on the CPU, computed in chunks."""
        return chunked(self.function, x).double()


@torch.no_grad()
def chunked(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return torch.cat([function(part).float().cpu() for part in x.split(CHUNK)])


def hash_of(module: nn.Module) -> str:
    """Twelve hex digits that any change of a weight changes."""
    digest = hashlib.blake2b(digest_size=6)
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def cache() -> Path:
    """Where trained feature networks are kept: $GENLAB_CACHE, or genlab in the user's cache folder."""
    chosen = os.environ.get("GENLAB_CACHE")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "genlab"
