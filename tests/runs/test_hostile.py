"""Opening a folder that somebody tampered with gives a run or one sentence: nothing is executed, nothing outside it is opened,
and memory stays what it was."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.runs.hostile import tampered, unharmed
from tests.runs.small import SMALL
from tests.runs.watched import OPENED, alarmed, modest, safetensors_are_heard  # noqa: F401, a fixture of every test here

from genlab.api import Run, resume
from genlab.core.noise import Noise
from genlab.core.recipe import Budget
from genlab.core.space import Space
from genlab.measure.alarms import Alarm, Checkup
from genlab.recipes.index import MODELS
from genlab.recipes.make import build, recipe_for
from genlab.runs.files import read_json, write_json
from genlab.runs.folder import Folder

SPACES = (
    *(Space((channels, side, side), "CHW", "ordinal", 256) for channels, side in ((1, 8), (1, 28), (3, 32), (3, 64))),
    Space((1, 28, 28), "CHW", "binary"),
    Space((2,), "D", "real", center=(0.0, 0.0), scale=(1.0, 1.0)),
    Space((64,), "T", "token", 60),
    Space((16,), "T", "token", 28, names=tuple("abcdefghijklmnopqrstuvwxyz.-"), end=26),
)
BUILT_IN = {small.source for small in SMALL}
TRIED = ("vae", "gpt", "vqvae", "rbm")
MEMORY = 200e6  # bytes that opening one of them may take


def readings(folder: Path, data: Any) -> list[Callable[[], object]]:
    """All that anybody reads of a run; data: those it was trained on."""
    found = Folder(folder)

    def drawn() -> None:
        run = Run(folder, "cpu")
        if run.recipe.batch < 10_000 and getattr(run.recipe.model, "sampling_steps", 0) < 50 and run.space.size < 1000:
            with torch.no_grad():
                *_, _ = run.model().sample(1, run.conditions(1).given, noise=Noise(0, 1))

    def gone_on() -> object:
        """Everything of a resumed training but its steps."""
        made = resume(folder, "cpu", data=data)
        with made.folder.writing():
            made.engine.start(made.model, data, made.recipe, made.recorder.begin(made.model, True))
            for number, stage in enumerate(made.model.stages()):
                if number == made.engine.stage:
                    made.engine.enter(number, stage)
        return made

    def forked() -> None:
        try:
            resume(folder, "cpu", data=data, out=folder.parent / "fork", force=True)
        finally:
            shutil.rmtree(folder.parent / "fork", ignore_errors=True)

    def tokens() -> None:
        run = Run(folder, "cpu")
        for key, space in {"x": run.space, **run.given}.items():
            if space.encoder:
                tokenizer = run.tokenizer(key)
                tokenizer.tokens(tokenizer.names[0])

    return [
        tokens,
        lambda: Run(folder, "cpu").check(*Run(folder, "cpu").last_checkpoint()),
        lambda: Run(folder, "cpu").model(),
        lambda: Run(folder, "cpu").model(averaged=False),
        lambda: Run(folder, "cpu").model(best=True),
        drawn,
        found.state,
        lambda: list(found.ticks()),
        lambda: [Checkup.from_json(row) for row in found.checkups()],
        lambda: [Alarm.from_json(row) for row in found.alarms()],
        found.best_about,
        found.plan,
        found.schedule,
        found.replay,
        found.progress,
        lambda: Run(folder, "cpu").reached(),
        lambda: Run(folder, "cpu").data() if Run(folder, "cpu").head["data"]["source"] in BUILT_IN else None,
        forked,
        gone_on,
        lambda: resume(folder, "cpu", data=data, more=Budget(**{Run(folder, "cpu").recipe.budget.unit: 5})),
    ]


def opened(folder: Path, data: Any) -> None:
    with warnings.catch_warnings(), alarmed(folder, folder.parent / "fork"):
        warnings.simplefilter("ignore")
        for read in readings(folder, data):
            try:
                read()
            except ValueError as error:
                said = str(error)
                assert 0 < len(said) < 2000
                assert "Traceback" not in said


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Any]]:
    """Folders, each with its data."""
    place = tmp_path_factory.mktemp("runs")
    found = []
    for small in SMALL:
        if small.model in TRIED:
            session = small.session(place / small.model, 20, save_every=8)
            for tick in session:
                if tick.closes and tick.step == 6:
                    session.keep_best({"progress": tick.progress, "score": "none", "value": 0.0})
            session.folder.write_plan({"stride": 2, "n": 64})
            found.append((place / small.model, session.data))
    return found


def fuzz(runs: list[tuple[Path, Any]], folders: int, part: int = 0) -> int:
    """How many folders were opened; it fails at the first that does anything else than to give a run or a sentence.

    part: another number tampers in other ways
    """
    count = 0
    place = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))

    @settings(max_examples=folders, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(which=st.integers(0, len(runs) - 1), seed=st.integers(0, 2**40))
    def once(which: int, seed: int) -> None:
        nonlocal count
        target, (source, data) = place / "run", runs[which]
        try:
            done = tampered(source, target, seed + part * 2**40)
            try:
                with modest(MEMORY):
                    opened(target, data)
                assert unharmed(target)
            except Exception as error:
                error.add_note(f"{source.name}, {done}")
                raise
            count += 1
        finally:
            shutil.rmtree(target, ignore_errors=True)

    try:
        once()
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return count


def test_an_untouched_run_opens(runs: list[tuple[Path, Any]]) -> None:
    for folder, data in runs:
        with alarmed(folder.parent):
            found = [read() for read in readings(folder, data)]
        assert str(folder / "manifest.json") in OPENED  # what is opened is heard
        assert any(path.endswith("weights.safetensors") for path in OPENED)
        assert sum(thing is not None for thing in found) >= 9


def test_what_lies_elsewhere_would_be_noticed(tmp_path: Path) -> None:
    """The check itself: a file outside, and one inside that leads outside."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link").symlink_to("/etc/hostname")
    for path in (Path("/etc/hostname"), tmp_path / "run" / "link"):
        with pytest.raises(AssertionError, match="hostname"), alarmed(tmp_path / "run"):
            path.read_bytes()


