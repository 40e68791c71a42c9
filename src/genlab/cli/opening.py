"""Data opened with a progress bar, and files that could not be read listed once."""

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
        data: Any = open(source, **options, progress=counted(task))
    _name_skipped(data, progress)
    return data


def reopened(run: Run, progress: Progress) -> Any:
    """The data a run was trained on."""
    with progress.task("reading the data") as task:
        return run.data(progress=counted(task))


def counted(task: Task) -> Callable[[int, int, str], None]:
    """A task as the callback (done, total, what) that opening data calls."""

    def show(done: int, total: int, what: str) -> None:
        task(done / max(total, 1), lambda: f"{what}, {done:,} of {total:,}")

    return show


def _name_skipped(data: Any, progress: Progress) -> None:
    """Print every file that could not be read, with the reason."""
    for path, reason in data.skipped:
        progress.say(f"skipped {path}: {reason}")
    if data.skipped:
        count = len(data.skipped)
        progress.say(f"{count:,} file{'' if count == 1 else 's'} skipped; the rest of {data.name} is used")
