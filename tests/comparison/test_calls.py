"""Comparing and scoring from Python: a loop that can be left and gone on with, rows, the best, the page."""

from __future__ import annotations

import itertools
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import genlab
from genlab.api import session
from genlab.cli.compare import budget_of
from genlab.comparison import calls
from genlab.comparison.events import Failed, Measured, Measuring, Training
from genlab.comparison.options import CompareOptions
from genlab.core.moves import Tick
from genlab.core.recipe import Budget
from genlab.measure.catalogue import measure_of
from genlab.measure.table import scores_for
from genlab.trained import Run
from genlab.watch import Watch

QUICK: dict[str, Any] = {"models": ["gan"], "examples": 2000, "samples": 50}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_loop_that_is_left_is_gone_on_with(tmp_path: Path) -> None:
    comparison = genlab.compare("points/ring", **QUICK, out="here")
    assert "not begun" in repr(comparison)
    for event in comparison:
        if isinstance(event, Training) and event.share > 0.1:
            break
    (row,) = comparison.rows
    assert row.stopped
    assert not row.measured
    assert (tmp_path / "here/runs/gan/weights.safetensors").exists()
    with pytest.raises(ValueError, match="there is no best model in here: gan: stopped"):
        comparison.best()

    again = genlab.compare("points/ring", **QUICK, out="here")
    events = list(again)
    lines = [str(event) for event in events]
    assert all(line != after for line, after in itertools.pairwise(lines)), "what reads as the line before is no event"
    assert all("\n" not in line and "(" not in line.split(":")[0] for line in lines)
    assert sum("training gan in turn: " in line for line in lines) <= 101
    assert any(line.startswith("measured: gan: ") for line in lines)
    assert not [event for event in events if isinstance(event, Failed)]
    assert next(event for event in events if isinstance(event, Training)).before > 0.1
    assert any(isinstance(event, Measuring) for event in events)
    assert [event.row.name for event in events if isinstance(event, Measured)] == ["gan"]
    assert again.best().run == "here/runs/gan"
    assert again.best().measured
    page = again.report("page.html")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")

    runs = genlab.compare([genlab.load("here/runs/gan")], samples=50, out="runs")
    assert [row.examples_seen for row in runs.rows] == [again.best().examples_seen]
    found = genlab.score("here/runs/gan", n=50)
    assert found.likelihood is None
    assert found.scores.keys() == runs.rows[0].scores.keys()
    assert "no likelihood" in repr(found)


