"""What scoring costs and says: pictures whose truth is known, scored as if a model had drawn them.

Every measure of `genlab score` on 10,000 held-out pictures of 32 x 32 (seconds and memory), on held-out MNIST pictures (the
distances near their floor, precision and recall near 1, no copies), and on training pictures (every one a copy). Then the
test of memorisation: how many of k training pictures, exact or with noise, it finds planted among 1,000 held-out ones.
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

import torch

from benchmarks.common import report
from genlab.core.data import some
from genlab.data import open
from genlab.features import features_for
from genlab.measure import Reference, concat_batches, evaluation_of, scores_of
from genlab.measure.copies import copies, rule_for
from genlab.runs.engine import Engine

PLANTED = (0, 5, 50, 200)
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
    features = features_for(data, engine, choice="classifier")
    samples, given = concat_batches(some(data, split, n))
    with watched() as spent:
        scores = scores_of(evaluation_of(Reference(data, against, features, engine), samples, given))
    row: dict[str, Any] = {"data": data.name, "as if drawn": f"{len(samples):,} {split}", "seconds": round(spent["seconds"], 1)}
    row["peak GB"] = round(spent["peak"] / 1e9, 2)
    for name, score in scores.items():
        if name.startswith(SHOWN):
            row[name] = score.reason if score.value is None else round(score.value, 5)
    return row


def planted(source: str, **options: Any) -> list[dict[str, Any]]:
    """Rows: copies found among 1,000 real pictures that were not trained on, once k of them are replaced by training pictures.

    All splits are shuffled together, so that small data too have a thousand to pose; a tenth, at most 5,000, sets the rule.
    """
    data = open(source, **options)
    splits: tuple[Any, ...] = ("train", "validation", "test")
    every = torch.cat([concat_batches(some(data, split, data.count(split)))[0].flatten(1) for split in splits])
    noise = torch.Generator().manual_seed(0)
    every = every[torch.randperm(len(every), generator=noise)]
    held = min(len(every) // 10, 5000)
    posing, held_out, train = every[:1000].float(), every[1000 : 1000 + held], every[1000 + held :]
    rule = rule_for(train, held_out)
    rows = []
    for k in PLANTED:
        for levels in (0, 4)[: 1 + bool(k)]:
            samples = posing.clone()
            chosen = torch.randperm(len(train), generator=noise)[:k]
            samples[:k] = train[chosen] + levels * torch.randn(samples[:k].shape, generator=noise)
            found = copies(samples, rule)
            hits = found.ratio <= rule.threshold
            row = {"data": data.name, "planted": k, "noise, levels of 256": levels, "found": int(hits.sum())}
            rows.append({**row, "of the planted": int(hits[:k].sum()), "trained on": len(train)})
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", help="folder of MNIST's IDX files")
    parser.add_argument("--cifar10", help="folder of CIFAR-10's batches")
    parser.add_argument("--emoji", help="parquet file of emoji")
    parser.add_argument("--json", help="also write the numbers here")
    said = parser.parse_args(arguments)
    rows = []
    if said.cifar10:
        rows.append(scored(open(said.cifar10), "train", 10_000, "test"))
    if said.mnist:
        rows += [scored(open(said.mnist), split, 2_000, "test") for split in ("validation", "train")]
    for row in rows:
        report("scoring", [{"measure": key, "value": value} for key, value in row.items()], None)
    sources = {said.mnist: {}, said.cifar10: {}, said.emoji: {"size": 32}}
    found = [row for source, options in sources.items() if source for row in planted(source, **options)]
    report("planted copies", found, None)
    report("scoring", rows + found, said.json)


if __name__ == "__main__":
    main()
