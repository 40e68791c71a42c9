"""What scoring costs and says: pictures whose truth is known, scored as if a model had drawn them.

Every measure of `genlab score` on 10,000 held-out pictures of 32 x 32 (seconds and memory), on held-out MNIST pictures (the
distances near their floor, precision and recall near 1, no copies), and on training pictures (every one a copy).
"""

from __future__ import annotations

import argparse
import resource
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.common import report
from genlab.data import open
from genlab.features import features_for
from genlab.measure import Reference, joined, scores_of, sitting_of, some
from genlab.runs.engine import Engine

SHOWN = ("Fréchet", "kernel", "two-sample", "sliced", "precision", "recall", "density", "coverage", "copied", "accuracy")


def resident() -> int:
    """Bytes this process holds."""
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * resource.getpagesize()


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """Seconds, and the most memory held, of a block."""
    found: dict[str, float] = {"peak": resident()}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            found["peak"] = max(found["peak"], resident())

    thread = threading.Thread(target=look, daemon=True)
    began = time.perf_counter()
    thread.start()
    yield found
    over.set()
    thread.join()
    found["seconds"] = time.perf_counter() - began


def scored(data: Any, split: Any, n: int, against: Any) -> dict[str, Any]:
    """A row: n examples of a split before another split, with everything on."""
    engine = Engine("cpu")
    features = features_for(data, engine)
    samples, given = joined(some(data, split, n))
    with watched() as spent:
        scores = scores_of(sitting_of(Reference(data, against, features, engine), samples, given))
    row: dict[str, Any] = {"data": data.name, "as if drawn": f"{len(samples):,} {split}", "seconds": round(spent["seconds"], 1)}
    row["peak GB"] = round(spent["peak"] / 1e9, 2)
    for name, score in scores.items():
        if name.startswith(SHOWN):
            row[name] = score.reason if score.value is None else round(score.value, 5)
    return row


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", help="folder of MNIST's IDX files")
    parser.add_argument("--cifar10", help="folder of CIFAR-10's batches")
    parser.add_argument("--json", help="also write the numbers here")
    said = parser.parse_args(arguments)
    rows = []
    if said.cifar10:
        rows.append(scored(open(said.cifar10), "train", 10_000, "test"))
    if said.mnist:
        rows += [scored(open(said.mnist), split, 2_000, "test") for split in ("validation", "train")]
    for row in rows:
        report("scoring", [{"measure": key, "value": value} for key, value in row.items()], None)
    report("scoring", rows, said.json)


if __name__ == "__main__":
    main()