def test_memory_that_is_taken_for_a_moment_is_noticed() -> None:
    """Also where as much was freed before, in blocks that the allocator would give again."""
    torch.ones(7_900_000)  # once freed, blocks of this size are taken from the heap
    blocks = [torch.ones(5_000_000) for _ in range(50)]
    last = torch.ones(5_000_000)  # above them, so that they are not returned to the system
    del blocks
    with modest(MEMORY):
        torch.ones(5_000_000)
    with pytest.raises(AssertionError), modest(MEMORY):
        torch.ones(150_000_000)
    assert last.numel()


def test_halves_of_files_are_not_written_through_links(tmp_path: Path) -> None:
    """They are written beside under a name that can be known."""
    (tmp_path / "own").write_text("a secret")
    (tmp_path / f".new.json.{os.getpid()}.part").symlink_to(tmp_path / "own")
    write_json(tmp_path / "new.json", {"a": 1})
    assert (tmp_path / "own").read_text() == "a secret"
    assert read_json(tmp_path / "new.json") == {"a": 1}


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("row", MODELS, ids=lambda row: row.name)
def test_every_model_can_be_outlined(row: Any, labelled: bool) -> None:
    """At the sizes that users train: weights are compared with names and shapes before any memory is given to them."""
    outlined = 0
    for space in SPACES:
        given_ = {"label": Space((), "", "token", 10)} if labelled else {}
        try:
            recipe = recipe_for(row.name, space, given_)
        except ValueError:  # what it does not learn
            continue
        with torch.device("meta"):
            model = build(recipe, space, given_)
        assert all(value.is_meta for value in model.state_dict().values())
        outlined += 1
    assert outlined


@pytest.mark.parametrize("part", range(4))
def test_two_thousand_hostile_folders(runs: list[tuple[Path, Any]], part: int) -> None:
    """In parts, which workers share."""
    assert fuzz(runs, 500, part) >= 500


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4, 14))
def test_ten_thousand_hostile_folders(runs: list[tuple[Path, Any]], part: int) -> None:
    assert fuzz(runs, 1_000, part) >= 1_000
