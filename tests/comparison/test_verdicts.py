"""A verdict names a leader only where chance could not have made it one, and says what would tell the others apart."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genlab.comparison.rows import Row, Terms
from genlab.comparison.verdicts import UNKNOWN, Verdict, cost_of, recommendation, verdicts
from tests.comparison.test_courses import checked
from tests.report.fakes import COLOUR, LINES, POINTS, TEXT, bits, distance, everything, four, record, row, score


def said(rows: list[Row]) -> dict[str, Verdict]:
    return {verdict.title: verdict for verdict in verdicts(record(rows))}


def near(name: str, value: float, half: float, seed: int = 0) -> Row:
    """One run with an interval of its score."""
    return row(name, None, {"distance": score(value, low=value - half, high=value + half)}, None, seed=seed)


def seeded(name: str, values: list[float]) -> list[Row]:
    return [row(name, None, distance(value, seed=seed), None, seed=seed) for seed, value in enumerate(values)]


def test_a_leader_is_separated_from_all_others() -> None:
    verdict = said([near("b", 2.0, 0.1), near("a", 1.0, 0.1), near("c", 3.0, 0.1)])["Best pictures"]
    assert (verdict.outcome, verdict.models, verdict.sentence) == ("leader", ("a",), "a draws the best pictures.")
    assert verdict.detail == (
        "Distance 1.00 (95%: 0.900 to 1.10); next is b with 2.00 (95%: 1.90 to 2.10), last c with 3.00. (This run only.)"
    )
    assert verdict.advice == ""


def test_overlapping_intervals_are_not_separated() -> None:
    verdict = said([near("a", 1.0, 0.2), near("b", 1.2, 0.2), near("c", 3.0, 0.1)])["Best pictures"]
    assert (verdict.outcome, verdict.models) == ("tied", ("a", "b"))
    assert verdict.sentence == "a and b are too close to call; both are ahead of c."
    assert verdict.advice == (
        "About 4 times as many samples would probably separate these runs; "
        "run with --seeds 3 to see whether this holds for other random starts."
    )


def test_who_is_ahead_of_the_rest_is_said_only_of_those_who_are() -> None:
    rows = [near("a", 1.0, 0.1), near("b", 1.5, 0.5), near("c", 1.9, 0.3), near("d", 9.0, 0.1)]
    assert said(rows)["Best pictures"].sentence == "a and b are too close to call; a is ahead of c and d."


def test_all_alike_have_nobody_behind_them() -> None:
    rows = [near("a", 1.0, 0.5), near("b", 1.1, 0.5), near("c", 1.2, 0.5)]
    assert said(rows)["Best pictures"].sentence == "a, b and c are too close to call."
    equal = said([near("a", 1.0, 0.5), near("b", 1.0, 0.5)])["Best pictures"]
    assert equal.advice == "Their numbers are equal."


def test_seeds_decide_where_there_are_several() -> None:
    apart = said(seeded("a", [1.0, 1.05]) + seeded("b", [2.0, 2.05]))["Best pictures"]
    assert (apart.outcome, apart.models) == ("leader", ("a",))
    assert "Means over 2 seeds each." in apart.detail
    assert "1.02 (1.00 to 1.05)" in apart.detail
    close = said(seeded("a", [1.0, 1.4]) + seeded("b", [1.5, 1.9]))["Best pictures"]
    assert close.outcome == "tied"
    assert close.advice == "It would take about 4 seeds each to tell."
    uneven = said(seeded("a", [1.0, 1.05]) + seeded("b", [2.0, 2.05, 2.1]))["Best pictures"]
    assert "Means over 2 seeds or more." in uneven.detail
    hopeless = said(seeded("a", [1.0, 2.0]) + seeded("b", [1.1, 2.1]))["Best pictures"]
    assert hopeless.advice == "It would take more than 20 seeds each to tell: treat as equal."
    mixed = said(seeded("a", [1.0, 1.4]) + seeded("b", [1.5, 1.9]) + seeded("c", [1.01, 1.41]))["Best pictures"]
    assert mixed.advice == "It would take about 4 seeds each to tell b from a, more than 20 for c."
    even = said(seeded("a", [1.0, 1.4]) + seeded("b", [1.5, 1.9]) + seeded("c", [1.0, 1.4]))["Best pictures"]
    assert even.advice == "It would take about 4 seeds each to tell."


def test_a_model_that_varies_too_much_does_not_take_the_lead_away() -> None:
    rows = seeded("a", [1.0, 1.02]) + seeded("b", [2.0, 2.02]) + seeded("wild", [2.0, 9.0])
    verdict = said(rows)["Best pictures"]
    assert (verdict.outcome, verdict.models) == ("leader", ("a",))
    assert verdict.detail.endswith("wild varies too much between runs to be placed.")


def test_one_run_without_an_interval_proves_nothing() -> None:
    verdict = said(four())["Best pictures"]
    assert (verdict.outcome, verdict.models[0]) == ("unknown", "ddpm")
    assert verdict.sentence == "ddpm scored best, perhaps by chance."
    assert "run with --seeds 3" in verdict.advice


def test_longer_training_is_advised_to_those_who_still_improve() -> None:
    def ended(name: str, checks: list[float], value: float) -> Row:
        return checked(name, checks, scores={"distance": score(value, low=value - 1, high=value + 1)})

    rows = [ended("a", [9.0, 5.0, 4.0], 4.0), ended("b", [9.0, 4.2, 4.1], 4.1)]
    advice = said(rows)["Best pictures"].advice
    assert advice.endswith("a still improves: training twice as long (60 s each) may separate them too.")
    settled = [ended("a", [9.0, 5.0, 4.9], 4.0), rows[1]]
    assert "still improves" not in said(settled)["Best pictures"].advice


def test_every_question_is_asked_and_the_first_matters_most() -> None:
    asked = [verdict.question for verdict in verdicts(everything())]
    assert asked == ["quality", "likelihood", "coverage", "speed", "cost"]
    texts = verdicts(record(four(), TEXT))
    assert [verdict.title for verdict in texts] == ["Best likelihood (given label)", "Best text", "Fastest to sample"]


@pytest.mark.parametrize(("space", "things"), [(COLOUR, "pictures"), (POINTS, "points"), (LINES, "lines"), (TEXT, "text")])
def test_samples_are_called_what_they_are(space: Any, things: str) -> None:
    assert f"Best {things}" in {verdict.title for verdict in verdicts(record(four(), space))}


def test_speed_says_how_many_times() -> None:
    verdict = said(four())["Fastest to sample"]
    assert verdict.sentence == "gan is the fastest to sample."
    assert verdict.detail == (
        "100 samples in 4.2 ms; next is vae with 12 ms, 2.9 times as long, last ddpm with 3.9 s, 930 times as long. "
        "(This run only.)"
    )
    close = said([row("a", seconds=1.0), row("b", seconds=1.1)])["Fastest to sample"]
    assert close.outcome == "tied"
    assert "accurate to about 20%" in close.advice


def test_the_cheapest_is_counted_to_the_quality_all_reach() -> None:
    rows = [checked("quick", [6.0, 2.0, 1.0], half=0.1), checked("slow", [9.0, 7.0, 4.0], half=0.1)]
    verdict = said(rows)["Cheapest to train"]
    assert verdict.sentence == "quick is the cheapest to train."
    assert "Training needed 15 s (95%: 15 s to 15 s)" not in verdict.detail
    assert "Counted until distance 4.00, which every model reached." in verdict.detail
    stopped = [rows[0], replace(rows[1], error="out of memory")]
    assert cost_of(record(stopped)) is None, "who stopped is no measure for the others"
    work = replace(record([replace(row, train_operations=3e9) for row in rows]), budget=Terms("examples", 300))
    counted = {verdict.title: verdict for verdict in verdicts(work)}["Cheapest to train"]
    assert counted.group.unit == "operations"
    assert "1.5 G operations" in counted.detail


def test_doubts_stand_beside_the_verdict() -> None:
    fastest = {verdict.question: verdict for verdict in verdicts(everything())}["speed"]
    assert fastest.models == ("gan",)
    assert fastest.caveats == (
        "but 12% of gan's samples are copies of training examples",
        "but gan's training raised an alarm: collapse at 40%",
    )


def test_as_json_a_verdict_keeps_its_numbers() -> None:
    for verdict in verdicts(everything()):
        plain = json.loads(json.dumps(verdict.to_json()))
        assert plain["models"] == list(verdict.models)
        assert [value["name"] for value in plain["values"]] == [value.name for value in verdict.group.values]
        assert all(len(value["interval"]) == 2 for value in plain["values"])


def test_the_choice_is_the_first_verdicts() -> None:
    chosen = recommendation(everything())
    assert chosen is not None
    assert (chosen.name, chosen.run) == ("ddpm", "compare/ddpm-0")
    assert chosen.why == "best score, tied with flow-matching"
    rows = [near("a", 1.0, 0.1), near("b", 2.0, 0.1)]
    alone = recommendation(record(rows))
    assert alone is not None
    assert alone.why == "it draws the best pictures"
    broken = recommendation(record([replace(rows[0], error="stopped"), rows[1]]))
    assert broken is not None
    assert broken.name == "b"
    assert recommendation(record([])) is None


def test_nothing_is_said_of_one_model() -> None:
    assert verdicts(record(four()[:1])) == []
    assert verdicts(record([])) == []


@given(st.lists(st.floats(0.001, 1e4), min_size=2, max_size=6), st.integers(0, 1000))
def test_the_order_of_the_rows_changes_nothing_said(values: list[float], seed: int) -> None:
    rows = [row(f"m{i}", bits(value, error=0.1), distance(value * 2), value / 3) for i, value in enumerate(values)]
    shuffled = random.Random(seed).sample(rows, len(rows))
    assert [verdict.to_json() for verdict in verdicts(record(rows))] == [
        verdict.to_json() for verdict in verdicts(record(shuffled))
    ]


def test_measures_of_quality_that_disagree_are_named() -> None:
    def scored(name: str, first: float, second: float, third: float) -> Row:
        values = {"Fréchet distance": first, "kernel distance": second, "two-sample accuracy": third}
        found = {title: score(value, low=value - 0.01, high=value + 0.01) for title, value in values.items()}
        return row(name, None, found)

    said = verdicts(record([scored("a", 1.0, 2.0, 1.0), scored("b", 2.0, 1.0, 2.0)]))
    quality = next(verdict for verdict in said if verdict.question == "quality")
    assert quality.models == ("a",)
    assert "Of 2 other measures of quality 1 puts another in front: b by kernel distance." in quality.detail
    agreed = verdicts(record([scored("a", 1.0, 1.0, 1.0), scored("b", 2.0, 2.0, 2.0)]))
    assert "2 other measures of quality put it in front too." in next(v for v in agreed if v.question == "quality").detail
    tied = verdicts(record([scored("a", 1.0, 2.0, 1.0), scored("b", 1.01, 1.0, 1.0), scored("c", 5.0, 5.0, 5.0)]))
    assert (
        "2 other measures of quality put one of them in front too." in next(v for v in tied if v.question == "quality").detail
    )


def test_a_tie_with_one_whose_interval_is_unknown_has_an_advice() -> None:
    rows = [near("a", 1.0, 0.1), near("b", 1.0, 0.1), row("c", None, {"distance": score(1.5)}, None)]
    verdict = said(rows)["Best pictures"]
    assert (verdict.outcome, verdict.advice) == ("tied", UNKNOWN)
