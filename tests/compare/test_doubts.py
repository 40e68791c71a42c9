"""What speaks against a model is said, and only that."""

from __future__ import annotations

from typing import Any

import pytest

from genlab.compare.doubts import alarmed, beside, caveats, copied, no_better_than_noise, remarks
from tests.report.fakes import DIGITS, bits, distance, everything, four, record, row


def noisy(value: float, better: str = "lower", **protocol: Any) -> dict[str, Any]:
    scores = distance(value, **protocol)
    scores["Fréchet distance"]["better"] = better
    return {"beside": [{"name": "noise", "what": "worthless", "scores": scores}]}


def copying(name: str, value: float, low: float | None = None, **more: Any) -> dict[str, Any]:
    score = {"value": value, "protocol": "p", "better": "lower", "question": "copying"}
    return row(name, None, {"copied training pictures": score | ({} if low is None else {"low": low, "high": 1.0})}, **more)


def test_one_seed_is_said_and_so_is_who_has_no_likelihood() -> None:
    assert remarks(record(four())) == [
        "One seed: what is separated here is separated for these runs; other seeds may differ.",
        "pixelcnn alone has a likelihood of its kind (exact, given label), 1.86 bits/dim: not ranked.",
        "gan has no likelihood and cannot say how probable an example is.",
    ]
    assert remarks(record([])) == ["No model has been measured yet."]
    assert remarks(record(four()[:1])) == ["One model: nothing to compare it with."]
    assert remarks(everything())[0] == "Means over 2 seeds."


def test_who_is_no_better_than_noise_is_named() -> None:
    rows = [row("a", None, distance(0.2)), row("b", None, distance(0.5)), row("c", None, distance(0.4))]
    said = record(rows) | noisy(0.4)
    assert list(no_better_than_noise(said)) == [("Fréchet distance", ["c", "b"], 0.4)]
    assert "b and c are no better than noise by Fréchet distance (0.400)." in remarks(said)
    assert list(caveats(["b"], said)) == ["but b is no better than noise by Fréchet distance (0.400)"]
    assert list(caveats(["a"], said)) == []


def test_noise_is_a_yardstick_for_the_leading_measures_only() -> None:
    def scores(value: float) -> dict[str, Any]:
        return {name: {"value": value, "protocol": "p", "better": "lower"} for name in ("one", "two", "three")}

    said = record([row("a", None, scores(2.0)), row("b", None, scores(0.5))])
    said |= {"beside": [{"name": "noise", "what": "", "scores": scores(1.0)}]}
    assert list(caveats(["a", "b"], said)) == ["but a is no better than noise by one (1.00) and two (1.00)"]
    said["models"][1]["scores"]["two"]["value"] = 3.0
    assert list(caveats(["a", "b"], said)) == [
        "but a is no better than noise by one (1.00) and two (1.00)",
        "but b is no better than noise by two (1.00)",
    ]


def test_noise_is_judged_by_the_same_protocol_and_the_right_way() -> None:
    rows = [row("a", None, distance(0.5)), row("b", None, distance(0.6))]
    assert not list(no_better_than_noise(record(rows) | noisy(0.4, generated=3)))
    for model in rows:
        model["scores"]["Fréchet distance"]["better"] = "higher"
    assert not list(no_better_than_noise(record(rows) | noisy(0.4, "higher")))
    assert beside(record(rows) | noisy(0.4), "noise", "Fréchet distance") == 0.4
    assert beside(record(rows) | noisy(0.4), "real data", "Fréchet distance") is None


def test_noise_copies_nothing_and_that_is_no_praise() -> None:
    rows = [copying("a", 0.3), copying("b", 0.2)]
    said = record(rows) | {"beside": [{"name": "noise", "what": "", "scores": copying("", 0.0)["scores"]}]}
    assert not list(no_better_than_noise(said))


@pytest.mark.parametrize(
    ("value", "low", "share"), [(0.12, 0.08, 0.12), (0.12, None, 0.12), (0.02, 0.004, None), (0.01, None, None)]
)
def test_copies_count_where_they_are_more_than_false_alarms(value: float, low: float | None, share: float | None) -> None:
    assert copied("a", [copying("a", value, low)]) == share


def test_copies_are_averaged_over_seeds() -> None:
    rows = [copying("a", 0.1, seed=0), copying("a", 0.3, seed=1), copying("b", 0.0)]
    assert copied("a", rows) == pytest.approx(0.2)
    assert list(caveats(["a"], record(rows))) == ["but 20 % of a's samples are copies of training examples"]
    assert "20 % of a's samples are copies of training examples." in remarks(record(rows))


def test_alarms_are_named_with_their_time_and_in_how_many_runs() -> None:
    loud = {"alarms": [{"kind": "collapse", "progress": 0.4}, {"kind": "collapse", "progress": 0.9}]}
    assert alarmed("a", [row("a") | loud]) == ["collapse at 40 %"]
    assert alarmed("a", [row("a") | loud, row("a")]) == ["collapse at 40 % (in 1 of 2 runs)"]
    assert alarmed("a", [row("a"), row("b") | loud]) == []
    assert alarmed("a", [row("a") | {"alarms": [{"kind": "gradient"}]}]) == ["gradient"]


def test_scores_made_differently_say_how() -> None:
    rows = [row("a", None, distance(2.0)), row("b", None, distance(1.0, generated=500))]
    assert "Fréchet distance of a and b do not compare: generated 2,000 against 500." in remarks(record(rows))


def test_an_unequally_busy_machine_is_said() -> None:
    rows = [row("a", load={"mean": 3.0}), row("b", load={"mean": 1.0}), row("c")]
    assert any("its load was 3.0 while a trained, 1.0 while b did" in line for line in remarks(record(rows)))
    quiet = [row("a", load={"mean": 0.4}), row("b", load={"mean": 0.1})]
    assert not any("load" in line for line in remarks(record(quiet)))


def test_a_model_that_stopped_is_not_blamed_for_what_it_lacks() -> None:
    rows = [*four(), row("flow-matching", None, {}, None, error="out of memory")]
    assert "flow-matching" not in " ".join(remarks(record(rows)))


def test_a_likelihood_of_its_kind_in_another_space() -> None:
    other = {**DIGITS.to_json(), "levels": 2}
    rows = [row("a", bits(2.0), space=DIGITS.to_json()), row("b", bits(1.0), space=other)]
    assert sum("alone has a likelihood of its kind" in line for line in remarks(record(rows))) == 2


def test_what_is_still_to_come_is_said() -> None:
    assert remarks({"models": [], "pending": ["vae", "gan-seed-1"]}) == [
        "No model has been measured yet.",
        "Not measured yet: vae and gan-seed-1.",
    ]
