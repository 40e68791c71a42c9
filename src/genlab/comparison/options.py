"""What a comparison was asked for."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genlab.comparison.rows import Unit
    from genlab.core.recipe import Budget

UNITS: tuple[Unit, ...] = ("seconds", "examples", "operations")
SECONDS = 30.0


@dataclass(frozen=True)
class CompareOptions:
    """data: as the call named them. said: whether the budget is the user's and not the default.

    models         names, ("all",), or None for a few that suit the data
    unit, amount   the budget that every model gets alike
    samples        compared with the data; None: as many as the slowest model draws in good time
    features       what pictures are compared in, as `features_for` takes it
    opening        options of `genlab.open`
    """

    data: str
    models: tuple[str, ...] | None = None
    unit: Unit = "seconds"
    amount: float = SECONDS
    seeds: int = 1
    samples: int | None = None
    features: str | None = None
    opening: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    precision: str = "auto"
    said: bool = True

    def command(self, out: Path) -> str:
        """The call of the command line that repeats it."""
        budget = {"seconds": f"{self.amount:g}"} if self.unit == "seconds" else {"budget": f"{self.unit}={self.amount:g}"}
        said = {
            "models": ",".join(self.models) if self.models else None,
            **budget,
            "seeds": self.seeds if self.seeds > 1 else None,
            "samples": self.samples,
            "features": self.features,
            "out": out,
            **self.opening,
        }
        return shlex.join(["genlab", "compare", self.data, *option_words(said)])

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


def command(verb: str, path: object, name: str) -> str:
    """A call of the command line about a run of a model: "genlab sample runs/a", and where its class is if it is none of
    genlab's."""
    from genlab.own import spelled

    which = spelled(name)
    return shlex.join(["genlab", verb, str(path), *(["--model", which] if which != name else [])])


def option_words(said: Mapping[str, Any]) -> list[str]:
    """Options as they are typed, without those that were left out."""
    words: list[str] = []
    for name, value in said.items():
        if value is not None and value is not False:
            words += [
                f"--{name.replace('_', '-')}",
                *([] if value is True else map(str, value if isinstance(value, list) else [value])),
            ]
    return words
