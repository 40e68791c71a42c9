"""Loading against training: the time a batch takes to make, as a share of the step that uses it.

    python -m benchmarks.loading --sound ../shared/data/spoken_digits --emoji ../shared/data/emoji/google.parquet \\
        --pair ../shared/data/emoji/twitter.parquet

Every recipe of a kind, with its own batch, on pictures: in memory, drawn black and white anew each time, mapped from disk, and
degraded; on clips; and, where they are given, on recordings, pairs and captioned pictures. Sources with something special are
learnt by the recipes that use it. Both times are taken in turn in one process: after each training step the batch that comes
next in the stream is made once more, on its own. Required: at most 2% of every recipe's step.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import torch
from PIL import Image

import genlab
from benchmarks.common import report
from genlab.core.fit import fit
from genlab.core.recipe import Budget
from genlab.data import cache
from genlab.recipes.index import MODELS, Entry
from genlab.recipes.make import build, recipe_for
from genlab.runs.engine import Engine

MOST = 0.02  # of a step
WARM, STEPS = 2, 8  # steps that do not count, and that do
PATIENCE = 12.0  # seconds after which fewer steps will do
REPEATS = 5  # batches made after each step
DEGRADED = ("2x", "grey", "edges", "noise=0.1")
CLIPS, FRAMES = 300, 24


class Source(NamedTuple):
    """Data, and the condition that makes them special, if any: recipes that do not use it are no users of these data."""

    name: str
    data: Any
    condition: str = ""


def sources(folder: Path, asked: argparse.Namespace) -> Iterator[Source]:
    """All that there is to do differs in size, in place and in what is drawn and computed."""
    yield from pictures(folder)
    yield Source("clips", clips(folder / "clips"))
    if asked.sound:
        yield Source("sound, windows", genlab.open(asked.sound, pattern=asked.pattern, cache=folder))
        yield Source("sound, whole", genlab.open(asked.sound, pattern=asked.pattern, length=20_000, cache=folder))
    if asked.emoji:
        yield Source("captions", genlab.open(asked.emoji, size=32, cache=folder), "text")
    if asked.emoji and asked.pair:
        yield Source("pairs", genlab.open(asked.emoji, pair=asked.pair, size=32, cache=folder), "source")


def pictures(folder: Path) -> Iterator[Source]:
    yield Source("digits", genlab.open("digits"))
    yield Source("digits, dynamic", genlab.open("digits", binarise="dynamic"))
    yield Source("digits, degraded: noise=0.1", genlab.open("digits", degrade="noise=0.1"), "source")
    np.save(folder / "grey.npy", np.random.default_rng(0).integers(0, 256, (20_000, 28, 28), dtype=np.uint8))
    yield Source("28 x 28 grey", genlab.open(folder / "grey.npy"))
    yield Source("28 x 28 grey, dynamic", genlab.open(folder / "grey.npy", binarise="dynamic"))
    (folder / "colour").mkdir()
    for number in range(2000):
        levels = np.random.default_rng(number).integers(0, 256, (5, 5, 3), dtype=np.uint8)
        Image.fromarray(levels).resize((40, 36)).save(folder / "colour" / f"{number}.png")
    with mock.patch.object(cache, "IN_MEMORY", 0):  # as if it were a large set
        yield Source("32 x 32 colour, from disk", genlab.open(folder / "colour", size=32, cache=folder))
    for how in DEGRADED:
        data = genlab.open(folder / "colour", size=32, degrade=how, cache=folder)
        yield Source(f"32 x 32 colour, degraded: {how}", data, "source")


def clips(folder: Path) -> Any:
    """Animated GIFs of noise that moves to the right, longer than a window."""
    folder.mkdir()
    for number in range(CLIPS):
        still = np.random.default_rng(number).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        frames = [Image.fromarray(np.roll(still, shift, 1)) for shift in range(FRAMES)]
        frames[0].save(folder / f"{number}.gif", save_all=True, append_images=frames[1:], duration=80)
    return genlab.open(folder, cache=folder.parent)


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


def rows(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        for source in sources(Path(folder), asked):
            for model in MODELS:
                if asked.data not in source.name or asked.model not in ("", model.name) or not suits(model, source):
                    continue
                try:
                    loading, step, batch = measured(model.name, source.data)
                except ValueError:  # not every model learns every space
                    continue
                share = loading / step
                row = {
                    "model": model.name,
                    "data": source.name,
                    "batch": batch,
                    "loading, us": 1e6 * loading,
                    "step, ms": 1e3 * step,
                }
                yield {**row, "share, %": 100 * share, "": "" if share <= MOST else "too much"}


def suits(model: Entry, source: Source) -> bool:
    return source.data.kind in model.kinds and (not source.condition or source.condition in model.uses)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", help="write the table there")
    parser.add_argument("--model", default="", help="only this recipe")
    parser.add_argument("--data", default="", help="only data whose name here contains this, as: degraded")
    parser.add_argument("--sound", help="a folder of recordings")
    parser.add_argument("--pattern", default="{label}_{speaker}_{index}", help="of their names")
    parser.add_argument("--emoji", help="captioned pictures")
    parser.add_argument("--pair", help="their partners")
    asked = parser.parse_args()
    table = list(rows(asked))
    worst = max((row["share, %"] for row in table), default=0.0)
    report("loading", table, asked.json, limit=f"{MOST:.0%} of a step", worst=f"{worst:.3g}%")


if __name__ == "__main__":
    main()
