"""Options of a comparison."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from genlab.comparison.words import exact
from genlab.core.program import called

if TYPE_CHECKING:
    from genlab.comparison.rows import Unit
    from genlab.core.recipe import Budget

UNITS: tuple[Unit, ...] = ("seconds", "examples", "operations")
Fit = Literal["on", "off"]


@dataclass(frozen=True)
class CompareOptions:
    """The options that `genlab.compare` or the command line was called with.

    data           as the call named them
    models         names, ("all",), or None for a few that suit the data
    unit, amount   the budget of each model; 0 until the data have said what suits them
    samples        number of samples that are scored; None: as many as the slowest model draws in good time
    features       what pictures are compared in, as `features_for` takes it
    opening        options of `genlab.open`
    budget_fit     "on": a model that comes in several sizes has the one that suits its seconds; "off": its usual one
    own_budget     whether the user set the budget; a default gives way to that of an earlier call
    more           what this call adds to the budget of an earlier one
    """

    data: str
    models: tuple[str, ...] | None = None
    unit: Unit = "seconds"
    amount: float = 0.0
    seeds: int = 1
    samples: int | None = None
    features: str | None = None
    opening: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    precision: str = "auto"
    own_budget: bool = True
    budget_fit: Fit = "on"
    more: float = 0.0

    @property
    def seconds(self) -> float | None:
        """The budget, where it is one of seconds."""
        return self.amount if self.unit == "seconds" else None

    def command(self, out: Path) -> str:
        """The command that repeats the comparison in a folder."""
        amount = exact(self.amount)
        budget = {"seconds": amount} if self.unit == "seconds" else {"budget": f"{self.unit}={amount}"}
        options = {
            "models": ",".join(self.models) if self.models else None,
            **budget,
            "budget_fit": None if self.budget_fit == "on" else self.budget_fit,
            "seeds": self.seeds if self.seeds > 1 else None,
            "samples": self.samples,
            "features": self.features,
            "out": out,
            **self.opening,
        }
        return f"{called()} {shlex.join(['compare', self.data, *option_words(options)])}"

    def budget_for(self, name: str, operations: float) -> Budget:
        """The budget of one model.

        operations   of one step of its training, where the unit is operations
        """
        from genlab.core.recipe import Budget

        if self.unit == "seconds":
            return Budget(seconds=self.amount)
        if self.unit == "examples":
            return Budget(examples=round(self.amount))
        steps = round(self.amount / operations) if operations else 1
        if steps < 1:
            raise ValueError(
                f"--budget operations={exact(self.amount)} is less than one step of {name}, which takes {operations:.2g}; "
                "give more"
            )
        return Budget(steps=steps)


def added(more: float | None, own_budget: bool) -> float:
    """What a call adds to the budget of a comparison; ValueError where it names a budget too, or adds nothing."""
    if more is not None and own_budget:
        raise ValueError("--more adds to the budget that a comparison has: leave out the budget itself")
    if more is not None and not 0 < more < float("inf"):
        raise ValueError(f"--more must be more than 0, got {more:g}")
    return more or 0.0


def listed(names: str | None) -> tuple[str, ...] | None:
    """Names that were given with commas between; None for none."""
    return None if names is None else tuple(name.strip() for name in names.split(",") if name.strip())


def command(verb: str, path: object, name: str) -> str:
    """The command of a verb for a run: "genlab sample runs/a".

    name   of the run's model; for one of the user's own, --model FILE.py:NAME is added
    """
    from genlab.own import spelled

    which = spelled(name)
    return f"{called()} {shlex.join([verb, str(path), *(['--model', which] if which != name else [])])}"


def option_words(options: Mapping[str, Any]) -> list[str]:
    """The words of a command line that set these options; None and False are left out."""
    words: list[str] = []
    for name, value in options.items():
        if value is not None and value is not False:
            words += [
                f"--{name.replace('_', '-')}",
                *([] if value is True else map(str, value if isinstance(value, list) else [value])),
            ]
    return words
