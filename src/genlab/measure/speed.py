"""The cost of sampling: seconds, memory, operations."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from genlab.measure.operations import operations

ALLOWANCE = 2.0  # seconds for each repeated timing
PATIENCE = 10  # allowances, for one call
MANY, SOME = 64, 8


class Speed(NamedTuple):
    first_seconds: float  # of one sample, the first that was drawn: with what is only done once
    per_second_1: float  # samples, one at a time
    per_second_64: float | None  # samples, 64 at a time
    peak_bytes: int  # of tensors beyond those there before, while `peak_batch` samples were drawn
    peak_batch: int
    operations: int  # floating point, of matrix products and convolutions, for one sample
    rate: float  # samples a second, many at a time: as measured, or as the smaller numbers suggest
    reason: str = ""  # why 64 at a time were not drawn

    def line(self) -> str:
        """Speed, memory and operations in one line."""
        many = f"{_rounded(self.per_second_64)} a second 64 at a time" if self.per_second_64 else self.reason
        memory = f"{self.peak_bytes / 2**20:.3g} MiB of tensors for {self.peak_batch}"
        first = f"the first sample takes {self.first_seconds:.2g} s, then {_rounded(self.per_second_1)} a second one at a time"
        return f"speed: {first}, {many}; {memory}; {_rounded(self.operations)} operations a sample"


def _rounded(value: float) -> str:
    """Three digits: 0.052, 977, 21,900, 6.7e+09."""
    return f"{float(f'{value:.3g}'):,.0f}" if 1000 <= value < 1e9 else f"{value:.3g}"


def speed(draw: Callable[[int], Any], allowance: float = ALLOWANCE) -> Speed:
    """The speed of draw(n), which draws n samples at once and has not been called since the model was loaded.

    Each rate is that of the fastest of several calls within the allowance (seconds), a slow sampler's of one. Where 1 and 8 at
    a time suggest that 64 would take ten allowances, they are not drawn.
    """
    first = seconds(draw, 1)
    patience = PATIENCE * allowance
    one = first if first > patience else fastest(draw, 1, allowance)
    many, largest, reason = None, 1, ""
    expected = MANY * one
    if expected > patience > one:
        some, largest = seconds(draw, SOME), SOME
        expected = some + (some - one) / (SOME - 1) * (MANY - SOME)
    rate = MANY / expected
    if expected > patience:
        reason = f"{MANY} at a time would take about {expected:.0f} seconds"
    else:
        rate = many = MANY / fastest(draw, MANY, allowance)
        largest = MANY
    counted = operations(lambda: draw(1))
    return Speed(first, 1 / one, many, peak_bytes(lambda: draw(largest)), largest, counted, rate, reason)


def seconds(draw: Callable[[int], Any], n: int) -> float:
    """Seconds that one call of draw(n) takes."""
    _finish()
    began = time.perf_counter()
    draw(n)
    _finish()
    return time.perf_counter() - began


def fastest(draw: Callable[[int], Any], n: int, allowance: float = ALLOWANCE, repeats: int = 100) -> float:
    """Seconds of the fastest of several calls of draw(n), the one that other work on the machine disturbed least."""
    spent: list[float] = []
    while len(spent) < repeats and sum(spent) < allowance:
        spent.append(seconds(draw, n))
    return min(spent)


def peak_bytes(call: Callable[[], Any]) -> int:
    """The most bytes that new tensors hold at once during a call.

    On a CPU every storage is counted from the operation that returns it until it is freed. Memory that an operation allocates
    and frees itself is not seen, and what existed before is not counted. On CUDA the allocator's own count is used.
    """
    if torch.cuda.is_available():
        return _peak_cuda(call)
    with _LiveBytes() as held:
        call()
    return held.most


class _LiveBytes(TorchDispatchMode):
    """Counts the bytes of storages that operations create, until they are freed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.alive: dict[int, weakref.finalize] = {}  # by the storage's address: views share it, later ones may reuse it

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {tensor.untyped_storage()._cdata for tensor in tree_leaves((args, kwargs)) if isinstance(tensor, Tensor)}
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._see(tensor.untyped_storage(), given)
        return result

    def _see(self, storage: torch.UntypedStorage, given: set[int]) -> None:
        key = storage._cdata
        if key in self.alive or key in given:
            return
        size = storage.nbytes()
        self.alive[key] = weakref.finalize(storage, self._forget, key, size)
        self.now += size
        self.most = max(self.most, self.now)

    def _forget(self, key: int, size: int) -> None:
        del self.alive[key]
        self.now -= size


def _peak_cuda(call: Callable[[], Any]) -> int:
    _finish()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    _finish()
    return torch.cuda.max_memory_allocated() - before


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
