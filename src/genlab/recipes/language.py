"""Recipes of the models that read in order: n-grams and transformers, for text, lines and pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from genlab.core.kinds import kind_of
from genlab.core.recipe import Budget, Optim, Recipe
from genlab.core.space import Space
from genlab.models.autoregressive.gpt import GPT, GPTConfig
from genlab.models.autoregressive.ngram import NGram, NGramConfig, largest_order
from genlab.recipes.index import entry

CLASSES = {"ngram": NGram, "gpt": GPT}

EXPECTED = {  # by model and kind of data
    ("ngram", "text"): "1.516 nats a character on the last tenth of tiny Shakespeare: python -m benchmarks.shakespeare",
    ("ngram", "lines"): "1.978 nats a character on test names: python -m benchmarks.names",
    ("ngram", "pictures"): "2.23 bits/dim given label on digits: genlab train ngram digits --out RUN; genlab score RUN",
    ("gpt", "text"): "1.599 nats a character on the last tenth of tiny Shakespeare: python -m benchmarks.shakespeare",
    ("gpt", "pictures"): "1.79 bits/dim given label: genlab train gpt digits --seconds 60 --out RUN; genlab score RUN",
    ("gpt", "lines"): "1.931 nats a character on test names, 198,400 parameters: python -m benchmarks.names",
}


def ngram(space: Space, given: Mapping[str, Space]) -> Recipe:
    """One pass of counting, so the budget plays no part."""
    order, tones = {"text": (7, 2), "lines": (6, 2), "pictures": _template(space.levels)}[kind_of(space).name]
    config = NGramConfig(min(order, largest_order(space, given, tones)), tones=tones)
    expected = EXPECTED[("ngram", kind_of(space).name)]
    return Recipe("ngram", config, Budget(seconds=60), batch=1024, paper=entry("ngram").paper, expected=expected)


def _template(levels: int) -> tuple[int, int]:
    """Order and tones for pictures of so many levels."""
    return (20, 2) if levels == 2 else (7, 4) if levels <= 32 else (6, 16)


MUON = Optim("muon", rate=3e-3, beta2=0.95, warmup=0.02, decay="linear", matrix_rate=0.02)


def gpt(space: Space, given: Mapping[str, Space]) -> Recipe:
    """Muon for the linear maps, AdamW for the tables, falling linearly to zero. A step reads about as much of anything."""
    kind = "tiny" if space.size * math.log2(space.levels) <= 32 else kind_of(space).name
    config, batch = {
        "tiny": (GPTConfig(layers=2, heads=2, width=32), 64),
        "lines": (GPTConfig(layers=4, heads=4, width=64, dropout=0.1), 128),
        "text": (GPTConfig(layers=4, heads=4, width=128), max(8, 1024 // space.size // 4 * 4)),
        "pictures": (GPTConfig(layers=4, heads=4, width=128), min(32, max(4, 4096 // space.size // 4 * 4))),
    }[kind]
    optim = replace(MUON, half_life=10_000) if kind == "lines" else MUON  # short lines are soon learnt by heart
    expected = EXPECTED.get(("gpt", kind), "")
    return Recipe("gpt", config, Budget(seconds=60), batch, optim, paper=entry("gpt").paper, expected=expected)
