"""Options that several verbs share, in groups. No torch here: help pages read this."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter
from cyclopts.validators import Number

from genlab.core.options import own_options
from genlab.data.options import Options

if TYPE_CHECKING:
    from genlab.api import Run
    from genlab.core.recipe import Budget

OUTPUT = Group("Output", sort_key=20)
BUDGET = Group("Budget", sort_key=10)
KEEPING = Group("Keeping", sort_key=15)
DATA = Group("Data", sort_key=30)
MACHINE = Group("Machine", sort_key=40)


DataOptions = Annotated[Options, Parameter(name="*", group=DATA)]


@Parameter(name="*", group=BUDGET)
@dataclass(frozen=True)
class BudgetOptions:
    steps: int | None = None
    """Steps of training."""
    seconds: float | None = None
    """Seconds of training; only time spent training counts."""
    examples: int | None = None
    """Examples to train on; one that comes again counts again."""

    def budget(self) -> Budget | None:
        """The budget; None for the recipe's."""
        from genlab.core.recipe import Budget

        amounts = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return Budget(**amounts) if any(amount is not None for amount in amounts.values()) else None


@Parameter(name="*", group=MACHINE)
@dataclass(frozen=True)
class MachineOptions:
    device: str = "auto"
    """auto (a GPU when there is one), cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """Threads of the CPU; default: torch's own choice."""

    def apply(self) -> None:
        """Set the number of torch's threads."""
        if self.threads is None:
            return
        if self.threads < 1:
            raise ValueError(f"--threads must be at least 1, got {self.threads}")
        import torch

        torch.set_num_threads(self.threads)


def known(model: str | None) -> None:
    """Register a model of the user's own, FILE.py:NAME, so that runs of it can be opened."""
    if model is not None:
        if ".py:" not in model:
            raise ValueError(f"--model {model}: name a class of your own as FILE.py:NAME; genlab knows its own models")
        from genlab.api import registered

        registered(model)


@Parameter(name="*", group=MACHINE)
@dataclass(frozen=True)
class RunOptions(MachineOptions):
    data: Annotated[str | None, Parameter(group=DATA)] = None
    """Where the run's data lie now, if they were moved and are needed."""
    model: Annotated[str | None, Parameter(group=DATA)] = None
    """FILE.py:NAME of the run's model, where it is one of your own. The file is run."""

    def load(self, path: str) -> Run:
        """The run of this folder, after `apply`."""
        self.apply()
        known(self.model)
        from genlab.api import load

        return load(path, self.device, data=self.data)


@Parameter(name="*", group=MACHINE)
@dataclass(frozen=True)
class TrainingOptions(MachineOptions):
    precision: Literal["auto", "float32", "bf16"] = "auto"
    """auto is bf16 on a CUDA GPU that computes in it, float32 elsewhere."""


@Parameter(name="*", group=MACHINE)
@dataclass(frozen=True)
class FittingOptions(TrainingOptions):
    budget_fit: Annotated[Literal["on", "off"], Parameter(group=BUDGET)] = "on"
    """on: of a model that comes in several sizes train the one that suits the seconds; off: its usual one."""


@Parameter(name="*", group=MACHINE)
@dataclass(frozen=True)
class ResumeOptions(TrainingOptions, RunOptions):
    """Options of training and of opening a run."""


@Parameter(name="*", group=KEEPING)
@dataclass(frozen=True)
class KeepingOptions:
    save_every: int | None = None
    """Steps between checkpoints; default: one about every 30 seconds, and one where a stage ends."""
    on_nan: Literal["stop", "halve-lr"] = "stop"
    """When a loss or a gradient becomes NaN or infinite: stop, or go on from the last checkpoint at half the learning rates."""
    shard: Annotated[bool, Parameter(group=MACHINE)] = False
    """Shard weights, gradients and optimiser states over processes: for a gpt, ddpm or flow-matching too large for one."""

    def chosen(self) -> dict[str, Any]:
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True)
class FolderOptions:
    out: Path | None = None
    """Where to write."""
    force: bool = False
    """Replace what an earlier call wrote there; anything else is never replaced."""


Json = Annotated[bool, Parameter(name="--json", group=OUTPUT, help="Print one JSON object and nothing else on stdout.")]
SEEDS = Number(gte=0, lte=2**62)
Seed = Annotated[int, Parameter(validator=SEEDS, help="Random seed: the same seed gives the same result.")]
Raw = Annotated[bool, Parameter(help="Use the raw weights instead of the averaged ones.")]
Best = Annotated[bool, Parameter(help="Use the weights that did best at a check-up instead of the last ones.")]
FeaturesOption = Annotated[
    str | None,
    Parameter(
        help="What pictures are compared in: classifier (of the data's own labels), perceptual, random, pixels, inception or "
        "inception=FILE (the FID), FILE.py:NAME (a function or module of yours); default: chosen by the data."
    ),
]
Watched = Annotated[bool, Parameter(help="Do not check samples during training: no alarms about them, no best weights saved.")]
Option = Annotated[
    tuple[str, ...],
    Parameter(
        name="--option",
        consume_multiple=True,
        show_default=False,
        help="KEY=VALUE of the model's own sampling, as sampling_steps=50 or temperature=0.8; a wrong KEY lists them all.",
    ),
]


@Parameter(name="*")
@dataclass(frozen=True)
class GivenOptions:
    klass: Annotated[str | None, Parameter(name="--class")] = None
    """Only this class, by number or name."""
    given: Annotated[tuple[str, ...], Parameter(consume_multiple=True, show_default=False)] = ()
    """KEY=VALUE of what the model is given: text="a red heart", source=FILE or a folder of pictures."""

    def conditions(self) -> dict[str, str]:
        """Both options as one mapping; ValueError where both name a class."""
        values = pairs(self.given, "--given")
        if self.klass is not None and "label" in values:
            raise ValueError("--class and --given label=... both set the class: leave one out")
        return values | ({} if self.klass is None else {"label": self.klass})


@Parameter(name="*")
@dataclass(frozen=True)
class SamplingOptions(GivenOptions):
    option: Option = ()


Set = Annotated[
    tuple[str, ...],
    Parameter(
        name="--set",
        consume_multiple=True,
        show_default=False,
        help="KEY=VALUE of the recipe, as model.latent=64; `genlab list MODEL` has them all.",
    ),
]


def pairs(words: Sequence[str], option: str) -> dict[str, str]:
    """KEY=VALUE words as a mapping; ValueError for any other form."""
    values: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not (key and equals):
            raise ValueError(f"{option} {word}: write {option} KEY=VALUE")
        values[key] = value
    return values


def own(method: Callable[..., Any], words: Sequence[str]) -> dict[str, Any]:
    """`--option KEY=VALUE` words as keyword arguments of a model's method."""
    values = pairs(words, "--option")
    try:
        return own_options(method, values)
    except ValueError as error:
        raise ValueError(f"--option {error}") from None


def at_least(low: int, **options: int | None) -> None:
    """ValueError for an option below `low`; `n` stands for -n."""
    for name, value in options.items():
        if value is not None and value < low:
            raise ValueError(f"{'-' if len(name) == 1 else '--'}{name} must be at least {low}, got {value}")
