"""Files that are damaged, runs that are extended, forked and moved, and two who want to write at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.runs.kills import left
from tests.runs.small import SMALL, Small

from genlab import api
from genlab.core.recipe import Budget
from genlab.runs import files
from genlab.runs.files import Damaged, read_json, read_tensors
from genlab.runs.folder import FORMAT, WEIGHTS, Folder

VAE = next(small for small in SMALL if small.model == "vae")
STEPS = 30


def trained(path: Path, small: Small = VAE, steps: int = STEPS, stop: int | None = None, **options: Any) -> Path:
    session = small.session(path, steps, save_every=10, **options)
    for tick in session:
        if stop is not None and tick.closes and tick.step == stop:
            session.stop()
            break
    return path


def finished(session: api.Session) -> api.Session:
    for _ in session:
        pass
    return session


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A copy of a finished run, to be spoilt."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


def flip(path: Path) -> None:
    """One bit in the middle of a file."""
    found = bytearray(path.read_bytes())
    found[len(found) // 2] ^= 4
    path.write_bytes(bytes(found))


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


DAMAGE = [flip, shorten, lambda path: path.write_bytes(b""), Path.unlink]
NAMES = ["flipped bit", "shortened", "empty", "missing"]


# --- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", DAMAGE, ids=NAMES)
@pytest.mark.parametrize("name", ["weights.safetensors", "average.safetensors"])
def test_weights_come_from_the_checkpoint_where_their_file_is_damaged(run: Path, name: str, damage: Any) -> None:
    wanted = api.load(run, "cpu").sample(3, averaged=name.startswith("average"))
    damage(run / name)
    with pytest.warns(Damaged, match=rf"{name} is (damaged|missing): weights of the checkpoint at 100% are used"):
        found = api.load(run, "cpu").sample(3, averaged=name.startswith("average"))
    assert torch.equal(found, wanted)


@pytest.mark.parametrize("damage", DAMAGE, ids=NAMES)
def test_a_recipe_comes_from_the_weights_where_its_file_is_damaged(run: Path, damage: Any) -> None:
    wanted = api.load(run, "cpu").recipe
    damage(run / "recipe.json")
    with pytest.warns(Damaged, match=r"recipe\.json is (damaged|missing): what stands in weights\.safetensors is used"):
        assert api.load(run, "cpu").recipe == wanted


@pytest.mark.parametrize("damage", DAMAGE, ids=NAMES)
def test_a_checkpoint_gives_way_to_the_one_before_and_the_end_is_the_same(tmp_path: Path, whole: Path, damage: Any) -> None:
    path = trained(tmp_path / "run", stop=24)
    newest = sorted((path / "state").glob("*.safetensors"), key=lambda file: int(file.stem))[-1]
    damage(newest)
    with pytest.warns(Damaged, match=rf"{newest.name} is (damaged|missing): the checkpoint before it is used"):
        finished(api.resume(path, "cpu"))
    assert left(path) == left(whole)


@pytest.mark.parametrize("damage", DAMAGE[:3], ids=NAMES[:3])
def test_a_damaged_manifest_is_named_and_the_files_taken_as_they_are(run: Path, whole: Path, damage: Any) -> None:
    damage(run / "manifest.json")
    with pytest.warns(Damaged, match=r"manifest\.json is damaged"):
        found = api.load(run, "cpu").sample(3)
    assert torch.equal(found, api.load(whole, "cpu").sample(3))
    with pytest.warns(Damaged, match=r"manifest\.json is damaged"):
        assert finished(api.resume(run, "cpu")).engine.step == STEPS


def test_where_everything_is_damaged_nothing_is_made_up(run: Path) -> None:
    for path in (*run.glob("*.safetensors"), *(run / "state").glob("*.safetensors")):
        flip(path)
    with pytest.warns(Damaged), pytest.raises(ValueError, match=r"no checkpoint in .* is whole"):
        api.load(run, "cpu").sample(2)


def test_a_log_that_was_changed_is_named(run: Path) -> None:
    lines = (run / "ticks.jsonl").read_text().splitlines(keepends=True)
    (run / "ticks.jsonl").write_text("".join([lines[0].replace("0.", "1."), *lines[1:]]))
    with pytest.warns(Damaged, match=r"ticks\.jsonl is not what was written"):
        session = finished(api.resume(run, "cpu"))
    assert session.engine.step == STEPS


def test_an_unfinished_line_is_left_out_and_a_broken_one_named(run: Path) -> None:
    before = list(Folder(run).ticks())
    with (run / "ticks.jsonl").open("a") as file:
        file.write('{"stage": 0, "st')
    assert list(Folder(run).ticks()) == before
    with (run / "ticks.jsonl").open("a") as file:
        file.write("\n")
    with pytest.raises(ValueError, match=rf"ticks\.jsonl, line {len(before) + 1}, is damaged"):
        list(Folder(run).ticks())


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_travel_alone(whole: Path, tmp_path: Path, name: str) -> None:
    """Each file of weights says what it is the weights of."""
    (tmp_path / "alone").mkdir()
    shutil.copy(whole / name, tmp_path / "alone")
    with pytest.warns(Damaged, match=r"recipe\.json is missing"):
        found = api.load(tmp_path / "alone", "cpu").sample(3)
    assert torch.equal(found, api.load(whole, "cpu").sample(3, averaged=name == "average.safetensors"))


# --- disks -----------------------------------------------------------------------------------------------------------


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write but the first few fails, at each place where one can."""
    for allowed in range(1, 12):
        path = tmp_path / f"run-{allowed}"
        with monkeypatch.context() as patched:
            patched.setattr(files, "os", Full(allowed + 2))
            with pytest.raises(OSError, match="No space left"):
                trained(path)
        assert not list(path.rglob("*.part"))
        finished(api.resume(path, "cpu"))
        assert left(path) == left(whole)


