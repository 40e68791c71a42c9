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
        """None leaves it to the recipe."""
        from genlab.core.recipe import Budget

        said = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return Budget(**said) if any(value is not None for value in said.values()) else None


@Parameter(name="*", group=MACHINE)
@dataclass(frozen=True)
class MachineOptions:
    device: str = "auto"
    """auto (a GPU when there is one), cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """Threads of the CPU; default: torch's own choice."""

    def apply(self) -> None:
        """Limit torch's threads."""
        if self.threads is None:
            return
        if self.threads < 1:
            raise ValueError(f"--threads must be at least 1, got {self.threads}")
        import torch

        torch.set_num_threads(self.threads)


def known(model: str | None) -> None:
    """Make a model of the user's own, FILE.py:NAME, known to all that open runs of it."""
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
        """The run of this folder; `apply` is called on the way."""
        self.apply()
        known(self.model)
        from genlab.api import load

        return load(path, self.device, data=self.data)


@Parameter(name="*", group=MACHINE)
@dataclass(frozen=True)
class TrainingOptions(MachineOptions):
    precision: Literal["auto", "float32", "bf16"] = "auto"
    """auto is bf16 on CUDA and float32 elsewhere."""


@Parameter(name="*", group=MACHINE)
@dataclass(frozen=True)
class ResumeOptions(TrainingOptions, RunOptions):
    """Both."""


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
Watched = Annotated[bool, Parameter(help="Do not look at samples while it trains: no alarms about them, no best weights kept.")]
Option = Annotated[
    tuple[str, ...],
    Parameter(
        name="--option",
        consume_multiple=True,
        show_default=False,
        help="KEY=VALUE of the model's own sampling, as sampling_steps=50 or temperature=0.8; an unknown one lists them all.",
    ),
]


@Parameter(name="*")
@dataclass(frozen=True)
class GivenOptions:
    klass: Annotated[str | None, Parameter(name="--class")] = None
    """Only this class, by number or name."""
    given: Annotated[tuple[str, ...], Parameter(consume_multiple=True, show_default=False)] = ()
    """KEY=VALUE of what the model is given: text="a red heart", source=FILE or a folder of pictures."""

    def asked(self) -> dict[str, str]:
        """Both as one mapping."""
        found = pairs(self.given, "--given")
        if self.klass is not None and "label" in found:
            raise ValueError("--class and --given label=... are two ways to say one thing: leave one out")
        return found | ({} if self.klass is None else {"label": self.klass})


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


def pairs(said: Sequence[str], option: str) -> dict[str, str]:
    """KEY=VALUE words as a mapping; ValueError shows the form."""
    found: dict[str, str] = {}
    for word in said:
        key, equals, value = word.partition("=")
        if not (key and equals):
            raise ValueError(f"{option} {word}: write {option} KEY=VALUE")
        found[key] = value
    return found


def own(method: Callable[..., Any], said: Sequence[str]) -> dict[str, Any]:
    """`--option KEY=VALUE` words as keyword arguments of a model's method."""
    found = pairs(said, "--option")
    try:
        return own_options(method, found)
    except ValueError as error:
        raise ValueError(f"--option {error}") from None


def at_least(low: int, **said: int | None) -> None:
    """ValueError for an option below what it may be; `n` is -n."""
    for name, value in said.items():
        if value is not None and value < low:
            raise ValueError(f"{'-' if len(name) == 1 else '--'}{name} must be at least {low}, got {value}")
