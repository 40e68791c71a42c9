"""Nats of dynamically binarised MNIST, test split: what the literature of likelihood models is compared on.

    python -m benchmarks.mnist_nats --mnist ../shared/data/mnist --json FILE

trains `vae` for 10 minutes (50 latents) and `pixelcnn` for 20, without labels, each by its recipe for such pictures, and scores
the 10,000 test pictures, drawn once from their grey levels: the VAE by IW-1000, a lower bound on log p(x), the PixelCNN
exactly. `--models` picks one, `--seconds` shortens both. Every choice of the recipes was made on the validation split.

Beside them stand what the papers report. Their binarisation is another draw, their training hours to days:
    VAE, IW-5000                       86.76    Burda, Grosse & Salakhutdinov, "Importance Weighted Autoencoders", 2016
    IWAE, 50 draws, 2 layers, IW-5000  82.90    the same
    PixelRNN, static binarisation      79.20    van den Oord et al., "Pixel Recurrent Neural Networks", 2016
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import genlab
from benchmarks.common import operations, peak, report
from genlab.core.data import Data
from genlab.core.fit import fit
from genlab.core.model import Model, Scores
from genlab.core.moves import Descend, Now
from genlab.core.noise import BatchNoise, Noise
from genlab.core.recipe import Budget, Recipe
from genlab.recipes.make import build, recipe_for
from genlab.runs.engine import Engine

SECONDS = {"vae": 600.0, "pixelcnn": 1200.0}
SETTINGS: dict[str, dict[str, Any]] = {"vae": {"model.latent": 50}, "pixelcnn": {}}
SCORING: dict[str, dict[str, Any]] = {"vae": {"importance_samples": 1000}, "pixelcnn": {}}
CHUNK = 100  # pictures scored at once


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--mnist", required=True, help="folder with MNIST's four IDX files")
    options.add_argument("--models", default="vae,pixelcnn")
    options.add_argument("--seconds", type=float, help="of training, for each model")
    options.add_argument("--split", default="test", choices=("validation", "test"))
    options.add_argument("--examples", type=int, help="score only so many pictures, the first of the split")
    options.add_argument("--json", help="where to write the numbers")
    asked = options.parse_args()
    data: Any = genlab.open(asked.mnist, binarise="dynamic", unconditional=True)
    highest = peak()
    rows = [measured(name, data, asked, highest) for name in asked.models.split(",")]
    report(
        "mnist_nats", rows, asked.json, data="MNIST, dynamically binarised, without labels", peak=f"{highest / 1e9:.0f} GFLOP/s"
    )


def measured(name: str, data: Data, asked: argparse.Namespace, highest: float) -> dict[str, Any]:
    budget = Budget(seconds=asked.seconds or SECONDS[name])
    recipe = replace(recipe_for(name, data.space, data.given, SETTINGS[name]), budget=budget)
    model, engine = build(recipe, data.space, data.given), Engine()
    work = step_operations(model, data, recipe)
    with bar(f"train {name}") as progress:
        task = progress.add_task(f"train {name}", total=1.0)
        for tick in fit(model, data, recipe, engine):
            progress.update(task, completed=tick.progress)
    with engine.averaged():
        began = time.perf_counter()
        nats, how = scored(model, data, asked.split, min(asked.examples or 10**9, data.count(asked.split)), SCORING[name])
    return {
        "model": name,
        "nats": float(nats.mean()),
        "error": float(nats.std() / len(nats) ** 0.5),
        "how": how,
        "pictures": f"{len(nats)} of {asked.split}",
        "parameters": sum(value.numel() for value in model.parameters()),
        "seconds": engine.seconds,
        "steps": engine.step,
        "batch": recipe.batch,
        "of peak": work * engine.step / engine.seconds / highest,
        "seconds to score": time.perf_counter() - began,
    }


def bar(title: str) -> Progress:
    return Progress(TextColumn(title), BarColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())


@torch.no_grad()
def scored(model: Model, data: Data, split: Any, count: int, options: dict[str, Any]) -> tuple[torch.Tensor, str]:
    """-log p of the first `count` pictures of a split, nats (count,), and how."""
    assert isinstance(model, Scores)
    found, how = [], ""
    with bar("score") as progress:
        for first in progress.track(range(0, count, CHUNK)):
            n = min(CHUNK, count - first)
            nats, _, how, _ = model.log_prob(data.once(split, first, n), noise=Noise(0, range(first, first + n)), **options)
            found.append(-nats.double())
    return torch.cat(found), how


def step_operations(model: Model, data: Data, recipe: Recipe) -> int:
    """Of forward and backward through every descent of the first stage."""
    batch, noise = data.stream("train", 0, recipe.batch), BatchNoise(0, recipe.batch)

    def step() -> None:
        for move in next(iter(model.stages())).moves:
            if isinstance(move, Descend):
                move.loss(batch, Now(0, 0.0, noise))[0].backward()

    work = operations(step)
    model.zero_grad(set_to_none=True)
    return work


if __name__ == "__main__":
    main()
