"""What keeping a run safe costs: seconds and bytes of a checkpoint, and its share of the training time at the default interval.

Every recipe at its own size on the data a user would give it, after a few steps, so that optimisers and averages are full.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.common import report
from genlab.api import session
from genlab.core.recipe import Budget
from genlab.data import open
from genlab.runs.train import SAVE_EVERY, SAVE_SHARE

STEPS, SAVES = 12, 5


def measured(model: str, data: Any, place: Path) -> dict[str, Any]:
    """A row: a step, a save, what lies on the disk afterwards."""
    made, steps = session(model, data, place / f"{model}-{data.name}", budget=Budget(steps=10**6)), []
    since = time.perf_counter()
    for tick in made:
        if tick.closes:
            steps.append(time.perf_counter() - since)
            if len(steps) == STEPS:
                break
            since = time.perf_counter()
    saves = []
    for _ in range(SAVES):
        since = time.perf_counter()
        made.recorder.save()
        saves.append(time.perf_counter() - since)
    took = median(saves)
    files = sum(path.stat().st_size for path in made.folder.path.rglob("*") if path.is_file())
    interval = max(SAVE_EVERY, took / SAVE_SHARE)
    row = {"model": model, "data": data.name, "parameters": made.parameters, "step, ms": round(1000 * median(steps[3:]), 1)}
    return {**row, "save, ms": round(1000 * took, 1), "share": f"{took / (interval + took):.2%}", "MB": round(files / 1e6, 1)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", help="folder of MNIST's IDX files")
    parser.add_argument("--cifar10", help="folder of CIFAR-10's batches")
    parser.add_argument("--text", help="a text, as Shakespeare's")
    parser.add_argument("--json", help="also write the numbers here")
    said, rows = parser.parse_args(arguments), []
    with tempfile.TemporaryDirectory() as place:
        for source, models in ((said.text, ("gpt",)), (said.mnist, ("vae", "gan", "pixelcnn", "vqvae", "ddpm"))):
            rows += [measured(model, open(source), Path(place)) for model in models if source]
        if said.cifar10:
            rows += [measured(model, open(said.cifar10), Path(place)) for model in ("ddpm", "flow-matching")]
    report("checkpoints", rows, said.json)


if __name__ == "__main__":
    main()
