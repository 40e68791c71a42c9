"""Random numbers by position: any part of an endless stream, without drawing the numbers before it.

The streams are those of PCG64 DXSM (O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for
Random Number Generation", 2014), which can be advanced by any distance in logarithmic time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np


def words(key: int, first: int, count: int) -> np.ndarray:
    """64-bit words first ... first + count - 1 of the stream `key`, (count,) uint64."""
    bits, beginning = _stream(key)
    bits.state = beginning
    bits.advance(first)
    return bits.random_raw(count)


@lru_cache(maxsize=8)
def _stream(key: int) -> tuple[np.random.PCG64DXSM, Any]:
    """A generator and its state at word 0, to which it is reset in a quarter of the time of seeding another."""
    bits = np.random.PCG64DXSM(key)
    return bits, bits.state


def uniforms(key: int, cursor: int, n: int, width: int) -> np.ndarray:
    """(n, width) float64 in [0, 1): row i belongs to position cursor + i, whatever the stretch it is drawn in."""
    return (words(key, cursor * width, n * width) >> 11).reshape(n, width) * 2.0**-53


@lru_cache(maxsize=8)
def _permutation(key: int, epoch: int, count: int) -> np.ndarray:
    return np.random.Generator(np.random.PCG64DXSM([key, epoch])).permutation(count)


def shuffled(key: int, cursor: int, n: int, count: int) -> np.ndarray:
    """Positions cursor ... cursor + n - 1 of an endless stream of permutations of `count` things, (n,) int64."""
    parts = []
    while n > 0:
        epoch, start = divmod(cursor, count)
        part = _permutation(key, epoch, count)[start : start + n]
        parts.append(part)
        cursor, n = cursor + len(part), n - len(part)
    return parts[0] if len(parts) == 1 else np.concatenate(parts or [np.empty(0, np.int64)])
