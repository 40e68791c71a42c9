"""Strengths and weaknesses follow from the ranks, and are silent where chance may have made them."""

from __future__ import annotations

import math

from genlab.comparison.strengths import measured
from tests.report.fakes import bits, distance, everything, four, row, score


def test_strengths_and_weaknesses_follow_from_the_ranks() -> None:
    vae, pixelcnn, gan, ddpm = (measured(model, four()) for model in four())
    assert vae == ([], ["Worst Fréchet distance of 4: 9.31"]), "a bound does not show how bad it is"
    exact = ["Best likelihood (given label) of 3: 1.86 bits/dim", "Its likelihood is exact, not a bound or an estimate"]
    assert pixelcnn == (exact, [])
    assert gan[0] == ["Fastest to sample of 4: 4.2 ms per 100"]
    assert gan[1] == ["No likelihood: it cannot say how probable an example is"]
    assert ddpm[0] == ["Best Fréchet distance of 4: 2.31"]
    assert ddpm[1] == ["Slowest to sample of 4: 3.9 s per 100"]


def test_what_chance_may_have_done_is_nobodys_strength() -> None:
    close = [row("a", bits(2.00, error=0.03)), row("b", bits(2.05, error=0.03))]
    assert not any("likelihood (" in line for model in close for side in measured(model, close) for line in side)
    clear = [row("a", bits(2.00, error=0.03)), row("b", bits(2.25, error=0.03))]
    assert measured(clear[0], clear)[0][0] == "Best likelihood (bound, given label): ≤ 2.00 bits/dim"


def test_equals_share_a_strength_and_all_equal_have_none() -> None:
    rows = [row("a", None, distance(1.0)), row("b", None, distance(1.0)), row("c", None, distance(2.0))]
    assert "Best Fréchet distance of 3, shared: 1.00" in measured(rows[1], rows)[0]
    assert measured(rows[0], rows[:2])[0] == []


def test_higher_is_better_where_it_says_so() -> None:
    rows = [row(n, None, {"confidence": score(v, "higher")}) for n, v in (("a", 0.5), ("b", 0.9))]
    assert "Best confidence: 0.900" in measured(rows[1], rows)[0]
    assert "Worst confidence: 0.500" in measured(rows[0], rows)[1]


def test_only_the_first_two_measures_of_a_question_are_weighed() -> None:
    names = ("one", "two", "three")
    rows = [row(who, None, {name: score(v) for name in names}) for who, v in (("a", 1.0), ("b", 2.0))]
    assert measured(rows[0], rows)[0] == ["Best one: 1.00", "Best two: 1.00"]
    assert len(measured(everything().rows[0], everything().rows)[0]) < 8


def test_a_likelihood_that_is_not_finite_is_a_weakness() -> None:
    rows = [row("a", bits(math.nan), distance(None)), row("b", bits(2.0), distance(1.0))]
    _, weak = measured(rows[0], rows)
    assert "Its likelihood on the test data is not finite" in weak


def test_what_could_not_be_measured_is_no_weakness_of_the_model() -> None:
    scores = {"Fréchet distance": score(None, reason="too few samples")}
    assert measured(row("a", bits(2.0), scores), [row("a", bits(2.0), scores)]) == ([], [])


def test_a_model_that_stopped_is_judged_by_what_it_has() -> None:
    rows = [*four(), row("flow-matching", None, {}, None, error="out of memory")]
    assert measured(rows[-1], rows) == ([], [])