def test_an_interrupted_loop_says_what_its_checkpoints_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt comes within a step, of which nothing is kept: the row says where the same call goes on."""

    def on_tick(watch: Watch, tick: Tick) -> None:
        if tick.progress > 0.5:
            raise KeyboardInterrupt

    comparison = genlab.compare("points/ring", **QUICK, out="here")
    with monkeypatch.context() as patch:
        patch.setattr(Watch, "on_tick", on_tick)
        with pytest.raises(KeyboardInterrupt):
            comparison.run()
    (row,) = comparison.rows
    assert row.error.startswith("stopped at 0% of its training")
    assert next(iter(genlab.compare("points/ring", **QUICK, out="here"))) == Training("training gan in turn", 0.0)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ({"seconds": 3, "examples": 9}, "leave one out"),
        ({"seconds": -1}, "seconds must be more than 0"),
        ({"seeds": 0}, "seeds must be at least 1"),
        ({"models": ["gna"]}, "did you mean gan"),
        ({"modles": ["gan"]}, "compare has no option 'modles'; did you mean models?"),
        ({"siez": 8}, "data have no option 'siez'; did you mean size?"),
    ],
)
def test_impossible_calls_are_refused_before_anything_is_written(asked: dict[str, Any], hint: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=hint):
        genlab.compare("points/ring", **asked)
    assert not (tmp_path / "reports").exists()


def test_options_of_data_that_are_open_already_are_refused(tmp_path: Path) -> None:
    """A misspelt option would be taken for one of them, and nobody told."""
    data = genlab.open("points/ring")
    with pytest.raises(ValueError, match=r"model, size: options of genlab\.open, and these data are open already"):
        genlab.compare(data, model="vae", size=8, out="here")
    with pytest.raises(ValueError, match="the list of runs is empty"):
        genlab.compare([])
    run = genlab.train("gan", data, steps=1, out="run")
    with pytest.raises(ValueError, match="none is trained: leave out the budget and the number of seeds"):
        genlab.compare([run], seconds=1)
    with pytest.raises(ValueError, match="none is trained: leave out the budget and the number of seeds"):
        genlab.compare(["run"], seeds=2)
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


def test_what_cannot_be_scored_is_said_before_anything_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    data = genlab.open("points/ring")
    session("vae", data, "untrained", budget=Budget(steps=5))
    run = genlab.train("gan", data, steps=1, out="run")
    monkeypatch.setattr(Run, "data", lambda *_: pytest.fail("the data were opened"))
    with pytest.raises(ValueError, match="untrained holds no weights yet"):
        genlab.score("untrained")
    with pytest.raises(ValueError, match="stepz: "):
        genlab.score(run, stepz=3)
    assert genlab.score(run, n=50, data=data).scores
    with pytest.raises(ValueError, match="these are other data than"):
        genlab.score(run, n=50, data=genlab.open("points/moons"))


@pytest.mark.parametrize("source", ["points/ring", "digits", "strings/weather", "strings/words"])
def test_every_score_is_a_measure_of_the_list(source: str) -> None:
    data = genlab.open(source)
    x = torch.as_tensor(data.once("train", 0, 60).x)
    scores = scores_for(data, x)
    assert scores
    for name, score in scores.items():
        measure = measure_of(name)
        assert measure is not None, name
        assert (measure.question, measure.better) == (score.question, score.better or ""), name


@pytest.mark.parametrize(
    ("unit", "amount"), [("seconds", 0.3), ("seconds", 100000.25), ("examples", 1234567), ("operations", 1e13)]
)
def test_the_command_that_repeats_a_comparison_has_its_budget(unit: Any, amount: float) -> None:
    words = shlex.split(CompareOptions("digits", unit=unit, amount=amount).command(Path("here")))
    option = words[words.index("--seconds" if unit == "seconds" else "--budget") + 1]
    assert budget_of(float(option), None) == (unit, amount) if unit == "seconds" else budget_of(None, option) == (unit, amount)


def test_what_there_is_can_be_listed() -> None:
    assert {"vae", "gan"} <= {model.name for model in genlab.list_models()}
    assert len({measure.name for measure in genlab.list_measures()}) == len(genlab.list_measures())


def test_runs_of_one_name_and_seed_are_all_measured() -> None:
    data = genlab.open("points/ring")
    for place, steps in (("a/gan", 1), ("b/gan", 1), ("c/gan", 2)):
        genlab.train("gan", data, steps=steps, out=place)
    rows = genlab.compare(["a/gan", "b/gan", "c/gan"], samples=50, out="all").rows
    assert [row.run for row in rows] == ["a/gan", "b/gan", "c/gan"]
    assert len({(row.name, row.seed) for row in rows}) == 3
    assert [row.run for row in genlab.compare(["a/gan", "b/gan"], samples=50, out="two").rows] == ["a/gan", "b/gan"]


def test_a_run_that_was_deleted_is_trained_anew() -> None:
    asked = {"models": ["gan", "vae"], "examples": 500, "samples": 50, "out": "here"}
    before = genlab.compare("points/ring", **asked).rows
    shutil.rmtree("here/runs/gan")
    again = genlab.compare("points/ring", **asked)
    assert [key.name for key in again.todo()] == ["gan"]
    assert [row.name for row in again.rows if row.measured] == [row.name for row in before]
    assert Path("here/runs/gan/weights.safetensors").exists()


def test_a_folder_that_is_taken_is_refused_before_features_are_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "instruments", lambda *_: pytest.fail("features were trained"))
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    run = genlab.train("gan", "points/ring", steps=1, out="run")
    for data in ("points/ring", [run]):
        for force in (False, True):
            with pytest.raises(ValueError, match="mine exists and holds no comparison"):
                genlab.compare(data, out="mine", force=force)
    assert Path("mine/notes.txt").read_text() == "mine"


def test_nothing_is_compared_without_a_test_split(tmp_path: Path) -> None:
    np.savez("points.npz", x=np.random.default_rng(0).standard_normal((200, 2)))
    with pytest.raises(ValueError, match="no test split to measure on; give it a share"):
        genlab.compare("points.npz", shares=(0.9, 0.1, 0.0), out="here")
    run = genlab.train("vae", genlab.open("points.npz", shares=(0.9, 0.1, 0.0)), steps=1, out="run")
    for measure in (lambda: genlab.compare([run], out="here"), lambda: genlab.score(run)):
        with pytest.raises(ValueError, match="no test split to measure on"):
            measure()
    assert not (tmp_path / "here").exists()


def test_a_comparison_is_replaced_where_a_link_leads(tmp_path: Path) -> None:
    Path("disk").mkdir()
    Path("here").symlink_to("disk")
    for force in (False, True):
        assert genlab.compare("points/ring", models=["gan"], examples=100, samples=50, out="here", force=force).rows[0].measured
    assert (tmp_path / "disk/report.json").is_file()
