"""`genlab show`: what is in a run."""

from __future__ import annotations

import json as _json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genlab.cli.errors import REFUSED
from genlab.cli.options import Json, RunOptions
from genlab.cli.progress import Progress, duration
from genlab.cli.sample import Run_
from genlab.core.kinds import kind_of

if TYPE_CHECKING:
    from genlab.api import Run
    from genlab.compare.media import Media

EXAMPLES = """Examples:
  genlab show runs/digits-vae-1
  genlab show runs/digits-vae-1 --json"""


def show(run: Run_, /, *, machine: RunOptions = RunOptions(), json: Json = False) -> None:  # noqa: B008
    """Show what is in a run.

    What it learnt from, how long, its last readings and scores; and a page with its curves, samples and recipe. The page is
    RUN/show.html, one file that needs no network.
    """

    loaded = machine.load(run)
    ticks = loaded.ticks()
    at = loaded.reached(ticks)
    row = _measured(loaded, at)
    with Progress() as progress, progress.task("drawing the page"):
        page = _written(loaded, ticks, row, progress)
    last = ticks[-1] if ticks else {}
    if json:
        record = {"run": run, **loaded.head, "last": last, "reached": at, "scores": row}
        record |= {"page": page and str(page)}
        print(_json.dumps(record, ensure_ascii=False))
        return
    for name, said in _facts(loaded, at, last, row):
        print(f"{name:<12}{said}")
    if page is not None:
        print(f"{'page':<12}{page}")


def _written(run: Run, ticks: list[dict[str, Any]], row: dict[str, Any], progress: Progress) -> Path | None:
    """The page; None, with a reason, where the run lies where nothing may be written."""
    from genlab.report import runs

    media = media_of(run, ticks, progress)
    try:
        return runs.write(run.path, run.head, media, row)
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        progress.say(f"no page was written into {run.path}: {error.strerror}")
        return None


def media_of(run: Run, ticks: list[dict[str, Any]], progress: Progress) -> Media:
    """The newest samples that lie in the run, or freshly drawn ones, with the run's curves."""
    from genlab.cli.looking import texts_of
    from genlab.compare.media import Media
    from genlab.compare.record import alarm_pictures
    from genlab.report.curves import readings
    from genlab.runs.folder import WEIGHTS

    count = kind_of(run.space).shown
    weights = "averaged weights" if run.averaged else "raw weights"
    drawn = _drawn(run, count, progress) if any((run.path / name).exists() for name in WEIGHTS) else None
    shown = list(texts_of(run, drawn)) if drawn is not None and run.space.text else drawn
    return Media(shown, 0, readings(ticks), weights, alarms=alarm_pictures(run.path))


def _drawn(run: Run, count: int, progress: Progress) -> Any:
    """Samples; None, and why, where what they would be given is not there."""
    try:
        given = run.conditions(count).given
    except ValueError as error:
        progress.say(f"the page shows no samples: {error}")
        return None
    return run.sample(count, given=given)


def _measured(run: Run, at: Mapping[str, Any]) -> dict[str, Any]:
    """scores.json, where the run was scored, with what was found while it trained; `older` says that it learnt since."""
    from genlab.compare.record import scores

    found = scores(run.path)
    then, now = found.get("examples_seen"), at.get("examples")
    older = f"measured after {then:,} examples, {now:,} have been learnt from by now" if then != now and then and now else ""
    return {**found, "older": older, "quality": run.folder.checkups(), "alarms": run.folder.alarms()}


def _facts(run: Run, at: Mapping[str, Any], last: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    from genlab.compare import words
    from genlab.compare.ranking import SIGNS, cost
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
    if row.get("likelihood"):
        unit, value = cost(row["likelihood"])
        sign = SIGNS.get(row["likelihood"]["claim"], "")
        yield "likelihood", f"{sign}{words.number(value)} {unit} ({row['likelihood']['how']}, {row['split']} split)"
    for name, score in (row.get("scores") or {}).items():
        yield "score", f"{name} {words.number(score['value'])}"
    if row["older"]:
        yield "older", f"the scores were {row['older']}: genlab score {shlex.quote(str(run.path))}"
    for alarm in row["alarms"]:
        yield "alarm", f"at {alarm['progress']:.0%}: {alarm['sentence']} {alarm['remedy']}"
    yield "sampling", "averaged weights" if run.averaged else "raw weights (it keeps no average)"
