"""The recipes of a comparison: one for each model, chosen by its seconds, once and the same for all seeds; what steps cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from genlab.api import load, recipe_of
from genlab.comparison.costs import operations_of_a_step
from genlab.comparison.options import CompareOptions
from genlab.core.recipe import Recipe
from genlab.runs.folder import Folder


class Sizes:
    """Recipes by name of a model; see `recipes.fitting`."""

    def __init__(self, options: CompareOptions, data: Any):
        self.options, self.data = options, data
        self._found: dict[str, Recipe] = {}
        self._costs: dict[str, float] = {}

    def recipe(self, name: str, others: Iterable[str]) -> Recipe:
        """The recipe of a model.

        others   folders of its runs with other seeds: what they were trained with, the new one is too
        """
        if name not in self._found:
            there = next((path for path in others if Folder(path).begun()), None)
            self._found[name] = self._chosen(name) if there is None else load(there, self.options.device).recipe
        return self._found[name]

    def operations(self, name: str) -> float:
        """Operations of a training step, where they are the budget; counted once for each model."""
        if self.options.unit != "operations":
            return 0.0
        if name not in self._costs:
            self._costs[name] = operations_of_a_step(name, self.data, self.options.device)
        return self._costs[name]

    def _chosen(self, name: str) -> Recipe:
        options = self.options
        seconds = options.amount if options.unit == "seconds" and options.budget_fit == "on" else None
        return recipe_of(name, self.data, seconds, None, options.device, options.precision)
