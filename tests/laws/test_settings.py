"""Every setting a user may write: at the ends of its range, at small and odd values, at every choice, a model trains and
samples, or one sentence says why it cannot."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import Field, replace
from typing import Any

import pytest
import torch

from genlab import Budget, Engine, build, fit, recipe_for
from genlab.core.noise import Noise
from genlab.core.recipe import replaced, settings, type_of
from genlab.core.space import Space
from tests.runs.small import SMALL, Small

PICTURES = {"model.width": 8, "batch": 8}
DENOISER = {**PICTURES, "model.depth": 1, "model.sampling_steps": 3}
READER = {"layers": 1, "heads": 2, "width": 16}
CASES = [
    *SMALL,
    Small("gpt", "digits", {f"model.{key}": value for key, value in READER.items()} | {"batch": 8}, {"binarise": "threshold"}),
    Small("vae", "digits", PICTURES),
    Small("gan", "digits", PICTURES),
    Small("ddpm", "digits", DENOISER),
    Small("flow-matching", "digits", DENOISER),
    Small("vqvae", "digits", {**PICTURES, "model.codebook_size": 8, "model.code_dim": 4, "model.prior": "gpt"}
          | {f"model.gpt.{key}": value for key, value in READER.items()}),
]  # fmt: skip


def values(kind: Any, entry: Field[Any]) -> list[Any]:
    low, high = entry.metadata.get("low"), entry.metadata.get("high")
    if typing.get_origin(kind) is typing.Literal:
        return list(typing.get_args(kind))
    if kind is bool:
        return [False, True]
    if kind is int:
        least = 0 if low is None else int(low)
        return [value for value in sorted({least, least + 1, 3, 5, 7, 9}) if least <= value <= (high or value)]
    return [value for value in (low, 0.5, high) if value is not None] if kind is float else []


def tries(case: Small, space: Space, given: Any) -> Iterator[tuple[str, Any]]:
    recipe = recipe_for(case.model, space, given, case.settings)
    for key, entry in settings(recipe).items():
        yield from ((key, value) for value in values(type_of(recipe, key), entry))


def taken(case: Small, data: Any, key: str, value: Any) -> str:
    """ "" where a model with this setting trains two steps and samples, otherwise why not."""
    try:
        recipe = replaced(recipe_for(case.model, data.space, data.given, case.settings), {key: value})
        model = build(recipe, data.space, data.given)
        ticks = list(fit(model, data, replace(recipe, budget=Budget(steps=2)), Engine("cpu")))
        label = {"label": torch.zeros(2, dtype=torch.long)} if "label" in model.given else None
        *_, samples = model.sample(2, label, noise=Noise(0, 2))
    except ValueError as error:
        return str(error)
    assert ticks
    assert samples.shape == (2, *data.space.shape)
    return ""


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.model}-{case.source}")
def test_every_setting_trains_or_says_why_not(case: Small) -> None:
    data, said = case.data(), []
    for key, value in tries(case, data.space, data.given):
        try:
            said.append(taken(case, data, key, value))
        except Exception as error:
            error.add_note(f"--set {key}={value}")
            raise
    assert said.count("") > 20
    assert all(len(sentence) > 20 for sentence in said if sentence)
