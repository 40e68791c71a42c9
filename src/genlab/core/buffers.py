"""Buffers that a move does not own are put back after its turn, and copied only where they may have changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn


class Kept:
    """A saved buffer and what it was before a turn.

    silent: it may change without its version counter telling, as the statistics of torch's batch and instance norms do. A
            write through `.data` is not noticed in any other
    """

    def __init__(self, live: Tensor, silent: bool):
        self.live, self.silent = live, silent
        self.copy: Tensor | None = None
        self.version = -1  # of `live` when it was last the same as `copy`

    @property
    def changed(self) -> bool:
        return self.silent or self.live._version != self.version


def kept_buffers(model: nn.Module) -> list[Kept]:
    """One for every saved buffer."""
    found = [Kept(buffer, "running_mean" in module._buffers) for module in model.modules() for buffer in _saved(module)]
    return list({id(kept.live): kept for kept in found}.values())


def take(every: Sequence[Kept]) -> None:
    """Before a turn: copy what has changed since the last one."""
    for kept in every:
        if kept.copy is None or kept.copy.shape != kept.live.shape:
            kept.copy, kept.version = kept.live.clone(), kept.live._version
    _copy([kept for kept in every if kept.changed], back=False)


def put_back(every: Sequence[Kept]) -> None:
    """After a turn: what has changed is again what it was."""
    _copy([kept for kept in every if kept.changed], back=True)


@torch.no_grad()
def _copy(every: Sequence[Kept], back: bool) -> None:
    if every:
        live, copies = [kept.live for kept in every], [kept.copy for kept in every if kept.copy is not None]
        torch._foreach_copy_(*((live, copies) if back else (copies, live)))
    for kept in every:
        kept.version = kept.live._version


def _saved(module: nn.Module) -> Iterator[Tensor]:
    """The persistent buffers: those that belong to a model's state. The others are constants."""
    for name, buffer in module._buffers.items():
        if buffer is not None and name not in module._non_persistent_buffers_set:
            yield buffer
