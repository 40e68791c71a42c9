"""Black and white pictures from grey ones: level v of L is the probability v / (L - 1) of white.

    threshold   white above one half
    static      every picture is drawn once, with its content as the seed: the same in every run, split and order
    dynamic     the stream draws a picture anew each time it occurs; one finite pass draws as `static` does

The probabilities are exact to 2^-15, and black and white themselves exactly 0 and 1: a 16-bit number below
floor(65535 v / (L - 1)), where 65535 counts as 65534.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, get_args

import numpy as np
import torch

from genlab.core.data import Split
from genlab.core.noise import hashed
from genlab.core.space import Batch
from genlab.data.base import Opened
from genlab.data.draws import words
from genlab.data.options import Binarise
from genlab.data.wrap import PerExample

BLOCK = 4096  # pictures handled at once: an array may lie on disk


@dataclass(frozen=True)
class Binariser:
    """Draws bits (n, C, H, W) uint8 from levels of the same shape and type."""

    how: Binarise
    levels: int
    edges: np.ndarray = field(init=False, repr=False)  # (L,) uint16

    def __post_init__(self) -> None:
        edges = np.arange(self.levels, dtype=np.int64) * 65535 // (self.levels - 1)
        object.__setattr__(self, "edges", edges.astype(np.uint16))

    def fresh(self, x: np.ndarray, key: int, cursor: int) -> np.ndarray:
        """Bits drawn for positions cursor ... cursor + n - 1 of a stream."""
        if not len(x):
            return x
        each = -(-x[0].size // 4)  # 64-bit words of a picture
        return self._drawn(x, words(key, cursor * each, len(x) * each).reshape(len(x), each))

    def fixed(self, x: np.ndarray, digests: np.ndarray) -> np.ndarray:
        """Bits that depend on the pictures alone. digests (n, 16): of the pictures, which are the seeds."""
        if not len(x):
            return x
        if self.how == "threshold":
            return (x > (self.levels - 1) // 2).view(np.uint8)
        each = -(-x[0].size // 4)
        seeds = (int.from_bytes(digest.tobytes(), "little") for digest in digests)
        return self._drawn(x, np.stack([words(seed, 0, each) for seed in seeds]))

    def _drawn(self, x: np.ndarray, random: np.ndarray) -> np.ndarray:
        sixteen = random.view(np.uint16)[:, : x[0].size].reshape(x.shape)
        # Of 256 levels the product is the table's entry, three times as fast; no level is out of the table's range.
        edge = np.multiply(x, 257, dtype=np.uint16) if self.levels == 256 else self.edges.take(x, mode="clip")
        return (np.minimum(sixteen, 65534) < edge).view(np.uint8)


class Binarised(PerExample):
    """A source of pictures in levels, made black and white."""

    option: ClassVar[str] = "binarise"

    def __init__(self, inner: Opened, how: Binarise):
        super().__init__(inner, how=how)
        space = inner.space
        if not space.picture or space.kind not in ("ordinal", "binary"):
            raise ValueError(f"--binarise does not suit {inner.name}: it holds {inner.kind}; leave it out")
        if space.levels == 2:
            raise ValueError(f"{inner.name} is black and white already; leave --binarise out")
        if how not in get_args(Binarise):
            raise ValueError(f"binarise must be {', '.join(get_args(Binarise))}; got {str(how)[:60]!r}")
        self.space = replace(space, kind="binary", levels=2, note=f"binarised: {how}")
        self.also(f"black and white in place of {space.levels} levels: {how}")
        self._coins, self._index = Binariser(how, space.levels), inner.example_index()
        self._bits = None if how == "dynamic" else self._all()

    def change(self, batch: Batch, split: Split | None, key: int, numbers: np.ndarray) -> Batch:
        if self._bits is None:
            return batch._replace(x=torch.from_numpy(self._coins.fixed(batch.x.numpy(), self._index.digests[numbers])))
        return batch._replace(x=torch.from_numpy(self._bits[numbers]))

    def fresh(self, batch: Batch, split: Split, cursor: int) -> Batch:
        if self._bits is not None:
            return super().fresh(batch, split, cursor)
        bits = self._coins.fresh(batch.x.numpy(), hashed(self.seed, split, "coins"), cursor)
        return batch._replace(x=torch.from_numpy(bits))

    def _all(self) -> np.ndarray:
        """Bits of all examples, (N, C, H, W), where they are the same in every pass."""
        digests = self._index.digests
        parts = [np.arange(first, min(first + BLOCK, len(digests))) for first in range(0, len(digests), BLOCK)]
        return np.concatenate([self._coins.fixed(self._index.take(part).x.numpy(), digests[part]) for part in parts])
