"""The samples of one model, drawn part by part: the first few tell how many come in time."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from genlab.core.options import own_options
from genlab.measure.speed import Speed, cost
from genlab.trained import CHUNK, Run, drawn

if TYPE_CHECKING:
    from genlab.comparison.evaluate import EvaluationProtocol

FEW = 8  # samples of the first part
LEAST = 32  # samples that a distance needs, whatever they take
GROWTH = 8  # times the last part, that a part is at most: a rate of few says little of many
LADDER = (5_000, 2_000, 1_000, 500, 300, 200, 100, 64, LEAST)  # round numbers to settle for
SLOW = 1.0  # seconds of a first part without frames, from which on one sample is counted and not several


class Drawing:
    """Up to `protocol.n` samples of a run, the first of them in `begin`, the others in `finish`. Row i is the same however many
    are drawn, since its noise and its conditions are."""

    def __init__(self, run: Run, protocol: EvaluationProtocol, data: Any):
        self.n, self._seed = protocol.n, protocol.seed
        self._model = run.model(protocol.averaged, protocol.best)
        self._options = own_options(self._model.sample, protocol.options)
        self._conditions = run.conditions(self.n, protocol.seed, split=protocol.split, data=data)
        self._parts: list[Tensor] = []
        self._took: list[float] = []  # seconds of each part
        self._frames = 0  # of a draw

    @property
    def count(self) -> int:
        """Samples drawn so far."""
        return sum(map(len, self._parts))

    @property
    def samples(self) -> Tensor:
        return torch.cat(self._parts)

    @property
    def given(self) -> Mapping[str, Tensor]:
        """The conditions of the samples."""
        return self._conditions.take(slice(self.count)).given

    def rows(self, split: str) -> Tensor | None:
        """Numbers of the examples of a split that the conditions are of."""
        known = self._conditions.rows if self._conditions.split == split else None
        return None if known is None else known[: self.count]

    def begin(self) -> None:
        """Draw the first few."""
        self._draw(min(FEW, self.n))

    def finish(self, patience: float | None = None) -> Generator[float, None, None]:
        """Draw the others, or as many as come in `patience` seconds and LEAST; yields the share that is done."""
        began = time.perf_counter()
        while True:
            spent = time.perf_counter() - began
            target = self.n if patience is None else self._affordable(patience - spent)
            if target <= self.count:
                return
            self._draw(min(target - self.count, CHUNK, GROWTH * len(self._parts[-1])))
            yield self.count / target

    def expected(self, patience: float | None) -> float:
        """Seconds that `finish` will take, as the last part suggests."""
        if patience is None:
            return (self.n - self.count) * self._each
        return max(0, self._affordable(patience) - self.count) * self._each

    def speed(self) -> Speed:
        """The rate of what was drawn, and the cost of a few more."""
        least = FEW if self._frames > 1 or self._took[0] < SLOW else 1
        counted = cost(self._way, least, self._frames)
        return Speed(1 / self.seconds_each, max(map(len, self._parts)), *counted, least)

    @property
    def seconds_each(self) -> float:
        """Seconds for each sample, without the first part, in which a model builds what it needs once."""
        parts, took = (self._parts[1:], self._took[1:]) if self._took[1:] else (self._parts, self._took)
        return sum(took) / sum(map(len, parts))

    @property
    def _each(self) -> float:
        """Seconds for each sample of the last part."""
        return self._took[-1] / len(self._parts[-1])

    def _affordable(self, seconds: float) -> int:
        """How many samples there can be if drawing goes on for so long: all, a round number, or LEAST."""
        most = self.count + int(seconds / self._each)
        if most >= self.n:
            return self.n
        return min(self.n, next((step for step in LADDER if self.count <= step <= most), max(LEAST, self.count)))

    def _draw(self, n: int) -> None:
        began, self._frames = time.perf_counter(), 0
        last = torch.empty(0)
        for last in self._way(n):  # noqa: B007
            self._frames += 1
        self._took.append(max(time.perf_counter() - began, 1e-9))
        self._parts.append(last)

    def _way(self, n: int) -> Iterator[Tensor]:
        """Frames on the way to n more samples."""
        rows = range(self.count, self.count + n) if self.count + n <= self.n else range(n)
        given = self._conditions.take(slice(rows.start, rows.stop)).given
        return drawn(self._model, rows, self._seed, given, self._options)
