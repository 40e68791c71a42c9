"""The verb: `fit` is a generator of Ticks that decides nothing except order.

Whoever iterates it logs, draws, saves, pauses (by not asking for the next tick) or steps one player alone. What it
guarantees while it runs:

- during a move the model is in train mode; a `view`, and everything outside `fit`, sees eval mode and no gradient;
- after a move only the parameters and buffers under its `owns` have changed: other buffers are put back;
- before every view and move torch's generators are reseeded from (seed, stage, step, move), so nothing random is state;
- consumers' time never counts: the clock stands still between a tick and the next request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from genlab.core.data import Data
from genlab.core.model import Model
from genlab.core.moves import Apply, Descend, Move, Now, Readings, Stage, Tick, owned_parameters, owned_tensors
from genlab.core.recipe import Recipe
from genlab.core.space import Batch


class Engine(Protocol):
    """What `fit` leaves to others: device, precision, optimisers, budget, clock, averaged weights, state."""

    device: torch.device
    stage: int
    step: int
    examples: int

    def start(self, model: Model, data: Data, recipe: Recipe, checkpoint: Any) -> None: ...
    def enter(self, number: int, stage: Stage) -> None: ...
    def proceed(self) -> float | None:
        """Progress of the stage at the start of a step, or None when it is over."""
        ...

    def fetch(self) -> Batch: ...
    def now(self, move: str, progress: float, rows: int, notes: dict[str, Tensor]) -> Now:
        """Reseeds torch's global generators, and says what the turn may know."""
        ...

    def autocast(self) -> AbstractContextManager[Any]: ...
    def descend(self, move: Descend, loss: Tensor, progress: float) -> None: ...
    def close(self) -> None:
        """End of a step: averages, counters."""
        ...

    def leave(self) -> None: ...
    def finish(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def overall(self) -> float: ...


def fit(model: Model, data: Data, recipe: Recipe, engine: Engine, *, checkpoint: Any = None) -> Iterator[Tick]:
    """Train `model`, yielding a Tick after every turn.

    checkpoint: what `engine.state()` gave earlier. `stages()` is replayed up to the saved stage, then weights are copied
    into the existing tensors, then the optimisers; what follows is what would have followed.
    """
    engine.start(model, data, recipe, checkpoint)
    model.eval()
    for number, stage in enumerate(model.stages()):
        if number < engine.stage:
            continue
        model.requires_grad_(False)
        engine.enter(number, stage)
        while (progress := engine.proceed()) is not None:
            yield from _step(model, stage, engine, progress)
        engine.leave()
    engine.finish()


def _step(model: Model, stage: Stage, engine: Engine, progress: float) -> Iterator[Tick]:
    batch = engine.fetch()
    rows, notes = len(batch.x), {}
    model.eval()
    with torch.no_grad():
        batch = stage.view(batch, engine.now("view", progress, rows, notes))
    firing = [move for move in stage.moves if (engine.step + 1) % move.every == 0]
    for move in firing:
        now = engine.now(move.name, progress, rows, notes)
        readings = turn(model, move, batch, now, engine)
        step, closes = engine.step, move is firing[-1]
        if closes:
            engine.close()
        tick = Tick(engine.stage, stage.name, step, move.name, readings, closes, engine.examples, engine.overall())
        engine.pause()
        yield tick
        engine.resume()
    if not firing:
        engine.close()


def turn(model: Model, move: Move, batch: Batch, now: Now, engine: Engine) -> Readings:
    """One player's turn. Readings come back detached, still on the device."""
    kept = _keep(model, move.owns)
    model.train()
    if isinstance(move, Apply):
        with torch.no_grad():
            readings = dict(move.change(batch, now))
    else:
        parameters = owned_parameters(move.owns)
        _require(parameters, True)
        with engine.autocast():
            loss, readings = move.loss(batch, now)
        engine.descend(move, loss, now.progress)
        _require(parameters, False)
        readings = {"loss": loss, **readings}
    model.eval()
    for buffer, value in kept:
        buffer.copy_(value)
    return {key: value.detach() if isinstance(value, Tensor) else value for key, value in readings.items()}


def _require(parameters: Sequence[nn.Parameter], wanted: bool) -> None:
    for parameter in parameters:
        parameter.requires_grad_(wanted)


def _keep(model: nn.Module, owns: Sequence[Any]) -> list[tuple[Tensor, Tensor]]:
    """Copies of the buffers a move must not change (batch norm changes its own without telling their version counter).

    Buffers that are not saved are constants and cost nothing here.
    """
    owned = owned_tensors(owns)
    return [(buffer, buffer.clone()) for buffer in saved_buffers(model) if id(buffer) not in owned]


def saved_buffers(model: nn.Module) -> Iterator[Tensor]:
    """The persistent buffers: those that belong to a model's state."""
    for module in model.modules():
        for name, buffer in module._buffers.items():
            if buffer is not None and name not in module._non_persistent_buffers_set:
                yield buffer
