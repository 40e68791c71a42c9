"""Recipes of the models that read in order: n-grams and transformers, for text, lines and pictures."""

from __future__ import annotations

from collections.abc import Mapping

from genlab.core.recipe import Budget, Recipe
from genlab.core.space import Space
from genlab.models.autoregressive.gpt import GPT, GPTConfig
from genlab.models.autoregressive.ngram import NGram, NGramConfig, largest_order
from genlab.recipes.index import entry
from genlab.recipes.make import kind_of

CLASSES = {"ngram": NGram, "gpt": GPT}


def ngram(space: Space, given: Mapping[str, Space]) -> Recipe:
    """One pass of counting, so the budget plays no part."""
    order, tones = {"text": (7, 2), "lines": (6, 2), "pictures": _template(space.levels)}[kind_of(space)]
    config = NGramConfig(min(order, largest_order(space, given, tones)), tones=tones)
    return Recipe("ngram", config, Budget(seconds=60), batch=1024, paper=entry("ngram").paper)


def _template(levels: int) -> tuple[int, int]:
    """Order and tones for pictures of so many levels."""
    return (20, 2) if levels == 2 else (7, 4) if levels <= 32 else (6, 16)


def gpt(space: Space, given: Mapping[str, Space]) -> Recipe:
    config = GPTConfig()
    return Recipe("gpt", config, Budget(seconds=60), batch=16, paper=entry("gpt").paper)
