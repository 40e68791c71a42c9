"""What becomes of runs that were killed or damaged when they are then given more, forked, replaced, or begun by two at once."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.runs.kills import left
from tests.runs.test_survival import STEPS, VAE, finished, flip, trained

from genlab import api
from genlab.core.recipe import Budget
from genlab.measure.score import Score
from genlab.runs import processes
from genlab.runs.engine import Engine
from genlab.runs.files import read_json, read_metadata, read_tensors, write_json
from genlab.runs.folder import Folder
from genlab.runs.manifest import Manifest
from genlab.runs.shapes import checkpoint_record
from genlab.watch import Watch


def killed(path: Path, at: int, **options: Any) -> Path:
    """A run with checkpoints every ten steps that ended at once after this step; its log knows of all of them."""
    for tick in VAE.session(path, STEPS, save_every=10, **options):
        if tick.step == at:
            break
    return path


def test_more_of_a_killed_run_forgets_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    path, twin = killed(tmp_path / "run", 15), trained(tmp_path / "twin", stop=9)
    with (path / "ticks.jsonl").open("a") as file:
        file.write('{"half a li')
    for run in (path, twin):
        finished(api.resume(run, "cpu", more=Budget(steps=5)))
    assert [row["step"] for row in Folder(path).ticks()] == list(range(STEPS + 5))
    assert left(path) == left(twin)


def test_a_fork_is_whole_or_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, out = trained(tmp_path / "run", stop=15), tmp_path / "fork"
    before = left(run)

    inner = Manifest._add

    def full(manifest: Manifest, record: Any, checkpoint: Any) -> Any:
        if checkpoint is not None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return inner(manifest, record, checkpoint)

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "_add", full)
        with pytest.raises(OSError, match="No space"):
            api.resume(run, "cpu", out=out)
    with pytest.raises(ValueError, match="is no run of genlab"):
        api.resume(out, "cpu")
    assert left(run) == before


def test_weights_without_a_checkpoint_are_not_replaced(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", stop=15)
    shutil.rmtree(run / "state")
    (run / "manifest.json").unlink()
    before = (run / "weights.safetensors").read_bytes()
    with pytest.raises(ValueError, match="keeps no checkpoint to go on from"):
        finished(api.resume(run, "cpu"))
    assert (run / "weights.safetensors").read_bytes() == before


def test_a_fork_onto_itself_is_refused(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", stop=15)
    (tmp_path / "link").symlink_to(run)
    before = left(run)
    for out in (run, tmp_path / "link"):
        with pytest.raises(ValueError, match="is the run itself"):
            api.resume(run, "cpu", out=out, force=True)
    assert left(run) == before


@pytest.mark.parametrize("wrong", [{"save_every": 0}, {"on_nan": "hope"}, {"device": "abacus"}, {"shard": True}])
def test_what_is_refused_changes_nothing(tmp_path: Path, wrong: dict[str, Any]) -> None:
    run = trained(tmp_path / "run")
    before = (run / "recipe.json").read_bytes()
    for more in ({"more": Budget(steps=10)}, {"out": tmp_path / "fork"}):
        with pytest.raises(ValueError):
            api.resume(run, **{"device": "cpu", **more, **wrong})
    assert (run / "recipe.json").read_bytes() == before
    assert not (tmp_path / "fork").exists()


def test_a_run_of_seconds_survives_its_schedule(tmp_path: Path) -> None:
    path = tmp_path / "run"
    for tick in VAE.session(path, 0, budget=Budget(seconds=0.5), save_every=10):
        if tick.progress > 0.5 and tick.closes and tick.step % 10 == 9:
            break
    flip(path / "schedule.json")
    with pytest.warns(UserWarning, match=r"schedule.json is damaged: what the checkpoint says"):
        session = api.resume(path, "cpu")
    assert finished(session).engine.overall() == 1
    assert Folder(path).schedule()


def test_two_deaths_between_two_files_leave_both_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained(tmp_path / "run")
    manifest = Manifest(run)

    def dies(path: Path, target: Path) -> None:
        if Path(target).name == "checkups.json":
            raise KeyboardInterrupt
        shutil.move(path, target)

    Folder(run).write_plan({"stride": 1, "n": 64})
    for n in (65, 66, 67):
        manifest.tidy()
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", dies)
            with pytest.raises(KeyboardInterrupt):
                Folder(run).write_plan({"stride": 1, "n": n})
    assert Folder(run).plan() == {"stride": 1, "n": 64}


def test_one_of_two_who_begin_at_once_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len({api.new_folder("points/ring", "vae") for _ in range(3)}) == 3
    one = VAE.session(tmp_path / "run", STEPS, seed=1)
    with pytest.raises(ValueError, match="already holds a run"):
        VAE.session(tmp_path / "run", STEPS, seed=2)
    two = VAE.session(tmp_path / "run", STEPS, seed=2, force=True)
    with pytest.raises(ValueError, match="was replaced by another process"):
        finished(one)
    finished(two)
    assert api.load(tmp_path / "run").recipe.seed == 2


def test_a_run_that_is_a_link_to_a_folder_can_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "run").symlink_to(trained(tmp_path / "disk"))
    finished(VAE.session(tmp_path / "run", 5, force=True))
    assert (tmp_path / "run").is_symlink()
    assert api.load(tmp_path / "disk").recipe.budget.total == 5


def test_averages_may_begin_with_a_fork(tmp_path: Path) -> None:
    path = trained(tmp_path / "run")
    bare = finished(api.resume(path, "cpu", out=tmp_path / "bare", settings={"optim.half_life": 0}, more=Budget(steps=10)))
    assert not bare.engine.average.values
    again = api.resume(
        tmp_path / "bare", "cpu", out=tmp_path / "again", settings={"optim.half_life": 50}, more=Budget(steps=10)
    )
    assert finished(again).engine.average.values
    assert api.load(tmp_path / "again").averaged


def test_open_data_must_be_those_of_the_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="are other data than"):
        api.resume(trained(tmp_path / "run", stop=15), "cpu", data=api.open("points/moons"))


def test_moved_data_are_remembered(tmp_path: Path) -> None:
    file, there = tmp_path / "points.csv", tmp_path / "there.csv"
    file.write_text("x,y\n" + "".join(f"{i % 7},{i % 5 + i / 1000}\n" for i in range(400)))
    small = type(VAE)("vae", str(file), VAE.settings)
    run = trained(tmp_path / "run", small, stop=15)
    file.rename(there)
    api.resume(run, "cpu", data=there)
    assert api.load(run).data().fingerprint == api.load(run).head["data"]["fingerprint"]


# --- best weights ----------------------------------------------------------------------------------------------------


def scored(name: str, value: float) -> Score:
    return Score(name, value, {}, better="lower")


def test_best_weights_are_compared_with_those_that_lie_there(tmp_path: Path) -> None:
    session = VAE.session(tmp_path / "run", STEPS, save_every=10)
    watch = Watch(session, None)
    for tick in session:
        if tick.step in (12, 25):
            watch._keep_best(scored("distance", {12: 0.1, 25: 0.2}[tick.step]))
    watch._restore()  # what a stop or a breakdown leads to: no check-up was written down
    watch._keep_best(scored("distance", 0.15))
    assert read_metadata(tmp_path / "run/best.safetensors")["best"]["value"] == 0.1
    watch._keep_best(scored("another distance", 0.01))  # which says nothing about the first
    assert read_metadata(tmp_path / "run/best.safetensors")["best"]["value"] == 0.1
    watch._keep_best(scored("distance", 0.05))
    assert read_metadata(tmp_path / "run/best.safetensors")["best"]["value"] == 0.05


@pytest.mark.parametrize(("at", "kept"), [(5, True), (15, False)])
def test_a_fork_takes_best_weights_from_before_its_checkpoint(tmp_path: Path, at: int, kept: bool) -> None:
    session = VAE.session(tmp_path / "run", STEPS, save_every=10)
    watch = Watch(session, None)
    for tick in session:
        if tick.step == at:
            watch._keep_best(scored("distance", 0.1))
        if tick.step == 17:
            break
    api.resume(tmp_path / "run", "cpu", out=tmp_path / "fork")
    assert (tmp_path / "fork/best.safetensors").exists() == kept
    if kept:
        one, two = (read_tensors(tmp_path / run / "best.safetensors")[0] for run in ("run", "fork"))
        assert all(one[name].equal(two[name]) for name in one)
        assert Folder(tmp_path / "fork").manifest.read()["files"]["best.safetensors"]


# --- records that were tampered with ---------------------------------------------------------------------------------


def test_data_are_opened_as_the_run_says_and_nowhere_else(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", stop=15)
    (tmp_path / "pictures").mkdir()
    for number in range(12):
        Image.fromarray(np.full((8, 8), 20 * number, np.uint8)).save(tmp_path / f"pictures/{number}.png")
    for options in ({"cache": str(tmp_path / "evil")}, {"nonsense": 1}, {"source": "x"}, {"vocabulary": {}}):
        head = read_json(run / "recipe.json")
        head["data"]["opened"] = {"source": str(tmp_path / "pictures"), "options": options}
        write_json(run / "recipe.json", head)
        (run / "manifest.json").unlink(missing_ok=True)
        with pytest.raises(ValueError):
            api.load(run).data()
    assert not (tmp_path / "evil").exists()


def test_a_fork_copies_nothing_through_a_link(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", stop=15)
    (tmp_path / "secret").write_text("a secret")
    for name in ("best.safetensors", "checkups.json"):
        (run / name).symlink_to(tmp_path / "secret")
    api.resume(run, "cpu", out=tmp_path / "fork")
    assert not any((tmp_path / "fork" / name).exists() for name in ("best.safetensors", "checkups.json"))
    (run / "alarms.jsonl").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="no plain file"):
        api.resume(run, "cpu", out=tmp_path / "other")


def test_rows_with_more_than_is_known_are_read(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", stop=15)
    score = {"value": 1.0, "protocol": {}, "better": "lower", "more": 1}
    row = {"progress": 0.2, "seconds": 0.1, "examples": 64, "n": 8, "scores": {"distance": score}, "more": [1]}
    alarm = {"kind": "a", "progress": 0.2, "seconds": 0.1, "sentence": "S.", "remedy": "R.", "curve": "", "more": {}}
    (run / "checkups.jsonl").write_text(json.dumps(row) + "\n")
    (run / "alarms.jsonl").write_text(json.dumps(alarm) + "\n")
    watch = Watch(api.resume(run, "cpu"), None)
    watch._restore()
    assert watch.history.raised == {"a"}
    assert watch._best == ("distance", 1.0)


def test_what_only_one_process_cannot_do_is_said_by_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "on_main", lambda do: None)  # the first process could
    with pytest.raises(processes.WorkerError, match=r"on .*: there is no file"):
        processes.main_first(lambda: api.open("gone.csv"))


def test_a_batch_that_cannot_be_shared_out_makes_no_fork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained(tmp_path / "run", stop=15)
    before = left(run)

    def divide(engine: Engine, batch: int) -> None:
        raise ValueError(f"a batch of {batch} does not divide")

    monkeypatch.setattr(Engine, "divide", divide)
    with pytest.raises(ValueError, match="a batch of 33 does not divide"):
        api.resume(run, "cpu", out=tmp_path / "fork", settings={"batch": "33"})
    with pytest.raises(ValueError, match="does not divide"):
        api.resume(run, "cpu", more=Budget(steps=3))
    assert not (tmp_path / "fork").exists()
    assert left(run) == before


@pytest.mark.parametrize("name", ["logs", "mark"])
def test_a_checkpoint_that_does_not_say_where_the_logs_ended_is_none(tmp_path: Path, name: str) -> None:
    place = next((trained(tmp_path / "run", stop=15) / "state").glob("*.safetensors"))
    record = read_metadata(place)["record"]
    assert checkpoint_record({"record": record}, place) == record
    record.pop(name)
    with pytest.raises(ValueError, match="is not what genlab writes"):
        checkpoint_record({"record": record}, place)


def test_what_a_forged_record_asks_of_its_data_is_not_repeated_at_length(tmp_path: Path) -> None:
    for options in ({"binarise": "9" * 5000}, {"shares": [0.5] * 1000}):
        with pytest.raises(ValueError, match="got ") as said:
            api.open("points/ring", **options)
        assert len(str(said.value)) < 200


def test_a_run_without_its_manifest_goes_on_from_its_checkpoints(tmp_path: Path) -> None:
    run, twin = trained(tmp_path / "run", stop=15), trained(tmp_path / "twin", stop=15)
    (run / "manifest.json").unlink()
    with pytest.warns(UserWarning, match=r"manifest.json is missing: the files beside it are taken as they are"):
        finished(api.resume(run, "cpu"))
    finished(api.resume(twin, "cpu"))
    assert left(run) == left(twin)


def test_weights_may_be_read_by_whoever_may_read_the_rest(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", stop=15)
    modes = {path.stat().st_mode for path in run.rglob("*") if path.is_file() and path.name != ".lock"}
    assert len(modes) == 1