class Full:
    """`os`, on a disk with room for so many files more."""

    def __init__(self, room: int):
        self.room = room

    def __getattr__(self, name: str) -> Any:
        import os

        return getattr(os, name)

    def fsync(self, number: int) -> None:
        self.room -= 1
        if self.room < 0:
            raise OSError(28, "No space left on device")


# --- more of a run ---------------------------------------------------------------------------------------------------


def test_a_session_that_was_left_goes_on_from_its_last_checkpoint(tmp_path: Path, whole: Path) -> None:
    session = VAE.session(tmp_path / "run", STEPS, save_every=10)
    for tick in session:
        if tick.step == 17:
            break
    assert next(iter(session)).step == 10
    finished(session)
    assert left(tmp_path / "run") == left(whole)
    assert list(session) == []


def test_an_extended_run_goes_on_to_its_new_end(run: Path) -> None:
    before = list(Folder(run).ticks())
    session = finished(api.resume(run, "cpu", more=Budget(steps=20)))
    assert session.engine.step == STEPS + 20
    assert api.load(run).recipe.budget.total == STEPS + 20
    rows = list(session.folder.ticks())
    assert [row["step"] for row in rows] == list(range(STEPS + 20))
    progress = [row["progress"] for row in rows]
    assert progress == pytest.approx([(step + 1) / (STEPS + 20) for step in range(STEPS + 20)], abs=1e-5)
    assert [row["readings"] for row in rows[:STEPS]] == [row["readings"] for row in before]
    assert finished(api.resume(run, "cpu")).engine.step == STEPS + 20


def test_a_stopped_extended_run_is_resumed_exactly(run: Path, tmp_path: Path) -> None:
    twin = Path(shutil.copytree(run, tmp_path / "twin"))
    finished(api.resume(twin, "cpu", more=Budget(steps=20)))
    for tick in api.resume(run, "cpu", more=Budget(steps=20), save_every=4):
        if tick.step == STEPS + 11:
            break
    finished(api.resume(run, "cpu"))
    assert left(run) == left(twin)


def test_an_extended_run_of_seconds_is_its_schedule(tmp_path: Path) -> None:
    path = tmp_path / "timed"
    finished(VAE.session(path, 0, budget=Budget(seconds=0.2)))
    session = finished(api.resume(path, "cpu", more=Budget(seconds=0.2)))
    schedule, budget = session.folder.schedule(), api.load(path).recipe.budget
    finished(VAE.session(tmp_path / "again", 0, budget=budget, schedule=schedule))
    one, two = (read_tensors(folder / "weights.safetensors")[0] for folder in (path, tmp_path / "again"))
    assert one
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("small", [small for small in SMALL if small.model != "ngram"], ids=str)
def test_every_model_can_be_extended(small: Small, tmp_path: Path) -> None:
    path = trained(tmp_path / "run", small, 10)
    at = Folder(path).state()
    assert at is not None
    session = finished(api.resume(path, "cpu", more=Budget(steps=6)))
    assert session.engine.step == at[1]["step"] + 6
    assert session.engine.overall() == 1


def test_what_cannot_be_extended_says_why(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="extend it by --steps, not by --seconds"):
        api.resume(run, "cpu", more=Budget(seconds=5))
    counted = trained(tmp_path / "counted", SMALL[0])
    with pytest.raises(ValueError, match="ngram has counted all its data"):
        api.resume(counted, "cpu", more=Budget(steps=5))


