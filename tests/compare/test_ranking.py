"""Only what may be compared is ranked."""

from __future__ import annotations

import math

import pytest

from genlab.compare.ranking import LIKELIHOOD, SPEED, best, finite, groups, question, superlative
from genlab.core.space import Space
from tests.report.fakes import DIGITS, bits, distance, four, row


def members(rows: list, title: str = LIKELIHOOD) -> list[list[str]]:
    return [[value.name for value in group.values] for group in groups(rows) if group.title == title]


@pytest.mark.parametrize(
    "other",
    [
        bits(1.0, "exact", "chain rule"),
        bits(1.0, "estimate", "ODE"),
        bits(1.0, "lower", "ELBO", given=[]),
        bits(1.0, "lower", "ELBO", given=["text"]),
        bits(1.0, note="binarised: threshold"),
        {"nats": 1.0, "claim": "lower", "how": "ELBO", "given": ["label"]},
    ],
    ids=["claim exact", "claim estimate", "without label", "other condition", "other data", "other unit"],
)
def test_unlike_likelihoods_are_never_ranked(other: dict) -> None:
    assert members([row("a", bits(2.0)), row("b", other)]) == [["a"], ["b"]]


def test_two_bounds_made_differently_are_both_bounds() -> None:
    assert members([row("a", bits(2.0)), row("b", bits(1.0, how="IW-1000"))]) == [["b", "a"]]


def test_scores_of_another_protocol_are_not_ranked_but_seeds_and_weights_may_differ() -> None:
    rows = [row("a", None, distance(2.0)), row("b", None, distance(1.0, generated=500))]
    assert members(rows, "Fréchet distance") == [["a"], ["b"]]
    rows = [row("a", None, distance(2.0)), row("b", None, distance(1.0, seed=5, weights="raw"))]
    assert members(rows, "Fréchet distance") == [["b", "a"]]


def test_models_of_different_spaces_are_never_ranked() -> None:
    grey, binary = DIGITS.to_json(), Space((1, 8, 8), "CHW", "binary").to_json()
    rows = [row("a", bits(2.0), distance(1.0), space=grey), row("b", bits(1.0), distance(2.0), space=binary)]
    assert not any(group.ranked for group in groups(rows))
    same = [row("a", bits(2.0), distance(1.0), space=grey), row("b", bits(1.0), distance(2.0), space=grey)]
    assert all(group.ranked for group in groups(same))


def test_what_is_not_finite_or_missing_is_never_ranked() -> None:
    rows = [row("a", bits(math.nan), distance(None), None), row("b", bits(2.0), distance(1.0))]
    rows.append(row("c", bits(3.0), distance(math.inf)))
    assert members(rows) == [["b", "c"]]
    assert members(rows, "Fréchet distance") == [["b"]]
    assert members(rows, SPEED) == [["b", "c"]]
    assert [finite(value) for value in (1, 0.5, math.nan, math.inf, None, "1")] == [True, True, False, False, False, False]


def test_a_score_that_does_not_say_which_way_is_better_is_not_ranked() -> None:
    rows = [row(name, None, {"distinct": {"value": 1.0, "protocol": "p"}}) for name in "ab"]
    assert [group.ranked for group in groups(rows) if group.title == "distinct"] == [False]


def test_equals_share_the_lead() -> None:
    rows = [row("b", None, distance(1.0)), row("a", None, distance(1.0)), row("c", None, distance(2.0))]
    (group,) = [group for group in groups(rows) if group.title == "Fréchet distance"]
    assert [value.name for value in group.values] == ["a", "b", "c"], "names decide between equals, not the order of the rows"
    assert [best(group, name) for name in "abc"] == [True, True, False]


def test_intervals_come_from_ends_or_from_an_error() -> None:
    ends = row("a", None, {"d": {"value": 2.0, "low": 1.5, "high": 2.2, "protocol": "p", "better": "lower"}})
    error = row("b", None, {"d": {"value": 3.0, "error": 0.1, "protocol": "p", "better": "lower"}})
    (group,) = [group for group in groups([ends, error]) if group.title == "d"]
    assert group.values[0].reach == (1.5, 2.2)
    assert group.values[1].reach == pytest.approx((3 - 0.196, 3 + 0.196), abs=1e-5)


def test_times_are_compared_by_factors_and_a_timing_is_no_truth() -> None:
    rows = [row("a", speed=1.0), row("b", speed=1.3), row("c", speed=1.5)]
    (group,) = groups(rows)
    a, b, c = group.values
    assert (group.clear(a, b), group.clear(a, c)) == (False, True)
    fast = [row("a", speed=0.010), row("b", speed=0.015), row("c", speed=1e3)]
    (group,) = groups(fast)
    assert group.clear(*group.values[:2]), "what the slowest takes does not matter"


def test_seeds_of_times_are_compared_by_factors() -> None:
    rows = [
        row(name, speed=each, seed=seed)
        for name, pair in (("a", (0.1, 0.1)), ("b", (1.0, 3.0)))
        for seed, each in enumerate(pair)
    ]
    (group,) = groups(rows)
    assert group.clear(*group.values), "17 times as long, though b's seeds differ by more than a's time"


def test_time_to_sample_may_come_from_the_rate() -> None:
    rated = row("a", speed=None) | {"speed": {"per_second_64": 50.0}}
    assert groups([rated])[0].values[0].mean == 2.0


def test_questions_are_said_or_guessed() -> None:
    assert question("Fréchet distance", {}) == "quality"
    assert question("Fréchet distance", {"question": "labels"}) == "labels"
    asked = {
        name: question(name, {}) for name in ("recall", "share of modes covered", "copied training pictures", "distinct-2")
    }
    assert asked == {
        "recall": "coverage",
        "share of modes covered": "coverage",
        "copied training pictures": "copying",
        "distinct-2": "coverage",
    }
    assert question("samples of the class asked for", {}) == "labels"


def test_groups_are_ordered_likelihood_scores_speed() -> None:
    titles = [group.title for group in groups(four())]
    assert titles == ["Likelihood", "Likelihood", "Fréchet distance", SPEED]


def test_superlatives() -> None:
    said = {group.title: (superlative(group), superlative(group, worst=True)) for group in groups(four()) if group.ranked}
    assert said == {
        "Likelihood": ("Best likelihood (bound, given label)", "Worst likelihood (bound, given label)"),
        "Fréchet distance": ("Lowest Fréchet distance", "Highest Fréchet distance"),
        SPEED: ("Fastest to sample", "Slowest to sample"),
    }
