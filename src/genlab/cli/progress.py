"""Work under way, on stderr: bars with the time left on a terminal, elsewhere a few plain lines.

A task is called with the share done, as often as the work likes; it looks at the share and asks for the note only at a calm
pace, so a reading is fetched from the device only when somebody sees it.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

PACE = 0.25  # seconds between two looks at a bar
LINES, LINE_PACE = 0.1, 2.0  # share and seconds between two plain lines
Note = Callable[[], str]


class Task(ABC):
    """Call it with the share done (0..1), and what else a reader may want to know."""

    def __init__(self, title: str, left: Callable[[], float] | None = None):
        self.title, self.began, self._left = title, time.monotonic(), left
        self.share = 0.0

    def __call__(self, share: float, note: Note | None = None) -> None:
        self.share = min(1.0, share)
        if self.due():
            self.show(note() if note else "")

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
        """The time left in words, empty while nothing can be said."""
        if self._left is not None:
            return f"{duration(self._left())} left"
        if self.share < 0.01 or self.elapsed < 1:
            return ""
        return f"{duration(self.elapsed * (1 - self.share) / self.share)} left"


class BarTask(Task):
    """A bar; it runs to and fro until a share is known."""

    def __init__(self, title: str, bars: Bars, left: Callable[[], float] | None = None):
        super().__init__(title, left)
        self._bars, self._shown = bars, 0.0
        self._row = bars.add_task(title, total=None, left="", note="")

    def due(self) -> bool:
        return time.monotonic() - self._shown >= PACE

    def show(self, note: str) -> None:
        self._shown = time.monotonic()
        self._bars.update(self._row, total=1.0, completed=self.share, left=self.left(), note=note)

    def close(self, finished: bool) -> None:
        self._bars.remove_task(self._row)


class LineTask(Task):
    """A line at the start, every tenth of the way where that is not too often, and at the end."""

    def __init__(self, title: str, say: Callable[[str], None], left: Callable[[], float] | None = None):
        super().__init__(title, left)
        self._say, self._mark, self._shown, self._note = say, 0.0, time.monotonic(), ""
        say(f"{title} ...")

    def due(self) -> bool:
        return self.share - self._mark >= LINES - 1e-9 and time.monotonic() - self._shown >= LINE_PACE

    def show(self, note: str) -> None:
        self._mark, self._shown = self.share, time.monotonic()
        self._say(", ".join(part for part in (f"{self.title}: {self.share:.0%}", self.left(), note) if part))

    def close(self, finished: bool) -> None:
        self._say(f"{self.title}: {'done' if finished else 'stopped'} after {duration(self.elapsed)}")


class Progress:
    """Hands out tasks. `say` writes a line that stays."""

    def __init__(self, console: Console | None = None):
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._bars: Bars | None = None

    def __enter__(self) -> Progress:
        if self.console.is_terminal:
            columns: list[Any] = [
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=28),
                TextColumn("{task.percentage:>3.0f} %"),
                TextColumn("{task.fields[left]}", markup=False),
                TextColumn("{task.fields[note]}", markup=False, style="dim"),
            ]
            self._bars = Bars(*columns, console=self.console, transient=True)
            self._bars.start()
        return self

    def __exit__(self, *reason: object) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def say(self, line: str) -> None:
        self.console.print(line, markup=False)

    @contextmanager
    def task(self, title: str, left: Callable[[], float] | None = None) -> Iterator[Task]:
        """A task that is over when the block is left. left: seconds to go, where the share alone cannot tell."""
        task = BarTask(title, self._bars, left) if self._bars is not None else LineTask(title, self.say, left)
        finished = False
        try:
            yield task
            finished = True
        finally:
            task.close(finished)


def duration(seconds: float) -> str:
    """8 s, 3 min 20 s, 2 h 05 min."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s" if seconds >= 1 or whole == 0 else "1 s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
