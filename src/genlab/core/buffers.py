"""A move changes only the buffers that it owns: the others are restored after it.

Buffers are copied only where they may have changed, which a tensor's version counter tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn


class BufferSnapshot:
    """A persistent buffer and a copy of it from before a move.

    silent   the buffer may change without its version counter telling, as the statistics of torch's batch and instance norms
             do. In any other buffer, a write through `.data` goes unnoticed
    """

    def __init__(self, live: Tensor, silent: bool):
        self.live, self.silent = live, silent
        self.copy: Tensor | None = None
        self.version = -1  # of `live` when it was last the same as `copy`

    @property
    def changed(self) -> bool:
        return self.silent or self.live._version != self.version


def snapshots(model: nn.Module) -> list[BufferSnapshot]:
    """One for each persistent buffer of the model; nothing is copied yet."""
    found = [
        BufferSnapshot(buffer, "running_mean" in module._buffers)
        for module in model.modules()
        for buffer in _persistent(module)
    ]
    return list({id(snapshot.live): snapshot for snapshot in found}.values())


def save(every: Sequence[BufferSnapshot]) -> None:
    """Before a move: copy the buffers that have changed since their last copy."""
    for snapshot in every:
        if snapshot.copy is None or snapshot.copy.shape != snapshot.live.shape:
            snapshot.copy, snapshot.version = snapshot.live.clone(), snapshot.live._version
    _copy([snapshot for snapshot in every if snapshot.changed], back=False)


def restore(every: Sequence[BufferSnapshot]) -> None:
    """After a move: copy back what `save` has copied, where the buffer has changed."""
    _copy([snapshot for snapshot in every if snapshot.changed], back=True)


@torch.no_grad()
def _copy(every: Sequence[BufferSnapshot], back: bool) -> None:
    if every:
        live, copies = [snapshot.live for snapshot in every], [snapshot.copy for snapshot in every if snapshot.copy is not None]
        torch._foreach_copy_(*((live, copies) if back else (copies, live)))
    for snapshot in every:
        snapshot.version = snapshot.live._version


def _persistent(module: nn.Module) -> Iterator[Tensor]:
    """Buffers that belong to a model's state; the others are constants."""
    for name, buffer in module._buffers.items():
        if buffer is not None and name not in module._non_persistent_buffers_set:
            yield buffer
