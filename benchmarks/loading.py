"""Loading against training: the time a batch takes to make, as a share of the step that uses it.

    python -m benchmarks.loading

Every picture recipe, with its own batch, on pictures held in memory, drawn black and white anew each time, and mapped from
disk. Both are timed in turn in one process: after each training step the batch that comes next in the stream is made once more,
on its own. Required: at most 2 % of every recipe's step.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import numpy as np
import torch
from PIL import Image

import genlab
from benchmarks.common import report
from genlab.core.fit import fit
from genlab.core.recipe import Budget
from genlab.data import cache
from genlab.recipes.index import MODELS
from genlab.recipes.make import build, recipe_for
from genlab.runs.engine import Engine

MOST = 0.02  # of a step
WARM, STEPS = 2, 8  # steps that do not count, and that do
PATIENCE = 20.0  # seconds after which fewer steps will do
REPEATS = 5  # batches made after each step


def sources(folder: Path) -> Iterator[tuple[str, Any]]:
    """Name and data: all that there is to do differs in size, in place and in what is drawn."""
    yield "digits", genlab.open("digits")
    yield "digits, dynamic", genlab.open("digits", binarise="dynamic")
    np.save(folder / "grey.npy", np.random.default_rng(0).integers(0, 256, (20_000, 28, 28), dtype=np.uint8))
    yield "28 x 28 grey", genlab.open(folder / "grey.npy")
    yield "28 x 28 grey, dynamic", genlab.open(folder / "grey.npy", binarise="dynamic")
    (folder / "colour").mkdir()
    for number in range(2000):
        levels = np.random.default_rng(number).integers(0, 256, (5, 5, 3), dtype=np.uint8)
        Image.fromarray(levels).resize((40, 36)).save(folder / "colour" / f"{number}.png")
    with mock.patch.object(cache, "IN_MEMORY", 0):  # as if it were a large set
        yield "32 x 32 colour, from disk", genlab.open(folder / "colour", size=32, cache=folder)


def measured(name: str, data: Any) -> tuple[float, float, int]:
    """Median seconds of making a batch and of a whole step with it, and the batch."""
    recipe = replace(recipe_for(name, data.space, data.given), budget=Budget(steps=10_000))
    model, engine = build(recipe, data.space, data.given), Engine()
    loading, steps, began = [], [], time.perf_counter()
    since = began
    for tick in fit(model, data, recipe, engine):
        if not tick.closes:
            continue
        _wait(engine.device)
        steps.append(time.perf_counter() - since)
        for repeat in range(REPEATS):
            since = time.perf_counter()
            data.stream("train", engine.cursor + repeat * recipe.batch, recipe.batch).to(engine.device)
            _wait(engine.device)
            loading.append(time.perf_counter() - since)
        late = time.perf_counter() - began > PATIENCE
        if len(steps) >= WARM + (1 if late else STEPS):
            break
        since = time.perf_counter()
    return median(loading[WARM * REPEATS :]), median(steps[WARM:]), recipe.batch


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def rows(only: str | None) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        for source, data in sources(Path(folder)):
            for model in MODELS:
                if "pictures" not in model.kinds or (only and model.name != only):
                    continue
                try:
                    loading, step, batch = measured(model.name, data)
                except ValueError:  # not every model learns every space
                    continue
                share = loading / step
                row = {
                    "model": model.name,
                    "data": source,
                    "batch": batch,
                    "loading, us": 1e6 * loading,
                    "step, ms": 1e3 * step,
                }
                yield {**row, "share, %": 100 * share, "": "" if share <= MOST else "too much"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", help="write the table there")
    parser.add_argument("--model", help="only this recipe")
    asked = parser.parse_args()
    table = list(rows(asked.model))
    report("loading", table, asked.json, limit=f"{MOST:.0%} of a step", worst=f"{max(row['share, %'] for row in table):.3g} %")


if __name__ == "__main__":
    main()
