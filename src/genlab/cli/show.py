"""`genlab show`: what is in a run."""

from __future__ import annotations

import json as _json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genlab.cli.errors import REFUSED
from genlab.cli.options import Json, RunOptions
from genlab.cli.progress import Progress, duration
from genlab.cli.sample import Run_

if TYPE_CHECKING:
    from genlab.api import Run
    from genlab.comparison.media import Media
    from genlab.comparison.rows import Results, Row

EXAMPLES = """Examples:
  genlab show runs/digits-vae-1
  genlab show runs/digits-vae-1 --json"""


def show(run: Run_, /, *, machine: RunOptions = RunOptions(), json: Json = False) -> None:  # noqa: B008
    """Show what is in a run.

    What it learnt from, how long, its last readings and scores; and a page with its curves, samples and recipe. The page is
    RUN/show.html, one file that needs no network.
    """
    from genlab.comparison.rows import Results

    loaded = machine.load(run)
    ticks = loaded.ticks()
    at = loaded.reached(ticks)
    results = Results.read(loaded.path)
    older = _older(results, at)
    row = _row(loaded, results)
    with Progress() as progress, progress.task("drawing the page"):
        page = _written(loaded, ticks, row, older, progress)
    last = ticks[-1] if ticks else {}
    if json:
        record = {
            "run": run,
            **loaded.head,
            "last": last,
            "reached": at,
            "scores": results and results.to_json(),
            "older": older,
        }
        record |= {"alarms": [alarm.to_json() for alarm in row.alarms], "page": page and str(page)}
        print(_json.dumps(record, ensure_ascii=False))
        return
    for name, said in _facts(loaded, at, last, row, older):
        print(f"{name:<12}{said}")
    if page is not None:
        print(f"{'page':<12}{page}")


def _written(run: Run, ticks: list[dict[str, Any]], row: Row, older: str, progress: Progress) -> Path | None:
    """The page; None, with a reason, where the run lies where nothing may be written."""
    from genlab.report import runs

    media = media_of(run, ticks, progress)
    try:
        return runs.write(run.path, run.head, media, row, older)
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        progress.say(f"no page was written into {run.path}: {error.strerror}")
        return None


def media_of(run: Run, ticks: list[dict[str, Any]], progress: Progress) -> Media:
    """The newest samples that lie in the run, or freshly drawn ones, with the run's curves."""
    from genlab.comparison.media import Media, alarm_pictures, readings
    from genlab.core.kinds import kind_of
    from genlab.runs.folder import WEIGHTS

    count = kind_of(run.space).shown
    weights = "averaged weights" if run.averaged else "raw weights"
    drawn = _drawn(run, count, progress) if any((run.path / name).exists() for name in WEIGHTS) else None
    shown = list(run.texts(drawn)) if drawn is not None and run.space.text else drawn
    return Media(shown, 0, readings(ticks), weights, alarms=alarm_pictures(run.path))


def _drawn(run: Run, count: int, progress: Progress) -> Any:
    """Samples; None, and why, where what they would be given is not there."""
    try:
        given = run.conditions(count).given
    except ValueError as error:
        progress.say(f"the page shows no samples: {error}")
        return None
    return run.sample(count, given=given)


def _row(run: Run, results: Results | None) -> Row:
    """What it scored, where it was scored, with what was found while it trained."""
    from genlab.comparison.existing import RunKey, row_of

    row = row_of(RunKey(run.recipe.name, run.recipe.seed), run)
    if results is None:
        return row
    measured = {"likelihood": results.likelihood, "scores": results.scores, "speed": results.speed}
    return replace(row, **measured, sample_seconds_per_100=results.sample_seconds_per_100)


def _older(results: Results | None, at: Mapping[str, Any]) -> str:
    """That it learnt since it was scored; "" where it did not, or nobody knows."""
    then, now = results and results.examples_seen, at.get("examples")
    return f"measured after {then:,} examples, {now:,} have been learnt from by now" if then != now and then and now else ""


def _facts(run: Run, at: Mapping[str, Any], last: Mapping[str, Any], row: Row, older: str) -> Iterator[tuple[str, str]]:
    from genlab.comparison import words
    from genlab.comparison.ranking import SIGNS
    from genlab.recipes.index import entry

    listed, recipe = entry(run.recipe.name), run.recipe
    yield "model", f"{recipe.name}: {listed.idea} ({listed.paper})"
    yield "data", f"{run.head['data']['source']}: {words.described(run.space)}"
    classes = run.given.get("label")
    if classes is not None:
        yield "classes", ", ".join(str(name) for name in classes.names) or f"{classes.levels}"
    yield "budget", f"{recipe.budget.total:g} {recipe.budget.unit}, batches of {recipe.batch}, seed {recipe.seed}"
    if at:
        yield "trained", f"{at['progress']:.0%}: {at['examples']:,} examples in {duration(at['seconds'])}"
    if run.head.get("steered"):
        yield "steered", "by hand: moves took turns as somebody chose, and training it again will not repeat it"
    if last:
        yield "readings", ", ".join(f"{name} {words.number(value)}" for name, value in last["readings"].items())
    cost = row.likelihood
    if cost is not None:
        yield "likelihood", f"{SIGNS[cost.claim]}{words.number(cost.value)} {cost.label} ({cost.how}, {cost.split} split)"
    for name, score in row.scores.items():
        yield "score", f"{name} {words.number(score.value)}"
    if older:
        yield "older", f"the scores were {older}: genlab score {shlex.quote(str(run.path))}"
    for alarm in row.alarms:
        yield "alarm", f"at {alarm.progress:.0%}: {alarm.line()}"
    yield "sampling", "averaged weights" if run.averaged else "raw weights (it keeps no average)"
