"""Quality against seconds: what a course says of its model, by hand-made courses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from genlab.comparison.courses import cost_to_reach, courses_of, crossing, still_improving
from genlab.comparison.rows import Row
from genlab.measure.alarms import Checkup
from genlab.measure.score import Better, Score
from tests.report.fakes import row


def checked(name: str, values: list[float], better: Better = "lower", half: float = 0.0, **more: Any) -> Row:
    """A row checked every 10 seconds, with 100 examples each."""
    checkups = []
    for place, value in enumerate(values, 1):
        low, high = (value - half, value + half) if half else (None, None)
        score = Score("distance", value, {}, better, low=low, high=high)
        checkups.append(Checkup(place / len(values), 10.0 * place, 100 * place, 64, {"distance": score}))
    return row(name, **{"examples_seen": 100 * len(values), "checkups": tuple(checkups), **more})


def costs(rows: list[Row], by_work: bool = False) -> dict[str, float]:
    found = courses_of(rows)
    assert found is not None
    reached = cost_to_reach(found, rows, by_work)
    assert reached is not None
    return {value.name: value.mean for value in reached[0].values}


def test_crossing_lies_on_the_line_between() -> None:
    points = [(10.0, 0.0), (20.0, 1.0), (30.0, 3.0)]
    assert crossing(points, 0.5) == 15.0
    assert crossing(points, 2.0) == 25.0
    assert crossing(points, -1.0) == 10.0, "before the first"
    assert crossing(points, 9.0) == 30.0, "never reached"


def test_the_measure_most_runs_were_checked_by_is_drawn() -> None:
    odd = checked("c", [1.0, 1.0])
    others = [replace(checkup, scores={"another": checkup.scores["distance"]}) for checkup in odd.checkups]
    odd = replace(odd, checkups=tuple(others))
    found = courses_of([checked("a", [3.0, 2.0]), checked("b", [3.0, 1.0]), odd, row("d")])
    assert found is not None
    assert (found.title, found.better, [run.name for run in found.runs]) == ("distance", "lower", ["a", "b"])
    assert courses_of([row("a"), row("b")]) is None
    assert courses_of([checked("a", [3.0])]) is None, "one check-up is no course"


def test_a_course_is_in_order_of_time_and_without_gaps() -> None:
    first, second, third = checked("a", [3.0, 2.0, 1.0]).checkups
    empty = replace(third, scores={"distance": Score("distance", None, {})})
    shuffled = row("a", checkups=(empty, second, first))
    found = courses_of([shuffled])
    assert found is not None
    assert [check.seconds for check in found.runs[0].checks] == [10.0, 20.0]


@pytest.mark.parametrize(
    ("values", "better", "still"),
    [
        ([10.0, 5.0, 4.0], "lower", True),
        ([10.0, 5.0, 4.9], "lower", False),
        ([10.0, 4.0, 6.0], "lower", False),
        ([0.1, 0.5, 0.6], "higher", True),
        ([0.1, 0.6, 0.5], "higher", False),
    ],
)
def test_still_improving_looks_at_the_last_third(values: list[float], better: Better, still: bool) -> None:
    found = courses_of([checked("a", values, better)])
    assert found is not None
    assert still_improving(found, ["a"]) == (["a"] if still else [])


def test_the_cost_is_counted_to_where_the_worst_ends() -> None:
    rows = [checked("quick", [6.0, 2.0, 1.0]), checked("slow", [8.0, 6.0, 4.0])]
    assert costs(rows) == {"quick": 15.0, "slow": 30.0}


def test_higher_may_be_better() -> None:
    rows = [checked("quick", [0.2, 0.6, 0.9], "higher"), checked("slow", [0.1, 0.2, 0.4], "higher")]
    assert costs(rows) == pytest.approx({"quick": 15.0, "slow": 30.0})


def test_a_cost_may_be_counted_in_operations() -> None:
    rows = [checked("quick", [6.0, 2.0], train_operations=1e9), checked("slow", [8.0, 4.0], train_operations=4e6)]
    assert costs(rows, by_work=True) == {"quick": 0.75e9, "slow": 4e6}
    assert costs([rows[0], checked("slow", [8.0, 4.0])], by_work=True) == {"quick": 15.0, "slow": 20.0}, "one did not count"


def test_a_band_makes_the_interval_of_a_cost() -> None:
    rows = [checked("quick", [6.0, 4.0, 2.0], half=1.0), checked("slow", [9.0, 7.0, 3.0])]
    found = courses_of(rows)
    assert found is not None
    reached = cost_to_reach(found, rows, by_work=False)
    assert reached is not None
    group, least = reached
    assert least == 3.0
    assert group.values[0].seeds == [25.0]
    assert group.values[0].reach == (20.0, 30.0)


def test_seeds_give_each_their_cost() -> None:
    rows = [checked("a", [6.0, 2.0, 1.0]), checked("a", [4.0, 2.0, 1.0]), checked("b", [8.0, 6.0, 4.0])]
    found = courses_of(rows)
    assert found is not None
    reached = cost_to_reach(found, rows, by_work=False)
    assert reached is not None
    assert next(value for value in reached[0].values if value.name == "a").seeds == [15.0, 10.0]


def test_one_course_costs_nothing_to_compare() -> None:
    rows = [checked("a", [6.0, 2.0]), row("b")]
    found = courses_of(rows)
    assert found is not None
    assert cost_to_reach(found, rows, by_work=False) is None
