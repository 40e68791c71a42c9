"""The cost of a training step, counted in operations rather than timed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from genlab.core.fit import fit
from genlab.core.recipe import Budget
from genlab.measure.operations import operations
from genlab.recipes.make import build, recipe_for
from genlab.runs.engine import Engine

TRIAL = 20  # steps that are counted, over all stages in their shares


def operations_of_a_step(name: str, data: Any, device: str) -> float:
    """Multiplications and additions of matrix products and convolutions in a step, forward and backward, over all stages."""
    recipe = replace(recipe_for(name, data.space, data.given), budget=Budget(steps=TRIAL))
    model = build(recipe, data.space, data.given)
    steps = 0

    def train() -> None:
        nonlocal steps
        steps = sum(tick.closes for tick in fit(model, data, recipe, Engine(device)))

    return operations(train) / max(steps, 1)
