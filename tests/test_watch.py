"""A watch over training: collapse is reported soon, healthy runs are left in peace, nothing is lost by a stop."""

from __future__ import annotations

import time
import types
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import genlab
from genlab.api import Session, resume, session
from genlab.core.moves import Descend, Stage
from genlab.core.recipe import Budget
from genlab.features import features_for
from genlab.measure.alarms import Alarm, Checkup
from genlab.measure.points import modes
from genlab.measure.score import Score
from genlab.models.adversarial.gan import GAN
from genlab.trained import drawn
from genlab.watch import FEWEST, MARKS, NEVER, Plan, Watch, affordable

SEEDS = range(5)
SMALL = {"model.width": "8"}  # of a network whose sampling takes long
HEALTHY = {  # what is trained -> model, data, steps of a moment's training, settings
    "vae ring": ("vae", "points/ring", 300, {}),
    "gan ring": ("gan", "points/ring", 300, {}),
    "ddpm ring": ("ddpm", "points/ring", 200, {}),
    "flow-matching ring": ("flow-matching", "points/ring", 200, {}),
    "vae": ("vae", "digits", 150, {}),
    "vqvae": ("vqvae", "digits", 150, {}),
    "gan": ("gan", "digits", 60, {}),
    "pixelcnn": ("pixelcnn", "digits", 60, {}),
    "ddpm": ("ddpm", "digits", 40, SMALL),
    "flow-matching": ("flow-matching", "digits", 40, SMALL),
    "rbm": ("rbm", "digits bits", 100, {}),
    "ngram": ("ngram", "digits", 1, {}),
    "gpt": ("gpt", "digits", 40, {"model.width": "32", "model.layers": "1", "model.heads": "2"}),
    "gpt text": ("gpt", "strings/weather", 40, {}),
    "ngram text": ("ngram", "strings/words", 1, {}),
}


def watched(made: Session, plan: Plan | None) -> Watch:
    picture = made.data.space.picture
    watch = Watch(made, features_for(made.data, made.engine, choice="random") if picture else None, plan=plan)
    for tick in made:
        watch.on_tick(tick)
    watch.close()
    return watch


def begun(place: Path, model: str = "gan", data: Any = "points/ring", steps: int = 100, **options: Any) -> Session:
    data = genlab.open(data) if isinstance(data, str) else data
    return session(model, data, place, budget=Budget(steps=steps), device="cpu", **options)


