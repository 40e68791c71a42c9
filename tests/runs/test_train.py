"""Training into a folder: what a stopped run leaves, what a resumed one adds, when training is given up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from genlab.core.model import Model
from genlab.core.moves import Apply, Descend, Now, Readings, Stage
from genlab.core.recipe import Budget, Optim, Recipe, setting
from genlab.core.space import Batch, Space
from genlab.runs.clock import ProgressTracker
from genlab.runs.engine import Engine
from genlab.runs.folder import Folder
from genlab.runs.optimise import factor
from genlab.runs.train import Recorder, training
from genlab.runs.weights import copy_into

SPACE = Space((2,), "D", "real")


@dataclass(frozen=True)
class Nothing:
    a: int = setting(1, "nothing")


class Points:
    space, given = SPACE, {}

    def count(self, split: str) -> int:
        return 100

    def stream(self, split: str, cursor: int, n: int) -> Batch:
        return Batch(torch.linspace(-1, 1, 2 * n).reshape(n, 2) + 0.01 * cursor)

    def once(self, split: str, cursor: int, n: int) -> Batch:
        return self.stream(split, cursor, max(0, min(n, 100 - cursor)))


class Shared(Model):
    """One linear map under two names, which both layers use."""

    def __init__(self, breaks: int = 10**9) -> None:
        super().__init__(SPACE)
        self.one, self.two, self.breaks = nn.Linear(2, 2), nn.Linear(2, 2), breaks
        self.two.weight = self.one.weight

    def stages(self) -> Iterator[Stage]:
        yield Stage("fit", [Descend("fit", [self], self.loss)])

    def loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        loss = (self.two(self.one(batch.x).tanh()) + now.noise.normal((2,)) - batch.x).square().mean()
        return loss * float("nan") if now.step >= self.breaks else loss, {}

    def sample(self, n: int, given: Any = None, *, noise: Any, **options: Any) -> Iterator[Tensor]:
        yield noise.normal((2,))


RECIPE = Recipe("shared", Nothing(), Budget(steps=60), batch=4, optim=Optim(rate=0.1, half_life=20.0))


def made(path: Path, breaks: int = 10**9, **options: Any) -> tuple[Folder, Shared, Recorder]:
    torch.manual_seed(0)
    folder = Folder(path)
    if not path.exists():
        folder.create({"recipe": {}, "space": {}, "given": {}})
    return folder, Shared(breaks), Recorder(folder, Engine("cpu"), **options)


def finished(path: Path, stop: int | None = None, resume: bool = False) -> Folder:
    folder, model, recorder = made(path)
    for tick in training(recorder, model, Points(), RECIPE, resume):
        if tick.step == stop:
            recorder.save()
            break
    return folder


def test_a_resumed_run_writes_the_files_of_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = finished(tmp_path / "whole")
    stopped = finished(tmp_path / "stopped", stop=31)
    with (stopped.path / "ticks.jsonl").open("a") as file:
        file.write('{"written": "after the checkpoint"}\n')
    resumed = finished(tmp_path / "stopped", resume=True)
    for averaged in (False, True):
        (one, _), (two, _) = whole.weights(averaged), resumed.weights(averaged)
        assert all(torch.equal(one[name], two[name]) for name in one)
    one, two = list(whole.ticks()), list(resumed.ticks())
    assert len(one) == 60
    assert [{**row, "seconds": 0} for row in one] == [{**row, "seconds": 0} for row in two]


def test_readings_are_not_written_twice_at_one_point_of_progress(tmp_path: Path) -> None:
    recipe = replace(RECIPE, budget=Budget(steps=2000))
    folder, model, recorder = made(tmp_path / "run")
    for tick in training(recorder, model, Points(), recipe):
        if tick.step == 21:
            recorder.save()
            break
    before = len(list(folder.ticks()))
    folder, model, recorder = made(tmp_path / "run")
    for tick in training(recorder, model, Points(), recipe, resume=True):
        if tick.step == 22:
            break
    assert len(list(folder.ticks())) == before


def test_an_averaged_parameter_with_two_names_is_averaged_under_both(tmp_path: Path) -> None:
    folder = finished(tmp_path / "run")
    raw, _ = folder.weights(averaged=False)
    mean, averaged = folder.weights()
    assert averaged
    assert torch.equal(mean["one.weight"], mean["two.weight"])
    assert not torch.equal(mean["one.weight"], raw["one.weight"])
    model = Shared()
    copy_into(model, mean)
    assert torch.equal(model.one.weight, mean["one.weight"])


def test_a_killed_run_can_be_sampled_from_its_last_checkpoint(tmp_path: Path) -> None:
    folder, model, recorder = made(tmp_path / "run", save_every=1)
    for tick in training(recorder, model, Points(), RECIPE):
        if tick.step == 10:  # the kill: nothing is saved any more
            break
    state = folder.state()
    assert state is not None
    assert state[1]["step"] == 10
    assert torch.equal(folder.weights(averaged=False)[0]["one.weight"], state[0]["model.one.weight"])


def test_training_that_breaks_down_ends_and_keeps_the_last_good_weights(tmp_path: Path) -> None:
    folder, model, recorder = made(tmp_path / "run", breaks=20, save_every=1)
    with pytest.raises(ValueError, match=r"at step 20 of stage fit, move fit: its loss is nan.*Lower the learning rate"):
        list(training(recorder, model, Points(), RECIPE))
    assert all(value.isfinite().all() for value in folder.weights()[0].values())


# --- clock and rates -------------------------------------------------------------------------------------------------


def test_a_schedule_that_ends_too_early_is_refused() -> None:
    progress = ProgressTracker(Budget(seconds=1), [[0, 0, 0], [0, 3, 500]])
    progress.enter(0, 1.0, None, 100, 4)
    assert [progress.at(0, step) for step in range(4)] == [0, 0, 0, 0.5]
    with pytest.raises(ValueError, match="stopped"):
        progress.at(0, 4)


def test_processes_agree_on_one_measure_of_time() -> None:
    progress = ProgressTracker(Budget(seconds=1), None, lambda mark: mark + 123)
    progress.enter(0, 1.0, None, 100, 4)
    assert progress.at(0, 0) == 0.123


def test_examples_and_steps_are_the_same_budget() -> None:
    limits = []
    for budget in (Budget(steps=40), Budget(examples=160), Budget(examples=158)):
        progress = ProgressTracker(budget)
        progress.enter(0, 0.25, None, 100, 4)
        limits.append(progress.limit)
    assert limits == [10, 10, 10]


def test_a_rate_never_exceeds_itself_while_it_warms_up() -> None:
    optim = Optim(rate=1.0, warmup=2e-4, decay="linear")
    assert max(factor(optim, step / 10_000) for step in range(10_000)) <= 1


def test_counting_passes_says_how_many_examples_were_seen() -> None:
    class Counting(Shared):
        def stages(self) -> Iterator[Stage]:
            yield Stage("count", [Apply("count", [], lambda batch, now: {"n": float(len(batch.x))})], passes=2)

    from genlab.core.fit import fit

    engine = Engine("cpu")
    ticks = list(fit(Counting(), Points(), replace(RECIPE, batch=30), engine))
    assert [tick.readings["n"] for tick in ticks] == [30, 30, 30, 10] * 2
    assert engine.examples == engine.cursor == 200
