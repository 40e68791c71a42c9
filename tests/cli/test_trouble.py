"""Nothing is lost: stops, full disks, damaged and foreign folders, hopeless data."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import genlab
from genlab.cli.errors import explained
from genlab.runs.files import read_tensors
from genlab.runs.folder import Folder
from tests.cli.calls import call, refused, start

Runs = Callable[[str], Path]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_keeps_what_was_learnt(number: int, code: int, tmp_path: Path) -> None:
    process = start(tmp_path, "train", "gan", "points/ring", "--seconds", 600, "--out", "run")
    _wait_for(lambda: _lines(tmp_path / "run/ticks.jsonl") > 0, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "what was learnt is kept" in out
    assert "genlab resume run" in out
    assert "Traceback" not in err
    assert genlab.load(tmp_path / "run").sample(3).shape == (3, 2)


def test_the_way_on_is_a_command_that_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in the middle, then resumed by the command that was printed: the weights of a run that never stopped."""
    words = ("train", "gan", "points/ring", "--steps", 40)
    assert call(*words, "--out", "whole").code == 0
    monkeypatch.setattr("genlab.cli.training.follow", _until(17))
    stopped = call(*words, "--out", "a run")
    assert stopped.code == 128 + signal.SIGINT
    assert "stopped at 42%; what was learnt is kept" in stopped.out
    assert "training gan: stopped after" in stopped.err
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    command = shlex.split(stopped.out.split("next:\n")[1].splitlines()[0])
    resumed = call(*command[1:])
    assert resumed.code == 0, resumed.err
    assert "trained: " in resumed.out
    for file in ("weights.safetensors", "average.safetensors"):
        (one, _), (two, _) = (read_tensors(tmp_path / run / file) for run in ("whole", "a run"))
        assert all(torch.equal(one[name], two[name]) for name in one)
    again = call("resume", "a run", "--json")
    assert json.loads(again.out) | {"seconds": 0} == json.loads(call("resume", "whole", "--json").out) | {
        "seconds": 0,
        "run": "a run",
    }


WITHOUT_WEIGHTS = {
    ".lock",
    "manifest.json",
    "state",
    "recipe.json",
    "ticks.jsonl",
    "schedule.json",
    "checkups.json",
    "checkups.jsonl",
}


def _until(step: int) -> Callable[..., bool]:
    """`follow` by somebody who presses Ctrl-C after this many steps."""

    def follow(session: Any, task: Any, stop: Any, watch: Any = None) -> bool:
        for tick in session:
            if tick.step + 1 == step and tick.closes:
                stop.asked = signal.SIGINT
                session.stop()
                return False
        return True

    return follow


