"""Training into a folder: `training` iterates `fit`, and a `Recorder` writes readings, checkpoints and weights."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import Any, Literal

from torch import Tensor

from genlab.core.data import Data
from genlab.core.finite import NonFiniteError, first_non_finite
from genlab.core.fit import fit
from genlab.core.model import Model
from genlab.core.moves import Tick
from genlab.core.program import called
from genlab.core.recipe import Recipe
from genlab.runs.engine import Engine
from genlab.runs.folder import Folder
from genlab.runs.processes import on_any_rank
from genlab.runs.weights import MODEL, beginning, named

SAVE_EVERY = 30.0  # seconds between checkpoints; longer where writing one takes more than SAVE_SHARE of that
SAVE_SHARE = 0.02
HALVINGS = 8  # of the learning rates, after which a run that breaks down again is given up

OnNaN = Literal["stop", "halve-lr"]
Checkpoint = tuple[dict[str, Tensor], dict[str, Any]]


class Recorder:
    """Records one run: readings at points of progress, checkpoints at intervals, the batch of a breakdown.

    save_every   steps between checkpoints, instead of SAVE_EVERY seconds
    on_nan       when a loss or a gradient is NaN or infinite: stop, or continue from the last checkpoint at half the learning
                 rates
    """

    def __init__(self, folder: Folder, engine: Engine, save_every: int | None = None, on_nan: OnNaN = "stop"):
        if save_every is not None and save_every < 1:
            raise ValueError(f"--save-every must be at least 1, got {save_every}")
        if on_nan not in ("stop", "halve-lr"):
            raise ValueError(f"--on-nan {on_nan}: choose stop or halve-lr")
        self.folder, self.engine, self.save_every, self.on_nan = folder, engine, save_every, on_nan
        self.latest: dict[str, Any] = {}  # readings since the last row
        self.rollbacks = 0  # how often the run went back to a checkpoint
        self._due, self._stage = time.monotonic() + SAVE_EVERY, 0

    def begin(self, model: Model, resume: bool) -> Checkpoint | None:
        """The checkpoint to continue from, or None for a new run, whose first checkpoint is written at step 0."""
        found = self.folder.state() if resume else None
        if resume and found is None and self.folder.trained():
            raise ValueError(
                f"{self.folder.path} keeps no checkpoint to go on from, and beginning again would replace what it has learnt; "
                "train it anew with another --out"
            )
        if self.engine.main:
            self.folder.check_own()
        if found is not None:
            self.restore(found[1])
        elif self.engine.main:
            self.folder.write_state(*beginning(model))
        return found

    def restore(self, record: Mapping[str, Any]) -> None:
        """Return to the state of a checkpoint's record: rows of the logs that were written later are removed."""
        self.latest, self._stage = dict(record.get("latest", {})), record["stage"]
        self.rollbacks += 1
        if self.engine.main:
            self.folder.cut_logs(record)

    def before_yield(self, tick: Tick) -> None:
        """Collect the readings of a tick before the caller sees it, and log them where they are due."""
        self.latest |= {f"{tick.move}.{name}": value for name, value in tick.readings.items()}
        if tick.closes and self.engine.main and self.folder.due(tick.progress):
            self.folder.log(row(tick, self.latest, self.engine.seconds))
            self.latest = {}

    def after_yield(self, tick: Tick) -> None:
        """Save a checkpoint, where one is due, after the caller has handled the tick: it then covers what the caller logged."""
        if not tick.closes:
            return
        entered, self._stage = tick.stage != self._stage, tick.stage
        due = time.monotonic() > self._due if self.save_every is None else self.engine.step % self.save_every == 0
        error: NonFiniteError | None = None
        save = self.engine.main and (entered or due)
        if on_any_rank(save) if self.engine.sharded else save:
            try:
                self.save()
            except NonFiniteError as found:
                error = found
        if on_any_rank(error is not None):  # all processes roll back together
            raise error or NonFiniteError("weights", float("nan"))

    def finish(self) -> None:
        """Save after the last step. All processes wait for it, since launchers end the others once one has exited."""
        error: NonFiniteError | None = None
        try:
            self.save()
        except NonFiniteError as found:
            error = found
        if on_any_rank(error is not None):
            raise error or NonFiniteError("weights", float("nan"))

    def save(self) -> None:
        """Save weights, averages, schedule and a checkpoint; between closed steps and at the end only.

        The main process writes; all processes of a sharded model must call it. NonFiniteError, and nothing is written, where
        any value is not finite, so that the last checkpoint stays.
        """
        began, engine = time.monotonic(), self.engine
        if not (engine.main or engine.sharded):
            return
        tensors, record = engine.state()
        averaged = engine.weights(averaged=True) if engine.average.values else None
        if not engine.main:
            return
        broken = first_non_finite(tensors)
        if broken is not None:
            error = NonFiniteError(broken, float("nan"))
            error.stage, error.step, error.batch = str(engine.stage), engine.step, engine.batch
            error.cause = "nothing was saved over the last checkpoint"
            raise error
        weights = named(MODEL, tensors)
        state = tensors, {**record, "latest": numbers(self.latest)}
        self.folder.save(weights, averaged, engine.progress.schedule, state)
        took = time.monotonic() - began
        self._due = began + took + max(SAVE_EVERY, took / SAVE_SHARE)

    def save_broken_batch(self, error: NonFiniteError, data: Data) -> str:
        """Save the batch of a breakdown under broken/; returns a sentence that says where and why."""
        batch, about = error.batch, {"stage": error.stage, "move": error.move, "step": error.step, "cause": error.cause}
        if batch is None:
            return str(error)
        index = batch.index.tolist() if batch.index is not None else []
        rows = error.rows or range(len(index))
        where = getattr(data, "where", None)
        names = [where(index[row]) for row in rows if row < len(index)] if where is not None else []
        tensors = {"x": batch.x, **{f"given.{key}": value for key, value in batch.given.items()}}
        tensors |= {} if batch.index is None else {"index": batch.index}
        batch = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        about |= {"what": error.what, "value": str(error.value), "rows": error.rows, "examples": names}
        rank = self.engine.processes.process_index
        name = f"stage-{self.engine.stage}-step-{error.step}" + (f"-process-{rank}" if rank else "")
        path = self.folder.path / "broken" / f"{name}.json"
        if self.engine.main or error.rows:  # the main process, and each that holds bad examples
            self.folder.write_broken(name, batch, about)
        examples = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
        return f"training broke down {error}. The batch{f' ({examples})' if names else ''} is kept in {path}"

    def remedy(self) -> str:
        """Commands to try, which continue from the last checkpoint."""
        again = f"{called()} resume {shlex.quote(str(self.folder.path))}"
        itself = f", or let it go on by itself: {again} --on-nan halve-lr" if self.on_nan == "stop" else ""
        return f"Lower the learning rate or clip gradients: {again} --out NEW --set optim.rate=... optim.clip=1{itself}"

    def roll_back(self, sentence: str) -> Checkpoint:
        """Return to the last checkpoint with half its learning rates; ValueError after HALVINGS times."""
        found = self.folder.state()
        assert found is not None
        on_any_rank(False)  # a barrier: no process writes before all have read
        tensors, record = found
        scale = record["scale"] / 2
        at = f"{record['overall']:.0%}"
        if scale < 0.5**HALVINGS:
            raise ValueError(f"{sentence}; halving the learning rates {HALVINGS} times did not help. {self.remedy()}")
        record = {**record, "scale": scale}
        self.restore(record)
        if self.engine.main:
            row = {"kind": "broke down", "progress": record["overall"], "seconds": round(self.engine.seconds, 3)}
            remedy = f"It went on from the checkpoint at {at} with {scale:g} of the learning rates."
            self.folder.log_alarm({**row, "sentence": f"{sentence[0].upper()}{sentence[1:]}.", "remedy": remedy, "curve": ""})
            self.folder.write_state(tensors, record)
        return tensors, record