def test_a_fork_goes_its_own_way_and_leaves_the_old_run_alone(run: Path, tmp_path: Path, whole: Path) -> None:
    other = finished(api.resume(run, "cpu", out=tmp_path / "other", seed=5, more=Budget(steps=10)))
    same = finished(api.resume(run, "cpu", out=tmp_path / "same", more=Budget(steps=10)))
    gentle = finished(api.resume(run, "cpu", out=tmp_path / "gentle", settings={"optim.rate": 1e-5}, more=Budget(steps=10)))
    assert left(run) == left(whole)
    weights = [session.engine.weights() for session in (other, same, gentle)]
    name = next(iter(weights[0]))
    assert not torch.equal(weights[0][name], weights[1][name])
    start = api.load(run).folder.weights(averaged=False)[0][name]
    assert (weights[2][name] - start).abs().max() < 1e-3 < (weights[1][name] - start).abs().max()
    finished(api.resume(run, "cpu", more=Budget(steps=10)))
    assert left(run)["ticks.jsonl"] == left(tmp_path / "same")["ticks.jsonl"]
    head = api.load(tmp_path / "other").head
    assert head["forked"]["run"] == str(run)
    assert head["forked"]["changes"] == {"seed": "5"}
    assert head["recipe"]["seed"] == 5


def test_a_fork_keeps_its_moments_where_only_the_rate_of_a_move_differs(run: Path, tmp_path: Path) -> None:
    before = Folder(run).state()
    for name, settings in (("rate", {"rate": "1e-4"}), ("rule", {"name": "sgd"})):
        said = {f"moves.elbo.{key}": value for key, value in settings.items()}
        api.resume(run, "cpu", out=tmp_path / name, settings=said, more=Budget(steps=5))
    rate, rule = (Folder(tmp_path / name).state() for name in ("rate", "rule"))
    assert before is not None
    assert rate is not None
    assert rule is not None
    assert rate[0].keys() == before[0].keys()
    assert rate[1]["optimisers"] == before[1]["optimisers"]
    assert not [name for name in rule[0] if name.startswith("optimiser.")]


def test_a_fork_may_choose_another_optimiser_but_no_other_model(run: Path, tmp_path: Path) -> None:
    session = api.resume(run, "cpu", out=tmp_path / "sgd", settings={"optim.name": "sgd"}, more=Budget(steps=5))
    assert finished(session).engine.step == STEPS + 5
    with pytest.raises(ValueError, match="not what it is made of"):
        api.resume(run, "cpu", out=tmp_path / "wide", settings={"model.width": 32})
    assert not (tmp_path / "wide").exists()
    with pytest.raises(ValueError, match="--out NEW"):
        api.resume(run, "cpu", seed=3)


def test_a_moved_run_goes_on_with_moved_data(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    data = tmp_path / "here" / "points.csv"
    data.write_text("x,y\n" + "".join(f"{i % 7},{i % 5 + i / 1000}\n" for i in range(400)))
    small = Small("vae", str(data), VAE.settings)
    whole, path = trained(tmp_path / "whole", small), trained(tmp_path / "run", small, stop=12)
    (tmp_path / "there").mkdir()
    moved, file = path.rename(tmp_path / "there" / "run"), data.rename(tmp_path / "there" / "points.csv")
    with pytest.raises(ValueError, match=r"if the data of .* were moved, give their path: --data"):
        api.resume(moved, "cpu")
    finished(api.resume(moved, "cpu", data=file))
    assert left(moved)["ticks.jsonl"] == left(whole)["ticks.jsonl"]
    one, two = (read_tensors(folder / "weights.safetensors")[0] for folder in (moved, whole))
    assert all(torch.equal(one[name], two[name]) for name in two)
    with pytest.raises(ValueError, match="are other data than"):
        api.resume(moved, "cpu", data="points/ring")


# --- one writer ------------------------------------------------------------------------------------------------------

HOLD = """
import sys, time
from genlab.runs.folder import Folder
with Folder(sys.argv[1]).writing():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(run: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(run)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_two_do_not_write_one_run_and_a_dead_one_holds_nothing(run: Path, holder: subprocess.Popen[str]) -> None:
    said = rf"is being written by another process \(process {holder.pid} on .*\); wait for it or stop it"
    with pytest.raises(ValueError, match=said):
        finished(api.resume(run, "cpu"))
    for force in (True, False):
        with pytest.raises(ValueError, match=said):
            trained(run, force=force)
    with pytest.raises(ValueError, match=said):
        api.resume(run, "cpu", more=Budget(steps=5))
    assert api.load(run, "cpu").sample(2).shape == (2, 2)
    holder.kill()
    holder.wait()
    assert finished(api.resume(run, "cpu")).engine.step == STEPS


def test_training_onto_a_run_says_what_is_there(tmp_path: Path, run: Path) -> None:
    stopped = trained(tmp_path / "stopped", stop=14)
    with pytest.raises(ValueError, match=r"50% trained; genlab resume .*stopped goes on with it, --force replaces it"):
        trained(stopped)
    with pytest.raises(ValueError, match="finished; choose another --out, give it more with genlab resume"):
        trained(run)
    assert read_json(stopped / "recipe.json")["format"] == FORMAT
    assert read_tensors(stopped / "weights.safetensors")[0]
