"""Training into a folder: the consumer of `fit` that writes readings, checkpoints and weights."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from genlab.core.data import Data
from genlab.core.fit import fit
from genlab.core.model import Model
from genlab.core.moves import Tick
from genlab.core.recipe import Recipe
from genlab.runs.engine import Engine
from genlab.runs.folder import Folder

SAVE_EVERY = 30.0  # seconds between checkpoints


def training(folder: Folder, model: Model, data: Data, recipe: Recipe, engine: Engine, resume: bool = False) -> Iterator[Tick]:
    """`fit`, written down. Stopping it (close, Ctrl-C) keeps what was learnt: call `save` after the last closed step."""
    checkpoint = folder.state() if resume else None
    if checkpoint is not None:
        folder.cut_ticks(checkpoint[1]["ticks_bytes"])
    saved, latest = time.monotonic(), {}
    for tick in fit(model, data, recipe, engine, checkpoint=checkpoint):
        latest |= {f"{tick.move}.{name}": value for name, value in tick.readings.items()}
        if tick.closes and engine.main:
            if folder.due(tick.progress):
                folder.log(row(tick, latest, engine.seconds))
                latest = {}
            if time.monotonic() - saved > SAVE_EVERY:
                folder.write_state(*engine.state())
                saved = time.monotonic()
        yield tick
    if engine.main:
        save(folder, engine)


def save(folder: Folder, engine: Engine) -> None:
    """Weights, averages, schedule and a checkpoint: valid between closed steps and at the end."""
    folder.write_weights(engine.weights(), engine.weights(averaged=True) if engine.average.values else None)
    if engine.progress.schedule:
        folder.write_schedule(engine.progress.schedule)
    folder.write_state(*engine.state())


def row(tick: Tick, readings: dict[str, Any], seconds: float) -> dict[str, Any]:
    """One line of ticks.jsonl; here readings are looked at, so here they come to the CPU."""
    numbers = {name: float(value) if isinstance(value, Tensor) else value for name, value in readings.items()}
    place = {"stage": tick.stage, "name": tick.name, "step": tick.step, "examples": tick.examples}
    return {**place, "progress": round(tick.progress, 6), "seconds": round(seconds, 3), "readings": numbers}
