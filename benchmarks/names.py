"""First names: n-grams, and a transformer of at most 200,000 parameters after three minutes.

    python -m benchmarks.names --text ../shared/data/text/names.txt

The split is makemore's notebooks': the lines shuffled by Python's generator from seed 42, 80% for training, 10% validation,
10% test. Loss is nats a character over the whole of a split, a name's end counting as one. Published there: bigram 2.45, a
76,000-parameter convolutional network 1.993 (validation); makemore's README: a 200,000-parameter transformer about 1.92.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.common import report
from genlab.core.data import Split
from genlab.core.fit import fit
from genlab.core.model import Model
from genlab.core.recipe import Budget, Recipe
from genlab.core.space import Batch, Space
from genlab.models.autoregressive.ngram import NGramConfig
from genlab.recipes.language import gpt, ngram
from genlab.recipes.make import build
from genlab.runs.engine import Engine


class Names:
    """Lines of letters, split as makemore does; training passes are shuffled anew each time."""

    def __init__(self, lines: list[str]):
        letters = sorted(set("".join(lines)))
        width, end = max(map(len, lines)) + 1, len(letters)
        random.Random(42).shuffle(lines)
        rows = torch.full((len(lines), width), end)
        for row, line in zip(rows, lines, strict=True):
            row[: len(line)] = torch.tensor([letters.index(letter) for letter in line])
        one, two = int(0.8 * len(lines)), int(0.9 * len(lines))
        self.lines = {"train": rows[:one], "validation": rows[one:two], "test": rows[two:]}
        self.space = Space((width,), "T", "token", end + 1, (*letters, "."), end=end)
        self.given: Mapping[str, Space] = {}

    def count(self, split: Split) -> int:
        return len(self.lines[split])

    def stream(self, split: Split, cursor: int, n: int) -> Batch:
        epochs, places = zip(*(divmod(cursor + row, self.count(split)) for row in range(n)), strict=True)
        return Batch(self.lines[split][[self._order(split, epoch)[place] for epoch, place in zip(epochs, places, strict=True)]])

    @lru_cache(maxsize=4)  # noqa: B019 - the data live as long as the benchmark
    def _order(self, split: Split, epoch: int) -> list[int]:
        return torch.randperm(self.count(split), generator=torch.Generator().manual_seed(epoch)).tolist()

    def once(self, split: Split, cursor: int, n: int) -> Batch:
        return Batch(self.lines[split][cursor : cursor + n])

    def rows(self, split: Split, indices: Tensor) -> Batch:
        return Batch(self.lines[split][indices])

    def label_counts(self) -> None:
        return None


@torch.no_grad()
def loss_of(model: Model, data: Names, split: Split) -> float:
    """Nats a character over a whole split."""
    model.eval()
    nats, characters = 0.0, 0
    for cursor in range(0, data.count(split), 1024):
        batch = data.once(split, cursor, 1024)
        nats -= model.log_prob(batch, noise=None).nats.double().sum().item()  # type: ignore[operator]
        characters += int(data.space.sizes(batch).sum())
    return nats / characters


def trained(name: str, data: Names, recipe: Recipe) -> dict[str, Any]:
    model, engine = build(recipe, data.space, data.given), Engine("cpu")
    since = time.perf_counter()
    steps = sum(1 for _ in fit(model, data, recipe, engine))
    seconds = time.perf_counter() - since
    engine.average.swap()
    losses = {split: round(loss_of(model, data, split), 4) for split in ("validation", "test")}
    count = sum(value.numel() for value in model.parameters())
    return {"model": name, "parameters": count, "steps": steps, "seconds": round(seconds, 1), **losses}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", default="../shared/data/text/names.txt")
    parser.add_argument("--seconds", type=float, default=180, help="budget of the transformer")
    parser.add_argument("--json")
    said = parser.parse_args(arguments)
    data = Names(Path(said.text).read_text(encoding="utf-8").split())
    counting = ngram(data.space, data.given)
    bigram = replace(counting, model=NGramConfig(order=2))
    learning = replace(gpt(data.space, data.given), budget=Budget(seconds=said.seconds))
    rows = [
        trained("bigram", data, bigram),
        trained(f"ngram, order {counting.model.order}", data, counting),
        trained("gpt", data, learning),
    ]
    report("names", rows, said.json, **{"loss": "nats a character"})


if __name__ == "__main__":
    main()
