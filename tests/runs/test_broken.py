"""A number that is none any more stops the move before it moves, is traced to where it began, and costs only the time since the
last checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.runs.small import SMALL, Small

from genlab import api
from genlab.api import Session
from genlab.core.finite import NonFiniteError
from genlab.runs.engine import Engine
from genlab.runs.files import read_tensors
from genlab.runs.train import Recorder

STEPS, BREAKS = 30, 12
LEARNT = [small for small in SMALL if small.model != "ngram"]  # it counts, in whole numbers
REAL = [small for small in SMALL if small.source.startswith("points/")]
NAN = float("nan")


def broken(session: Session, damage: Callable[[Session], object]) -> str:
    """What is said when a run is damaged after step BREAKS."""

    def train() -> None:
        for tick in session:
            if tick.closes and tick.step == BREAKS and tick.stage == 0:
                damage(session)

    with pytest.raises(ValueError, match="training broke down at step") as error:
        train()
    return str(error.value)


def moved(session: Session) -> torch.nn.Parameter:
    """The first parameter that the stage moves."""
    (found, *_), *_ = session.engine.optimisers.values()
    return found.param_groups[0]["params"][0]


def name_of(session: Session) -> str:
    return next(name for name, value in session.model.named_parameters() if value is moved(session))


def spoil_weights(session: Session) -> None:
    moved(session).detach().view(-1)[0] = NAN


def spoil_gradients(session: Session) -> None:
    parameter = moved(session)
    parameter.requires_grad_(True).register_hook(lambda gradient: gradient * NAN)
    parameter.requires_grad_(False)


class Spoilt:
    """Data of which one example loses its value from a cursor on."""

    def __init__(self, data: Any, cursor: int):
        self.data, self.cursor = data, cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)

    def where(self, index: int) -> str:
        return f"row {index}"

    def stream(self, split: Any, cursor: int, n: int) -> Any:
        batch = self.data.stream(split, cursor, n)
        x = batch.x.clone()
        if split == "train" and cursor >= self.cursor:
            x[3] = NAN
        return batch._replace(x=x, index=torch.arange(cursor, cursor + n))


def check_kept(folder: Path, step: int) -> dict[str, Any]:
    """The batch lies there, and the run is one that can be resumed, as it was at its last checkpoint."""
    (found,) = (folder / "broken").glob("*.json")
    about = json.loads(found.read_text())
    assert about["step"] in (step, step + 1)  # a move may come only every second step
    assert len(read_tensors(found.with_suffix(".safetensors"))[0]["x"]) > 0
    session = api.load(folder, "cpu")
    state = session.folder.state()
    assert state is not None
    assert state[1]["step"] == 10
    assert all(value.isfinite().all() for value in state[0].values())
    assert session.sample(2).shape[0] == 2
    return about


@pytest.mark.parametrize("small", LEARNT, ids=str)
def test_weights(small: Small, tmp_path: Path) -> None:
    session = small.session(tmp_path / "run", STEPS, save_every=5)
    said = broken(session, spoil_weights)
    assert f"{name_of(session)} has values that are not finite" in said
    assert "--set optim.rate" in said
    assert check_kept(tmp_path / "run", BREAKS + 1)["stage"] in said


@pytest.mark.parametrize("small", LEARNT, ids=str)
def test_gradients(small: Small, tmp_path: Path) -> None:
    session = small.session(tmp_path / "run", STEPS, save_every=5)
    said = broken(session, spoil_gradients)
    assert "its gradient is nan" in said
    assert f"the gradient of {name_of(session)} is not" in said
    check_kept(tmp_path / "run", BREAKS + 1)


@pytest.mark.parametrize("model", ["vqvae", "ddpm", "rbm"])
def test_a_change_that_is_lost_in_one_process_stops_all(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the others of several processes see it, which have lost nothing themselves."""
    session = next(small for small in LEARNT if small.model == model).session(tmp_path / "run", STEPS, save_every=5)
    asked: list[bool] = []

    def on_any_rank(engine: Engine, flag: bool) -> bool:
        asked.append(flag)
        return session.engine.step == BREAKS + 1

    monkeypatch.setattr(Engine, "on_any_rank", on_any_rank)
    assert "its state in another process is nan" in broken(session, lambda session: None)
    assert asked
    assert not any(asked)
    check_kept(tmp_path / "run", BREAKS + 1)


