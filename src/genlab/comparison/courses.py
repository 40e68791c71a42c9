"""Quality against seconds: the check-ups that were made while the models trained, outside their clock.

A course is one run's values of one measure, in order of time. From the courses follow two things: whether a model still
improves, and what its training cost until it was as good as all are in the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from genlab.comparison.ranking import COST, Group
from genlab.comparison.rows import Row, is_finite, names_of
from genlab.measure.alarms import Checkup
from genlab.measure.chance import Span, Value

STILL = 0.1  # the share by which the last third of a training must improve to count as improving


class Check(NamedTuple):
    """The value of one check-up and its 95% interval low..high, or the value where unknown. work: operations, if counted."""

    progress: float
    seconds: float
    value: float
    low: float
    high: float
    work: float | None = None


class Course(NamedTuple):
    """The check-ups of one run, in order of time."""

    name: str
    seed: int
    checks: tuple[Check, ...]

    @property
    def last(self) -> Check:
        return self.checks[-1]

    def at(self, progress: float) -> float:
        """The value at a progress, interpolated between two check-ups."""
        return crossing([(check.value, check.progress) for check in self.checks], progress)


class Courses(NamedTuple):
    """The courses of all runs by the measure that most check-ups have. better: "lower" or "higher"."""

    title: str
    better: str
    runs: tuple[Course, ...]

    def of(self, name: str) -> list[Course]:
        return [course for course in self.runs if course.name == name]

    @property
    def sign(self) -> float:
        """The factor of values that makes lower better."""
        return -1.0 if self.better == "higher" else 1.0


def courses_of(models: Sequence[Row]) -> Courses | None:
    """The courses of all runs; None where none was checked twice."""
    checkups = [checkup for row in models for checkup in row.checkups if checkup.scores]
    first = Counter(next(iter(checkup.scores)) for checkup in checkups)
    if not first:
        return None
    title = first.most_common(1)[0][0]
    runs = [_course(row, title) for row in models]
    checked = tuple(course for course in runs if len(course.checks) > 1)
    directions = [checkup.scores[title].better for checkup in checkups if title in checkup.scores]
    better = next(filter(None, directions), "lower")
    return Courses(title, better, checked) if checked else None


def _course(row: Row, title: str) -> Course:
    checks = sorted(_checks(row, title), key=lambda check: check.seconds)
    return Course(row.name, row.seed, tuple(checks))


def _checks(row: Row, title: str) -> Iterator[Check]:
    for checkup in row.checkups:
        score = checkup.scores.get(title)
        if score is not None and is_finite(score.value):
            low, high = (end if is_finite(end) else score.value for end in (score.low, score.high))
            yield Check(checkup.progress, checkup.seconds, score.value, low, high, _work(row, checkup))


def _work(row: Row, checkup: Checkup) -> float | None:
    """Operations of training up to a check-up: its share of the examples of the whole."""
    if row.train_operations is None or not row.examples_seen:
        return None
    return row.train_operations * checkup.examples / row.examples_seen


def crossing(points: Sequence[tuple[float, float]], level: float) -> float:
    """Where the piecewise linear curve through points (x, y) first reaches y = `level`; an end where it does not."""
    before = points[0]
    for after in points:
        if after[1] >= level:
            width = after[1] - before[1]
            share = (level - before[1]) / width if width > 0 else 1.0
            return before[0] + min(1.0, max(0.0, share)) * (after[0] - before[0])
        before = after
    return points[-1][0]


def still_improving(courses: Courses, names: Sequence[str]) -> list[str]:
    """Models whose last third of training made them better by more than STILL, on the mean over their seeds."""
    return [name for name in names if _gain(courses, courses.of(name)) > STILL]


def _gain(courses: Courses, runs: Sequence[Course]) -> float:
    """The share by which the value improved in the last third of the training."""
    then = sum(run.at(run.last.progress * 2 / 3) for run in runs)
    now = sum(run.last.value for run in runs)
    return courses.sign * (then - now) / abs(then) if then else 0.0


def cost_to_reach(courses: Courses, models: Sequence[Row], by_work: bool) -> tuple[Group, float] | None:
    """The cost of every model's training until it was as good as the worst run at the end, and that value.

    by_work   cost in operations, where all runs counted them, rather than in seconds
    The interval of a run begins where the better end of its 95% interval reaches the value and ends where the worse one does.
    """
    names = [name for name in names_of(models) if courses.of(name)]
    if len(names) < 2:
        return None
    by_work = by_work and all(check.work for run in courses.runs for check in run.checks)
    least = max(courses.sign * run.last.value for run in courses.runs)
    values = [_reached(courses, name, least, by_work) for name in names]
    values.sort(key=lambda value: (value.mean, value.name))
    unit = "operations" if by_work else "s"
    return Group(COST, "", unit, "lower", tuple(values), "cost"), courses.sign * least


def _reached(courses: Courses, name: str, least: float, by_work: bool) -> Value:
    """One model's cost over its seeds, with intervals."""
    times: list[float] = []
    spans: list[Span | None] = []
    for run in courses.of(name):
        spent = [float(check.work or 0) if by_work else check.seconds for check in run.checks]
        ends = [sorted((courses.sign * check.low, courses.sign * check.high)) for check in run.checks]
        middle = _first(spent, [courses.sign * check.value for check in run.checks], least)
        early, late = (_first(spent, [pair[end] for pair in ends], least) for end in (0, 1))
        times.append(middle)
        spans.append((early, late) if late > early else None)
    return Value(name, times, spans)


def _first(spent: Sequence[float], values: Sequence[float], least: float) -> float:
    """The cost at which falling values first reached `least`; all of it where they never did."""
    return crossing(list(zip(spent, (-value for value in values), strict=True)), -least)
