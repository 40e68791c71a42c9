"""From a name and a space to a recipe and a model."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from genlab.core.kinds import kind_of
from genlab.core.model import Model, meets, used
from genlab.core.plan import check_moves, planned
from genlab.core.recipe import Recipe, check, replaced
from genlab.core.space import Space
from genlab.recipes.index import entry


def recipe_for(name: str, space: Space, given: Mapping[str, Space], changes: Mapping[str, Any] | None = None) -> Recipe:
    """The model's recipe for this kind of data, with `--set` changes applied and checked.

    Raises ValueError if the model does not learn this kind of data, or needs a condition that they do not give, or a change is
    impossible.
    """
    row = entry(name)
    kind = kind_of(space).name
    if kind not in row.kinds:
        raise ValueError(f"{name} learns {', '.join(row.kinds)}; these data are {kind}")
    meets(row.needs, given, name)
    module = importlib.import_module(row.module)
    function = getattr(module, "RECIPES", {}).get(name) or getattr(module, name.replace("-", "_"))
    return changed(function(space, given), changes or {}, space, given)


def changed(recipe: Recipe, changes: Mapping[str, Any], space: Space, given: Mapping[str, Space]) -> Recipe:
    """The recipe with `--set` changes; ValueError where one is impossible, or names a move that the model does not have."""
    recipe = replaced(recipe, changes, what=f"{recipe.name} recipe")
    check(recipe)
    if any(key.startswith("moves.") for key in changes):
        check_moves(recipe, planned(build(recipe, space, given)))
    return recipe


def build(recipe: Recipe, space: Space, given: Mapping[str, Space]) -> Model:
    """A freshly initialised model, with those conditions that it uses.

    The same seed gives the same weights whatever torch's generators did before.
    """
    import torch

    module, model = importlib.import_module(entry(recipe.name).module), class_of(recipe.name)
    given = used(model, given, recipe.name)
    parts = getattr(module, "PARTS", {}).get(recipe.name, lambda *_: ())
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.seed)  # of the CPU, where models are made
        return model(recipe.model, space, given, *parts(recipe.model, space, given))


def class_of(name: str) -> Any:
    """The class of a model."""
    return importlib.import_module(entry(name).module).CLASSES[name]
