"""How many samples are drawn follows from what the first of them take."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from genlab.comparison import drawing
from genlab.comparison.drawing import FEW, LEAST, Drawing
from genlab.comparison.evaluate import Allowance, EvaluationProtocol
from genlab.core.conditions import Conditions


class Clock:
    """Seconds that pass only when samples are drawn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fixed: float, each: float):
        self.now, self.fixed, self.each = 0.0, fixed, each
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)
        monkeypatch.setattr(drawing, "drawn", self.drawn)

    def drawn(self, model: Any, rows: range, seed: int, given: Mapping[str, Tensor], options: Any) -> Iterator[Tensor]:
        assert len(given["label"]) == len(rows)
        self.now += self.fixed + self.each * len(rows)
        yield torch.tensor(rows)[:, None]


def begun(n: int) -> Drawing:
    labels = Conditions({"label": torch.arange(n)}, "test", torch.arange(n))
    run = SimpleNamespace(model=lambda averaged, best: SimpleNamespace(sample=lambda n: n), conditions=lambda *a, **k: labels)
    made = Drawing(cast(Any, run), EvaluationProtocol(n=n), None)
    made.begin()
    return made


@pytest.mark.parametrize(
    ("fixed", "each", "patience", "count"),
    [
        (0.0, 0.001, 12.0, 1000),  # all in time
        (0.0, 0.05, 12.0, 200),
        (3.0, 0.001, 12.0, 200),  # many cost little more than few: the first few do not tell
        (0.0, 1.0, 12.0, LEAST),  # too slow for anything, and yet a distance needs some
        (0.0, 1.0, None, 1000),  # whatever it takes
    ],
)
def test_a_slow_sampler_draws_fewer(
    fixed: float, each: float, patience: float | None, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch, fixed, each)
    made = begun(1000)
    assert made.count == FEW
    expected, before = made.expected(patience), clock.now
    shares = list(made.finish(patience))
    assert made.count == count
    assert shares == sorted(shares)
    assert made.samples[:, 0].tolist() == list(range(count)), "row i is the same however many are drawn"
    assert made.given["label"].tolist() == list(range(count))
    assert made.rows("test") is not None
    assert made.rows("train") is None
    spent = clock.now - before
    assert spent <= max(patience or 1e9, each * LEAST)
    if not fixed:
        assert spent == pytest.approx(expected)
        assert made.seconds_each == pytest.approx(each)


def test_no_more_are_drawn_than_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch, 0.0, 100.0)
    made = begun(5)
    list(made.finish(1.0))
    assert made.count == 5


def test_measuring_may_take_half_of_the_training() -> None:
    for trained in (0.0, 30.0, 600.0):
        drawing_, likelihood, comparing = Allowance.of(trained)
        assert drawing_ is not None
        assert drawing_ + likelihood + comparing == pytest.approx(max(10.0, trained / 2))
