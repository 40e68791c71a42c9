"""Several processes of one training: what only the first one does, and what all must agree on.

They come from `accelerate launch` or torchrun; alone, everything here does nothing. What is said between them are numbers and
text in tensors, never pickles.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed
from accelerate import PartialState
from accelerate.utils import broadcast, reduce
from torch import Tensor

T = TypeVar("T")


class Elsewhere(Exception):
    """The first process has failed, and has said why."""


class OnlyHere(ValueError):
    """What the first process could do, and this one cannot."""


def state() -> PartialState:
    # On CPUs too torchrun makes many. They wait for the first one while it writes or looks at samples; whoever has launched
    # them ends them where one has died.
    return PartialState(cpu=not torch.accelerator.is_available(), timeout=timedelta(hours=1))


def several() -> bool:
    """Whether this process is one of many, without waking the others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def on_main(do: Callable[[], object]) -> None:
    """Done by the first process while the others wait; where it fails there, it fails everywhere: `Elsewhere` on the others."""
    if not several():
        do()
        return
    error: Exception | None = None
    if state().is_main_process:
        try:
            do()
        except Exception as found:
            error = found
    failed = anywhere(error is not None)
    if error is not None:
        raise error
    if failed:
        raise Elsewhere


def main_first(make: Callable[[], T]) -> T:
    """Made by every process, by the first one before the others: what it leaves in a cache they find."""
    found: list[T] = []
    on_main(lambda: found.append(make()))
    if found:
        return found[0]
    try:
        return make()
    except (ValueError, OSError) as error:
        raise OnlyHere(f"on {socket.gethostname()}: {error}") from None


def anywhere(flag: bool) -> bool:
    """Whether it holds on any process."""
    if not several():
        return flag
    counted = reduce(torch.tensor(float(flag), device=state().device), "sum")
    assert isinstance(counted, Tensor)
    return bool(counted > 0)


def agreed(text: str) -> str:
    """The first process's text, on all."""
    if not several():
        return text
    words = text.encode()
    size = broadcast(torch.tensor(len(words), device=state().device))
    assert isinstance(size, Tensor)
    letters = torch.zeros(int(size), dtype=torch.uint8, device=state().device)
    if state().is_main_process:
        letters.copy_(torch.frombuffer(bytearray(words), dtype=torch.uint8))
    letters = broadcast(letters)
    assert isinstance(letters, Tensor)
    return bytes(letters.cpu().tolist()).decode()


# --- what a loss couples ---------------------------------------------------------------------------------------------


def mean(value: Tensor) -> Tensor:
    """The mean over processes; its gradient is that of the mean of their losses."""
    found = _Sum.apply(value)
    assert isinstance(found, Tensor)
    return found / state().num_processes


def gather(value: Tensor) -> Tensor:
    """(B, ...) -> (processes * B, ...), in the order of the processes."""
    found = _Gathered.apply(value)
    assert isinstance(found, Tensor)
    return found


class _Sum(torch.autograd.Function):
    """y = sum over r of x_r, on every process. Every y hears from its own loss; x_r is in all of them."""

    @staticmethod
    def forward(_ctx: Any, value: Tensor) -> Tensor:
        found = value.detach().clone(memory_format=torch.contiguous_format)
        torch.distributed.all_reduce(found)
        return found

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _Sum.apply(gradient)


class _Gathered(torch.autograd.Function):
    """All processes' rows, on every process."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        ctx.rows = len(value)
        found = [torch.empty_like(value, memory_format=torch.contiguous_format) for _ in range(state().num_processes)]
        torch.distributed.all_gather(found, value.detach().contiguous())
        return torch.cat(found)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        total = _Sum.apply(gradient)
        assert isinstance(total, Tensor)
        return total[state().process_index * ctx.rows :][: ctx.rows]
