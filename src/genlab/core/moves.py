"""A training step is a list of moves: Descend takes a gradient step on what it owns, Apply changes what it owns without one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn

from genlab.core.coupling import identity
from genlab.core.space import Batch


class Draws(Protocol):
    """The random numbers of a move: row i belongs to example i of the global batch."""

    device: Any

    def __len__(self) -> int: ...
    def normal(self, shape: Sequence[int]) -> Tensor: ...
    def uniform(self, shape: Sequence[int]) -> Tensor: ...


class Now(NamedTuple):
    """What a move may know beside its batch."""

    step: int  # of this stage
    progress: float  # 0..1 of this stage, whatever the budget's unit
    noise: Draws
    notes: dict[str, Tensor] = {}  # what one move hands to the next; emptied every step
    mean: Callable[[Tensor], Tensor] = identity  # differentiable mean over processes
    gather: Callable[[Tensor], Tensor] = identity  # all processes' rows

    def alone(self) -> Now:
        """The same `Now` for a move that only this process makes."""
        return self._replace(mean=identity, gather=identity)


Readings = Mapping[str, Tensor | float]
Owned = nn.Module | nn.Parameter | Tensor


def _same_view(batch: Batch, now: Now) -> Batch:
    return batch


@dataclass
class Descend:
    """A move that takes one gradient step on what it owns; everything else is frozen meanwhile.

    owns       modules and parameters
    loss       (batch, now) -> (scalar, readings)
    every      it fires when (step + 1) % every == 0, unless the engine decides otherwise
    optimiser  name of its optimiser, its own name by default. Moves that name the same one share its moments, settings and
               average, and must own the same parameters: a penalty that is due every 16th step, say, is a second move with
               the optimiser of the discriminator's
    """

    name: str
    owns: Iterable[Owned]
    loss: Callable[[Batch, Now], tuple[Tensor, Readings]]
    every: int = 1
    optimiser: str = ""

    def __post_init__(self) -> None:
        self.owns, self.optimiser = _listed(self.name, self.owns, self.every), self.optimiser or self.name


@dataclass
class Apply:
    """A move without a gradient: count, clip, project, revive dead codes, advance a chain.

    change   (batch, now) -> readings; alters only what the move owns, in place
    """

    name: str
    owns: Iterable[Owned]
    change: Callable[[Batch, Now], Readings]
    every: int = 1

    def __post_init__(self) -> None:
        self.owns = _listed(self.name, self.owns, self.every)


Move = Descend | Apply


@dataclass
class Stage:
    """Moves made in order on every batch.

    share   of the recipe's budget; the shares of a model sum to one
    passes  passes over the train split instead of a share, for models that count
    view    what this stage sees of a batch; runs in eval mode without gradient
    batch   examples a step, over all processes; None takes the recipe's
    samples whether samples mean something yet; otherwise none are drawn for check-ups
    """

    name: str
    moves: Sequence[Move]
    share: float = 1.0
    passes: int | None = None
    view: Callable[[Batch, Now], Batch] = field(default=_same_view)
    batch: int | None = None
    samples: bool = True


class Tick(NamedTuple):
    """What `fit` yields after every move."""

    stage: int
    name: str  # of the stage
    step: int  # of the stage
    move: str  # "" for a step in which no move fired
    readings: Mapping[str, Tensor | float]  # detached, on the device
    closes: bool  # last move of a step: checkpoints, averages and Ctrl-C act only here
    examples: int  # seen in the whole run
    progress: float  # 0..1 of the whole run


def _listed(name: str, owns: Iterable[Owned], every: int) -> list[Owned]:
    """What a move owns, as a list, since `parameters()` can be iterated only once. ValueError for what no move can own."""
    if every < 1:
        raise ValueError(f"move {name}: every must be at least 1, got {every}")
    things = [] if isinstance(owns, nn.Module | Tensor) else list(owns)
    wrong = next((thing for thing in things if not isinstance(thing, nn.Module | Tensor)), None)
    if wrong is not None or isinstance(owns, nn.Module | Tensor):
        there = type(owns if wrong is None else wrong).__name__
        raise ValueError(f"move {name}: owns must be a list of modules, parameters and buffers; got {there}")
    return things


def owned_parameters(owns: Iterable[Owned]) -> list[nn.Parameter]:
    """Every parameter under `owns`, each once."""
    found: dict[int, nn.Parameter] = {}
    for owned in owns:
        parameters = [owned] if isinstance(owned, nn.Parameter) else owned.parameters() if isinstance(owned, nn.Module) else []
        found.update((id(parameter), parameter) for parameter in parameters)
    return list(found.values())


def stepped(stage: Stage) -> dict[str, list[nn.Parameter]]:
    """The parameters that each optimiser of a stage steps, by its name.

    ValueError for two moves of one name, and for moves that share an optimiser but not their parameters.
    """
    found: dict[str, list[nn.Parameter]] = {}
    names = [move.name for move in stage.moves]
    if len({*names}) < len(names):
        raise ValueError(f"stage {stage.name} has two moves of one name: {', '.join(names)}")
    for move in stage.moves:
        if isinstance(move, Descend):
            owned = owned_parameters(move.owns)
            if {*map(id, owned)} != {*map(id, found.setdefault(move.optimiser, owned))}:
                raise ValueError(
                    f"moves of stage {stage.name} that share the optimiser {move.optimiser} must own the same parameters; "
                    f"{move.name} owns others"
                )
    return found


def owned_tensors(owns: Iterable[Owned]) -> set[int]:
    """Identities of every parameter and buffer under `owns`."""
    return {id(tensor) for owned in owns for tensor in _tensors(owned)}


def _tensors(owned: Owned) -> Iterator[Tensor]:
    if isinstance(owned, nn.Module):
        yield from owned.parameters()
        yield from owned.buffers()
    else:
        yield owned
