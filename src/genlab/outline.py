"""What the weights of a run must look like, before memory is given to them, and be worth once they are read."""

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

MOST, _KEPT = 8, dict[str, Model]()  # how many outlines are kept, and they themselves


def outline(recipe: Recipe, space: Space, given: Mapping[str, Space]) -> Model:
    """Names and shapes of a model without its numbers; the last few are kept, since every opening of a run asks for one."""
    spaces = {key: content.to_json() for key, content in given.items()}
    made = id(class_of(recipe.name))  # a notebook may define a class of the same name again
    key = json.dumps([recipe.name, made, to_json(recipe)["model"], space.to_json(), spaces], sort_keys=True)
    if key not in _KEPT:
        while len(_KEPT) >= MOST:
            del _KEPT[next(iter(_KEPT))]
        with torch.device("meta"):
            _KEPT[key] = build(recipe, space, given)
    return _KEPT[key]


def check_values(tensors: Mapping[str, Tensor], path: Path) -> None:
    """ValueError where weights are no numbers: nothing can be drawn from them."""
    broken = first_non_finite(tensors)
    if broken is not None:
        raise ValueError(
            f"the weights of {path} have lost their values ({broken}); use --best, or the raw weights (--raw), or train again "
            "with a lower learning rate"
        )
