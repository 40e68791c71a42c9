"""A comparison that is given more time goes on from where it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import genlab
from genlab.comparison.events import Training
from tests.cli.calls import call, refused

WORDS = ("compare", "points/ring", "--samples", 100, "--out", "here")


def report() -> dict[str, Any]:
    return json.loads(Path("here/report.json").read_text())


def test_a_comparison_learns_on_and_is_measured_again() -> None:
    assert call(*WORDS, "--models", "gan,vae", "--seconds", 0.3).code == 0
    before = report()
    assert "--more 0.2 trains them on to that" in refused(*WORDS, "--seconds", 0.5)
    assert "--more" not in refused(*WORDS, "--seconds", 0.1)
    said = call(*WORDS, "--more", 0.2)
    assert said.code == 0, said.err
    assert "2 models × 0.2 s more" in said.err
    after = report()
    assert after["budget"]["amount"] == 0.5
    assert "--seconds 0.5" in after["command"]
    assert [row["name"] for row in after["rows"]] == ["gan", "vae"], "no other model is added"
    for old, new in zip(before["rows"], after["rows"], strict=True):
        assert 0.45 < new["train_seconds"] < 0.9
        assert new["examples_seen"] > old["examples_seen"]
        assert new["scores"] != old["scores"]
        assert genlab.load(new["run"]).recipe.budget.total == 0.5
    assert "nothing is left to do" in call(*WORDS, "--models", "gan,vae").err


def test_what_was_interrupted_goes_on_to_the_new_budget() -> None:
    options: dict[str, Any] = {"samples": 100, "out": "here"}
    comparison = genlab.compare("points/ring", models=["gan", "vae"], seconds=0.3, **options).run().more(0.6)
    for event in comparison.events():
        if isinstance(event, Training) and event.share > 0.6:
            comparison.stop()
    stopped = report()
    assert [row["stopped"] for row in stopped["rows"]] == [True, True]
    assert "is not finished" in refused(*WORDS, "--more", 0.6)
    seen = [row["examples_seen"] for row in stopped["rows"]]
    assert call(*WORDS, "--models", "gan,vae").code == 0
    for row, before in zip(report()["rows"], seen, strict=True):
        assert 0.8 < row["train_seconds"] < 1.5
        assert row["examples_seen"] > before
        assert row["scores"]


def test_a_model_that_has_counted_all_data_keeps_its_scores(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("\n".join(f"{a}{b}{c}" for a in "abcd" for b in "aeiou" for c in "lmnrst"))
    words = ("compare", "names.txt", "--lines", "--samples", 100, "--out", "here")
    assert call(*words, "--models", "ngram", "--seconds", 0.3).code == 0
    before = report()
    assert call(*words, "--more", 0.3).code == 0
    assert report()["rows"] == before["rows"]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--more", 5), "there is none in this folder; give --seconds"),
        (("--more", 5, "--seconds", 5), "leave out the budget itself"),
        (("--more", 0), "--more must be more than 0"),
    ],
)
def test_more_of_nothing_is_refused(words: tuple[Any, ...], hint: str, tmp_path: Path) -> None:
    assert hint in refused(*WORDS, *words)
    assert not (tmp_path / "here").exists()
