"""Recipes that fit the time: the largest size that sees enough, the same for all seeds, kept in the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genlab.api import load, resume, session
from genlab.comparison.options import CompareOptions
from genlab.comparison.sizes import Sizes
from genlab.core.recipe import Budget, Recipe
from genlab.core.space import Space
from genlab.data import open
from genlab.recipes import fitting
from genlab.recipes.fitting import Rung, fitted, rungs, seconds_of_an_example, unusual
from genlab.recipes.index import MODELS
from genlab.recipes.make import build, recipe_for
from genlab.runs.engine import Engine
from tests.cli.calls import call

PICTURE = Space((3, 32, 32), "CHW", "ordinal", 256)
DIGITS = open("digits")
OF_PICTURES = [row.name for row in MODELS if "pictures" in row.kinds and row.name != "rbm"]  # which learns bits alone
SEVERAL = [name for name in OF_PICTURES if len(rungs(name, PICTURE, {}, 50_000)) > 1]


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A model of three sizes, whose example takes 1, 2 and 4 ms; the sizes that were timed."""
    timed: list[int] = []

    def cost(recipe: Recipe, data: object, engine: object) -> float:
        timed.append(recipe.model.width)
        return 1e-3 * recipe.model.width / 8

    usual = recipe_for("gan", DIGITS.space, DIGITS.given)
    sizes = [replace(usual, model=replace(usual.model, width=width)) for width in (8, 16, 32)]
    monkeypatch.setattr(fitting, "seconds_of_an_example", cost)
    monkeypatch.setattr(fitting, "rungs", lambda *_: [Rung(sizes[0], 0), Rung(sizes[1], 1000), Rung(sizes[2], 4000)])
    return timed


@pytest.mark.parametrize(
    ("seconds", "width", "timed"),
    [(0.5, 8, [8]), (1.5, 8, [8, 16]), (2.5, 16, [8, 16]), (10.0, 16, [8, 16, 32]), (20.0, 32, [8, 16, 32])],
)
def test_the_largest_size_that_sees_enough_is_taken(three: list[int], seconds: float, width: int, timed: list[int]) -> None:
    assert fitted("gan", DIGITS, seconds, lambda: Engine("cpu")).model.width == width
    assert three == timed


def test_settings_change_every_size_and_are_refused_as_ever(three: list[int]) -> None:
    recipe = fitted("gan", DIGITS, 20, lambda: Engine("cpu"), {"model.latent": "5"})
    assert (recipe.model.width, recipe.model.latent) == (32, 5)
    with pytest.raises(ValueError, match=r"did you mean model\.latent"):
        fitted("gan", DIGITS, 20, lambda: Engine("cpu"), {"model.latnt": "5"})


def test_a_run_is_trained_resumed_and_repeated_with_the_size_it_was_given(three: list[int], tmp_path: Path) -> None:
    made = session("gan", DIGITS, tmp_path / "run", budget=Budget(seconds=0.05), device="cpu")
    assert made.recipe.model.width == 8
    assert made.unusual == ["model.width=8"]
    assert "fitted to these data and 0.05 seconds: model.width=8" in made.notes[0]
    list(made)
    assert resume(tmp_path / "run", "cpu").recipe == made.recipe
    recipe = recipe_for("gan", DIGITS.space, DIGITS.given)
    usual = session("gan", DIGITS, tmp_path / "off", budget=Budget(seconds=0.05), device="cpu", recipe=recipe)
    assert usual.recipe.model == recipe_for("gan", DIGITS.space, DIGITS.given).model
    steps = session("gan", DIGITS, tmp_path / "steps", budget=Budget(steps=1), device="cpu")
    assert steps.recipe.model == usual.recipe.model


def test_all_seeds_of_a_comparison_have_one_size(three: list[int], tmp_path: Path) -> None:
    first = session("gan", DIGITS, tmp_path / "gan", budget=Budget(seconds=0.05), device="cpu")
    options = CompareOptions("digits", amount=20.0, device="cpu")
    assert Sizes(options, DIGITS).recipe("gan", []).model.width == 32
    list(first)
    assert Sizes(options, DIGITS).recipe("gan", [str(tmp_path / "missing"), str(tmp_path / "gan")]).model.width == 8
    off = replace(options, budget_fit="off")
    assert Sizes(off, DIGITS).recipe("gan", []).model == recipe_for("gan", DIGITS.space, DIGITS.given).model
    assert "--budget-fit off" in off.command(tmp_path)
    assert "--budget-fit" not in options.command(tmp_path)


def test_an_example_takes_the_quickest_step(tmp_path: Path) -> None:
    recipe = recipe_for("vae", DIGITS.space, DIGITS.given)
    engine = Engine("cpu")
    cost = seconds_of_an_example(recipe, DIGITS, engine)
    assert engine.steps == fitting.STEPS
    assert 0 < cost * recipe.batch * fitting.STEPS <= engine.seconds


def test_some_models_come_in_several_sizes() -> None:
    assert {"ddpm", "pixelcnn"} <= set(SEVERAL)


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 45, 64)], ids=str)
def test_every_size_of_every_model_draws_pictures_of_the_space(name: str, shape: tuple[int, ...]) -> None:
    space = Space(shape, "CHW", "ordinal", 256)
    found = rungs(name, space, {}, 50_000)
    assert found[0].examples == 0
    assert found[-1].recipe == recipe_for(name, space, {})
    assert [rung.examples for rung in found] == sorted({rung.examples for rung in found})
    sizes = [sum(parameter.numel() for parameter in build(rung.recipe, space, {}).parameters()) for rung in found]
    assert len(set(sizes)) == len(sizes)
    for rung in found[:-1]:
        assert unusual(rung.recipe, found[-1].recipe)
        with torch.device("meta"):
            build(rung.recipe, space, {})


def test_few_pictures_are_changed_for_the_discriminator_and_keep_codes_closer_to_the_prior() -> None:
    for count, augment in ((400, True), (50_000, False)):
        (rung,) = rungs("gan", PICTURE, {}, count)
        assert rung.recipe.model.augment is augment
        (rung,) = rungs("vae", PICTURE, {}, count)
        assert rung.recipe.model.beta == (4 if augment else 2)
    assert not rungs("gan", DIGITS.space, {}, 400)[0].recipe.model.augment
    assert rungs("vae", DIGITS.space, {}, 400)[0].recipe.model.beta == 1


def test_a_size_is_read_back_from_a_run(tmp_path: Path) -> None:
    source = tmp_path / "pictures.npz"
    np.savez(source, x=np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8))
    made = session("ddpm", open(source), tmp_path / "run", budget=Budget(seconds=0.2), device="cpu")
    list(made)
    run = load(tmp_path / "run", "cpu")
    assert run.recipe == made.recipe
    assert (run.recipe.model.patch, run.recipe.model.prediction) == (4, "x0")
    assert run.sample(2).shape == (2, 3, 32, 32)


def test_a_command_fits_the_budget_or_not_and_a_schedule_repeats_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("few.npz", x=np.random.default_rng(0).integers(0, 256, (40, 17, 17), dtype=np.uint8))
    training = ("train", "gan", "few.npz", "--seconds", 0.1, "--unwatched", "--out")
    assert "fitted to these data and 0.1 seconds: model.augment=True" in call(*training, "on").err
    assert call(*training, "off", "--budget-fit", "off").code == 0
    assert [load(name, "cpu").recipe.model.augment for name in ("on", "off")] == [True, False]
    again = call(*training, "again", "--schedule", "off/schedule.json")
    assert again.code == 0, again.err
    assert load("again", "cpu").recipe == load("off", "cpu").recipe