def training(recorder: Recorder, model: Model, data: Data, recipe: Recipe, resume: bool = False) -> Iterator[Tick]:
    """`fit`, recorded. A caller that stops early calls `recorder.save()` after the last closed step to keep what was learnt."""
    engine, folder = recorder.engine, recorder.folder
    with folder.writing() if engine.main else nullcontext():
        checkpoint = recorder.begin(model, resume)
        while True:
            try:
                ticks, checkpoint = fit(model, data, recipe, engine, checkpoint=checkpoint), None
                for tick in ticks:
                    recorder.before_yield(tick)
                    yield tick
                    recorder.after_yield(tick)
                recorder.finish()
                return
            except NonFiniteError as error:
                sentence = recorder.save_broken_batch(error, data)
                if recorder.on_nan == "stop":
                    raise ValueError(f"{sentence}; the run is as it was at its last checkpoint. {recorder.remedy()}") from None
                checkpoint = recorder.roll_back(sentence)


def numbers(readings: Mapping[str, Any]) -> dict[str, Any]:
    """Readings as numbers on the CPU; None for NaN."""
    found = {name: float(value) if isinstance(value, Tensor) else value for name, value in readings.items()}
    return {name: None if value != value else value for name, value in found.items()}


def row(tick: Tick, readings: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """One line of ticks.jsonl. Only here readings are copied to the CPU, which waits for the device."""
    position = {"stage": tick.stage, "name": tick.name, "step": tick.step, "examples": tick.examples}
    return {**position, "progress": round(tick.progress, 6), "seconds": round(seconds, 3), "readings": numbers(readings)}
