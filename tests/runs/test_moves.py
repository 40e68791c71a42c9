"""What a stage and its moves may ask for: a batch of their own, a shared optimiser, an average that goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.core.test_fit import Points
from tests.runs.two import RECIPE, Nothing, Two, growing, ran, same_after_a_stop

from genlab.api import resume, session
from genlab.cli.options import BudgetOptions
from genlab.cli.train import scheduled
from genlab.core.fit import fit
from genlab.core.moves import Apply, Descend, Stage
from genlab.core.plan import planned
from genlab.core.recipe import Budget, Recipe
from genlab.core.space import Space
from genlab.data import open
from genlab.recipes.make import recipe_for
from genlab.runs.engine import Engine
from genlab.runs.files import Steered

# --- Stage.batch -----------------------------------------------------------------------------------------------------


def test_a_stage_has_its_own_batch() -> None:
    model, engine, ticks = ran(growing)
    assert model.sizes == [10] * 6 + [4] * 6
    assert engine.examples == engine.cursor == 84
    assert (engine.steps, engine.step) == (12, 6)
    assert ticks[-1].progress == 1
    examples = ran(growing, replace(RECIPE, budget=Budget(examples=80)))[0].sizes
    assert examples == [10] * 4 + [4] * 10
    same_after_a_stop(growing, RECIPE, 4)
    same_after_a_stop(growing, RECIPE, 8)


def test_passes_count_with_the_batch_of_their_stage() -> None:
    def counting(model: Two) -> Iterator[Stage]:
        yield Stage("count", [Apply("count", [], lambda batch, now: {"n": float(len(batch.x))})], passes=2, batch=6)

    assert [tick.readings["n"] for tick in ran(counting)[2]] == [6, 4, 6, 4]


@pytest.mark.parametrize("size", [-2, 0])
def test_a_batch_of_a_stage_must_be_one(size: int) -> None:
    with pytest.raises(ValueError, match=f"stage none: a batch of {size}"):
        ran(lambda model: iter([Stage("none", [Descend("one", [model.one], model.loss)], batch=size)]))


# --- Descend.optimiser -----------------------------------------------------------------------------------------------


def lazy(model: Two) -> Iterator[Stage]:
    yield Stage("game", [
        Descend("one", [model.one], model.loss),
        Descend("penalty", [model.one], lambda batch, now: (model.one.weight.square().sum(), {}), every=3, optimiser="one"),
    ])  # fmt: skip


def test_moves_that_name_one_optimiser_share_its_moments() -> None:
    """As torch does it by hand: one AdamW, stepped by the loss and every third time by the penalty."""
    model, engine, _ = ran(lazy)
    reference = Two(lazy)
    adam = torch.optim.AdamW(reference.one.parameters(), lr=0.1, betas=(0.9, 0.999), weight_decay=0.0)
    for step in range(12):
        batch = Points().stream("train", 4 * step, 4)
        reference.loss(batch, None)[0].backward()  # pyright: ignore[reportArgumentType]
        adam.step()
        adam.zero_grad()
        if step % 3 == 2:
            reference.one.weight.square().sum().backward()
            adam.step()
            adam.zero_grad()
    torch.testing.assert_close(model.one.weight, reference.one.weight)
    assert engine.optimisers.keys() == {"one"}
    for stop in (3, 4, 5, 9):
        if ran(lazy, stop=stop)[2][-1].closes:
            same_after_a_stop(lazy, RECIPE, stop)


def test_moves_that_share_an_optimiser_own_the_same() -> None:
    def wrong(model: Two) -> Iterator[Stage]:
        yield Stage("game", [Descend("a", [model.one], model.loss), Descend("b", [model.two], model.loss, optimiser="a")])

    with pytest.raises(
        ValueError, match="of stage game that share the optimiser a must own the same parameters; b owns others"
    ):
        ran(wrong)


# --- Optim.half_life -------------------------------------------------------------------------------------------------

AVERAGED = replace(RECIPE, moves={"two": {"half_life": 10.0}})


def handing(model: Two) -> Iterator[Stage]:
    """Map two is trained first and last, and map one between."""
    yield Stage("first", [Descend("two", [model.two], model.loss)], share=1 / 3)
    model.between.append(model.two.weight.detach().clone())
    yield Stage("middle", [Descend("one", [model.one], model.loss)], share=1 / 3)
    model.between.append(model.two.weight.detach().clone())
    yield Stage("last", [Descend("two", [model.two], model.loss)], share=1 / 3)
    model.between.append(model.two.weight.detach().clone())


def test_an_average_stays_aside_while_a_later_stage_trains_the_raw_weights() -> None:
    model, engine, _ = ran(handing, AVERAGED)
    bare = ran(handing)[0]
    assert all(torch.equal(one, two) for one, two in zip(model.between[:2], bare.between[:2], strict=True))
    assert torch.equal(model.two.weight, bare.two.weight)  # raw weights go on as if nobody averaged them
    assert torch.equal(engine.average.values["two.weight"], model.between[2])  # and at the end the average takes over
    assert not torch.equal(model.two.weight, model.between[2])
    assert engine.average.seen == {"two.weight": 32, "two.bias": 32}
    for stop in (2, 6, 10):
        same_after_a_stop(handing, AVERAGED, stop)


def test_only_the_move_that_asks_is_averaged() -> None:
    def game(model: Two) -> Iterator[Stage]:
        yield Stage("game", [Descend("one", [model.one], model.loss), Descend("two", [model.two], model.loss)])

    model, engine, _ = ran(game, AVERAGED)
    assert engine.average.values.keys() == {"two.weight", "two.bias"}
    found = engine.weights(averaged=True)
    assert torch.equal(found["one.weight"], model.one.weight)
    assert not torch.equal(found["two.weight"], model.two.weight)
    with engine.averaged():
        assert torch.equal(found["two.weight"], model.two.weight)


def test_what_no_later_stage_trains_takes_its_average_when_its_stage_ends() -> None:
    def once(model: Two) -> Iterator[Stage]:
        yield Stage("first", [Descend("two", [model.two], model.loss)], share=0.5)
        model.between.append(model.two.weight.detach().clone())
        yield Stage("then", [Descend("one", [model.one], model.loss)], share=0.5)

    model, engine, _ = ran(once, AVERAGED)
    assert not torch.equal(model.between[0], ran(once)[0].between[0])
    assert torch.equal(model.two.weight, model.between[0])
    assert not engine.average.values
    same_after_a_stop(once, AVERAGED, 8)


# --- who takes a turn ------------------------------------------------------------------------------------------------


def playing(model: Two) -> Iterator[Stage]:
    yield Stage("play", [Descend("one", [model.one], model.loss, every=2), Descend("two", [model.two], model.loss, every=4)])


def test_a_step_in_which_nobody_takes_a_turn_still_closes() -> None:
    _, engine, ticks = ran(playing, replace(RECIPE, budget=Budget(steps=4)))
    assert [(tick.step, tick.move, tick.closes) for tick in ticks] == [
        (0, "", True), (1, "one", True), (2, "", True), (3, "one", False), (3, "two", True),
    ]  # fmt: skip
    assert [dict(tick.readings) for tick in ticks if not tick.move] == [{}, {}]
    assert [tick.examples for tick in ticks if tick.closes] == [4, 8, 12, 16]
    assert not engine.steered
    same_after_a_stop(playing, RECIPE, 3)  # a checkpoint may be made there


def test_one_player_is_stepped_alone() -> None:
    model, engine, moves = Two(playing), Engine("cpu"), []
    before = model.one.weight.clone(), model.two.weight.clone()
    for tick in fit(model, Points(), RECIPE, engine):
        engine.only = {"two"}
        moves.append(tick.move)
    assert moves == ["", "", "", "two"] * 3
    assert torch.equal(model.one.weight, before[0])
    assert not torch.equal(model.two.weight, before[1])
    assert engine.steered
    assert engine.state()[1]["steered"]


def test_a_steered_run_says_that_it_cannot_be_repeated(tmp_path: Path) -> None:
    steered = session("gan", open("points/ring"), tmp_path / "run", budget=Budget(seconds=0.2), settings={"model.width": 8})
    for tick in steered:
        steered.engine.only = {"discriminator"} if tick.step else None
    assert steered.run().head["steered"] is True
    with pytest.warns(Steered, match="was steered by hand: it goes on from its last checkpoint, and what came after that will"):
        assert resume(tmp_path / "run", "cpu").engine._schedule is None
    file = tmp_path / "run" / "schedule.json"
    with pytest.raises(ValueError, match="of a run that was steered by hand, which cannot be repeated"):
        scheduled(file, "gan", BudgetOptions(seconds=0.2))
    whole = session("gan", open("points/ring"), tmp_path / "whole", budget=Budget(seconds=0.2), settings={"model.width": 8})
    list(whole)
    assert "steered" not in whole.run().head
    assert scheduled(tmp_path / "whole" / "schedule.json", "gan", BudgetOptions(seconds=0.2)) == (
        whole.folder.schedule(),
        whole.recipe,
    )


# --- what is known before training -----------------------------------------------------------------------------------


def test_stages_are_known_ahead_also_where_they_look_at_values() -> None:
    def looking(model: Two) -> Iterator[Stage]:
        yield Stage("first", [Descend("a", [model.two], model.loss)], share=0.5, batch=2)
        if float(model.one.weight.sum()) < 1e9:  # a tensor without memory has no such sum
            model.two.weight.zero_()
            yield Stage("second", [Descend("b", [model.one.weight], model.loss)], share=0.5)

    model = Two(looking)
    before = model.two.weight.clone()
    first, second = planned(model)
    assert (first.name, first.batch, first.trains) == ("first", 2, {"a": {"two.weight", "two.bias"}})
    assert (second.name, second.batch, second.trains) == ("second", None, {"b": {"one.weight"}})
    assert torch.equal(model.two.weight, before)


def test_every_move_that_exists_can_be_set() -> None:
    data: Any = open("points/ring")
    recipe = recipe_for("gan", data.space, data.given, {"moves.discriminator.rate": "3e-4", "moves.discriminator.name": "sgd"})
    assert recipe.optim_of("discriminator") == replace(recipe.optim, rate=3e-4, name="sgd")
    assert recipe.optim_of("generator").rate == recipe.optim.rate
    assert recipe.optim_of("generator").half_life > 0 == recipe.optim_of("discriminator").half_life
    with pytest.raises(ValueError, match=r"moves\.discrminator: gan has no such move; it has discriminator, generator"):
        recipe_for("gan", data.space, data.given, {"moves.discrminator.rate": "3e-4"})
    with pytest.raises(ValueError, match=r"did you mean moves\.discriminator\.rate"):
        recipe_for("gan", data.space, data.given, {"moves.discriminator.rat": "3e-4"})
    coin: Any = open("strings/coin")
    with pytest.raises(ValueError, match="ngram has no such move; it has none that descends"):
        recipe_for("ngram", coin.space, coin.given, {"moves.count.rate": "1"})


def test_a_move_that_does_not_exist_is_refused_before_a_step_is_taken(tmp_path: Path) -> None:
    """Also where nobody wrote --set: in a recipe that a program, or a model's own class, has made."""

    class Lost(Two):
        def __init__(self, config: Nothing, space: Space, given: Any = None):
            super().__init__(growing)

        @staticmethod
        def recipe(space: Space, given: Any) -> Recipe:
            return replace(RECIPE, moves={"nowhere": {"rate": 1.0}})

    model, said = Two(growing), r"--set moves\.nowhere: {} has no such move; it has one, two"
    with pytest.raises(ValueError, match=said.format("two")):
        next(fit(model, Points(), replace(RECIPE, moves={"one": {}, "nowhere": {"rate": 1.0}}), Engine("cpu")))
    with pytest.raises(
        ValueError, match=r"--set moves\.one\.rat: no such setting of this recipe; did you mean moves\.one\.rate"
    ):
        next(fit(model, Points(), replace(RECIPE, moves={"one": {"rat": 1.0}}), Engine("cpu")))
    assert not model.sizes
    with pytest.raises(ValueError, match=said.format("Lost")):
        session(Lost, open("points/ring"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


# --- what is random between stages -----------------------------------------------------------------------------------


def test_what_stages_draw_follows_the_seed_alone() -> None:
    """Whatever was drawn before training, and also where a stop and a replay lie between."""

    def drawing(model: Two) -> Iterator[Stage]:
        for name in ("one", "two"):
            model.between.append(torch.randn(2))
            model.two.weight.add_(model.between[-1])
            yield Stage(name, [Descend(name, [model.one], model.loss)], share=0.5)

    torch.manual_seed(1)
    first = ran(drawing)[0].between
    torch.manual_seed(2)
    assert all(torch.equal(one, two) for one, two in zip(first, ran(drawing)[0].between, strict=True))
    assert not torch.equal(*first)
    assert not torch.equal(first[0], ran(drawing, replace(RECIPE, seed=1))[0].between[0])
    stopped = ran(drawing, stop=9)[1].state()
    assert all(torch.equal(one, two) for one, two in zip(first, ran(drawing, checkpoint=stopped)[0].between, strict=True))
    same_after_a_stop(drawing, RECIPE, 3)
