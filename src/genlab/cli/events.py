"""Events of a comparison or an evaluation, shown as bars and lines."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from genlab.cli.errors import debugging
from genlab.cli.progress import Progress, Task
from genlab.comparison.events import Event, Failed, Measured, Measuring, Training


def shown(events: Iterator[Event], progress: Progress, each: Callable[[Event, Task | None], Any] | None = None) -> Any:
    """Show all events; what the generator of them returns. each: called with every event and the task that shows it, or
    None."""
    task: Task | None = None
    with ExitStack() as open_:
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                return end.value
            if isinstance(event, Training | Measuring):
                if task is None or task.title != event.title:
                    open_.close()
                    task = open_.enter_context(progress.task(event.title, chapter=isinstance(event, Training)))
                if event.share is not None:
                    task(event.share, event.note if isinstance(event, Training) else None)
            elif not isinstance(event, Measured):
                if isinstance(event, Failed) and debugging():
                    traceback.print_exception(event.error)
                progress.say(str(event))
            if each is not None:
                each(event, task)
