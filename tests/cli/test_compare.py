"""The main job: what a comparison writes, keeps, refuses, and says of models that fail."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import genlab
from genlab.cli import compare
from tests.cli.calls import call, refused
from tests.report.fakes import record

QUICK = ("--seconds", 0.3, "--samples", 100)


def test_the_record_is_the_one_that_is_promised(tmp_path: Path) -> None:
    said = call("compare", "points/ring", "--models", "gan,vae", *QUICK, "--out", "ring", "--json")
    assert said.code == 0, said.err
    record = json.loads(said.out)
    assert record == json.loads((tmp_path / "ring/report.json").read_text())
    assert {"data", "budget", "rows"} <= record.keys()
    assert {"unit": "seconds", "amount": 0.3, "seeds": 1, "samples": 100}.items() <= record["budget"].items()
    assert [row["name"] for row in record["baselines"]] == ["real data", "noise"]
    assert record["verdicts"]
    gan, vae = record["rows"]
    keys = {"name", "family", "parameters", "train_seconds", "examples_seen", "likelihood", "sample_seconds_per_100"}
    keys |= {"speed", "checkups", "alarms", "load"}
    for row in (gan, vae):
        assert keys | {"scores", "run"} <= row.keys()
        assert row["train_seconds"] >= 0.29
        assert row["examples_seen"] > 0
        assert genlab.load(row["run"]).sample(2).shape == (2, 2)
        assert all({"value", "protocol", "question"} <= score.keys() for score in row["scores"].values())
        assert row["checkups"][-1]["progress"] == 1
        assert row["speed"]["operations"] > 0
    assert gan["likelihood"] is None
    assert {"nats", "value", "claim", "how"} <= vae["likelihood"].keys()
    assert vae["likelihood"]["claim"] == "lower"


def test_the_page_needs_no_network_and_names_what_it_shows(tmp_path: Path) -> None:
    said = call("compare", "points/ring", "--models", "gan", *QUICK)
    assert "report: reports/points-ring/report.html" in said.out
    page = (tmp_path / "reports/points-ring/report.html").read_text()
    assert not re.search(r"(src|href)=[\"']?https?://", page)
    assert "--seed 0" in page
    assert 'name="viewport"' in page


def test_a_comparison_is_replaced_only_by_force(tmp_path: Path) -> None:
    words = ("compare", "points/ring", "--models", "gan", *QUICK, "--out", "here")
    assert call(*words).code == 0
    before = (tmp_path / "here/report.json").read_bytes()
    for other, hint in (
        (("compare", "points/moons", *words[2:]), "on other data (points/ring)"),
        ((*words[:4], "--seconds", 9, *words[6:]), "gave every model 0.3 seconds, not 9 seconds"),
        ((*words[:6], "--samples", 50, *words[8:]), "drew 100 samples, not 50"),
    ):
        said = refused(*other)
        assert hint in said
        assert "--force" in said
    assert (tmp_path / "here/report.json").read_bytes() == before
    assert call(*words, "--force").code == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    assert "holds no comparison" in refused(*words[:-1], "mine", "--force")
    assert (tmp_path / "mine/thesis.txt").exists()


def test_lines_end_to_end(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("\n".join(f"{a}{b}{c}" for a in "abcd" for b in "aeiou" for c in "lmnrst"))
    said = call("compare", "names.txt", "--lines", "--models", "ngram", *QUICK, "--json")
    assert said.code == 0, said.err
    (row,) = json.loads(said.out)["rows"]
    assert 0.5 < row["likelihood"]["value"] < 2
    assert row["likelihood"]["claim"] == "exact"


def test_binarisation_is_named_in_every_score() -> None:
    call("compare", "digits", "--models", "vae", *QUICK, "--binarise", "threshold", "--out", "bits")
    (row,) = json.loads(Path("bits/report.json").read_text())["rows"]
    assert row["likelihood"]["note"] == "binarised: threshold"
    assert row["scores"]
    assert all("binarised: threshold" in json.dumps(score["protocol"]) for score in row["scores"].values())


def test_what_is_done_is_not_done_again_and_models_and_seeds_can_be_added(tmp_path: Path) -> None:
    words = ("compare", "points/ring", *QUICK, "--out", "here", "--json")
    first = json.loads(call(*words, "--models", "gan").out)
    weights = (tmp_path / "here/runs/gan/weights.safetensors").stat()
    again = call(*words, "--models", "gan")
    assert "nothing is left to do" in again.err
    assert json.loads(again.out)["rows"] == first["rows"]
    more = json.loads(call(*words, "--models", "vae", "--seeds", 2).out)
    assert [(row["name"], row["seed"]) for row in more["rows"]] == [("gan", 0), ("vae", 0), ("vae", 1)]
    assert more["rows"][0] == first["rows"][0]
    assert more["command"] == "genlab compare points/ring --models gan,vae --seconds 0.3 --seeds 2 --samples 100 --out here"
    unsaid = json.loads(call("compare", "points/ring", "--models", "gan", "--out", "here", "--json").out)
    assert unsaid["budget"] == more["budget"]  # a budget that is not said is the one it had
    assert "made in the features that suit" in refused(*words[:-1], "--features", "random")
    assert (tmp_path / "here/runs/gan/weights.safetensors").stat() == weights
    page = (tmp_path / "here/report.html").read_text()
    assert page.count("data:image/png") > 3  # samples of the earlier model too


def test_budgets_of_examples_and_operations_are_equal() -> None:
    said = call("compare", "points/ring", "--models", "gan,vae", "--budget", "examples=2000", "--samples", 100, "--json")
    assert said.code == 0, said.err
    gan, vae = json.loads(said.out)["rows"]
    assert abs(gan["examples_seen"] - vae["examples_seen"]) <= 256
    said = call(
        "compare", "points/ring", "--models", "gan,vae", "--budget", "operations=2e9", "--samples", 100, "--json", "--force"
    )
    assert said.code == 0, said.err
    for row in json.loads(said.out)["rows"]:
        assert row["train_operations"] == pytest.approx(2e9, rel=0.1)


def test_runs_that_exist_are_compared_without_training(run: Callable[[str], Path], tmp_path: Path) -> None:
    vae, gan = run("vae"), run("gan")
    said = call("compare", vae, gan, "--samples", 100, "--out", "both", "--json")
    assert said.code == 0, said.err
    record = json.loads(said.out)
    assert [row["run"] for row in record["rows"]] == [str(vae), str(gan)]
    assert all(row["scores"] for row in record["rows"])
    assert "different data" in refused("compare", vae, run("ring"), "--out", "not")
    assert "is no run of genlab" in refused("compare", vae, "digits", "--out", "not")
    assert not (tmp_path / "not").exists()


def test_a_table_has_every_score_with_its_interval() -> None:
    said = call("compare", "points/ring", "--models", "gan,vae", *QUICK, "--table")
    assert said.code == 0, said.err
    for word in ("squared MMD", "energy distance", "share of modes covered", "real data", "noise"):
        assert word in said.out
    assert re.search(r"squared MMD +\S+ \(\S+ to \S+\)", said.out)


def test_a_model_that_fails_does_not_take_the_others_along(monkeypatch: pytest.MonkeyPatch) -> None:
    from genlab.comparison import training

    on_tick = training.Watch.on_tick

    def sometimes(watch: Any, tick: Any) -> None:
        if watch.session.recipe.name == "vae":
            raise RuntimeError("no luck")
        on_tick(watch, tick)

    monkeypatch.setattr(training.Watch, "on_tick", sometimes)
    said = call("compare", "points/ring", "--models", "vae,gan", *QUICK, "--out", "both")
    assert said.code == 0
    assert "vae: RuntimeError: no luck" in said.out
    first, second = json.loads(Path("both/report.json").read_text())["rows"]
    assert "no luck" in first["error"]
    assert second["scores"]
    assert call("compare", "points/ring", "--models", "vae", *QUICK, "--out", "none").code == 1


def test_seeds_are_runs_of_their_own() -> None:
    said = call("compare", "points/ring", "--models", "gan", *QUICK, "--seeds", 2, "--out", "two", "--json")
    assert [Path(row["run"]).name for row in json.loads(said.out)["rows"]] == ["gan", "gan-seed-1"]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["digits", "--models", "gna"], "did you mean gan?"),
        (["digits", "--models", ","], "names no model"),
        (["digits", "--models", "rbm"], "--binarise"),
        (["points/ring", "--models", "pixelcnn"], "pictures"),
        (["digits", "--seconds", "-1"], "--seconds must be more than 0"),
        (["digits", "--budget", "examples=-1"], "--budget examples must be more than 0"),
        (["digits", "--budget", "hours=1"], "UNIT is one of seconds, examples, operations"),
        (["digits", "--seconds", "3", "--budget", "examples=9"], "leave one out"),
        (["digits", "--features", "clasifier"], "classifier"),
        ([], "name what to compare on"),
        (["digits", "--seconds", "nan"], "--seconds must be more than 0"),
        (["digits", "--seeds", "0"], "--seeds must be at least 1"),
        (["digits", "--samples", "0"], "--samples must be at least 1"),
        (["digits", "--lines"], "--lines does not suit digits"),
        (["digist"], "did you mean digits?"),
    ],
)
def test_impossible_comparisons_are_refused_before_anything_is_written(words: list[str], hint: str, tmp_path: Path) -> None:
    assert hint in refused("compare", *words)
    assert not (tmp_path / "reports").exists()


def test_what_was_trained_and_not_measured_yet_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    stopped = replace(record([]), pending=("vae", "gan"))
    compare._print_result(cast(Any, SimpleNamespace(record=lambda: stopped, folder=Path("here"))), json=False, table=False)
    said = capsys.readouterr().out
    assert said.startswith("not measured yet: vae, gan\n")
    assert "parameters" not in said, "no table without rows"
    assert f"report: {Path('here/report.html')}" in said
