"""Training into a folder: the consumer of `fit` that writes readings, checkpoints and weights."""

from __future__ import annotations

import math
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

SAVE_EVERY = 30.0  # seconds between checkpoints; longer where writing one takes more than SAVE_SHARE of that
SAVE_SHARE = 0.05


def training(folder: Folder, model: Model, data: Data, recipe: Recipe, engine: Engine, resume: bool = False) -> Iterator[Tick]:
    """`fit`, written down. Stopping it (close, Ctrl-C) keeps what was learnt: call `save` after the last closed step."""
    checkpoint = folder.state() if resume else None
    if checkpoint is not None:
        folder.cut_ticks(checkpoint[1])
    due, latest = time.monotonic() + SAVE_EVERY, {}
    for tick in fit(model, data, recipe, engine, checkpoint=checkpoint):
        latest |= {f"{tick.move}.{name}": value for name, value in tick.readings.items()}
        if tick.closes and engine.main:
            if folder.due(tick.progress):
                folder.log(healthy(row(tick, latest, engine.seconds)))
                latest = {}
            if (began := time.monotonic()) > due:
                healthy(row(tick, latest, engine.seconds))
                save(folder, engine)
                took = time.monotonic() - began
                due = began + took + max(SAVE_EVERY, took / SAVE_SHARE)
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


def healthy(row: dict[str, Any]) -> dict[str, Any]:
    """The row; ValueError where a loss has no value any more, before such weights replace good ones."""
    lost = [name for name, value in row["readings"].items() if name.endswith(".loss") and not math.isfinite(value)]
    if lost:
        raise ValueError(
            f"training broke down: {lost[0]} is {row['readings'][lost[0]]} at step {row['step']:,}; "
            "lower the learning rate (--set optim.rate=...) or clip gradients (--set optim.clip=1)"
        )
    return row
