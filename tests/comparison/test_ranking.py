"""Only what may be compared is ranked."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from genlab.comparison.ranking import LIKELIHOOD, SPEED, best, grouped, question, superlative
from genlab.comparison.rows import Row, is_finite
from genlab.measure.likelihood import Likelihood
from genlab.measure.speed import Speed
from tests.report.fakes import bits, distance, four, row, score


def members(rows: list[Row], title: str = LIKELIHOOD) -> list[list[str]]:
    return [[value.name for value in group.values] for group in grouped(rows) if group.title == title]


@pytest.mark.parametrize(
    "other",
    [
        bits(1.0, "exact", "chain rule"),
        bits(1.0, "estimate", "ODE"),
        bits(1.0, "lower", "ELBO", given=()),
        bits(1.0, "lower", "ELBO", given=("text",)),
        bits(1.0, note="binarised: threshold"),
        replace(bits(1.0), unit="nats"),
    ],
    ids=["claim exact", "claim estimate", "without label", "other condition", "other data", "other unit"],
)
def test_unlike_likelihoods_are_never_ranked(other: Likelihood) -> None:
    assert members([row("a", bits(2.0)), row("b", other)]) == [["a"], ["b"]]


def test_two_bounds_made_differently_are_both_bounds() -> None:
    assert members([row("a", bits(2.0)), row("b", bits(1.0, how="IW-1000"))]) == [["b", "a"]]


def test_scores_of_another_protocol_are_not_ranked_but_seeds_and_weights_may_differ() -> None:
    rows = [row("a", None, distance(2.0)), row("b", None, distance(1.0, generated=500))]
    assert members(rows, "Fréchet distance") == [["a"], ["b"]]
    rows = [row("a", None, distance(2.0)), row("b", None, distance(1.0, seed=5, weights="raw"))]
    assert members(rows, "Fréchet distance") == [["b", "a"]]


def test_what_is_not_finite_or_missing_is_never_ranked() -> None:
    rows = [row("a", bits(math.nan), distance(None), None), row("b", bits(2.0), distance(1.0))]
    rows.append(row("c", bits(3.0), distance(math.inf)))
    assert members(rows) == [["b", "c"]]
    assert members(rows, "Fréchet distance") == [["b"]]
    assert members(rows, SPEED) == [["b", "c"]]
    assert [is_finite(value) for value in (1, 0.5, math.nan, math.inf, None)] == [True, True, False, False, False]


def test_a_score_that_does_not_say_which_way_is_better_is_not_ranked() -> None:
    rows = [row(name, None, {"distinct": score(1.0, None)}) for name in "ab"]
    assert [group.ranked for group in grouped(rows) if group.title == "distinct"] == [False]


def test_equals_share_the_lead() -> None:
    rows = [row("b", None, distance(1.0)), row("a", None, distance(1.0)), row("c", None, distance(2.0))]
    (group,) = [group for group in grouped(rows) if group.title == "Fréchet distance"]
    assert [value.name for value in group.values] == ["a", "b", "c"], "names decide between equals, not the order of the rows"
    assert [best(group, name) for name in "abc"] == [True, True, False]


def test_intervals_are_those_of_scores_and_likelihoods() -> None:
    rows = [row("a", bits(3.0, error=0.1), {"d": score(2.0, low=1.5, high=2.2)}), row("b", bits(4.0), {"d": score(3.0)})]
    likelihood, scored, _ = grouped(rows)
    assert [value.known for value in scored.values] == [value.known for value in likelihood.values] == [True, False]
    assert scored.values[0].reach == (1.5, 2.2)
    assert likelihood.values[0].reach == pytest.approx((3 - 0.196, 3 + 0.196), abs=1e-5)


def test_times_are_compared_by_factors_and_a_timing_is_no_truth() -> None:
    rows = [row("a", seconds=1.0), row("b", seconds=1.3), row("c", seconds=1.5)]
    (group,) = grouped(rows)
    a, b, c = group.values
    assert (group.surely_differ(a, b), group.surely_differ(a, c)) == (False, True)
    fast = [row("a", seconds=0.010), row("b", seconds=0.015), row("c", seconds=1e3)]
    (group,) = grouped(fast)
    assert group.surely_differ(*group.values[:2]), "what the slowest takes does not matter"


def test_seeds_of_times_are_compared_by_factors() -> None:
    rows = [
        row(name, seconds=each, seed=seed)
        for name, pair in (("a", (0.1, 0.1)), ("b", (1.0, 3.0)))
        for seed, each in enumerate(pair)
    ]
    (group,) = grouped(rows)
    assert group.surely_differ(*group.values), "17 times as long, though b's seeds differ by more than a's time"


def test_time_to_sample_may_come_from_the_rate() -> None:
    rated = row("a", seconds=None, speed=Speed(50.0, 256, 0, 0, 8))
    assert grouped([rated])[0].values[0].mean == 2.0


def test_a_score_that_does_not_say_what_it_answers_is_one_of_quality() -> None:
    assert [question(score(1.0)), question(score(1.0, question="labels"))] == ["quality", "labels"]


def test_groups_are_ordered_likelihood_scores_speed() -> None:
    titles = [group.title for group in grouped(four())]
    assert titles == ["Likelihood", "Likelihood", "Fréchet distance", SPEED]


def test_superlatives() -> None:
    said = {group.title: (superlative(group), superlative(group, worst=True)) for group in grouped(four()) if group.ranked}
    assert said == {
        "Likelihood": ("Best likelihood (bound, given label)", "Worst likelihood (bound, given label)"),
        "Fréchet distance": ("Best Fréchet distance", "Worst Fréchet distance"),
        SPEED: ("Fastest to sample", "Slowest to sample"),
    }
