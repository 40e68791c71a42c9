"""Randomness comes in as an argument.

Row i of `Noise(seed, rows)` is its own counter-based stream, Philox with key (seed, rows[i]) (Salmon et al.,
"Parallel Random Numbers: As Easy as 1, 2, 3", 2011). The noise of example i is therefore bit-identical whatever the
batch it is drawn in, and a longer draw begins with the shorter one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from operator import index
from typing import Any

import numpy as np
import torch
from torch import Tensor


def hashed(*parts: object) -> int:
    """A 63-bit seed from anything printable, the same on every machine."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class Noise:
    """Per-row streams of standard normal and uniform numbers.

    seed    0 … 2^63 - 1; ValueError for another
    rows    number of rows, or the row numbers themselves (chunks of a larger batch pass theirs)
    Successive draws continue each row's stream.
    """

    def __init__(self, seed: int, rows: int | Iterable[int], device: Any = "cpu", dtype: torch.dtype = torch.float32):
        self.seed = index(seed) if hasattr(seed, "__index__") else -1
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"a seed is a whole number from 0 to 2^63 - 1, got {seed}")
        self.rows: Sequence[int] = range(rows) if isinstance(rows, int) else [int(row) for row in rows]
        self.device, self.dtype = device, dtype
        self._streams: list[np.random.Generator] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def to(self, device: Any = None, dtype: torch.dtype | None = None) -> Noise:
        """The same streams from their beginning, on another device or in another dtype."""
        return Noise(self.seed, self.rows, device if device is not None else self.device, dtype or self.dtype)

    def fork(self, *parts: object) -> Noise:
        """Fresh streams for the same rows, independent of these."""
        return Noise(hashed(self.seed, *parts), self.rows, self.device, self.dtype)

    def take(self, rows: Sequence[int]) -> Noise:
        """The streams of some positions of this batch, from their beginning."""
        return Noise(self.seed, [self.rows[row] for row in rows], self.device, self.dtype)

    def normal(self, shape: Sequence[int]) -> Tensor:
        """(rows, *shape) standard normal."""
        return self._draw(shape, "standard_normal")

    def uniform(self, shape: Sequence[int]) -> Tensor:
        """(rows, *shape) uniform in [0, 1)."""
        return self._draw(shape, "random")

    def _draw(self, shape: Sequence[int], kind: str) -> Tensor:
        if self._streams is None:
            self._streams = [np.random.Generator(np.random.Philox(key=[self.seed, row])) for row in self.rows]
        kind_of = np.float64 if self.dtype == torch.float64 else np.float32
        out = np.empty((len(self.rows), *shape), kind_of)
        for row, stream in zip(out, self._streams, strict=True):
            if row.ndim:
                getattr(stream, kind)(out=row, dtype=kind_of)
        if not shape:
            out[:] = [getattr(stream, kind)(dtype=kind_of) for stream in self._streams]
        return torch.from_numpy(out).to(self.device, self.dtype)


class BatchNoise:
    """One stream for the whole global batch of a training step, of which this process keeps its own rows.

    Cheaper than a stream a row, and row i still belongs to example i of the global batch for any number of processes.
    """

    def __init__(self, seed: int, rows: int, first: int = 0, total: int | None = None, device: Any = "cpu"):
        self.seed, self.count, self.first = int(seed), rows, first
        self.total = rows if total is None else total
        self.device, self.dtype = device, torch.float32
        self._stream: np.random.Generator | None = None

    def __len__(self) -> int:
        return self.count

    def normal(self, shape: Sequence[int]) -> Tensor:
        return self._draw(shape, "standard_normal")

    def uniform(self, shape: Sequence[int]) -> Tensor:
        return self._draw(shape, "random")

    def _draw(self, shape: Sequence[int], kind: str) -> Tensor:
        if self._stream is None:
            self._stream = np.random.Generator(np.random.Philox(key=[self.seed, 0]))
        whole = getattr(self._stream, kind)((self.total, *shape), dtype=np.float32)
        return torch.from_numpy(whole[self.first : self.first + self.count]).to(self.device)
