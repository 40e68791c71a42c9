"""The cost of sampling: samples a second, memory, operations.

A rate is that of samples that are drawn anyway. Memory and operations are counted in one more draw of a few samples, which is
left early where it is slow: a sampler that takes many steps shows its frames on the way, each costs as much as the one before,
and what was counted is scaled up by how many there are.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from genlab.measure.operations import counting

PATIENCE = 2.0  # seconds of a draw in which operations are counted; counting itself takes some of them


class Speed(NamedTuple):
    per_second: float  # samples, `batch` at a time
    batch: int
    operations: int  # floating point, of matrix products and convolutions, for one sample
    peak_bytes: int  # of tensors beyond those there before, while `peak_batch` samples were drawn
    peak_batch: int

    def line(self) -> str:
        """Speed, memory and operations in one line."""
        memory = f"{self.peak_bytes / 2**20:.3g} MiB of tensors for {self.peak_batch}"
        rate = f"{_rounded(self.per_second)} samples a second, {self.batch} at a time"
        return f"speed: {rate}; {memory}; {_rounded(self.operations)} operations a sample"


def _rounded(value: float) -> str:
    """Three digits: 0.052, 977, 21,900, 6.7e+09."""
    return f"{float(f'{value:.3g}'):,.0f}" if 1000 <= value < 1e9 else f"{value:.3g}"


class Cost(NamedTuple):
    operations: int  # of one sample
    peak_bytes: int  # while all of them were drawn


def cost(frames: Callable[[int], Iterator[Any]], n: int, of: int, patience: float = PATIENCE) -> Cost:
    """The cost of frames(n), which yields frames on the way to n samples. It is left after `patience` seconds.

    of    frames of a whole draw. The first one may cost less than the others, which cost alike; where the draw is left early,
          the peak of memory is that of the frames that were seen
    """
    found: list[int] = []

    def some() -> None:
        with counting() as operations:
            way = frames(n)
            began = time.perf_counter()
            for _ in way:
                found.append(operations())
                if time.perf_counter() - began > patience:
                    break
            del way

    peak = peak_bytes(some)
    each = (found[-1] - found[0]) / max(len(found) - 1, 1)
    whole = found[-1] + (each if len(found) > 1 else found[0]) * max(of - len(found), 0)
    return Cost(round(whole / n), peak)


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
