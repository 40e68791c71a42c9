"""Scores as a table: one line a measure, the headline first, reasons once."""

from __future__ import annotations

from dataclasses import replace

from genlab.comparison.rows import Results
from genlab.comparison.scored import table
from tests.report.fakes import bits, nats, score

FEATURES = " (small-net features)"


def measured(name: str, value: float | None, question: str, **more: object) -> dict:
    common = {"split": "test", "real": 180, "generated": 500}
    return {name: replace(score(value, question=question, protocol=common, **more), name=name)}


SCORES = {
    **measured("coverage" + FEATURES, 0.4, "coverage", low=0.3, high=0.5),
    **measured("Fréchet distance" + FEATURES, None, "quality", reason="too few"),
    **measured("kernel distance" + FEATURES, 0.0123, "quality", low=0.01, high=0.015),
    **measured("recall" + FEATURES, None, "coverage", reason="too few"),
    **measured("copied training pictures", 0.25, "copying"),
}
RESULTS = Results("runs/a", "test", 3, "averaged", 64, bits(2.0, error=0.1), SCORES, 0.5)


def test_the_headline_stands_first_and_each_measure_is_one_line() -> None:
    head, *lines = table(RESULTS)
    assert [line[:24].strip() for line in lines[:5]] == [
        "kernel distance",
        "likelihood (−log p)",
        "coverage",
        "copied training pictures",
        "time to sample 100",
    ]
    assert head.index("better") == lines[0].index("lower")
    assert "0.0123  0.0100 to 0.0150" in lines[0]
    assert lines[0].endswith("how far the samples as a whole are from real ones; 0: not at all")
    assert "≤ 2.00 bits/dim  1.80 to 2.20" in lines[1]
    assert lines[1].endswith("given their label; a bound")


def test_what_was_not_measured_is_one_line_for_each_reason() -> None:
    assert table(RESULTS)[6] == "not measured: Fréchet distance and recall (too few)"


def test_what_all_share_is_said_once() -> None:
    last = table(RESULTS)[-1]
    assert last == (
        "test split, 180 real examples, 500 samples, averaged weights, seed 3, in small-net features unless said otherwise"
    )


def test_of_a_text_the_likelihood_is_the_headline() -> None:
    found = replace(RESULTS, likelihood=nats(1.5, "nats_per_character"))
    assert table(found)[1].startswith("likelihood (−log p)")
    assert "to" not in table(found)[1].split("1.50 nats/character")[1].split("lower")[0], "no interval is known"


def test_a_model_without_a_likelihood_says_so() -> None:
    assert "no likelihood: this model" in "\n".join(table(replace(RESULTS, likelihood=None)))


def test_a_narrow_terminal_leaves_the_last_column_out() -> None:
    lines = table(RESULTS, 90)
    assert max(map(len, lines[:6])) <= 90
    assert "what it says" not in lines[0]


def test_results_in_a_notebook_are_the_table() -> None:
    assert repr(RESULTS).splitlines() == ["runs/a", *table(RESULTS)]
