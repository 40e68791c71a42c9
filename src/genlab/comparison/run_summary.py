"""A summary of one run: its data and progress, its last readings, its scores, its check-ups and alarms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genlab.comparison import words
from genlab.comparison.existing import RunKey, row_of
from genlab.comparison.media import Media, alarm_pictures, readings
from genlab.comparison.options import command
from genlab.comparison.rows import Results, Row
from genlab.comparison.typed import parsed
from genlab.core.kinds import kind_of
from genlab.core.recipe import Recipe
from genlab.core.space import Space
from genlab.data.overview import Overview
from genlab.recipes.index import Entry, entry
from genlab.runs.folder import WEIGHTS
from genlab.trained import Run


@dataclass(frozen=True)
class RunSummary:
    """A summary of a run.

    source     of its data, as it was named
    overview   of its data, as they were when training began
    progress   0..1; None where training has not begun, as are then `examples` and `seconds` of training
    readings   of the last tick that was written
    row        its scores, check-ups and alarms
    results    of `genlab.score`; None where it was not scored
    older      a note that it has learnt since it was scored; "" where it has not, or that is not known
    averaged   whether samples are those of averaged weights
    steered    whether a user chose by hand which moves ran
    """

    path: Path
    listed: Entry
    recipe: Recipe
    source: str
    overview: Overview
    space: Space
    given: Mapping[str, Space]
    progress: float | None
    examples: int | None
    seconds: float | None
    last: Mapping[str, Any]
    row: Row
    results: Results | None
    older: str
    averaged: bool
    steered: bool

    @property
    def readings(self) -> Mapping[str, float | None]:
        return self.last.get("readings", {})

    def facts(self) -> Iterator[tuple[str, str]]:
        """(what, in words), in the order they are read in."""
        budget = self.recipe.budget
        yield "model", f"{self.recipe.name}: {self.listed.idea}" + (f" ({self.listed.paper})" if self.listed.paper else "")
        yield "data", self.source
        yield from words.overview_lines(self.overview, self.space)
        yield "budget", f"{words.exact(budget.total)} {budget.unit}, batches of {self.recipe.batch}, seed {self.recipe.seed}"
        if self.progress is not None:
            spent = words.duration(self.seconds or 0)
            yield "trained", f"{self.progress:.0%}: {self.examples or 0:,} examples in {spent}"
        if self.steered:
            yield "steered", "by hand: a user chose which moves ran, and training it again will not repeat it"
        if self.readings:
            yield "readings", ", ".join(f"{name} {words.number(value)}" for name, value in self.readings.items())
        yield from self._scores()
        for alarm in self.row.alarms:
            yield "alarm", f"at {alarm.progress:.0%}: {alarm.line()}"
        yield "sampling", "averaged weights" if self.averaged else "raw weights (it keeps no average)"

    def _scores(self) -> Iterator[tuple[str, str]]:
        cost = self.row.likelihood
        if cost is not None:
            yield "likelihood", f"{cost.sign}{words.number(cost.value)} {cost.label} ({cost.how_given}; {cost.split} split)"
        for name, score in self.row.scores.items():
            yield "score", f"{name} {words.number(score.value)}"
        if self.older:
            yield "older", f"the scores were {self.older}: {command('score', self.path, self.recipe.name)}"

    def __repr__(self) -> str:
        return "\n".join(f"{name:<12}{line}" for name, line in self.facts())


def describe(run: str | Path | Run, ticks: list[dict[str, Any]] | None = None) -> RunSummary:
    """The summary of a run. ticks: its readings, where they were read already."""
    run = run if isinstance(run, Run) else Run(run, "cpu")
    ticks = run.ticks() if ticks is None else ticks
    at, results = run.reached(ticks), Results.read(run.path)
    return RunSummary(
        run.path,
        entry(run.recipe.name),
        run.recipe,
        str(run.head["data"]["source"]),
        parsed(Overview, run.head["data"].get("overview", {})),
        run.space,
        run.given,
        at.get("progress"),
        at.get("examples"),
        at.get("seconds"),
        ticks[-1] if ticks else {},
        _row(run, results),
        results,
        _older(results, at.get("examples")),
        run.averaged,
        bool(run.head.get("steered")),
    )


def _row(run: Run, results: Results | None) -> Row:
    row = row_of(RunKey(run.recipe.name, run.recipe.seed), run)
    if results is None:
        return row
    measured = {"likelihood": results.likelihood, "scores": results.scores, "speed": results.speed}
    return replace(row, **measured, sample_seconds_per_100=results.sample_seconds_per_100)


def _older(results: Results | None, now: int | None) -> str:
    then = results and results.examples_seen
    return f"measured after {then:,} examples, {now:,} have been learnt from by now" if then != now and then and now else ""


def fresh_media(run: Run, ticks: list[dict[str, Any]], say: Callable[[str], object]) -> Media:
    """Freshly drawn samples and the curves of a run.

    say   called with the reason where a run has weights and yet no samples
    """
    weights = "averaged weights" if run.averaged else "raw weights"
    shown = _drawn(run, say) if any((run.path / name).exists() for name in WEIGHTS) else None
    return Media(shown, 0, readings(ticks), weights, alarms=alarm_pictures(run.path))


def _drawn(run: Run, say: Callable[[str], object]) -> Any:
    """Samples, or texts; None where their conditions cannot be read."""
    count = kind_of(run.space).shown
    try:
        given = run.conditions(count).given
    except ValueError as error:
        say(f"the page shows no samples: {error}")
        return None
    drawn = run.sample(count, given=given)
    return list(run.texts(drawn)) if run.space.text else drawn
