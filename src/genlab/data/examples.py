"""Examples in an array: pictures, lines, rows of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from genlab.core.kinds import called
from genlab.core.space import Batch, Space, label_of
from genlab.data import splits
from genlab.data.base import class_space
from genlab.data.indexed import ExampleIndex, IndexedSource
from genlab.data.options import Request
from genlab.data.overview import Overview
from genlab.data.tokenizer import END, Tokenizer, learnt

NO_LABEL = ("", "-1", "-1.0", "nan", "NaN", "null", "None", "<NA>")
WHOLE = re.compile(r"-?\d{1,15}(\.0*)?")
LONGEST = 256  # tokens of a text that describes an example; the rest is cut


@dataclass
class Stored:
    """The examples that a reader has read from a source.

    x         (N, *shape) in the space's units: uint8 levels, small integers for tokens, float32
    labels    (N,) numbers of `classes`, or None; -1 is "no label"
    own       (N,) int8 of splits.TRAIN, VALIDATION, TEST where the source has splits of its own
    digests   (N, 16) uint8, a hash of each example, which decides its split
    where     names of the examples, for messages: a file, a row
    texts     captions, one for each example, or none
    skipped   (name, reason) of what could not be read
    noted     what the reader noted of the source
    """

    x: np.ndarray
    digests: np.ndarray
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    own: np.ndarray | None = None
    where: Sequence[str] = ()
    skipped: list[tuple[str, str]] = field(default_factory=list)
    noted: Overview = field(default_factory=Overview)
    texts: Sequence[str] = ()


def classed(values: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels (N,), numbers or words -> (class numbers from 0 (N,), names of the classes in order).

    A label of -1, nan, null or nothing becomes -1. Whole numbers, whatever they are written as, are in the order of numbers.
    """
    told = (value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values.tolist())
    words = np.array([str(value).strip() for value in told])
    missing = np.isin(words, NO_LABEL)
    names, numbers = np.unique(words[~missing], return_inverse=True)
    known = names.tolist()
    if all(WHOLE.fullmatch(name) for name in known):
        number = {name: int(float(name)) for name in known}
        order = sorted(set(number.values()))
        numbers = np.array([order.index(number[name]) for name in known], np.int64)[numbers.reshape(-1)]
        known = [str(each) for each in order]
    found = np.full(len(values), -1)
    found[~missing] = numbers.reshape(-1)
    return found, tuple(known)


def classes_there(labels: np.ndarray, classes: tuple[str, ...]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Labels (N,) and classes without the classes that no example has; None where no example has any."""
    there = np.unique(labels[labels >= 0])
    if not len(there):
        return None, ()
    number = np.full(len(classes) + 1, -1)  # the last for -1
    number[there] = np.arange(len(there))
    return number[labels], tuple(classes[label] for label in there.tolist())


def tokenize_texts(
    texts: Sequence[str], sides: np.ndarray, vocabulary: int | None = None
) -> tuple[np.ndarray, Space, Tokenizer]:
    """(tokens (N, T), padded with the end; their space; the tokenizer, learnt from the train split)."""
    train = [text for text, side in zip(texts, sides, strict=True) if side == splits.TRAIN]
    tokenizer = learnt(train, texts, vocabulary, END)
    tokens = tokenizer.filled(texts, LONGEST)
    return tokens, tokenizer.space(tokens.shape[1]), tokenizer


class Examples(IndexedSource):
    """A finite source whose examples are in arrays."""

    def __init__(self, request: Request, kind: str, space: Space, stored: Stored):
        labelled = not request.options.unconditional and stored.labels is not None and len(stored.classes) > 1
        content = np.ascontiguousarray(stored.digests).tobytes()
        content += np.ascontiguousarray(stored.labels).tobytes() if labelled and stored.labels is not None else b""
        texts = () if request.options.unconditional else stored.texts
        content += "\0".join(texts).encode()
        super().__init__(request, kind, content, stored.noted)
        self.space: Space = space
        self.given: dict[str, Space] = class_space(stored.classes) if labelled else {}
        self.skipped = list(stored.skipped)
        self._x, self._where, self._digests, self._own = stored.x, stored.where, stored.digests, stored.own
        self._labels = stored.labels.astype(np.int64) if labelled and stored.labels is not None else None
        sides = splits.sides(stored.own, stored.digests, request.options.shares, self.name)
        self.noted = splits.noted(self.noted, stored.digests, sides, called(kind).example)
        self._texts: np.ndarray | None = None
        if texts:
            made = tokenize_texts(texts, sides, request.options.vocabulary)
            self._texts, self.given["text"], self.tokenizers["text"] = made
        self.split(sides, request.options.shares)

    def take(self, numbers: np.ndarray) -> Batch:
        x, given = self._x[numbers], dict[str, Tensor]()
        if self._labels is not None:
            given[label_of(self.given)] = torch.from_numpy(self._labels[numbers])
        if self._texts is not None:
            given["text"] = torch.from_numpy(self._texts[numbers].astype(np.int64))
        tokens = self.space.kind == "token" and x.dtype != np.int64
        return Batch(torch.from_numpy(x.astype(np.int64) if tokens else x), given, torch.from_numpy(numbers))

    def labels(self, numbers: np.ndarray) -> np.ndarray:
        assert self._labels is not None
        return self._labels[numbers]

    def example_index(self) -> ExampleIndex:
        return ExampleIndex(self._digests, self._own, self._where, self.take, np.arange(len(self._digests)))

    def where(self, index: int) -> str:
        """The name in the source, a file or a row, of an example by its number in a batch's `index`."""
        return self._where[index] if len(self._where) else f"example {index}"
