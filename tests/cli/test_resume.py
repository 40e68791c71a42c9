"""Going on with a run from the command line: finished, stopped, extended, forked, moved; and what is said where it fails."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import genlab
from genlab.core.moves import Tick
from genlab.features.perceptual import network
from genlab.runs.folder import Folder
from tests.cli.calls import call, refused

Runs = Callable[[str], Path]


def test_a_finished_run_is_resumed_as_finished(run: Runs) -> None:
    there = run("ring")
    names = ("weights.safetensors", "best.safetensors", "checkups.jsonl", "ticks.jsonl")
    before = [(there / name).read_bytes() for name in names]
    with (there / "checkups.jsonl").open("a") as file:
        file.write('{"progress": ')  # somebody pulled the plug
    said = call("resume", there)
    assert said.code == 0
    assert "finished before, nothing was trained: 1,024 examples" in said.out
    assert f"more of it: genlab resume {there} --steps N" in said.out
    assert "training gan" not in said.err
    assert [(there / name).read_bytes() for name in names] == before


def test_more_of_a_run(run: Runs) -> None:
    there = run("ring")
    said = call("resume", there, "--steps", 3, "--json")
    assert json.loads(said.out)["examples"] == 7 * 256
    assert "7 steps" in call("show", there).out
    assert "extend it by --steps, not by --seconds" in refused("resume", there, "--seconds", 5)


def test_a_fork(run: Runs, tmp_path: Path) -> None:
    there = run("ring")
    before = {path.name: path.read_bytes() for path in there.glob("*.*")}
    said = call("resume", there, "--out", "fork", "--seed", 3, "--set", "optim.rate=1e-4", "--steps", 2)
    assert said.code == 0, said.err
    assert "run: fork" in said.out
    assert {path.name: path.read_bytes() for path in there.glob("*.*")} == before
    assert genlab.load(tmp_path / "fork").recipe.optim.rate == 1e-4
    assert "--out" in refused("resume", there, "--set", "optim.rate=1e-4")
    assert "did you mean" in refused("resume", there, "--out", "other", "--set", "optim.rat=1e-4")
    assert "--force" in refused("resume", there, "--out", "fork", "--steps", 2)
    assert "write --seed 4" in refused("resume", there, "--out", "other", "--set", "seed=4", "--seed", 5)
    assert call("resume", there, "--out", "fork", "--set", "seed=4", "--steps", 2, "--force").code == 0
    assert genlab.load(tmp_path / "fork").recipe.seed == 4


def test_checkpoints_come_as_often_as_asked_for(tmp_path: Path) -> None:
    assert call("train", "gan", "points/ring", "--steps", 7, "--save-every", 2, "--out", "run").code == 0
    kept = Folder("run").manifest.read()["checkpoints"]
    assert [entry["examples"] // 256 for entry in kept] == [6, 7]
    assert [path.name for path in sorted((tmp_path / "run" / "state").iterdir())] == ["3.safetensors", "4.safetensors"]
    assert "--save-every must be at least 1" in refused("train", "gan", "points/ring", "--steps", 7, "--save-every", 0)


class Breaks:
    """Training whose weights are lost at one step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: int):
        from genlab.runs import train

        def fit(model: Any, *arguments: Any, **options: Any) -> Any:
            for tick in whole(model, *arguments, **options):
                yield tick
                if isinstance(tick, Tick) and tick.closes and tick.step == step and not self.done:
                    self.done = True
                    next(model.parameters()).detach().fill_(float("nan"))

        self.done, whole = False, train.fit
        monkeypatch.setattr(train, "fit", fit)


def test_a_breakdown_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    Breaks(monkeypatch, 4)
    said = refused("train", "vae", "points/ring", "--steps", 9, "--save-every", 3, "--out", "run")
    assert "training broke down at step 5 of stage" in said
    assert "has values that are not finite" in said
    assert "The batch is kept in run/broken/stage-0-step-5.json" in said
    assert "genlab resume run --out NEW --set optim.rate=... optim.clip=1" in said
    assert "genlab resume run --on-nan halve-lr" in said
    done = call("resume", "run")
    assert done.code == 0
    assert call("sample", "run", "-n", 2, "--out", "x.npz").code == 0


def test_a_breakdown_that_is_gone_on_from_is_an_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    Breaks(monkeypatch, 4)
    said = call("train", "vae", "points/ring", "--steps", 9, "--save-every", 3, "--out", "run", "--on-nan", "halve-lr")
    assert said.code == 0, said.err
    assert "alarm" in call("show", "run").out
    assert "0.5 of the learning rates" in call("show", "run").out


class Forbidden:
    def __init__(self, *arguments: Any, **options: Any) -> None:
        raise AssertionError("a pickle was opened")


def test_no_verb_reads_or_writes_a_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is called: neither Python's own nor torch's. The weights installed with genlab come in torch's format; they are
    known by their hash before they are read, as plain tensors, and once only: before this test."""
    network()
    for owner, name in ((pickle, "Unpickler"), (pickle, "load"), (pickle, "loads"), (torch, "load"), (torch, "save")):
        monkeypatch.setattr(owner, name, Forbidden)
    with pytest.raises(AssertionError, match="a pickle was opened"):
        torch.save({}, "x")
    verbs: list[tuple[object, ...]] = [
        ("train", "vae", "digits", "--steps", 3, "--save-every", 1, "--out", "run"),
        ("resume", "run", "--steps", 2),
        ("resume", "run", "--steps", 2, "--out", "fork"),
        ("sample", "run", "-n", 2),
        ("sample", "run", "-n", 2, "--best"),
        ("sample", "run", "-n", 2, "--out", "x.npz"),
        ("score", "run", "-n", 60, "--examples", 20),
        ("reconstruct", "run"),
        ("interpolate", "run"),
        ("show", "run"),
        ("train", "ngram", "strings/words", "--steps", 2, "--out", "text"),
        ("complete", "text", "--text", "a"),
        ("compare", "points/ring", "--seconds", 0.3, "--models", "vae,gan", "--samples", 100, "--out", "report"),
        ("list",),
        ("list", "data"),
    ]
    for words in verbs:
        said = call(*words)
        assert said.code == 0, (words, said.err)
