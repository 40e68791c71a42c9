"""The training of one run of a comparison: begun, or gone on with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from genlab.api import Budget, Run, Session, extensible, load, resume, session
from genlab.comparison.options import CompareOptions
from genlab.comparison.sizes import Sizes
from genlab.comparison.words import exact
from genlab.runs.folder import Folder


class Sessions:
    """Makes the sessions of a comparison's runs."""

    def __init__(self, options: CompareOptions, data: Any):
        self.options, self.data = options, data
        self.sizes = Sizes(options, data)

    def make(self, name: str, seed: int, path: Path, others: Iterable[str]) -> Session:
        """A new training, or one that goes on from its checkpoint, to the budget that the comparison has by now.

        others   folders of the model's runs with other seeds
        """
        options = self.options
        budget = options.budget_for(name, self.sizes.operations(name))
        if Folder(path).begun():
            run = load(path, options.device)
            _check(run, name, seed, budget)
            missing = budget.total - run.recipe.budget.total
            more = replace(budget, **{budget.unit: missing}) if missing > 0 and extensible(run) else None
            return resume(path, options.device, options.precision, data=self.data, more=more)
        recipe = self.sizes.recipe(name, others)
        chosen: Any = {"device": options.device, "precision": options.precision, "force": True, "recipe": recipe}
        return session(name, self.data, path, budget=budget, seed=seed, **chosen)


def _check(run: Run, name: str, seed: int, budget: Budget) -> None:
    """ValueError where a run now has another recipe than the comparison asked for, or a longer budget."""
    recipe, there = run.recipe, run.recipe.budget
    if (recipe.name, recipe.seed, there.unit) != (name, seed, budget.unit) or there.total > budget.total:
        actual = f"{recipe.name}, seed {recipe.seed}, {exact(there.total)} {there.unit}"
        asked = f"{name}, seed {seed}, {exact(budget.total)} {budget.unit}"
        raise ValueError(f"{run.path} is {actual} and not {asked}, as this comparison has it; move it elsewhere")
