"""The verb: `fit` is a generator of Ticks that decides nothing except order.

Whoever iterates it logs, draws, saves, pauses (by not asking for the next tick) or steps one player alone. What it
guarantees while it runs:

- during a move the model is in train mode; a `view`, and everything outside `fit`, sees eval mode and no gradient;
- after a move only the parameters and saved buffers under its `owns` have changed: other buffers are put back;
- each step ends with a tick that closes it; where nobody took a turn, it names no move and has no readings;
- before every view and move torch's generators are reseeded from (seed, stage, step, move), so nothing random is state;
- consumers' time never counts: the clock stands still between a tick and the next request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from genlab.core.buffers import Kept, kept_buffers, put_back, take
from genlab.core.coupling import lent
from genlab.core.data import Data
from genlab.core.finite import NotFinite, cause_of, first_broken, unfinished
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
    batch: Batch  # as it was fetched

    def start(self, model: Model, data: Data, recipe: Recipe, checkpoint: Any) -> None: ...
    def enter(self, number: int, stage: Stage) -> None: ...
    def proceed(self) -> float | None:
        """Progress of the stage at the start of a step, or None when it is over."""
        ...

    def fetch(self) -> Batch: ...
    def now(self, move: str, progress: float, rows: int, notes: dict[str, Tensor]) -> Now:
        """Reseeds torch's global generators, and says what the turn may know."""
        ...

    def fires(self, move: Move) -> bool:
        """Whether the move takes its turn in this step."""
        ...

    def autocast(self) -> AbstractContextManager[Any]: ...
    def descend(
        self, move: Descend, parameters: Sequence[nn.Parameter], loss: Tensor, progress: float
    ) -> tuple[Tensor, Tensor]:
        """One step of the optimiser; the loss of the whole batch and the norm of its gradient.

        NotFinite, and nothing moved, where either has lost its value.
        """
        ...

    def anywhere(self, flag: bool) -> bool:
        """Whether it holds in any process."""
        ...

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
    checkpoint = None  # it may be several times as large as the model
    model.eval()
    for number, stage in enumerate(model.stages()):
        if number < engine.stage:
            continue
        model.requires_grad_(False)
        engine.enter(number, stage)
        kept = kept_buffers(model)
        players = [Player(model, move, kept) for move in stage.moves]
        while (progress := engine.proceed()) is not None:
            yield from _step(model, stage, players, engine, progress)
        engine.leave()
    engine.finish()


def _step(model: Model, stage: Stage, players: Sequence[Player], engine: Engine, progress: float) -> Iterator[Tick]:
    batch = engine.fetch()
    rows, notes = len(batch.x), {}
    with torch.no_grad():
        batch = stage.view(batch, engine.now("view", progress, rows, notes))
    firing = [player for player in players if engine.fires(player.move)]
    for player in firing:
        move = player.move
        try:
            readings = player.turn(batch, partial(engine.now, move.name, progress, rows, notes), engine)
        except NotFinite as error:
            error.stage, error.move, error.step, error.batch = stage.name, move.name, engine.step, engine.batch
            error.rows = unfinished(batch.x)
            raise
        yield from _told(model, stage, engine, move.name, readings, closes=player is firing[-1])
    if not firing:
        yield from _told(model, stage, engine, "", {}, closes=True)


def _told(model: Model, stage: Stage, engine: Engine, move: str, readings: Readings, closes: bool) -> Iterator[Tick]:
    step = engine.step
    if closes:
        engine.close()
    tick = Tick(engine.stage, stage.name, step, move, readings, closes, engine.examples, engine.overall())
    engine.pause()
    yield tick
    if model.training:  # whoever listened may have left it so
        model.eval()
    engine.resume()


class Player:
    """One move of a stage, with what it owns looked up once: steps may be shorter than a walk through all modules."""

    def __init__(self, model: nn.Module, move: Move, buffers: Sequence[Kept]):
        self.model, self.move = model, move
        self.parameters = owned_parameters(move.owns)
        owned = owned_tensors(move.owns)
        self.kept = [kept for kept in buffers if id(kept.live) not in owned]
        self.modules = list(model.modules())
        names = (*model.named_parameters(), *model.named_buffers())
        self.changed = {name: value for name, value in names if id(value) in owned and isinstance(move, Apply)}

    def turn(self, batch: Batch, look: Callable[[], Now], engine: Engine) -> Readings:
        """Readings come back detached, still on the device. look: what the turn may know; again, if it must be repeated.

        NotFinite says where a loss, a gradient or what an Apply changes lost its value; a Descend has then moved nothing.
        """
        take(self.kept)
        self._mode(True)
        if isinstance(self.move, Apply):
            now = look()
            with torch.no_grad(), lent(now.mean, now.gather):
                readings = dict(self.move.change(batch, now))
            self._check(batch, engine)
        else:
            readings = self._descend(self.move, batch, look, engine)
        self._mode(False)
        put_back(self.kept)
        return {key: value.detach() if isinstance(value, Tensor) else value for key, value in readings.items()}

    def _descend(self, move: Descend, batch: Batch, look: Callable[[], Now], engine: Engine) -> Readings:
        now = look()
        self._require(True)
        try:
            with lent(now.mean, now.gather):
                with engine.autocast():
                    loss, readings = move.loss(batch, now)
                loss, norm = engine.descend(move, self.parameters, loss, now.progress)
        except NotFinite as error:
            error.cause = cause_of(self.model, batch.x, self.parameters, lambda: move.loss(batch, look().alone()))
            raise
        self._require(False)
        return {"loss": loss, **readings, "gradient": norm}

    def _check(self, batch: Batch, engine: Engine) -> None:
        """What an Apply has changed: where it is lost in one process, all of them stop."""
        broken = first_broken(self.changed)
        if not engine.anywhere(broken is not None):
            return
        if broken is None:
            raise NotFinite("state in another process", float("nan"))
        value = self.changed[broken]
        error = NotFinite(broken, float(value[~value.isfinite()][0]))
        error.cause = cause_of(self.model, batch.x, (), lambda: None)
        raise error

    def _mode(self, training: bool) -> None:
        for module in self.modules:
            module.__dict__["training"] = training  # what nn.Module.train does, at a fraction of its time

    def _require(self, wanted: bool) -> None:
        for parameter in self.parameters:
            parameter.requires_grad_(wanted)
