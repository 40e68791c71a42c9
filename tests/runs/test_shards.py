"""A model cut among two processes: on CPUs, with gloo. What is written is whole, and the same as one process writes."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
import torch
from tests.runs.launch import ROOT, genlab, saved, started
from tests.runs.many import BF16, SHARDED

from genlab.runs.files import read_tensors
from genlab.runs.folder import Folder

SMALL = ("--set", "model.layers=2", "model.width=16", "model.heads=2", "batch=8")
TRAIN = ("train", "gpt", "strings/coin", *SMALL, "--steps", 40, "--save-every", 15)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shards")
    for count in (2, 1):
        found = started(["-m", "tests.runs.many", str(path), "sharded", "bf16"], count, ROOT)
        said = [process.communicate(timeout=400)[1] for process in found]
        assert [process.returncode for process in found] == [0] * count, said
    return path


@pytest.mark.parametrize("case", SHARDED)
def test_a_model_cut_in_two_learns_what_a_whole_one_does(trained: Path, case: str) -> None:
    """Weights, averages and losses, in float64; also where matrices do not divide, with Muon, AdamW and clipping."""
    (whole, facts), (cut, others) = (read_tensors(trained / f"{case}-{name}") for name in ("1-0", "2-0"))
    assert facts["losses"] == pytest.approx(others["losses"], rel=1e-9)
    assert facts["turns"] == others["turns"]
    assert whole.keys() == cut.keys()
    for name in whole:
        torch.testing.assert_close(whole[name], cut[name], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", SHARDED)
def test_each_process_holds_a_part(trained: Path, case: str) -> None:
    whole, one, two = (read_tensors(trained / f"{case}-{name}")[1]["held"] for name in ("1-0", "2-0", "2-1"))
    assert one + two == whole
    assert max(one, two) <= 0.6 * whole


@pytest.mark.parametrize("case", BF16)
def test_in_bf16_it_learns_what_a_whole_one_does_in_bf16(trained: Path, case: str) -> None:
    losses = [read_tensors(trained / f"{case} in bf16-{count}-0")[1]["losses"] for count in (1, 2)]
    assert losses[0] == pytest.approx(losses[1], rel=2e-3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes have trained to the end, looking at it."""
    place = tmp_path_factory.mktemp("cut")
    said = genlab(*TRAIN, "--shard", "--out", "run", place=place)
    assert [code for code, _, _ in said] == [0, 0], said
    assert "cut among 2 processes" in said[0][2]
    assert said[1][1:] == ("", "")
    return place / "run"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process has trained."""
    place = tmp_path_factory.mktemp("whole")
    (said,) = genlab(*TRAIN, "--out", "alone", count=1, place=place)
    assert said[0] == 0, said
    return place / "alone"


def back(run: Path, name: str) -> Path:
    """A copy of the run as it was at the checkpoint before its last."""
    path = Path(shutil.copytree(run, run.parent / name))
    folder = Folder(path)
    record = folder.manifest.read()
    record["checkpoints"] = [entry for entry in record["checkpoints"] if entry["progress"] < 1]
    assert [entry["progress"] for entry in record["checkpoints"]] == [0.75]
    folder.manifest._write(record)
    return path


def test_a_run_that_was_cut_is_a_run(run: Path, alone: Path) -> None:
    """Its samples were looked at on the way, as one process would have; everything in it is whole."""
    folder, (weights, _) = Folder(run), Folder(run).weights()
    whole = Folder(alone)
    other, _ = whole.weights()
    assert {name: value.shape for name, value in weights.items()} == {name: value.shape for name, value in other.items()}
    state, others = folder.state(), whole.state()
    assert state is not None
    assert others is not None
    assert {name: value.shape for name, value in state[0].items()} == {name: value.shape for name, value in others[0].items()}
    assert state[1].keys() == others[1].keys()
    assert folder.checkups()
    assert folder.best()
    (sampled,) = genlab("sample", "run", "-n", "2", count=1, place=run.parent)
    assert sampled[0] == 0, sampled


def test_two_go_on_where_two_were_stopped_byte_for_byte(run: Path) -> None:
    path = back(run, "again")
    said = genlab("resume", path.name, place=run.parent)  # it knows that it was cut
    assert [code for code, _, _ in said] == [0, 0], said
    assert "cut among 2 processes" in said[0][2]
    for kind in (False, True):
        (one, _), (two, _) = Folder(run).weights(kind), Folder(path).weights(kind)
        assert all(torch.equal(one[name], two[name]) for name in one)


def test_one_goes_on_with_what_was_cut(run: Path) -> None:
    path = back(run, "by-one")
    (said,) = genlab("resume", path.name, count=1, place=run.parent)
    assert said[0] == 0, said
    assert "cut among" not in said[2]
    (one, _), (two, _) = Folder(run).weights(), Folder(path).weights()
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-3, atol=1e-3)


def test_what_one_began_two_go_on_with_cut(alone: Path) -> None:
    path = back(alone, "alone-cut")
    both = genlab("resume", path.name, "--shard", place=alone.parent)
    assert [code for code, _, _ in both] == [0, 0], both
    (one, _), (two, _) = Folder(alone).weights(), Folder(path).weights()
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-3, atol=1e-3)


def test_accelerate_may_ask_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `accelerate launch --use_fsdp` sets; in bf16, with a bad batch's way back."""
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    words = ("train", "ddpm", "points/ring", "--steps", 30, "--precision", "bf16", "--on-nan", "halve-lr", "--unwatched")
    said = genlab(*words, "--set", "optim.rate=1e8", "optim.clip=0", "model.width=16", "--out", "run", place=tmp_path)
    assert "cut among 2 processes" in said[0][2]
    alarms = Folder(tmp_path / "run").alarms()
    assert [row["kind"] for row in alarms[:1]] == ["broke down"], said
    assert {code for code, _, _ in said} in ({0}, {2})
    monkeypatch.setenv("FSDP_OFFLOAD_PARAMS", "true")
    both = genlab(*words, "--out", "other", place=tmp_path)
    assert "".join(err for _, _, err in both).count("launch without --fsdp_offload_params") == 1


