"""Recipes of the energy models."""

from __future__ import annotations

from collections.abc import Mapping

from genlab.core.recipe import Budget, Optim, Recipe
from genlab.core.space import Space
from genlab.models.energy.rbm import RBM, RBMConfig

CLASSES = {"rbm": RBM}

DIGITS = "genlab train rbm digits --binarise threshold --steps 10000: 13.7 ± 0.2 nats, validation, AIS, given label"


def rbm(space: Space, given: Mapping[str, Space]) -> Recipe:
    """Persistent contrastive divergence; four hidden bits for every pixel, within reason."""
    if space.kind != "binary":
        raise ValueError(f"rbm learns binary pictures, these have {space.levels or 'real'} levels: add --binarise threshold")
    small = space.size <= 256
    return Recipe(
        name="rbm",
        model=RBMConfig(hidden=max(16, min(500, 4 * space.size))),
        budget=Budget(seconds=60),
        batch=64,
        optim=Optim(rate=1e-2 if small else 5e-3, decay="linear", half_life=20_000),
        paper="Hinton, Training Products of Experts by Minimizing Contrastive Divergence, 2002",
        expected=DIGITS if small else "",
    )
