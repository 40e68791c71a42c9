"""Recipes that fit the time and the data: of the sizes that a model comes in, the largest that sees enough of them.

A model that takes a second for a step learns nothing in half a minute; a smaller one, or one that looks at patches instead of
pixels, does. So a module of recipes may have `RUNGS`: by name of a model, a function of its usual recipe, a space and the
number of examples to learn from that returns its sizes, quickest first, each with the number of examples seen from which on it
beats the one before. What an example takes is measured on these data and this machine.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

from genlab.core import fit
from genlab.core.data import Data
from genlab.core.recipe import Budget, Recipe, explained
from genlab.core.space import Space
from genlab.recipes.index import entry
from genlab.recipes.make import build, changed, recipe_for

STEPS = 4  # that are timed
FEW = 5_000  # examples to learn from, up to which a model is held back from learning them by heart


class Timed(fit.Engine, Protocol):
    """An engine whose clock counts seconds of training."""

    @property
    def seconds(self) -> float: ...


class Rung(NamedTuple):
    """A size of a model. examples: seen in training, from which on it beats the one before."""

    recipe: Recipe
    examples: float


def rungs(name: str, space: Space, given: Mapping[str, Space], count: int) -> Sequence[Rung]:
    """The sizes of a model for data of which so many examples are learnt from, quickest first; the last is the best that there
    is, its usual recipe but for what few examples ask for."""
    usual = recipe_for(name, space, given)
    quicker = getattr(importlib.import_module(entry(name).module), "RUNGS", {}).get(name)
    return [Rung(usual, 0)] if quicker is None else quicker(usual, space, count)


def fitted(
    name: str, data: Data, seconds: float, engine: Callable[[], Timed], settings: Mapping[str, Any] | None = None
) -> Recipe:
    """The recipe for so many seconds of training, with `--set` changes applied and checked.

    engine   makes an engine like the one that will train
    """
    first, *others = rungs(name, data.space, data.given, data.count("train"))
    best = changed(first.recipe, settings or {}, data.space, data.given)
    cost = seconds_of_an_example(best, data, engine()) if others else 0.0
    for rung in others:
        if seconds < rung.examples * cost:  # what the one before cannot see, this one cannot either: it is slower
            break
        recipe = changed(rung.recipe, settings or {}, data.space, data.given)
        cost = seconds_of_an_example(recipe, data, engine())
        if seconds < rung.examples * cost:
            break
        best = recipe
    return best


def seconds_of_an_example(recipe: Recipe, data: Data, engine: Timed) -> float:
    """What training takes for an example, by the quickest of a few steps: whatever else runs makes the others slower."""
    recipe = replace(recipe, budget=Budget(steps=STEPS))
    model, times = build(recipe, data.space, data.given), [0.0]
    for tick in fit.fit(model, data, recipe, engine):
        if tick.closes:
            times.append(engine.seconds)
    steps = [after - before for before, after in pairwise(times)]
    return min(steps[1:]) / recipe.batch


def unusual(recipe: Recipe, usual: Recipe) -> list[str]:
    """The settings in which a recipe differs from another of the same model, as `--set` spells them: "model.patch=4"."""
    values = {each.key: each.default for each in explained(usual)}
    found = [(each.key, each.default) for each in explained(recipe)]
    return [f"{key}={value}" for key, value in found if key != "seed" and value != values.get(key, value)]
