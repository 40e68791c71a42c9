"""Only what may be compared is ranked, and only what was measured is said."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genlab.report.ranking import SPEED, best, groups, measured, remarks, verdicts
from tests.report.fakes import bits, distance, four, row


def likelihoods(rows: list) -> list[list[str]]:
    return [[value.name for value in group.values] for group in groups(rows) if group.title == "Likelihood"]


def said(rows: list) -> dict[str, str]:
    return {verdict.what: verdict.who for verdict in verdicts(rows)}


def test_the_best_of_each_comparable_group() -> None:
    assert said(four()) == {
        "Best likelihood (bound, given label)": "ddpm",
        "Lowest Fréchet distance": "ddpm",
        "Fastest to sample": "gan",
    }


def test_values_carry_their_sign_and_unit() -> None:
    value = {verdict.what: verdict.value for verdict in verdicts(four())}
    assert value["Best likelihood (bound, given label)"] == "≤ 2.05 bits/dim"
    assert value["Lowest Fréchet distance"] == "2.31"
    assert value["Fastest to sample"] == "4.2 ms per 100"


@pytest.mark.parametrize(
    "other",
    [
        bits(1.0, "exact", "chain rule, given label"),
        bits(1.0, "estimate", "ODE, given label"),
        bits(1.0, "lower", "ELBO"),
        bits(1.0, "lower", "ELBO, given text"),
        bits(1.0, note="binarised: threshold"),
        {"nats": 1.0, "claim": "lower", "how": "ELBO, given label"},
    ],
    ids=["claim exact", "claim estimate", "without label", "other condition", "other data", "other unit"],
)
def test_unlike_likelihoods_are_never_ranked(other: dict) -> None:
    rows = [row("a", bits(2.0)), row("b", other)]
    assert likelihoods(rows) == [["a"], ["b"]]
    assert not any("ikelihood" in what for what in said(rows))
    assert not any("ikelihood (" in line for name in rows for side in measured(name, rows) for line in side)
    assert any("a alone has a likelihood of its kind (bound, given label)" in line for line in remarks(rows))


def test_two_bounds_made_differently_are_both_bounds() -> None:
    assert likelihoods([row("a", bits(2.0)), row("b", bits(1.0, how="IW-1000, given label"))]) == [["b", "a"]]


def test_scores_of_another_protocol_are_not_ranked_but_seeds_and_weights_may_differ() -> None:
    rows = [row("a", None, distance(2.0)), row("b", None, distance(1.0, generated=500))]
    assert "Lowest Fréchet distance" not in said(rows)
    rows = [row("a", None, distance(2.0)), row("b", None, distance(1.0, seed=5, weights="raw"))]
    assert said(rows)["Lowest Fréchet distance"] == "b"


def test_the_first_scores_are_said_and_all_are_weighed() -> None:
    names = ("one", "two", "three")
    rows = [
        row(who, None, {name: {"value": v, "protocol": "p", "better": "lower"} for name in names})
        for who, v in (("a", 1.0), ("b", 2.0))
    ]
    assert set(said(rows)) == {"Lowest one", "Lowest two", "Fastest to sample"}
    assert "Lowest three: 1.00" in measured(rows[0], rows)[0]


def test_a_score_that_does_not_say_which_way_is_better_is_not_ranked() -> None:
    rows = [row(name, None, {"distinct": {"value": value, "protocol": "p"}}) for name, value in (("a", 1.0), ("b", 2.0))]
    assert set(said(rows)) == {"Fastest to sample"}


def test_higher_is_better_where_it_says_so() -> None:
    rows = [
        row(n, None, {"confidence": {"value": v, "protocol": "p", "better": "higher"}}) for n, v in (("a", 0.5), ("b", 0.9))
    ]
    assert said(rows)["Highest confidence"] == "b"
    assert "Highest confidence: 0.900" in measured(rows[1], rows)[0]
    assert "Lowest confidence: 0.500" in measured(rows[0], rows)[1]


def test_what_is_not_finite_or_missing_is_never_ranked() -> None:
    rows = [
        row("a", bits(math.nan), distance(None), None),
        row("b", bits(2.0), distance(1.0)),
        row("c", bits(3.0), distance(math.inf)),
    ]
    assert likelihoods(rows) == [["b", "c"]]
    assert set(said(rows)) == {"Best likelihood (bound, given label)", "Fastest to sample"}
    _, weak = measured(rows[0], rows)
    assert "Its likelihood on the test data is not finite" in weak
    assert "Fréchet distance: not finite" in weak


def test_a_score_without_value_says_why() -> None:
    scores = {"Fréchet distance": {"value": None, "protocol": {}, "reason": "too few samples"}}
    assert "Fréchet distance: not measured, too few samples" in measured(row("a", None, scores), [row("a", None, scores)])[1]


def test_equals_share_the_lead() -> None:
    rows = [row("a", None, distance(1.0)), row("b", None, distance(1.0)), row("c", None, distance(2.0))]
    assert said(rows)["Lowest Fréchet distance"] == "a and b"
    (group,) = [group for group in groups(rows) if group.title == "Fréchet distance"]
    assert [best(group, name) for name in "abc"] == [True, True, False]
    assert "Lowest Fréchet distance of 3, shared: 1.00" in measured(rows[1], rows)[0]


def test_all_equal_is_nobodys_strength() -> None:
    rows = [row("a", None, distance(1.0)), row("b", None, distance(1.0))]
    assert measured(rows[0], rows)[0] == []


def test_strengths_and_weaknesses_follow_from_the_ranks() -> None:
    vae, pixelcnn, gan, ddpm = (measured(model, four()) for model in four())
    assert vae == ([], ["Worst likelihood (bound, given label): ≤ 2.41 bits/dim", "Highest Fréchet distance of 4: 9.31"])
    assert pixelcnn == (["Its likelihood is exact, not a bound or an estimate"], [])
    assert gan[0] == ["Fastest to sample of 4: 4.2 ms per 100"]
    assert gan[1] == ["No likelihood: it cannot say how probable an example is"]
    assert ddpm[0] == ["Best likelihood (bound, given label): ≤ 2.05 bits/dim", "Lowest Fréchet distance of 4: 2.31"]
    assert ddpm[1] == ["Slowest to sample of 4: 3.9 s per 100"]


def test_one_seed_is_said_and_so_is_who_has_no_likelihood() -> None:
    assert remarks(four()) == [
        "One seed: differences may be chance.",
        "pixelcnn alone has a likelihood of its kind (exact, given label), 1.86 bits/dim: not ranked.",
        "gan has no likelihood and cannot say how probable an example is.",
    ]
    assert remarks([]) == ["No model has been measured yet."]
    assert remarks(four()[:1]) == ["One model: nothing to compare it with."]


def test_overlapping_seeds_show_no_difference() -> None:
    def seeded(name: str, values: list[float]) -> list[dict]:
        return [row(name, None, distance(value, seed=seed), seed=seed) for seed, value in enumerate(values)]

    close = seeded("a", [1.0, 3.0]) + seeded("b", [2.0, 2.5])
    verdict = next(verdict for verdict in verdicts(close) if "Fréchet" in verdict.what)
    assert (verdict.who, verdict.value) == ("a", "2.00")
    assert verdict.rest.endswith("The first two overlap: no difference was shown.")
    assert not any("Fréchet" in line for line in measured(close[0], close)[0])
    apart = seeded("a", [1.0, 1.5]) + seeded("b", [2.0, 2.5])
    assert "Lowest Fréchet distance: 1.25" in measured(apart[0], apart)[0]
    assert "overlap" not in next(verdict for verdict in verdicts(apart) if "Fréchet" in verdict.what).rest
    assert remarks(apart)[0] == "Means over 2 seeds."


def test_two_standard_errors_decide_where_they_are_known() -> None:
    close = [row("a", bits(2.00, error=0.03)), row("b", bits(2.05, error=0.03))]
    assert "no difference was shown" in verdicts(close)[0].rest
    clear = [row("a", bits(2.00, error=0.03)), row("b", bits(2.25, error=0.03))]
    assert "overlap" not in verdicts(clear)[0].rest


def test_speed_says_how_many_times() -> None:
    assert verdicts(four())[-1].rest == (
        "Next is vae with 12 ms per 100, 2.9 times as long, last ddpm with 3.9 s per 100, 930 times as long."
    )


def test_a_model_that_stopped_is_judged_by_what_it_has() -> None:
    rows = [*four(), row("flow-matching", None, {}, None, error="out of memory")]
    assert measured(rows[-1], rows) == ([], [])
    assert "flow-matching" not in " ".join(remarks(rows))


@given(st.lists(st.floats(0.001, 1e4), min_size=2, max_size=6), st.integers(0, 1000))
def test_the_order_of_the_rows_changes_nothing_said(values: list[float], seed: int) -> None:
    rows = [row(f"m{i}", bits(value, error=0.1), distance(value * 2), value / 3) for i, value in enumerate(values)]
    shuffled = random.Random(seed).sample(rows, len(rows))

    def everything(order: list[dict]) -> set:
        by_name = {model["name"]: tuple(map(tuple, measured(model, order))) for model in order}
        return {(v.what, v.value, frozenset(v.who.replace(" and ", ", ").split(", "))) for v in verdicts(order)} | set(
            by_name.items()
        )

    assert everything(rows) == everything(shuffled)


def test_groups_are_ordered_likelihood_scores_speed() -> None:
    titles = [group.title for group in groups(four())]
    assert titles == ["Likelihood", "Likelihood", "Fréchet distance", SPEED]
