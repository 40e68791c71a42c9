"""What speaks against a model is said, and only that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from genlab.comparison.doubts import alarmed, baseline_value, caveats, copying, no_better_than_noise, remarks
from genlab.comparison.rows import Baseline, Load, Row
from genlab.comparison.summary import leader
from genlab.comparison.verdicts import recommendation, verdicts
from genlab.measure.alarms import Alarm
from genlab.measure.copies import USUAL
from genlab.measure.score import Better, Score
from tests.report.fakes import LINES, distance, everything, four, nats, record, row, score


def noisy(value: float, better: Better = "lower", **protocol: Any) -> list[Baseline]:
    return [Baseline("noise", "worthless", distance(value, better, **protocol))]


def copier(name: str, value: float, low: float | None = None, **more: Any) -> Row:
    found = score(value, question="copying", low=low, high=None if low is None else 1.0)
    return row(name, None, {"copied training pictures": found}, **more)


def test_one_seed_is_said_and_so_is_who_has_no_likelihood() -> None:
    assert remarks(record(four())) == [
        "One run per model: another random start may give another order (--seeds 3).",
        "gan has no likelihood and cannot say how probable an example is.",
    ]
    assert remarks(record([])) == ["No model has been measured yet."]
    assert remarks(record(four()[:1])) == ["One model: nothing to compare it with."]
    assert remarks(everything())[0] == "Means over 2 seeds."
    three = [row("a", None, distance(0.2 + seed), seed=seed) for seed in range(3)]
    assert remarks(record([*three, *(row("b", None, distance(0.5), seed=seed) for seed in range(2))]))[0] == (
        "Means over 2 seeds or more."
    )
    assert remarks(record([*three, row("b", None, distance(0.5))]))[0] == (
        "Some models have one run: another random start may give them another place."
    )


def test_who_is_no_better_than_noise_is_named() -> None:
    rows = [row("a", None, distance(0.2)), row("b", None, distance(0.5)), row("c", None, distance(0.4))]
    said = record(rows, baselines=noisy(0.4))
    assert list(no_better_than_noise(said)) == [("Fréchet distance", ["c", "b"], 0.4)]
    assert "b and c are no better than noise by Fréchet distance (0.400)." in remarks(said)
    assert list(caveats(["b"], said)) == ["but b is no better than noise by Fréchet distance (0.400)"]
    assert list(caveats(["a"], said)) == []


def test_noise_is_a_yardstick_for_the_leading_measures_only() -> None:
    def scores(value: float) -> dict[str, Score]:
        return {name: score(value) for name in ("one", "two", "three")}

    noise = [Baseline("noise", "", scores(1.0))]
    said = record([row("a", None, scores(2.0)), row("b", None, scores(0.5))], baselines=noise)
    assert list(caveats(["a", "b"], said)) == ["but a is no better than noise by one (1.00) and two (1.00)"]
    worse = scores(0.5) | {"two": score(3.0)}
    said = record([row("a", None, scores(2.0)), row("b", None, worse)], baselines=noise)
    assert list(caveats(["a", "b"], said)) == [
        "but a is no better than noise by one (1.00) and two (1.00)",
        "but b is no better than noise by two (1.00)",
    ]


def test_noise_is_judged_by_the_same_protocol_and_the_right_way() -> None:
    rows = [row("a", None, distance(0.5)), row("b", None, distance(0.6))]
    assert not list(no_better_than_noise(record(rows, baselines=noisy(0.4, generated=3))))
    higher = [row("a", None, distance(0.5, "higher")), row("b", None, distance(0.6, "higher"))]
    assert not list(no_better_than_noise(record(higher, baselines=noisy(0.4, "higher"))))
    assert baseline_value(record(rows, baselines=noisy(0.4)), "noise", "Fréchet distance") == 0.4
    assert baseline_value(record(rows, baselines=noisy(0.4)), "real data", "Fréchet distance") is None


def test_noise_copies_nothing_and_that_is_no_praise() -> None:
    rows = [copier("a", 0.3), copier("b", 0.2)]
    said = record(rows, baselines=[Baseline("noise", "", copier("", 0.0).scores)])
    assert not list(no_better_than_noise(said))


@pytest.mark.parametrize(
    ("value", "low", "share"), [(0.12, 0.08, "12%"), (0.12, None, "12%"), (0.02, 0.004, ""), (0.01, None, "")]
)
def test_copies_count_where_they_are_more_than_false_alarms(value: float, low: float | None, share: str) -> None:
    said = copying("a", [copier("a", value, low)])
    assert said == (f"{share} of a's samples are copies of training examples" if share else "")


def test_lines_of_the_training_set_are_copies_where_real_ones_are_rarer() -> None:
    def writer(share: float, real: float) -> Row:
        found = score(share, None, "copying", low=share - 0.03, high=share + 0.03, detail={USUAL: real})
        return row("ngram", None, {"share of lines of the training set": found})

    said = record([writer(0.41, 0.02)], LINES)
    sentence = "41% of ngram's samples stand word for word in the training set, of real ones not learnt from 2% at most"
    assert copying("ngram", said.rows) == sentence
    assert copying("ngram", [writer(0.41, 0.45)]) == "", "short names recur"
    other = row("gpt", nats(1.6, "nats_per_character"), {})
    best = replace(said.rows[0], likelihood=nats(1.2, "nats_per_character"))
    said = record([best, other], LINES)
    (verdict, *_) = verdicts(said)
    assert f"but {sentence}" in verdict.caveats
    picked = recommendation(said)
    assert picked is not None
    assert picked.name == "ngram"
    assert picked.why.endswith(f", but {sentence}")
    assert any(line.startswith(f"draw from ngram ({sentence}): ") for line in leader(said))


def test_copies_are_averaged_over_seeds() -> None:
    rows = [copier("a", 0.1, seed=0), copier("a", 0.3, seed=1), copier("b", 0.0)]
    assert list(caveats(["a"], record(rows))) == ["but 20% of a's samples are copies of training examples"]
    assert "20% of a's samples are copies of training examples." in remarks(record(rows))


def test_alarms_are_named_with_their_time_and_in_how_many_runs() -> None:
    loud = (Alarm("collapse", 0.4, 4.0, "", ""), Alarm("collapse", 0.9, 9.0, "", ""))
    assert alarmed("a", [row("a", alarms=loud)]) == ["collapse at 40%"]
    assert alarmed("a", [row("a", alarms=loud), row("a")]) == ["collapse at 40% (in 1 of 2 runs)"]
    assert alarmed("a", [row("a"), row("b", alarms=loud)]) == []


def test_scores_made_differently_say_how() -> None:
    rows = [row("a", None, distance(2.0)), row("b", None, distance(1.0, generated=500))]
    assert "Fréchet distance of a and b cannot be compared: generated 2,000 against 500." in remarks(record(rows))


def test_an_unequally_busy_machine_is_said() -> None:
    rows = [row("a", load=Load(3.0, 3.0)), row("b", load=Load(1.0, 1.0)), row("c")]
    assert any("its load was 3.0 while a trained, 1.0 while b did" in line for line in remarks(record(rows)))
    quiet = [row("a", load=Load(0.4, 0.4)), row("b", load=Load(0.1, 0.1))]
    assert not any("load" in line for line in remarks(record(quiet)))


def test_a_model_that_stopped_is_not_blamed_for_what_it_lacks() -> None:
    rows = [*four(), row("flow-matching", None, {}, None, error="out of memory")]
    assert "flow-matching" not in " ".join(remarks(record(rows)))


def test_what_is_still_to_come_is_said() -> None:
    assert remarks(replace(record([]), pending=("vae", "gan-seed-1"))) == [
        "No model has been measured yet.",
        "Not measured yet: vae and gan-seed-1.",
    ]
