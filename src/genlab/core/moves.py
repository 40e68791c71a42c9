"""A game is a list of turns: Descend takes a gradient step on what it owns, Apply changes what it owns without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn

from genlab.core.space import Batch


class Draws(Protocol):
    """Where a turn gets its randomness: row i belongs to example i of the global batch."""

    device: Any

    def __len__(self) -> int: ...
    def normal(self, shape: Sequence[int]) -> Tensor: ...
    def uniform(self, shape: Sequence[int]) -> Tensor: ...


def _identity(value: Tensor) -> Tensor:
    return value


class Now(NamedTuple):
    """What a turn may know beside its batch."""

    step: int  # of this stage
    progress: float  # 0..1 of this stage, whatever the budget's unit
    noise: Draws
    notes: dict[str, Tensor] = {}  # what one turn hands to the next; emptied every step
    mean: Callable[[Tensor], Tensor] = _identity  # differentiable mean over processes
    gather: Callable[[Tensor], Tensor] = _identity  # all processes' rows

    def alone(self) -> Now:
        """The same for a turn that only this process takes."""
        return self._replace(mean=_identity, gather=_identity)


Readings = Mapping[str, Tensor | float]
Owned = nn.Module | nn.Parameter | Tensor


def _same_view(batch: Batch, now: Now) -> Batch:
    return batch


@dataclass
class Descend:
    """A player's turn: one gradient step on what it owns; everything else is frozen while it moves.

    loss(batch, now) -> (scalar, readings). Fires when (step + 1) % every == 0.
    """

    name: str
    owns: Sequence[nn.Module | nn.Parameter]
    loss: Callable[[Batch, Now], tuple[Tensor, Readings]]
    every: int = 1


@dataclass
class Apply:
    """A turn without a gradient: count, clip, project, revive dead codes, advance a chain.

    change(batch, now) -> readings. It alters only what it owns, in place.
    """

    name: str
    owns: Sequence[Owned]
    change: Callable[[Batch, Now], Readings]
    every: int = 1


Move = Descend | Apply


@dataclass
class Stage:
    """Turns taken in order on every batch.

    share   of the recipe's budget; the shares of a model sum to one
    passes  for models that count: so many finite passes over the train split instead
    view    what this stage sees of a batch; runs in eval mode without gradient
    """

    name: str
    moves: Sequence[Move]
    share: float = 1.0
    passes: int | None = None
    view: Callable[[Batch, Now], Batch] = field(default=_same_view)


class Tick(NamedTuple):
    """What whoever iterates `fit` hears after every turn."""

    stage: int
    name: str  # of the stage
    step: int  # of the stage
    move: str
    readings: Mapping[str, Tensor | float]  # detached; on the device until somebody looks
    closes: bool  # last turn of a step: checkpoints, averages and Ctrl-C act only here
    examples: int  # seen in the whole run
    progress: float  # 0..1 of the whole run


def owned_parameters(owns: Sequence[Owned]) -> list[nn.Parameter]:
    """Every parameter under `owns`, each once."""
    found: dict[int, nn.Parameter] = {}
    for thing in owns:
        parameters = [thing] if isinstance(thing, nn.Parameter) else thing.parameters() if isinstance(thing, nn.Module) else []
        found.update((id(parameter), parameter) for parameter in parameters)
    return list(found.values())


def owned_tensors(owns: Sequence[Owned]) -> set[int]:
    """Identities of every parameter and buffer under `owns`."""
    return {id(tensor) for thing in owns for tensor in _tensors(thing)}


def _tensors(thing: Owned) -> Iterator[Tensor]:
    if isinstance(thing, nn.Module):
        yield from thing.parameters()
        yield from thing.buffers()
    else:
        yield thing
