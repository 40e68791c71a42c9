"""Several processes of one training: what only the first one does, and what all must agree on.

They come from `accelerate launch` or torchrun; alone, everything here does nothing. What is said between them are numbers and
text in tensors, never pickles.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import broadcast, reduce
from torch import Tensor

T = TypeVar("T")


class Elsewhere(Exception):
    """The first process has failed, and has said why."""


def state() -> PartialState:
    return PartialState(cpu=not torch.accelerator.is_available())  # on CPUs too torchrun makes many


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
    return found[0] if found else make()


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
