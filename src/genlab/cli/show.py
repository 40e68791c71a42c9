"""`genlab show`: what is in a run, on the terminal and as a page."""

from __future__ import annotations

import json as _json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genlab.cli.errors import REFUSED
from genlab.cli.options import Json, RunOptions
from genlab.cli.progress import Progress
from genlab.cli.sample import Run_

if TYPE_CHECKING:
    from genlab.api import Run
    from genlab.comparison.run_summary import RunSummary

EXAMPLES = """Examples:
  genlab show runs/digits-vae-1
  genlab show runs/digits-vae-1 --json"""


def show(run: Run_, /, *, machine: RunOptions = RunOptions(), json: Json = False) -> None:  # noqa: B008
    """Show what is in a run.

    Prints what it learnt from, for how long, its last readings and its scores; and writes a page with its curves, samples and
    recipe: RUN/show.html, one file that needs no network.
    """
    from genlab.comparison.run_summary import describe

    loaded = machine.load(run)
    ticks = loaded.ticks()
    summary = describe(loaded, ticks)
    with Progress() as progress, progress.task("drawing the page"):
        page = _written(loaded, ticks, summary, progress)
    if not json:
        print(summary)
        if page is not None:
            print(f"{'page':<12}{page}")
        return
    record = {"run": run, **loaded.head, "last": summary.last, "reached": loaded.reached(ticks), "older": summary.older}
    record |= {"scores": summary.results and summary.results.to_json(), "page": page and str(page)}
    record |= {"alarms": [alarm.to_json() for alarm in summary.row.alarms]}
    print(_json.dumps(record))


def _written(run: Run, ticks: list[dict[str, Any]], summary: RunSummary, progress: Progress) -> Path | None:
    """The path of the page; None, after a note, where the run's folder may not be written."""
    from genlab.comparison.run_summary import fresh_media
    from genlab.report import runs

    media = fresh_media(run, ticks, progress.say)
    try:
        return runs.write(run.path, run.head, media, summary.row, summary.older)
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        progress.say(f"no page was written into {run.path}: {error.strerror}")
        return None
