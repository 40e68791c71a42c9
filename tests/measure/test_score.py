"""Scores state their protocol, carry their interval, and refuse to be compared where protocols differ."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from genlab.measure.estimate import Estimate
from genlab.measure.score import Incomparable, Score, ScoreProtocol, better_of, differences, in_common, in_words

PROTOCOL = ScoreProtocol("test", 10_000, 1_000, seed=3, note="binarised: threshold")

HASH = {"weights hash": "ab12"}


def distance(value: float, half: float = 0.1, weights: str = "ab12") -> Score:
    estimate = Estimate(value, value - half, value + half, "samples")
    return PROTOCOL.score("Fréchet distance", estimate, {"weights hash": weights}, better="lower", question="quality")


def test_a_score_says_in_one_line_how_it_was_made() -> None:
    line = distance(2.0).line()
    assert "\n" not in line
    for word in (
        "2 [1.9, 2.1]",
        "lower is better",
        "split test",
        "10,000 real",
        "1,000 generated",
        "seed 3",
        "averaged",
        "ab12",
    ):
        assert word in line
    assert "95%, samples" in line


def test_scores_come_back_from_json() -> None:
    for score in (distance(2.0), PROTOCOL.score("x", None, reason="too few")):
        assert Score.from_json(score.name, json.loads(json.dumps(score.to_json()))) == score


def test_what_is_not_finite_is_a_reason() -> None:
    score = PROTOCOL.score("x", Estimate(math.inf, 0.0, math.inf, "samples"))
    assert score.value is None
    assert "inf" in score.reason
    assert "not measured" in score.line()


def test_what_scores_share_is_said_once() -> None:
    one, two = distance(2.0), distance(3.0, weights="cd34")
    shared = in_common([one, two, replace(one, value=None, protocol={})])
    assert {"split", "real", "seed"} <= shared.keys()
    assert "weights hash" not in shared
    assert "split test" in one.line()
    assert "split test" not in one.line(shared)
    assert "weights hash ab12" in one.line(shared)
    assert "split test" in in_words(shared)
    assert in_common([one]) == {}, "one score says all of its own"


def test_only_separated_intervals_have_a_winner() -> None:
    near, far, between = distance(1.0), distance(2.0), distance(1.15)
    assert better_of(near, far) is near
    assert better_of(far, near) is near
    assert better_of(near, between) is None
    good, bad = (PROTOCOL.score("recall", Estimate(v, v - 0.01, v + 0.01, "x"), better="higher") for v in (0.9, 0.5))
    assert better_of(bad, good) is good


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (distance(1.0, weights="cd34"), "weights hash ab12 against cd34"),
        (replace(PROTOCOL, real=5_000).score("Fréchet distance", 1.0, HASH), "10,000 against 5,000"),
        (ScoreProtocol("test", 10_000, 1_000, 3).score("Fréchet distance", 1.0, HASH), "binarised: threshold against nothing"),
        (PROTOCOL.score("recall", 1.0, {"weights hash": "ab12"}), "another measure"),
    ],
)  # fmt: skip
def test_protocols_that_differ_refuse_and_say_in_what(other: Score, said: str) -> None:
    with pytest.raises(Incomparable, match=said):
        better_of(distance(2.0), other)


def test_seeds_weights_and_results_may_differ() -> None:
    a = ScoreProtocol("test", 10, 10, 0, "averaged").score("x", 1.0, detail={"shares": {"a": 0.5}})
    b = ScoreProtocol("test", 10, 10, 1, "raw").score("x", 2.0, detail={"shares": {"a": 0.1}})
    assert differences(a.protocol, b.protocol) == []


def test_differences_look_inside_and_at_words() -> None:
    fewer = ScoreProtocol("test", 10_000, 1_000, seed=3).score("x", 1.0).protocol
    assert differences(distance(1.0).protocol, fewer) == [
        "note binarised: threshold against nothing",
        "weights hash ab12 against nothing",
    ]
    a, b = ({"features": {"dim": dim, "hash": "1f"}} for dim in (64, 32))
    assert differences(a, b) == ["features: dim 64 against 32"]
    assert differences("by hand", "by eye") == ["by hand against by eye"]
    assert differences("by hand", "by hand") == []
    assert differences(a, "") != []
