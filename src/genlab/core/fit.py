"""The verb: `fit` is a generator of Ticks that decides nothing except order.

The caller iterates it, and logs, draws, saves, pauses (by not asking for the next tick) or runs one move alone. It guarantees:

- during a move the model is in train mode; a `view`, and everything outside `fit`, sees eval mode and no gradient;
- after a move only the parameters and saved buffers under its `owns` have changed: other buffers are put back;
- each step ends with a tick that closes it; where no move ran, this tick names none and has no readings;
- before every view and move torch's generators are reseeded from (seed, stage, step, move), and from (seed, stage) before
  `stages()` goes on to a stage, so nothing random is state;
- the caller's time never counts: the clock is stopped between a tick and the next request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import count
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from genlab.core.buffers import BufferSnapshot, restore, save, snapshots
from genlab.core.coupling import coupled
from genlab.core.data import Data
from genlab.core.finite import NonFiniteError, cause_of, first_non_finite, non_finite_rows
from genlab.core.model import Model
from genlab.core.moves import Apply, Descend, Move, Now, Readings, Stage, Tick, owned_parameters, owned_tensors
from genlab.core.recipe import Recipe
from genlab.core.space import Batch


class Engine(Protocol):
    """The services that `fit` needs: device, precision, optimisers, budget, clock, averaged weights, state."""

    device: torch.device
    stage: int
    step: int
    examples: int
    batch: Batch  # as it was fetched

    def start(self, model: Model, data: Data, recipe: Recipe, checkpoint: Any) -> None: ...
    def approach(self, number: int) -> None:
        """Reseed torch's global generators for what `stages()` computes before it yields the stage of this number."""
        ...

    def enter(self, number: int, stage: Stage) -> None: ...
    def proceed(self) -> float | None:
        """Progress of the stage at the start of a step, or None when it is over."""
        ...

    def fetch(self) -> Batch: ...
    def now(self, move: str, progress: float, rows: int, notes: dict[str, Tensor]) -> Now:
        """Reseed torch's global generators; the step, progress, noise and notes of this move."""
        ...

    def fires(self, move: Move) -> bool:
        """Whether the move runs in this step."""
        ...

    def autocast(self) -> AbstractContextManager[Any]: ...
    def descend(
        self, move: Descend, parameters: Sequence[nn.Parameter], loss: Tensor, progress: float
    ) -> tuple[Tensor, Tensor]:
        """One step of the optimiser; the loss of the whole batch and the norm of its gradient.

        NonFiniteError, and no parameter has changed, where either is NaN or infinite.
        """
        ...

    def on_any_rank(self, flag: bool) -> bool:
        """Whether `flag` is true in any process."""
        ...

    def close(self) -> None:
        """End a step: update averages and counters."""
        ...

    def leave(self) -> None: ...
    def finish(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def overall(self) -> float: ...


def fit(model: Model, data: Data, recipe: Recipe, engine: Engine, *, checkpoint: Any = None) -> Iterator[Tick]:
    """Train `model`, yielding a Tick after every move.

    checkpoint: a result of `engine.state()`. `stages()` is replayed up to the saved stage, then weights and optimiser states
    are copied into the existing tensors; training continues exactly as it would have without the stop.
    """
    engine.start(model, data, recipe, checkpoint)
    checkpoint = None  # it may be several times as large as the model
    model.eval().requires_grad_(False)  # also for what `stages()` does before it yields the first
    for number, stage in _numbered(model, engine):
        if number < engine.stage:
            continue
        model.requires_grad_(False)
        engine.enter(number, stage)
        buffers = snapshots(model)
        runners = [MoveRunner(model, move, buffers) for move in stage.moves]
        while (progress := engine.proceed()) is not None:
            yield from _step(model, stage, runners, engine, progress)
        engine.leave()
    engine.finish()


def _numbered(model: Model, engine: Engine) -> Iterator[tuple[int, Stage]]:
    stages = iter(model.stages())
    for number in count():
        engine.approach(number)
        stage = next(stages, None)
        if stage is None:
            return
        yield number, stage


def _step(model: Model, stage: Stage, runners: Sequence[MoveRunner], engine: Engine, progress: float) -> Iterator[Tick]:
    batch = engine.fetch()
    rows, notes = len(batch.x), {}
    with torch.no_grad():
        batch = stage.view(batch, engine.now("view", progress, rows, notes))
    firing = [runner for runner in runners if engine.fires(runner.move)]
    for runner in firing:
        move = runner.move
        try:
            readings = runner.run(batch, partial(engine.now, move.name, progress, rows, notes), engine)
        except NonFiniteError as error:
            error.stage, error.move, error.step, error.batch = stage.name, move.name, engine.step, engine.batch
            error.rows = non_finite_rows(batch.x)
            raise
        yield from _ticks(model, stage, engine, move.name, readings, closes=runner is firing[-1])
    if not firing:
        yield from _ticks(model, stage, engine, "", {}, closes=True)


def _ticks(model: Model, stage: Stage, engine: Engine, move: str, readings: Readings, closes: bool) -> Iterator[Tick]:
    step = engine.step
    if closes:
        engine.close()
    tick = Tick(engine.stage, stage.name, step, move, readings, closes, engine.examples, engine.overall())
    engine.pause()
    yield tick
    if model.training:  # the caller may have left it so
        model.eval()
    engine.resume()


class MoveRunner:
    """Runs one move of a stage. What it owns is looked up once: a step may be shorter than a walk through all modules."""

    def __init__(self, model: nn.Module, move: Move, buffers: Sequence[BufferSnapshot]):
        self.model, self.move = model, move
        self.parameters = owned_parameters(move.owns)
        owned = owned_tensors(move.owns)
        self.others = [buffer for buffer in buffers if id(buffer.live) not in owned]
        self.modules = list(model.modules())
        names = (*model.named_parameters(), *model.named_buffers())
        self.changed = {name: value for name, value in names if id(value) in owned and isinstance(move, Apply)}

    def run(self, batch: Batch, now_of: Callable[[], Now], engine: Engine) -> Readings:
        """The readings on this batch, detached, on the device. now_of: makes the `Now` of the move, anew for a repetition.

        NonFiniteError where a loss, a gradient or what an Apply changes is NaN or infinite; a Descend has then changed no
        parameter. However a move ends, the model is in eval mode and has the buffers that the move does not own.
        """
        save(self.others)
        self._mode(True)
        try:
            if isinstance(self.move, Apply):
                now = now_of()
                with torch.no_grad(), coupled(now.mean, now.gather):
                    readings = dict(self.move.change(batch, now))
                self._check_changed(batch, engine)
            else:
                readings = self._descend(self.move, batch, now_of, engine)
        finally:
            self._mode(False)
            restore(self.others)
        return {key: value.detach() if isinstance(value, Tensor) else value for key, value in readings.items()}

    def _descend(self, move: Descend, batch: Batch, now_of: Callable[[], Now], engine: Engine) -> Readings:
        now = now_of()
        self._require(True)
        try:
            with coupled(now.mean, now.gather):
                with engine.autocast():
                    loss, readings = _scalar(move, move.loss(batch, now))
                loss, norm = engine.descend(move, self.parameters, loss, now.progress)
        except NonFiniteError as error:
            error.cause = cause_of(self.model, batch.x, self.parameters, lambda: move.loss(batch, now_of().alone()))
            raise
        finally:
            self._require(False)
        return {"loss": loss, **readings, "gradient": norm}

    def _check_changed(self, batch: Batch, engine: Engine) -> None:
        """NonFiniteError on all processes where an Apply has left a value in one of them that is not finite."""
        broken = first_non_finite(self.changed)
        if not engine.on_any_rank(broken is not None):
            return
        if broken is None:
            raise NonFiniteError("state in another process", float("nan"))
        value = self.changed[broken]
        error = NonFiniteError(broken, float(value[~value.isfinite()][0]))
        error.cause = cause_of(self.model, batch.x, (), lambda: None)
        raise error

    def _mode(self, training: bool) -> None:
        for module in self.modules:
            module.__dict__["training"] = training  # what nn.Module.train does, at a fraction of its time

    def _require(self, required: bool) -> None:
        for parameter in self.parameters:
            parameter.requires_grad_(required)


def _scalar(move: Descend, found: Any) -> tuple[Tensor, Readings]:
    """What a loss returned; ValueError where no gradient can be taken of it."""
    loss = found[0] if isinstance(found, tuple) and len(found) == 2 else None
    if isinstance(loss, Tensor) and not loss.ndim and loss.requires_grad:
        return found
    raise ValueError(
        f"the loss of move {move.name} must return a scalar tensor that depends on what the move owns, and a mapping "
        "of readings"
    )