def collapsing(game: Stage, model: Any) -> Iterator[Stage]:
    """The game, then its generator alone against a frozen discriminator: it runs to where its score is highest."""
    yield replace(game, share=0.5)
    yield Stage("alone", [Descend("alone", [model.generator], model._generator_loss)], 0.5)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_collapse_is_reported_within_a_tenth_of_the_run(seed: int, tmp_path: Path) -> None:
    made = begun(tmp_path / "run", steps=700, seed=seed)
    moves = made.recipe.moves
    made.recipe = replace(made.recipe, moves={**moves, "alone": {**moves["generator"], "rate": 0.01, "decay": "constant"}})
    game = next(iter(GAN.stages(made.model)))  # pyright: ignore[reportArgumentType]
    made.model.stages = types.MethodType(lambda model: collapsing(game, model), made.model)
    watch, data, looked, gone = Watch(made, None, plan=Plan(1, 256)), made.data, -1, []
    for tick in made:
        watch.on_tick(tick)
        if tick.closes and int(100 * tick.progress) != looked:
            looked = int(100 * tick.progress)
            with made.engine.averaged() as model:
                *_, x = drawn(model, range(256), 7, {}, {})
            gone.append((tick.progress, modes(x, data.modes, data.mode_std).covered.value <= 0.5))
    watch.close()
    intact = [progress for progress, lost in gone if not lost]
    alarms = [alarm for alarm in watch.alarms if alarm.kind == "collapse"]
    assert len(alarms) == 1
    assert intact[-1] - 0.05 <= alarms[0].progress <= intact[-1] + 0.1, watch.alarms
    assert (tmp_path / "run/alarms.jsonl").read_text().count("collapse") == 1


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("what", HEALTHY)
def test_healthy_runs_raise_no_alarm(what: str, seed: int, tmp_path: Path) -> None:
    model, source, steps, settings = HEALTHY[what]
    made = begun(tmp_path / "run", model, opened(source), steps, seed=seed, settings=settings)
    watch = watched(made, Plan(4, 64))
    assert watch.alarms == []
    assert len(watch.history.checkups) >= (1 if model in ("ngram", "vqvae") else MARKS // 4)
    assert all(checkup.scores for checkup in watch.history.checkups)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("what", HEALTHY)
def test_healthy_runs_of_whole_recipes_raise_no_alarm(what: str, seed: int, tmp_path: Path) -> None:
    """Twenty seconds each of the networks that users train, looked at as `compare` does: about half an hour.

    A run of seconds is another one on another machine, and a GAN on the ring does lose variety for a while now and then. Such
    an alarm is no false one where another measure than the one that raised it says so too.
    """
    model, source, _, _ = HEALTHY[what]
    made = session(model, opened(source), tmp_path / "run", budget=Budget(seconds=20), seed=seed, device="cpu")
    watch = watched(made, None)
    assert [alarm for alarm in watch.alarms if not (model == "gan" and borne_out(alarm, watch.history.checkups))] == []


def borne_out(alarm: Alarm, checkups: Sequence[Checkup]) -> bool:
    """Whether a measure that did not raise the alarm was worse then than at its best, by more than the 95% intervals."""
    name = "coverage" if alarm.curve == "squared MMD" else "squared MMD"
    found = [checkup.score(name) for checkup in checkups if checkup.progress <= alarm.progress]
    scores = [score for score in found if score is not None]
    bounds = [(score.low, score.high) for score in scores if score.low is not None and score.high is not None]
    if alarm.kind not in ("collapse", "worse") or len(bounds) < 2 or len(bounds) < len(scores):
        return False
    if scores[0].better == "lower":
        return bounds[-1][0] > min(high for _, high in bounds)
    return bounds[-1][1] < max(low for low, _ in bounds)


OTHERS = [("coverage", "squared MMD", "lower"), ("squared MMD", "coverage", "higher")]


@pytest.mark.parametrize(("curve", "name", "better"), OTHERS)
def test_an_alarm_is_borne_out_only_by_another_measure_that_got_worse(curve: str, name: str, better: str) -> None:
    def checkups(*values: float) -> list[Checkup]:
        scores = [Score(name, value, {}, better, low=value - 0.02, high=value + 0.02) for value in values]  # type: ignore[arg-type]
        return [Checkup(at / 10, at, 1, 1, {name: score}) for at, score in enumerate(scores, 2)]

    fell, sign = Alarm("collapse", 0.3, 3.0, "", "", curve), 1 if better == "lower" else -1
    assert borne_out(fell, checkups(0.5, 0.5 + 0.1 * sign, 0.5))
    assert not borne_out(fell, checkups(0.5, 0.5 + 0.03 * sign, 0.9))
    assert not borne_out(fell, checkups(0.5, 0.5 - 0.1 * sign))
    assert not borne_out(replace(fell, kind="copied"), checkups(0.5, 0.5 + 0.1 * sign))


def opened(source: str) -> Any:
    name, *bits = source.split()
    return genlab.open(name, **({"binarise": "threshold"} if bits else {}))


def test_a_stage_whose_samples_mean_nothing_yet_is_not_looked_at(tmp_path: Path) -> None:
    """Nothing is drawn, judged or kept as the best before the second stage."""
    made, drew = begun(tmp_path / "run", steps=100), []
    moves, sample = next(iter(made.model.stages())).moves, made.model.sample
    stages = [Stage("first", moves, 0.5, samples=False), Stage("second", moves, 0.5)]
    made.model.stages = lambda: iter(stages)
    made.model.sample = lambda *given, **more: drew.append(made.engine.stage) or sample(*given, **more)
    watch = Watch(made, None)
    for tick in made:
        watch.on_tick(tick)
        assert tick.stage or not (tmp_path / "run" / "best.safetensors").exists()
    watch.close()
    assert {*drew} == {1}
    assert min(checkup.progress for checkup in watch.history.checkups) > 0.5


def test_no_alarm_is_raised_in_the_first_steps_whatever_the_batch_of_the_stage(tmp_path: Path) -> None:
    made, asked = begun(tmp_path / "run", steps=2 * FEWEST), []
    moves = next(iter(made.model.stages())).moves
    made.model.stages = lambda: iter([Stage("large", moves, batch=4 * made.recipe.batch)])
    watch = Watch(made, None, plan=Plan(MARKS, 64))
    watch.history.alarms = lambda: asked.append(made.engine.steps) or []
    for tick in made:
        watch.on_tick(tick)
    assert min(asked) == FEWEST


def test_looking_costs_the_budget_nothing_and_changes_no_weight(tmp_path: Path) -> None:
    made, unwatched = begun(tmp_path / "a"), begun(tmp_path / "b")
    watched(made, Plan(1, 64))
    for _ in unwatched:
        pass
    for name, value in made.model.state_dict().items():
        assert value.equal(unwatched.model.state_dict()[name]), name


def test_the_best_weights_are_those_of_the_best_check_up(tmp_path: Path) -> None:
    watch = watched(begun(tmp_path / "run"), Plan(2, 128))
    run = genlab.load(tmp_path / "run", "cpu")
    costs = [row["scores"]["squared MMD"]["value"] for row in run.folder.checkups()]
    assert costs == [checkup.quality.value for checkup in watch.history.checkups if checkup.quality]
    x = run.sample(128, seed=1, best=True)
    assert not x.equal(run.sample(128, seed=1)) or costs.index(min(costs)) == len(costs) - 1
    from genlab.measure.checkup import checkup_reference, checkup_scores

    again = checkup_scores(checkup_reference(run.data(), None), x, None, 1)["squared MMD"].value
    assert again == pytest.approx(min(costs), abs=1e-9)
    (tmp_path / "run/best.safetensors").unlink()
    with pytest.raises(ValueError, match="leave out --best"):
        genlab.load(tmp_path / "run", "cpu").sample(1, best=True)


def test_a_stopped_run_is_watched_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    whole = watched(begun(tmp_path / "whole"), Plan(2, 64))
    made = begun(tmp_path / "run")
    watch = Watch(made, None, plan=Plan(2, 64))
    for tick in made:
        watch.on_tick(tick)
        if tick.closes and tick.progress >= 0.43:
            made.stop()
            break
    made.folder.log_checkup({**watch.history.checkups[-1].to_json(), "progress": 0.9})  # seen after the checkpoint: forgotten
    watched(resume(tmp_path / "run", "cpu"), Plan(2, 64))
    found = [[row["progress"] for row in genlab.load(tmp_path / name).folder.checkups()] for name in ("whole", "run")]
    assert found[0] == found[1]
    scores = [[row["scores"] for row in genlab.load(tmp_path / name).folder.checkups()] for name in ("whole", "run")]
    assert scores[0] == scores[1]
    assert whole.alarms == []


def test_how_often_it_looks_follows_what_looking_costs() -> None:
    assert affordable(0.0, 0.0, 9.0) == Plan(1, 256)
    assert affordable(0.01, 0.0, 9.0) == Plan(2, 64)  # 0.64 s, ten times
    assert affordable(0.5, 1.0, 9.0) == Plan(MARKS, 16)
    assert affordable(10.0, 1.0, 9.0).stride == NEVER
    for each in (0.001, 0.02, 0.3):
        plan = affordable(each, 0.1, 6.0)
        assert (each * plan.n + 0.1) * (MARKS // plan.stride) <= 6


def test_a_sampler_that_is_too_slow_is_left_and_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking takes a tenth of the training, so its first sample is given up once it takes longer than that."""
    drawn = []

    def slow(model: Any, rows: range, *rest: Any) -> Iterator[torch.Tensor]:
        for frame in range(100):
            time.sleep(0.02)
            drawn.append(frame)
            yield torch.zeros(len(rows), 2)

    monkeypatch.setattr("genlab.watch.drawn", slow)
    monkeypatch.setattr("genlab.watch.LEAST", 0.1)
    watch = watched(begun(tmp_path / "run", steps=30), None)
    assert watch.plan is not None
    assert watch.plan.stride == NEVER
    assert len(drawn) < 30
    assert watch.history.checkups == []
    assert watch._saved_plan() == watch.plan, "a resumed run does not look either"


def test_a_broken_sampler_is_an_error_not_a_number(tmp_path: Path) -> None:
    made = begun(tmp_path / "run")
    made.model.sample = lambda n, given=None, *, noise, **options: iter([torch.full((n, 2), torch.nan)])
    with pytest.raises(ValueError, match="not finite"):
        watched(made, Plan(2, 64))


def test_without_a_validation_split_only_readings_are_monitored(tmp_path: Path) -> None:
    np.savez(tmp_path / "points.npz", x=np.random.default_rng(0).standard_normal((200, 2)))
    data = genlab.open(tmp_path / "points.npz", shares=(0.9, 0.0, 0.1))
    watch = watched(begun(tmp_path / "run", data=data, steps=30), None)
    assert watch.history.checkups == []
    assert watch.history.progress == 1
    run = genlab.load(tmp_path / "run")
    assert run.sample(3).shape == (3, 2)
    assert genlab.score(run, n=50).scores
    with pytest.raises(ValueError, match="no validation split to measure on; give it a share"):
        genlab.score(run, n=50, split="validation")
