"""Progress of work, on stderr: bars with the time left on a terminal, a few plain lines elsewhere.

A task is called with the share done, as often as the caller likes. It asks for the note at most a few times a second, so that a
reading is fetched from the device only when it is shown. Tasks nest: progress of an inner task refreshes the outer ones.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from genlab.cli import ranks
from genlab.comparison.words import duration

PACE = 0.25  # seconds between two updates of a bar
SURE, SURE_SHARE = 2.0, 0.01  # seconds, and share done, after which the time left can be told
BAR, NARROW = 28, 12  # characters of a bar, and of one on a terminal of at most 100
LINES, LINE_PACE = 0.1, 2.0  # share and seconds between two plain lines
Note = Callable[[], str]


class Forecast(Protocol):
    """Estimates the progress of long work better than the share of one task does."""

    def done(self) -> float: ...  # share, 0..1
    def left(self) -> float: ...  # seconds
    def note(self) -> str: ...


class Task(ABC):
    """A piece of work. Call it with the share done (0..1) and a function that makes a note for the reader."""

    def __init__(self, title: str, around: Callable[[], None], forecast: Forecast | None = None):
        self.title, self.began, self.forecast, self._around = title, time.monotonic(), forecast, around
        self.inside = False  # a task whose forecast says the time left, so that this one does not contradict it
        self.share = 0.0
        self._since: tuple[float, float] | None = None  # when the share began to grow, and from where
        self.halted = False  # by the user, before its end

    def __call__(self, share: float, note: Note | None = None) -> None:
        if not self.share or share < self.share:  # what came before took its time, or it begins anew
            self._since = (time.monotonic(), share)
        self.share = min(1.0, share)
        if self.due():
            self.show(note() if note else "")
        self._around()

    def refresh(self) -> None:
        """Update the share from the forecast."""
        if self.forecast is not None:
            self.share = min(1.0, self.forecast.done())
            if self.due():
                self.show(self.forecast.note())

    @abstractmethod
    def due(self) -> bool: ...
    @abstractmethod
    def show(self, note: str) -> None: ...
    @abstractmethod
    def close(self, finished: bool) -> None: ...

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def left(self) -> str:
        """The time left in words; "" while it is not known."""
        if self.forecast is not None:
            return f"{duration(self.forecast.left())} left in all"
        if self.inside or self._since is None:
            return ""
        took, done = time.monotonic() - self._since[0], self.share - self._since[1]
        return f"{duration(took * (1 - self.share) / done)} left" if took >= SURE and done >= SURE_SHARE else ""


class BarTask(Task):
    """A task shown as a bar, which pulses until a share is known."""

    def __init__(self, title: str, around: Callable[[], None], forecast: Forecast | None, bars: Bars):
        super().__init__(title, around, forecast)
        self._bars, self._shown = bars, 0.0
        self._row = bars.add_task(title, total=None, task=self, note="")

    def due(self) -> bool:
        return time.monotonic() - self._shown >= PACE

    def show(self, note: str) -> None:
        self._shown = time.monotonic()
        self._bars.update(self._row, total=1.0, completed=self.share, note=note)

    def close(self, finished: bool) -> None:
        self._bars.remove_task(self._row)


class Words(ProgressColumn):
    """What `of` says of a task, on one line; cut where the terminal is too narrow, unless it is to stay whole."""

    def __init__(self, of: Callable[[Any], str], whole: bool = False, style: str = ""):
        super().__init__(Column(no_wrap=whole))
        self._of, self._style = of, style

    def render(self, task: Any) -> Text:
        return Text(self._of(task), self._style, no_wrap=True, overflow="ellipsis")


class LineTask(Task):
    """A task shown as a line every tenth of the way, at most one in LINE_PACE seconds. A chapter also has a line at its start
    and at its end; any other task has one at its end if it took a while."""

    def __init__(
        self, title: str, around: Callable[[], None], forecast: Forecast | None, say: Callable[[str], None], chapter: bool
    ):
        super().__init__(title, around, forecast)
        self._say, self._chapter = say, chapter
        self._mark, self._shown = 0.0, time.monotonic()
        if chapter:
            say(f"{title} ...")

    def due(self) -> bool:
        return self.share - self._mark >= LINES - 1e-9 and time.monotonic() - self._shown >= LINE_PACE

    def show(self, note: str) -> None:
        self._mark, self._shown = self.share, time.monotonic()
        self._say(", ".join(part for part in (f"{self.title}: {self.share:.0%}", self.left(), note) if part))

    def close(self, finished: bool) -> None:
        if self._chapter or self.elapsed >= LINE_PACE:
            self._say(f"{self.title}: {'done' if finished else 'stopped'} after {duration(self.elapsed)}")


class Progress:
    """Creates tasks and shows them. `say` writes a permanent line."""

    def __init__(self, console: Console | None = None):
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True, quiet=not ranks.first())
        self._bars: Bars | None = None
        self._open: list[Task] = []

    def __enter__(self) -> Progress:
        if self.console.is_terminal:
            self._bars = Bars(
                Words(lambda task: task.description),
                BarColumn(NARROW if self.console.width <= 100 else BAR),
                Words(lambda task: f"{task.percentage:>3.0f} %", whole=True),
                Words(lambda task: task.fields["task"].left(), whole=True),  # anew at every redraw
                Words(lambda task: task.fields["note"], whole=self.console.width >= 70, style="dim"),
                console=self.console,
                transient=True,
            )
            self._bars.start()
        return self

    def __exit__(self, *reason: object) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def say(self, line: str) -> None:
        self.console.print(line, markup=False)

    @contextmanager
    def task(self, title: str, *, chapter: bool = False, forecast: Forecast | None = None) -> Iterator[Task]:
        """A task that ends with the `with` block.

        chapter    whether it is the purpose of the call, rather than a step on the way
        forecast   estimates the time left where the share alone does not tell it
        """
        if self._bars is not None:
            task: Task = BarTask(title, self._refresh, forecast, self._bars)
        else:
            task = LineTask(title, self._refresh, forecast, self.say, chapter)
        task.inside = any(outer.forecast is not None for outer in self._open)
        self._open.append(task)
        finished = False
        try:
            yield task
            finished = not task.halted
        finally:
            self._open.remove(task)
            task.close(finished)
            self._refresh()

    def _refresh(self) -> None:
        for task in self._open:
            task.refresh()
