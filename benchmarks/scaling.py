"""What many GPUs would make of a step: an estimate from counted operations and gradient bytes, with its assumptions.

A step computes for F / (m P) seconds, F its operations, P the peak of a GPU, m the share of it that is reached. Its
gradients, b bytes in float32, are then averaged in one bucket by a ring: 2 (N - 1) / N b / w seconds at w bytes a second,
and 2 (N - 1) hops of latency. genlab does not let the two overlap, so the share of a step that computes is the efficiency.
The batch of each GPU stays what it is: weak scaling.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from benchmarks.common import operations, report
from genlab.core.fit import fit
from genlab.core.recipe import Budget, replaced
from genlab.core.space import Batch, Space
from genlab.recipes.make import build, recipe_for
from genlab.runs.engine import Engine

PEAK, REACHED = 989e12, 0.35  # operations a second of an H100 in bf16; the share of it that such networks reach
INSIDE, BETWEEN = 450e9, 50e9  # bytes a second: NVLink within a machine of 8; one 400 Gb/s adapter a GPU between machines
HOP = 5e-6  # seconds of latency
COUNTS = (1, 8, 64, 1024)
TEXT, PICTURE = Space((1024,), "T", "token", 256), Space((3, 32, 32), "CHW", "ordinal", 256)
CASES: dict[str, tuple[Space, dict[str, Any]]] = {  # networks of a size that one would train on many; a GPU's batch
    "gpt": (TEXT, {"model.layers": 8, "model.heads": 8, "model.width": 512, "batch": 16}),
    "ddpm": (PICTURE, {"model.width": 160, "model.depth": 3, "batch": 64}),
}


class Blank:
    """Examples without content: operations are counted, nothing is learnt."""

    def __init__(self, space: Space):
        self.space = space
        self.given: Mapping[str, Space] = {}

    def count(self, split: str) -> int:
        return 1000

    def stream(self, split: str, cursor: int, n: int) -> Batch:
        return Batch(torch.zeros((n, *self.space.shape), dtype=torch.int64 if self.space.kind == "token" else torch.uint8))

    once = stream

    def rows(self, split: str, indices: Tensor) -> Batch:
        return self.stream(split, 0, len(indices))

    def label_counts(self) -> None:
        return None


def counted(name: str, space: Space, settings: dict[str, Any]) -> tuple[int, float]:
    """(parameters, operations of a step of the whole batch), counted on two examples."""
    recipe = replace(replaced(recipe_for(name, space, {}), {**settings, "batch": 2}), budget=Budget(steps=1))
    model = build(recipe, space, {})

    def step() -> None:
        for _ in fit(model, Blank(space), recipe, Engine("cpu", "float32")):
            pass

    return sum(parameter.numel() for parameter in model.parameters()), operations(step) * settings["batch"] / 2


def estimate(parameters: int, work: float, count: int) -> tuple[float, float]:
    """(seconds of a step, share of it that computes) on so many GPUs."""
    compute, gradient = work / (PEAK * REACHED), 4 * parameters
    width = INSIDE if count <= 8 else BETWEEN
    talk = 2 * (count - 1) / count * gradient / width + 2 * (count - 1) * HOP
    return compute + talk, compute / (compute + talk)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", help="also write the numbers here")
    said, rows = parser.parse_args(arguments), []
    for name, (space, settings) in CASES.items():
        parameters, work = counted(name, space, settings)
        row: dict[str, Any] = {"model": name, "parameters": parameters, "operations": work, "gradient MB": 4e-6 * parameters}
        for count in COUNTS:
            seconds, share = estimate(parameters, work, count)
            row[f"{count} GPUs"] = f"{count * settings['batch'] / seconds:,.0f}/s, {share:.0%}"
        rows.append(row)
    facts = {"peak": f"{PEAK:.3g} operations/s, {REACHED:.0%} reached", "latency": f"{HOP:g} s a hop"}
    report("scaling", rows, said.json, **facts, bandwidth=f"{INSIDE:.3g} bytes/s up to 8 GPUs, {BETWEEN:.3g} beyond")


if __name__ == "__main__":
    main()
