"""`genlab show`: what is in a run."""

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

    What it learnt from, how long, its last readings and scores; and a page with its curves, samples and recipe. The page is
    RUN/show.html, one file that needs no network.
    """
    from genlab.comparison.run_summary import describe

    loaded = machine.load(run)
    ticks = loaded.ticks()
    found = describe(loaded, ticks)
    with Progress() as progress, progress.task("drawing the page"):
        page = _written(loaded, ticks, found, progress)
    if not json:
        print(found)
        if page is not None:
            print(f"{'page':<12}{page}")
        return
    record = {"run": run, **loaded.head, "last": found.last, "reached": loaded.reached(ticks), "older": found.older}
    record |= {"scores": found.results and found.results.to_json(), "page": page and str(page)}
    record |= {"alarms": [alarm.to_json() for alarm in found.row.alarms]}
    print(_json.dumps(record, ensure_ascii=False))


def _written(run: Run, ticks: list[dict[str, Any]], found: RunSummary, progress: Progress) -> Path | None:
    """The page; None, with a reason, where the run lies where nothing may be written."""
    from genlab.comparison.run_summary import fresh_media
    from genlab.report import runs

    media = fresh_media(run, ticks, progress.say)
    try:
        return runs.write(run.path, run.head, media, found.row, found.older)
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        progress.say(f"no page was written into {run.path}: {error.strerror}")
        return None
