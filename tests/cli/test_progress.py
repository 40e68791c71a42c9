"""Bars and the time left."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from genlab.cli import progress
from genlab.cli.progress import LineTask, Progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def moved(task: LineTask, clock: Clock, seconds: float, share: float) -> str:
    clock.now += seconds
    task(share)
    return task.left()


def test_the_time_left_counts_from_where_the_share_began_to_grow(clock: Clock) -> None:
    """Files are listed for ten seconds; then their pictures are decoded, twice where they turn out to have two sizes."""
    task = LineTask("reading", lambda: None, None, lambda line: None, chapter=False)
    assert not moved(task, clock, 5, 0)
    assert not moved(task, clock, 5, 0)
    assert not moved(task, clock, 1, 0.05), "too early to tell"
    assert moved(task, clock, 2, 0.15) == "17 s left"
    assert not moved(task, clock, 1, 0.01), "it begins again"
    assert moved(task, clock, 4, 0.21) == "16 s left"


def test_work_that_was_done_before_is_not_counted(clock: Clock) -> None:
    task = LineTask("training", lambda: None, None, lambda line: None, chapter=False)
    assert not moved(task, clock, 1, 0.9)
    assert moved(task, clock, 5, 0.95) == "5 s left"


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_a_task_is_one_line_at_any_width(width: int, clock: Clock) -> None:
    out = io.StringIO()
    with Progress(Console(file=out, force_terminal=True, width=width)) as bars, bars.task(f"reading {'/data' * 9}") as task:
        task(0.001)
        clock.now += 20
        task(0.21, lambda: "decoding pictures, 10,500 of 50,000")
        assert bars._bars is not None
        console = Console(file=io.StringIO(), width=width)
        lines = console.render_lines(bars._bars.get_renderable(), console.options)
    text = "".join(segment.text for segment in lines[0])
    assert len(lines) == 1
    assert len(text) <= width
    if width >= 80:
        assert "decoding pictures, 10,500 of 50,000" in text
    if width >= 60:
        assert "21 %" in text
        assert "76 s left" in text
        assert "reading" in text
