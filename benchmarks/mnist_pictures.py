"""Pictures of MNIST: how far samples are from the test split as training goes on, and what they look like at the end.

    python -m benchmarks.mnist_pictures --mnist ../shared/data/mnist --json FILE --picture FILE.png

trains flow-matching for 15 minutes (`--model`, `--seconds` change that) and pauses at fixed shares of the time to draw 1,000
samples, whose Fréchet distance in classifier features to the test split is the curve; the pauses do not count as training.
At the end 5,000 samples are scored in full. The classifier is the data's own, trained on the train split alone; its features
are scaled so that their total variance over the train split is 1. Distances of 1,000 samples are biased upward against those
of 5,000: the last row of the curve is the last number's 1,000.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import genlab
from benchmarks.common import report
from genlab.core.data import Data
from genlab.core.fit import fit
from genlab.core.model import Model
from genlab.core.noise import Noise
from genlab.core.recipe import Budget, Recipe
from genlab.features import Features, features_for
from genlab.measure import scores_for
from genlab.recipes.make import build, recipe_for
from genlab.report.pictures import picture, png
from genlab.runs.engine import Engine

MARKS = (1 / 15, 2 / 15, 1 / 4, 1 / 2, 3 / 4, 1.0)  # shares of the time at which samples are scored
SEED, CHUNK = 0, 250
DISTANCE = "Fréchet distance (classifier features)"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--mnist", required=True, help="folder with MNIST's four IDX files")
    options.add_argument("--model", default="flow-matching")
    options.add_argument("--seconds", type=float, default=900)
    options.add_argument("--json", help="where to write the numbers")
    options.add_argument("--picture", help="where to write 100 samples, PNG")
    asked = options.parse_args()
    data: Any = genlab.open(asked.mnist)
    features = features_for(data, Engine(), choice="classifier")
    assert features is not None
    recipe = replace(recipe_for(asked.model, data.space, data.given), budget=Budget(seconds=asked.seconds))
    model, engine = build(recipe, data.space, data.given), Engine()
    rows = list(curve(model, data, recipe, engine, features))
    with engine.averaged():
        began = time.perf_counter()
        samples, labels = draw(model, data, 5000)
        drawing = time.perf_counter() - began
    final = scored(data, samples, labels, features)
    rows.append({"seconds": engine.seconds, "samples": 5000, **{name: score["value"] for name, score in final.items()}})
    facts = {"model": asked.model, "parameters": sum(value.numel() for value in model.parameters()), "steps": engine.step}
    report(
        "mnist_pictures",
        rows,
        asked.json,
        **facts,
        seconds_to_draw_5000=round(drawing, 1),
        protocol=final[DISTANCE]["protocol"],
    )
    if asked.picture:
        Path(asked.picture).write_bytes(png(picture(samples[:100], data.space, columns=10)))


def curve(model: Model, data: Data, recipe: Recipe, engine: Engine, features: Features) -> Iterator[dict[str, Any]]:
    """Trains to the end; one row at each of MARKS."""
    marks = list(MARKS)
    for tick in fit(model, data, recipe, engine):
        if marks and tick.closes and tick.progress >= marks[0]:
            marks = [mark for mark in marks if mark > tick.progress]
            yield row(model, data, engine, features)
    if marks:
        yield row(model, data, engine, features)


def row(model: Model, data: Data, engine: Engine, features: Features) -> dict[str, Any]:
    with engine.averaged():
        found = scored(data, *draw(model, data, 1000), features)
    line = {"seconds": engine.seconds, "samples": 1000, **{name: score["value"] for name, score in found.items()}}
    print({key: round(value, 4) for key, value in line.items() if value is not None}, flush=True)
    return line


@torch.no_grad()
def draw(model: Model, data: Data, n: int) -> tuple[Tensor, dict[str, Tensor]]:
    """n samples of evenly spread classes, the first of them the same however many there are."""
    label = torch.arange(n) % data.given["label"].levels
    parts = []
    for first in range(0, n, CHUNK):
        rows = range(first, min(n, first + CHUNK))
        device = next(model.parameters()).device
        *_, last = model.sample(len(rows), {"label": label[rows.start : rows.stop].to(device)}, noise=Noise(SEED, rows, device))
        parts.append(last.cpu())
    return torch.cat(parts), {"label": label}


def scored(data: Data, samples: Tensor, labels: dict[str, Tensor], features: Features) -> dict[str, Any]:
    found = scores_for(data, samples, split="test", seed=SEED, features=features, given=labels)
    return {name: score.to_json() for name, score in found.items()}


if __name__ == "__main__":
    main()
