"""Several processes of one training: what only the main one does, and what all must agree on.

The processes are started by `accelerate launch` or torchrun; in a single process every function here is the identity. They
exchange numbers and text in tensors, never pickles.
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


class RemoteError(Exception):
    """The main process has failed; it reports the reason itself."""


class WorkerError(ValueError):
    """The main process could do something that this one cannot."""


def state() -> PartialState:
    # torchrun starts several processes on CPUs too. They wait while the main one writes or evaluates samples; the launcher ends
    # them when one of them has died.
    return PartialState(cpu=not torch.accelerator.is_available(), timeout=timedelta(hours=1))


def several() -> bool:
    """Whether this process is one of several; no communication."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def on_main(do: Callable[[], object]) -> None:
    """Call `do` on the main process while the others wait. Where it raises an error, the others raise `RemoteError`."""
    if not several():
        do()
        return
    error: Exception | None = None
    if state().is_main_process:
        try:
            do()
        except Exception as found:
            error = found
    failed = on_any_rank(error is not None)
    if error is not None:
        raise error
    if failed:
        raise RemoteError


def main_first(make: Callable[[], T]) -> T:
    """The result of `make` on every process, the main one first: the others find what it leaves in a cache."""
    found: list[T] = []
    on_main(lambda: found.append(make()))
    if found:
        return found[0]
    try:
        return make()
    except (ValueError, OSError) as error:
        raise WorkerError(f"on {socket.gethostname()}: {error}") from None


def on_any_rank(flag: bool) -> bool:
    """Whether `flag` is true on any process."""
    if not several():
        return flag
    counted = reduce(torch.tensor(float(flag), device=state().device), "sum")
    assert isinstance(counted, Tensor)
    return bool(counted > 0)


def agreed(text: str) -> str:
    """The main process's text, on all."""
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
    """y = sum over r of x_r, on every process. Each process has a loss of its y, and x_r is in all of them."""

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
