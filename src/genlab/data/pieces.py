"""Examples cut out of longer sequences, as recordings and clips are: whole ones, or windows.

    whole     each sequence is an example, padded to the longest; `Batch.length` is the number of its own moments
    windows   a finite pass cuts each sequence into windows one after another, the last one padded; training takes a sequence as
              often as it has windows there, and begins anywhere in it
A sequence is in one split with all its windows.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from genlab.core.data import Split
from genlab.core.kinds import called
from genlab.core.noise import hashed
from genlab.core.space import Batch, Space, label_of
from genlab.data import patterns, splits
from genlab.data.captions import Beside
from genlab.data.draws import shuffled, uniforms
from genlab.data.examples import classed
from genlab.data.indexed import ExampleIndex, IndexedSource
from genlab.data.layout import Layout
from genlab.data.options import Request

SHOWN = 12  # names of a condition


@dataclass(frozen=True)
class Named:
    """Values of a condition: numbers (n,) of `names`, -1 for none."""

    numbers: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True)
class Sequences:
    """What is cut: sequences of moments (samples, frames) that lie one after another.

    lengths   (n,) moments of each
    digests   (n, 16) uint8
    own       (n,) int8, or None where the source names no splits
    """

    names: Sequence[str]
    lengths: np.ndarray
    digests: np.ndarray
    own: np.ndarray | None
    conditions: Mapping[str, Named]


class Pieces(IndexedSource):
    """Pieces of sequences. A subclass sets `space` and `noted`, calls `cut`, and gathers moments."""

    moment = "moment"  # what one is called

    @abstractmethod
    def gather(self, starts: np.ndarray, lengths: np.ndarray) -> Tensor:
        """x of windows that begin at these moments, counted over all sequences, padded behind their lengths."""

    def cut(self, request: Request, sequences: Sequences, width: int) -> None:
        """Assign the pieces of `width` moments to splits."""
        self._sequences, self._width = sequences, width
        lengths, digests = sequences.lengths, sequences.digests
        named = {} if request.options.unconditional else sequences.conditions
        self.given = {key: Space((), "", "token", len(each.names), each.names) for key, each in named.items()}
        for key, each in named.items():
            if key != label_of(self.given):
                self.also(f"`{key}`: {', '.join(each.names[:SHOWN])}{', ...' if len(each.names) > SHOWN else ''}")
        self._whole = bool(width >= lengths.max())
        self._begin = np.concatenate([[0], np.cumsum(lengths)])
        pieces = -(-lengths // width)
        self._sequence = np.repeat(np.arange(len(pieces)), pieces)  # of each piece
        self._first = np.cumsum(pieces) - pieces  # the number of each sequence's first piece
        self._start = self._begin[self._sequence] + (np.arange(len(self._sequence)) - self._first[self._sequence]) * width
        self._sides = splits.sides(sequences.own, digests, request.options.shares, self.name)
        self.noted = splits.noted(self.noted, digests, self._sides, called(self.kind).example)
        self.split(self._sides[self._sequence], request.options.shares)

    def take(self, numbers: np.ndarray) -> Batch:
        return self._batch(self._sequence[numbers], self._start[numbers], numbers)

    def stream(self, split: Split, cursor: int, n: int) -> Batch:
        if self._whole or split != "train":
            return super().stream(split, cursor, n)
        order = shuffled(hashed(self.seed, split, "order"), cursor, n, self._some(split))
        numbers = self._rows[split][order]
        sequences = self._sequence[numbers]
        free = np.maximum(self._sequences.lengths[sequences] - self._width, 0) + 1  # starts of windows in the sequence
        u = uniforms(hashed(self.seed, split, "windows"), cursor, n, 1)[:, 0]
        return self._batch(sequences, self._begin[sequences] + (u * free).astype(np.int64), numbers)

    def _batch(self, sequences: np.ndarray, starts: np.ndarray, numbers: np.ndarray) -> Batch:
        lengths = np.minimum(self._begin[sequences + 1] - starts, self._width)
        given = {key: torch.from_numpy(self._sequences.conditions[key].numbers[sequences]) for key in self.given}
        each = self.space.size // self._width  # entries of a moment
        short = torch.from_numpy(lengths * each) if (lengths < self._width).any() else None
        return Batch(self.gather(starts, lengths), given, torch.from_numpy(numbers), short)

    def labels(self, numbers: np.ndarray) -> np.ndarray:
        return self._sequences.conditions[label_of(self.given)].numbers[self._sequence[numbers]]

    def example_index(self) -> ExampleIndex:
        digests, own = self._sequences.digests[self._sequence], self._sequences.own
        if not self._whole:  # windows of one sequence differ
            digests = splits.digests(np.concatenate([digests, self._start[:, None].view(np.uint8)], 1))
        names = [self.where(number) for number in range(len(self._sequence))]
        present = np.flatnonzero(self._sides[self._sequence] >= 0)
        return ExampleIndex(digests, None if own is None else own[self._sequence], names, self.take, present)

    def where(self, index: int) -> str:
        sequence = int(self._sequence[index])
        name = self._sequences.names[sequence]
        return name if self._whole else f"{name}, {self.moment} {int(self._start[index] - self._begin[sequence]):,}"


def named_conditions(pattern: str | None, names: Sequence[str], layout: Layout, about: Beside) -> tuple[dict[str, Named], str]:
    """(the conditions of sequences, where the labels come from): a pattern of the names, metadata, or folders."""
    if pattern is not None:
        said = patterns.fields(pattern, names, layout.own)
        return {key: Named(*classed(np.array(values))) for key, values in said.items()}, f"the files' names, {pattern}"
    if any(about.labels.get(name) for name in names):
        return {"label": Named(*classed(np.array([about.labels.get(name, "") for name in names])))}, about.labels_from
    if len(layout.classes) > 1:
        return {"label": Named(layout.labels, layout.classes)}, layout.classes_from
    return {}, "; ".join(filter(None, [layout.classes_from, patterns.offered(names, layout.own)]))
