"""Recipes of the energy models."""

from __future__ import annotations

from collections.abc import Mapping

from genlab.core.recipe import Budget, Optim, Recipe
from genlab.core.space import Space
from genlab.models.energy.rbm import RBM, RBMConfig

CLASSES = {"rbm": RBM}


def rbm(space: Space, given: Mapping[str, Space]) -> Recipe:
    """Persistent contrastive divergence; as many hidden bits as the picture has pixels, within reason."""
    if space.kind != "binary":
        raise ValueError(f"rbm learns binary pictures, these have {space.levels or 'real'} levels: add --binarise threshold")
    hidden = max(16, min(500, 4 * space.size))
    return Recipe(
        name="rbm",
        model=RBMConfig(hidden=hidden),
        budget=Budget(seconds=60),
        batch=64,
        optim=Optim(rate=2e-3, decay="linear", weight_decay=0.0),
        half_life=20_000,
        paper="Hinton, Training Products of Experts by Minimizing Contrastive Divergence, 2002",
    )
