"""Data opened with a progress bar, and what was read of them said before anything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from genlab.cli.progress import Progress, Task

if TYPE_CHECKING:
    from genlab.api import Run


def opened(source: str, options: Mapping[str, Any], progress: Progress) -> Any:
    """`genlab.open`, with progress while files are decoded."""
    from genlab.data import open

    with progress.task(f"reading {source}") as task:
        data = open(source, **options, progress=counted(task))
    return said(data, progress)


def reopened(run: Run, progress: Progress) -> Any:
    """The data a run was trained on."""
    with progress.task("reading the data") as task:
        data = run.data(progress=counted(task))
    return said(data, progress)


def said(data: Any, progress: Progress) -> Any:
    """The data, once what was read of them is said."""
    progress.say(block(data))
    return data


def counted(task: Task) -> Callable[[int, int, str], None]:
    """A task as the callback (done, total, what) that opening data calls."""

    def show(done: int, total: int, what: str) -> None:
        task(done / total if total else 0, lambda: f"{what}, {done:,}{(total and f' of {total:,}') or ''}")

    return show


def block(data: Any) -> str:
    """What was read, a line for each fact."""
    from genlab.comparison.words import overview_lines

    lines = [("data", data.source), *overview_lines(data.overview, data.space)]
    return "\n".join(f"{topic:<12}{line}" for topic, line in lines)