def test_a_stopped_comparison_keeps_its_models_and_says_how_to_go_on(tmp_path: Path) -> None:
    process = start(tmp_path, "compare", "points/ring", "--models", "gan,vae", "--seconds", 2, "--out", "both")
    _wait_for(lambda: _lines(tmp_path / "both/runs/vae/ticks.jsonl") > 20, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    for row in json.loads((tmp_path / "both/report.json").read_text())["rows"]:
        assert "stopped at" in row["error"]
        assert genlab.load(tmp_path / row["run"]).sample(3).shape == (3, 2)
    assert re.search(r"go on: .*genlab compare points/ring --models gan,vae --seconds 2 --out both", out)
    assert (tmp_path / "both/report.html").exists()
    spent = genlab.load(tmp_path / "both/runs/vae").ticks()[-1]["seconds"]
    on = call("compare", "points/ring", "--models", "gan,vae", "--seconds", 2, "--out", "both", "--json")
    assert on.code == 0, on.err
    for row in json.loads(on.out)["rows"]:
        assert row["scores"]
        assert not row["error"]
        seconds = [tick["seconds"] for tick in genlab.load(row["run"]).ticks()]
        assert seconds == sorted(seconds)  # it went on, rather than began anew
        assert 1.9 < row["train_seconds"] < 2.3
    assert spent in [tick["seconds"] for tick in genlab.load(tmp_path / "both/runs/vae").ticks()]


def _lines(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


def _wait_for(reached: Callable[[], bool], process: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_run_must_be_one(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for verb in ("sample", "score", "show", "reconstruct", "interpolate", "complete"):
        assert "no run of genlab" in refused(verb, tmp_path / "photos")


def test_a_comparison_is_no_run_but_holds_some(run: Runs, tmp_path: Path) -> None:
    there = run("ring")
    (tmp_path / "both" / "runs").mkdir(parents=True)
    there.rename(tmp_path / "both/runs/gan")
    assert "it holds several, name one: both/runs/gan" in refused("sample", "both")


def test_a_run_of_a_newer_version_says_so(run: Runs) -> None:
    head = json.loads((run("ring") / "recipe.json").read_text())
    there = Path("ring")
    (there / "recipe.json").write_text(json.dumps({**head, "format": 99}))
    assert "another version of genlab" in refused("sample", there)


def test_damaged_files_are_named(run: Runs) -> None:
    there = run("ring")
    for file in ("average.safetensors", "recipe.json"):
        whole = (there / file).read_bytes()
        (there / file).write_bytes(whole[: len(whole) // 2])
        done = call("sample", there, "-n", 2, "--force")
        assert done.code == 0
        assert f"{file} is damaged: " in done.err
    for file in there.rglob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:-1])
    assert "recipe.json is damaged; restore it" in refused("sample", there)


def test_a_run_without_weights_says_what_to_do(run: Runs) -> None:
    there = run("ring")
    for file in there.rglob("*.safetensors"):
        file.unlink()
    assert "--force" in refused("sample", there) or "train again" in refused("sample", there)
    assert call("show", there).code == 0


class Full:
    """A disk that takes half of what is written to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(Path, "write_bytes", self.write)
        monkeypatch.setattr("safetensors.torch.save_file", self.save)

    @staticmethod
    def write(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    @staticmethod
    def save(tensors: Any, path: Path, metadata: Any = None) -> None:
        from safetensors import SafetensorError

        path.open("wb").write(b"half of it")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")


@pytest.mark.parametrize("out", ["a.png", "a.npz", "a.gif"])
def test_a_full_disk_leaves_no_half_written_samples(out: str, trained: Runs, tmp_path: Path, monkeypatch: Any) -> None:
    there = trained("gan")
    Full(monkeypatch)
    assert "the disk is full" in refused("sample", there, "-n", 2, "--out", out, code=1)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_the_samples_of_before(trained: Runs, tmp_path: Path, monkeypatch: Any) -> None:
    call("sample", trained("gan"), "-n", 2, "--out", "a.npz")
    before = (tmp_path / "a.npz").read_bytes()
    Full(monkeypatch)
    refused("sample", trained("gan"), "-n", 3, "--out", "a.npz", code=1)
    assert (tmp_path / "a.npz").read_bytes() == before


def test_a_full_disk_while_training_leaves_no_half_written_weights(tmp_path: Path, monkeypatch: Any) -> None:
    Full(monkeypatch)
    assert "the disk is full" in refused("train", "gan", "points/ring", "--steps", 2, "--out", "run", code=1)
    assert {file.name for file in (tmp_path / "run").iterdir()} <= WITHOUT_WEIGHTS
    assert "holds no weights yet" in refused("sample", "run")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_folder_that_may_not_be_written_any_more_keeps_its_last_good_state(
    number: int, tmp_path: Path, monkeypatch: Any
) -> None:
    """From the third checkpoint on."""
    from genlab.runs import manifest

    calls, inner = [], manifest.write_atomic

    def write(path: Path, how: Any) -> None:
        calls.extend([path] if path.parent.name == "state" else [])
        if len(calls) > 2:
            raise OSError(number, os.strerror(number), str(path))
        inner(path, how)

    monkeypatch.setattr(manifest, "write_atomic", write)
    words = ("train", "gan", "points/ring", "--steps", 40, "--save-every", 10)
    said = refused(*words, "--out", "run")
    assert "state/2.safetensors may not be read or written by you" in said
    monkeypatch.setattr(manifest, "write_atomic", inner)
    assert not list((tmp_path / "run").rglob("*.part"))
    state = Folder(tmp_path / "run").state()
    assert state is not None
    assert state[1]["step"] == 10
    call("resume", "run")
    call(*words, "--out", "whole")
    (one, _), (two, _) = (Folder(tmp_path / name).weights() for name in ("run", "whole"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_folder_that_goes_away_while_it_is_trained_is_not_half_made_again(tmp_path: Path, monkeypatch: Any) -> None:
    from genlab.runs.train import Recorder

    inner = Recorder.before_yield

    def before_yield(recorder: Recorder, tick: Any) -> None:
        if tick.step == 12 and (tmp_path / "run").exists():
            (tmp_path / "run").rename(tmp_path / "moved")
        inner(recorder, tick)

    words = ("train", "gan", "points/ring", "--steps", 40, "--save-every", 10)
    monkeypatch.setattr(Recorder, "before_yield", before_yield)
    said = refused(*words, "--out", "run")
    assert "run was removed or moved while it was being written; if it was moved, genlab resume goes on from there" in said
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr(Recorder, "before_yield", inner)
    call("resume", "moved")
    call(*words, "--out", "whole")
    (one, _), (two, _) = (Folder(tmp_path / name).weights() for name in ("moved", "whole"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_memory_that_runs_out_is_no_fault_of_genlab(monkeypatch: Any) -> None:
    def greedy(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes")

    monkeypatch.setattr("genlab.runs.train.fit", greedy)
    assert "smaller batch" in refused("train", "gan", "points/ring", "--steps", 2, code=1)


def test_a_fault_of_genlab_says_that_it_is_one(monkeypatch: Any) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        raise KeyError("left")

    monkeypatch.setattr("genlab.runs.train.fit", broken)
    assert "a fault of genlab's; --debug shows where" in refused("train", "gan", "points/ring", "--steps", 2, code=1)


# --- data ------------------------------------------------------------------------------------------------------------


def _pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        Image.new("RGB", (12, 12), (number * 7 % 256, number * 31 % 256, number * 53 % 256)).save(folder / f"{number}.png")
    return folder


def test_a_missing_path(tmp_path: Path) -> None:
    assert "there is no file or folder" in refused("train", "vae", tmp_path / "nothing")


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty" in refused("train", "vae", tmp_path / "empty")


def test_a_folder_of_text_files(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    for number in range(3):
        (tmp_path / "texts" / f"{number}.txt").write_text("words\n" * 100)
    assert ".txt" in refused("train", "vae", tmp_path / "texts")


def test_a_corrupt_picture_among_many_is_named_and_skipped(tmp_path: Path) -> None:
    folder = _pictures(tmp_path / "pictures", 80)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    said = call("train", "vae", folder, "--size", 8, "--steps", 1)
    assert said.code == 0, said.err
    assert "left out    1 picture (broken.jpg: Truncated File Read): cannot be read" in said.err


def test_a_picture_of_one_pixel(tmp_path: Path) -> None:
    folder = _pictures(tmp_path / "pictures", 80)
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    said = call("train", "vae", folder, "--size", 8, "--steps", 1)
    assert said.code == 0, said.err


def test_a_text_of_ten_lines(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("line\n" * 10)
    sentence = refused("train", "ngram", tmp_path / "short.txt", "--lines")
    assert "too few" in sentence


def test_a_text_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("Käse, Öl und süßer Wein\n".encode("latin-1") * 500)
    assert "UTF-8" in refused("train", "ngram", tmp_path / "latin.txt")


def test_a_run_that_may_not_be_written_is_shown_all_the_same(
    run: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    path = run("vae")
    monkeypatch.setattr("genlab.report.runs.write", refusing)
    said = call("show", path)
    assert said.code == 0
    assert "trained" in said.out
    assert "no page was written" in said.out + said.err
    monkeypatch.setattr("genlab.runs.files.write_json", refusing)
    said = call("score", path, "-n", 50)
    assert said.code == 2
    assert "kernel distance" in said.out  # what was measured is said before it is kept


def test_weights_that_the_system_refuses_are_no_fault_of_genlab() -> None:
    error = type("SafetensorError", (Exception,), {})(
        f"Error while serializing: I/O error: {os.strerror(errno.EPERM)} (os error 1)"
    )
    sentence, code = explained(error)
    assert sentence.startswith("what was learnt could not be written")
    assert code == 1