@pytest.mark.parametrize("small", REAL, ids=str)
def test_data(small: Small, tmp_path: Path) -> None:
    data = Spoilt(small.data(), (BREAKS + 1) * small.settings["batch"])
    session = small.session(tmp_path / "run", STEPS, data, save_every=5)
    said = broken(session, lambda session: None)
    row = (BREAKS + 1) * small.settings["batch"] + 3
    assert f"(row {row})" in said
    assert "1 of its 32 examples" in said
    about = check_kept(tmp_path / "run", BREAKS + 1)
    assert about["examples"] == [f"row {row}"]
    assert about["rows"] == [3]


def test_a_layer_is_named(tmp_path: Path) -> None:
    """Where the weights are finite, and yet what a layer makes of them is not."""
    small = next(small for small in SMALL if small.model == "ddpm")
    session = small.session(tmp_path / "run", STEPS, save_every=5)
    layers = [(name, module) for name, module in session.model.named_modules() if isinstance(module, torch.nn.Linear)]
    name, layer = layers[1]

    def overflow(session: Session) -> None:
        layer.weight.detach().fill_(3e38)

    assert f"the first layer whose output is not finite is {name} (Linear)" in broken(session, overflow)


@pytest.mark.parametrize("small", LEARNT, ids=str)
def test_it_goes_on_at_half_the_rate(small: Small, tmp_path: Path) -> None:
    session = small.session(tmp_path / "run", STEPS, save_every=5, on_nan="halve-lr")
    rates, once = [], []
    for tick in session:
        rates += [
            group["lr"] / group["base"] for found in session.engine.optimisers.values() for group in found[0].param_groups
        ]
        if tick.closes and tick.step == BREAKS and tick.stage == 0 and not once:
            once.append(spoil_weights(session))
    assert session.engine.scale == 0.5
    assert session.engine.progress.limit == session.engine.step
    assert all(value.isfinite().all() for value in session.model.state_dict().values())
    (alarm,) = session.folder.alarms()
    assert alarm["kind"] == "broke down"
    assert "0.5 of the learning rates" in alarm["remedy"]
    steps = [(row["stage"], row["step"]) for row in session.folder.ticks()]
    assert steps == sorted(set(steps))


def test_it_gives_up_where_halving_does_not_help(tmp_path: Path) -> None:
    small = next(small for small in SMALL if small.model == "vae")
    data = Spoilt(small.data(), 12 * 32)
    with pytest.raises(ValueError, match=r"8 times did not help.*--set optim\.rate") as given_up:
        list(small.session(tmp_path / "run", STEPS, data, save_every=5, on_nan="halve-lr"))
    assert "--on-nan" not in str(given_up.value)


def test_averages_are_checked_before_anything_is_drawn(tmp_path: Path) -> None:
    small = next(small for small in SMALL if small.model == "vae")
    session = small.session(tmp_path / "run", STEPS)
    for _ in session:
        pass
    value = next(iter(session.engine.average.values.values()))
    value[0] = NAN
    with pytest.raises(ValueError, match="nothing was saved over the last checkpoint"):
        session.recorder.save()
    assert session.run().sample(2).isfinite().all()
    session.folder.save(session.engine.weights(), session.engine.weights(averaged=True), [], session.engine.state())
    with pytest.raises(ValueError, match="have lost their values"):
        session.run().sample(2)
    assert session.run().sample(2, averaged=False).isfinite().all()


def test_weights_that_are_lost_at_the_very_end_go_back_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner, lost = Recorder.save, [True]

    def save(recorder: Recorder) -> None:
        if recorder.engine.overall() >= 1 and lost:
            error = NonFiniteError("model.weight", float("nan"))
            error.batch = recorder.engine.batch
            lost.clear()
            raise error
        inner(recorder)

    monkeypatch.setattr(Recorder, "save", save)
    session = SMALL[3].session(tmp_path / "run", 10, save_every=4, on_nan="halve-lr")
    for _ in session:
        pass
    assert not lost
    assert session.engine.scale == 0.5
    assert session.engine.overall() == 1
    assert [alarm["kind"] for alarm in session.folder.alarms()] == ["broke down"]
