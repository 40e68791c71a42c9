"""Checks of a run's weights: their names and shapes before memory is taken for them, their values once they are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from genlab.core.finite import first_non_finite
from genlab.core.model import Model
from genlab.core.recipe import Recipe, to_json
from genlab.core.space import Space
from genlab.recipes.make import build, class_of

MOST, _CACHE = 8, dict[str, Model]()  # outlines by recipe and space, and how many are cached


def outline(recipe: Recipe, space: Space, given: Mapping[str, Space]) -> Model:
    """A model on the meta device, names and shapes without numbers; the last few are cached, as every opened run needs one."""
    spaces = {key: content.to_json() for key, content in given.items()}
    made = id(class_of(recipe.name))  # a notebook may define a class of the same name again
    key = json.dumps([recipe.name, made, to_json(recipe)["model"], space.to_json(), spaces], sort_keys=True)
    if key not in _CACHE:
        while len(_CACHE) >= MOST:
            del _CACHE[next(iter(_CACHE))]
        with torch.device("meta"):
            _CACHE[key] = build(recipe, space, given)
    return _CACHE[key]


def check_values(tensors: Mapping[str, Tensor], path: Path) -> None:
    """ValueError where weights are NaN or infinite, so that nothing can be drawn from them."""
    broken = first_non_finite(tensors)
    if broken is not None:
        raise ValueError(
            f"the weights of {path} have lost their values ({broken}); use --best, or the raw weights (--raw), or train again "
            "with a lower learning rate"
        )
