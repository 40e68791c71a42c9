"""What a comparison was asked for. No torch here: help pages read this."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genlab.cli.options import DataOptions, TrainingOptions, option_words

if TYPE_CHECKING:
    from genlab.core.recipe import Budget

UNITS = ("seconds", "examples", "operations")
SECONDS = 30.0


@dataclass(frozen=True)
class Ask:
    """unit and amount: the budget that every model gets alike; `said` where it is the user's and not the default."""

    data: str
    models: str | None
    unit: str
    amount: float
    seeds: int
    samples: int | None
    features: str | None
    options: DataOptions
    machine: TrainingOptions
    said: bool = True

    def command(self, out: Path) -> str:
        """The call that repeats it."""
        budget = {"seconds": f"{self.amount:g}"} if self.unit == "seconds" else {"budget": f"{self.unit}={self.amount:g}"}
        said = {
            "models": self.models,
            **budget,
            "seeds": self.seeds if self.seeds > 1 else None,
            "samples": self.samples,
            "features": self.features,
            "out": out,
        }
        words = [word for name, value in said.items() for word in option_words(name, value)]
        return shlex.join(["genlab", "compare", self.data, *words, *self.options.words()])

    def budget_for(self, name: str, operations: float) -> Budget:
        """A model's budget. operations: that a step of it takes, where they are to be equal."""
        from genlab.core.recipe import Budget

        if self.unit == "seconds":
            return Budget(seconds=self.amount)
        if self.unit == "examples":
            return Budget(examples=round(self.amount))
        steps = round(self.amount / operations) if operations else 1
        if steps < 1:
            raise ValueError(
                f"--budget operations={self.amount:g} is less than one step of {name}, which takes {operations:.2g}; give more"
            )
        return Budget(steps=steps)


def budget_of(seconds: float | None, budget: str | None) -> tuple[str, float]:
    """`--seconds N` and `--budget UNIT=N` as (unit, amount); ValueError where both or neither can be read."""
    if seconds is not None and budget is not None:
        raise ValueError("--seconds and --budget are two ways to say one thing: leave one out")
    unit, _, amount = (budget or f"seconds={SECONDS if seconds is None else seconds}").partition("=")
    try:
        number = float(amount)
    except ValueError:
        number = float("nan")
    if unit not in UNITS or amount == "":
        raise ValueError(f"--budget {budget}: write --budget UNIT=N, where UNIT is one of {', '.join(UNITS)}")
    if not 0 < number < float("inf"):
        option = "--seconds" if budget is None else f"--budget {unit}"
        raise ValueError(f"{option} must be more than 0, got {amount}")
    return unit, number
