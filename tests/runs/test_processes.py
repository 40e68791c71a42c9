"""Two processes, started as torchrun starts them, train one model: on CPUs, with gloo."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
import torch
from tests.runs.launch import ROOT, genlab, saved, started
from tests.runs.many import CASES

from genlab.runs.files import read_tensors
from genlab.runs.folder import Folder

LONG = ["-m", "genlab", "train", "vae", "points/ring", "--seconds", "120", "--save-every", "50", "--out", "run"]


# --- the mathematics -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("processes")
    for count in (2, 1):
        found = started(["-m", "tests.runs.many", str(path)], count, ROOT)
        said = [process.communicate(timeout=400)[1] for process in found]
        assert [process.returncode for process in found] == [0] * count, said
    return path


@pytest.mark.parametrize("case", CASES)
def test_processes_hold_one_model(trained: Path, case: str) -> None:
    (one, facts), (two, others) = (read_tensors(trained / f"{case}-2-{rank}") for rank in range(2))
    assert facts == others
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("case", CASES)
def test_two_processes_learn_what_one_does(trained: Path, case: str) -> None:
    """The same batches and noise, cut in two; sums are taken in another order. Weights and averages, in float64."""
    (whole, facts), (cut, others) = (read_tensors(trained / f"{case}-{name}") for name in ("1-0", "2-0"))
    assert facts.pop("losses") == pytest.approx(others.pop("losses"), rel=1e-6)
    assert facts == others
    assert whole.keys() == cut.keys()
    for name in whole:
        torch.testing.assert_close(whole[name], cut[name], rtol=1e-5, atol=1e-5)


def test_a_batch_norm_normalises_by_the_batch_of_all_processes(trained: Path) -> None:
    """Weights, running statistics and eval mode, after steps of two players through it; in float64."""
    whole, *cut = (read_tensors(trained / f"normalised-{name}")[0] for name in ("1-0", "2-0", "2-1"))
    assert all(torch.equal(cut[0][name], cut[1][name]) for name in whole)
    for name in whole:
        torch.testing.assert_close(whole[name], cut[0][name], rtol=1e-5, atol=1e-5)
    assert whole["net.1.num_batches_tracked"] == 12  # the judge's turns leave no trace


def test_what_couples_rows_has_its_gradient(trained: Path) -> None:
    whole, _ = read_tensors(trained / "coupled-1-0")
    for rank in range(2):
        found, _ = read_tensors(trained / f"coupled-2-{rank}")
        torch.testing.assert_close(found[str(rank)], whole[str(rank)])
        assert len(found) == 1


# --- the command -----------------------------------------------------------------------------------------------------


def test_train_writes_one_run_and_one_process_speaks(tmp_path: Path) -> None:
    """On a budget of seconds, of which each process measures its own; resumed by one, and by two again."""
    first, second = genlab("train", "gan", "points/ring", "--seconds", 1, "--out", "run", "--json", place=tmp_path)
    assert (first[0], second[0]) == (0, 0), first[2] + second[2]
    record = json.loads(first[1])
    assert record["finished"]
    assert second[1] == second[2] == ""
    (alone,) = genlab("resume", "run", "--seconds", 0.5, "--json", count=1, place=tmp_path)
    assert alone[0] == 0, alone[2]
    assert json.loads(alone[1])["examples"] > record["examples"]
    both = genlab("resume", "run", "--seconds", 0.5, "--json", place=tmp_path)
    assert [code for code, _, _ in both] == [0, 0], both
    assert json.loads(both[0][1])["examples"] > json.loads(alone[1])["examples"]
    assert Folder(tmp_path / "run").progress() == 1


@pytest.mark.parametrize(
    "launcher", ["accelerate.commands.launch --multi_gpu --num_processes 2", "torch.distributed.run --nproc-per-node 2"]
)
def test_launchers(tmp_path: Path, launcher: str) -> None:
    """The commands themselves; elsewhere their environment is set by hand, which is faster."""
    words = ["-m", "genlab", "train", "vae", "points/ring", "--steps", "6", "--out", "run", "--json"]
    (process,) = started(["-m", *launcher.split(), *words], 1, tmp_path)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert json.loads(out)["finished"]
    assert "parameters, shared by 2 processes, on cpu" in err


def test_one_goes_on_with_what_two_began(tmp_path: Path) -> None:
    """The checkpoint is the same whatever the number of processes, and so is what comes of it."""
    words = ("train", "vae", "points/ring", "--steps", 40, "--save-every", 15, "--out")
    genlab(*words, "whole", count=1, place=tmp_path)
    genlab(*words, "cut", place=tmp_path)
    folder = Folder(tmp_path / "cut")
    record = folder.manifest.read()
    record["checkpoints"] = [entry for entry in record["checkpoints"] if entry["progress"] < 1]
    assert record["checkpoints"]  # it goes on, and does not begin anew
    folder.manifest._write(record)
    (said,) = genlab("resume", "cut", count=1, place=tmp_path)
    assert said[0] == 0, said[2]
    one, two = (Folder(tmp_path / name).weights()[0] for name in ("whole", "cut"))
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-3, atol=1e-4)


def test_a_mistake_in_the_call_is_said_once(tmp_path: Path) -> None:
    for words, sentence in (
        (("train", "vae", "nowhere"), "there is no file or folder"),
        (("train", "vae", "points/ring", "--set", "batch=7"), "a batch of 7 does not divide among 2 processes"),
        (("sample", "run"), "genlab sample runs on one process"),
    ):
        found = genlab(*words, place=tmp_path)
        assert all(code != 0 for code, _, _ in found)
        assert "".join(err for _, _, err in found).count(sentence) == 1, found


def test_a_killed_process_ends_the_others_with_one_sentence(tmp_path: Path) -> None:
    main, other = started(LONG, 2, tmp_path)
    saved(tmp_path / "run")
    other.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    _, said = main.communicate(timeout=60)
    assert time.monotonic() - killed < 60
    assert main.returncode == 1
    assert "Traceback" not in said
    assert said.count("another process of this training has ended, so this one ends too") == 1
    other.communicate()
    assert Folder(tmp_path / "run").state() is not None


def test_all_stop_where_one_was_asked_to(tmp_path: Path) -> None:
    main, other = started(LONG, 2, tmp_path)
    saved(tmp_path / "run")
    other.send_signal(signal.SIGINT)
    said, _ = main.communicate(timeout=60)
    other.communicate(timeout=60)
    assert "what was learnt is kept" in said
    assert other.returncode == 130
    assert main.returncode == 143
