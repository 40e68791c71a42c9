"""Training steps of the other benchmarks' models: their share of the machine's peak, and on what the time goes.

    python -m benchmarks.steps --mnist ../shared/data/mnist --text ../shared/data/text/names.txt

Each model takes a few steps of its own recipe on its benchmark's data; the median step, the operations of its matrix products
and convolutions as torch counts them, and torch's profiler over one step.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import genlab
from benchmarks.common import in_turn, middle, operations, peak, report, spent
from benchmarks.mnist_nats import SETTINGS
from benchmarks.names import Names
from genlab.core.fit import fit
from genlab.core.recipe import Recipe
from genlab.recipes.language import gpt
from genlab.recipes.make import build, recipe_for
from genlab.runs.engine import Engine


def steps_of(data: Any, recipe: Recipe) -> Callable[[], object]:
    ticks = iter(fit(build(recipe, data.space, data.given), data, recipe, Engine()))
    return lambda: next(ticks)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", required=True, help="folder with MNIST's four IDX files")
    parser.add_argument("--text", required=True, help="file of one name a line")
    parser.add_argument("--steps", type=int, default=20, help="of each; the first three warm up")
    parser.add_argument("--json")
    said = parser.parse_args(arguments)
    bits, grey = genlab.open(said.mnist, binarise="dynamic", unconditional=True), genlab.open(said.mnist)
    names = Names(Path(said.text).read_text(encoding="utf-8").split())
    asked: dict[str, tuple[Any, Recipe]] = {
        "gpt, names": (names, gpt(names.space, names.given)),
        "vae, MNIST's bits": (bits, recipe_for("vae", bits.space, bits.given, SETTINGS["vae"])),
        "pixelcnn, MNIST's bits": (bits, recipe_for("pixelcnn", bits.space, bits.given, SETTINGS["pixelcnn"])),
        "flow-matching, MNIST": (grey, recipe_for("flow-matching", grey.space, grey.given)),
    }
    best, rows = peak(), []
    for name, (data, recipe) in asked.items():
        step = steps_of(data, recipe)
        seconds, work = middle(in_turn({"": step}, said.steps)[""]), operations(step)
        shares = ", ".join(f"{kind} {share:.0%}" for kind, share in spent(step).items() if share >= 0.005)
        share = round(work / seconds / best, 3)
        rows.append({"model": name, "step ms": round(1000 * seconds, 1), "share of peak": share, "spent on": shares})
    report("steps", rows, said.json, **{"peak GFLOP/s": round(best / 1e9)})


if __name__ == "__main__":
    main()