def test_a_loss_that_is_no_number_is_traced_by_all_together(tmp_path: Path) -> None:
    words = ("train", "ddpm", "points/ring", "--shard", "--steps", 20, "--unwatched", "--set", "model.width=16", "optim.clip=0")
    said = genlab(*words, "optim.rate=1e30", "--out", "run", place=tmp_path)
    assert [code for code, _, _ in said] == [2, 2], said
    assert said[0][2].count("training broke down at step 1 of stage fit, move denoise: its loss is ") == 1
    assert "is not finite" in said[0][2]
    assert said[1][2] == ""
    assert Folder(tmp_path / "run").state() is not None


def test_a_killed_process_ends_the_others(tmp_path: Path) -> None:
    words = ["-m", "genlab", *map(str, TRAIN[:-4]), "--seconds", "120", "--save-every", "5", "--shard", "--out", "run"]
    main, other = started(words, 2, tmp_path)
    saved(tmp_path / "run")
    other.send_signal(signal.SIGKILL)
    _, said = main.communicate(timeout=60)
    other.communicate()
    assert main.returncode == 1
    assert "Traceback" not in said
    assert said.count("another process of this training has ended, so this one ends too") == 1
    assert Folder(tmp_path / "run").state() is not None


def test_what_cannot_be_cut_says_so(tmp_path: Path) -> None:
    (alone,) = genlab(*TRAIN, "--shard", "--out", "run", count=1, place=tmp_path)
    assert "--shard cuts a model among processes, and this is one" in alone[2]
    both = genlab("train", "vae", "points/ring", "--shard", "--out", "run", place=tmp_path)
    assert "".join(err for _, _, err in both).count("vae cannot be cut among processes") == 1, both
    assert not (tmp_path / "run").exists()
