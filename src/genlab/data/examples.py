"""Examples that lie in an array: pictures, lines, rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlab.core.data import Split
from genlab.core.noise import hashed
from genlab.core.space import Batch, Space
from genlab.data import splits
from genlab.data.base import SPLITS, Opened, class_space
from genlab.data.binary import Binariser
from genlab.data.draws import shuffled
from genlab.data.options import Request
from genlab.data.tokenizer import END, Tokenizer, learnt

LONGEST = 256  # tokens of a text that describes an example; the rest is cut
BLOCK = 4096  # rows handled at once where an array may lie on disk


@dataclass
class Stored:
    """What a reader found.

    x         (N, *shape) in the space's units: uint8 levels, small integers for tokens, float32
    labels    (N,) numbers of `classes`, or None; -1 leaves an example out wherever labels matter
    own       (N,) int8 of splits.TRAIN ... where the source has splits of its own
    digests   (N, 16) uint8, one an example: they decide the splits
    where     names of the examples, for messages about them
    texts     what describes each example, or nothing
    """

    x: np.ndarray
    digests: np.ndarray
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    own: np.ndarray | None = None
    where: Sequence[str] = ()
    skipped: list[tuple[str, str]] = field(default_factory=list)
    facts: Mapping[str, Any] = field(default_factory=dict)
    texts: Sequence[str] = ()


def classed(values: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Any labels (N,), numbers or words -> (numbers from 0 on (N,), their names in order)."""
    names, numbers = np.unique(values, return_inverse=True)
    return numbers.reshape(-1), tuple(str(name) for name in names.tolist())


def described(texts: Sequence[str], sides: np.ndarray, vocabulary: int | None = None) -> tuple[np.ndarray, Space, Tokenizer]:
    """Texts as tokens (N, T), filled up with the end, their space, and what makes the tokens, learnt from the train split."""
    train = [text for text, side in zip(texts, sides, strict=True) if side == splits.TRAIN]
    tokenizer = learnt(train, texts, vocabulary, END)
    tokens = tokenizer.filled(texts, LONGEST)
    return tokens, tokenizer.space(tokens.shape[1]), tokenizer


class Examples(Opened):
    """A finite set: `stream` is one permutation of the split after another, `once` goes through it in the source's order."""

    def __init__(self, request: Request, kind: str, space: Space, stored: Stored):
        labelled = request.options.labels and stored.labels is not None and len(stored.classes) > 1
        content = np.ascontiguousarray(stored.digests).tobytes()
        content += np.ascontiguousarray(stored.labels).tobytes() if labelled and stored.labels is not None else b""
        texts = stored.texts if request.options.labels else ()
        content += "\0".join(texts).encode()
        super().__init__(request, kind, content, stored.facts)
        self.space: Space = space
        self.given: dict[str, Space] = class_space(stored.classes) if labelled else {}
        self.skipped = list(stored.skipped)
        self._x, self._where, self._digests = stored.x, stored.where, stored.digests
        self._labels = stored.labels.astype(np.int64) if labelled and stored.labels is not None else None
        self._coins: Binariser | None = None
        sides = self._sides(request, stored)
        self.facts |= splits.repeats(stored.digests, sides)
        if self._labels is not None:
            sides[self._labels < 0] = splits.NOWHERE
        self._texts: np.ndarray | None = None
        if texts:
            made = described(texts, sides, request.options.vocabulary)
            self._texts, self.given["text"], self.tokenizers["text"] = made
        self._rows: dict[Split, np.ndarray] = {split: np.flatnonzero(sides == side) for side, split in enumerate(SPLITS)}
        splits.enough({split: self.count(split) for split in SPLITS}, request.options.shares, self.name, kind)

    def _sides(self, request: Request, stored: Stored) -> np.ndarray:
        if stored.own is None:
            return splits.by_content(stored.digests, request.options.shares)
        if request.options.shares is not None:
            raise ValueError(f"{self.name} has a train and a test split of its own, which are kept; leave shares out")
        return splits.completed(stored.own, stored.digests)

    def binarised(self, coins: Binariser) -> None:
        """Show bits from now on; what need not be drawn again and again is drawn now."""
        self._coins = coins
        if coins.how != "dynamic":
            bits = np.empty(self._x.shape, np.uint8)
            for first in range(0, len(bits), BLOCK):
                part = slice(first, first + BLOCK)
                bits[part] = coins.fixed(self._x[part], self._digests[part])
            self._x, self._coins = bits, None

    def count(self, split: Split) -> int:
        return len(self._rows[split])

    def stream(self, split: Split, cursor: int, n: int) -> Batch:
        rows = self._rows[split][shuffled(hashed(self.seed, split, "order"), cursor, n, self._some(split))]
        x = self._x[rows]
        if self._coins is not None:
            x = self._coins.fresh(x, hashed(self.seed, split, "coins"), cursor)
        return self._batch(x, rows)

    def once(self, split: Split, cursor: int, n: int) -> Batch:
        self._some(split)
        return self._finite(self._rows[split][cursor : cursor + max(0, n)])

    def _finite(self, rows: np.ndarray) -> Batch:
        """Examples as a finite pass has them, whatever the seed."""
        x = self._x[rows]
        if self._coins is not None and len(rows):
            x = self._coins.fixed(x, self._digests[rows])
        return self._batch(x, rows)

    def rows(self, split: Split, indices: Tensor) -> Batch:
        return self._finite(self._rows[split][indices.numpy()])

    def numbers(self, split: Split) -> np.ndarray:
        """Numbers of a split's examples in the source, ascending."""
        return self._rows[split]

    def where(self, index: int) -> str:
        """What example number `index` (of a batch's `index`) is called in the source: a file, a row."""
        return self._where[index] if len(self._where) else f"example {index}"

    def label_counts(self) -> list[int] | None:
        if self._labels is None:
            return None
        labels = self._labels[self._rows["train"]]
        return np.bincount(labels[labels >= 0], minlength=self.given["label"].levels).tolist()

    def _some(self, split: Split) -> int:
        if not len(self._rows[split]):
            raise ValueError(f"{self.name} has no {split} split")
        return len(self._rows[split])

    def _batch(self, x: np.ndarray, rows: np.ndarray) -> Batch:
        given: dict[str, Tensor] = {}
        if self._labels is not None:
            given["label"] = torch.from_numpy(self._labels[rows])
        if self._texts is not None:
            given["text"] = torch.from_numpy(self._texts[rows].astype(np.int64))
        tokens = self.space.kind == "token" and x.dtype != np.int64
        return Batch(torch.from_numpy(x.astype(np.int64) if tokens else x), given, torch.from_numpy(rows))
