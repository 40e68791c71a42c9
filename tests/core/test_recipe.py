"""--set changes what exists, within its range, and says what would have been right."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

import pytest

from genlab.core.recipe import Budget, Recipe, check, from_json, replaced, setting, settings, to_json


@dataclass(frozen=True)
class Config:
    latent: int = setting(16, "size of the latent vector", low=1, high=4096)
    value: Literal["hinge", "minimax"] = setting("hinge", "value function")
    widths: tuple[int, ...] = setting((8, 8), "hidden widths", low=1)
    share: float | None = setting(None, "of anything", low=0, high=1)
    on: bool = setting(False, "a switch")


RECIPE = Recipe("x", Config(), moves={"discriminator": {"rate": 1e-4}})


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("model.latent", "64", 64),
        ("model.latent", "1e2", 100),
        ("model.value", "minimax", "minimax"),
        ("model.widths", "4,5,6", (4, 5, 6)),
        ("model.share", "0.25", 0.25),
        ("model.share", "none", None),
        ("model.on", "yes", True),
        ("optim.rate", "3e-4", 3e-4),
        ("moves.discriminator.rate", "0.5", 0.5),
        ("batch", "128", 128),
    ],
)
def test_settings_are_read_as_their_type(key: str, value: str, expected: object) -> None:
    found = replaced(RECIPE, {key: value})
    for name in key.split("."):
        found = found[name] if isinstance(found, dict) else getattr(found, name)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("model.latnet", "3", "did you mean model.latent"),
        ("latent", "3", "did you mean model.latent"),
        ("model.latent", "0", "from 1 to 4096"),
        ("batch", "0", "from 1 to 1,000,000"),
        ("model.latent", "many", "a whole number"),
        ("model.latent", "2.5", "a whole number"),
        ("model.value", "hing", "one of hinge, minimax"),
        ("model.widths", "4,0", "at least 1"),
        ("model.on", "perhaps", "true or false"),
        ("optim.rate", "nan", "a number"),
        ("batch", "-1", "from 1"),
    ],
)
def test_what_is_wrong_is_said(key: str, value: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replaced(RECIPE, {key: value})


def test_a_recipe_survives_json() -> None:
    changed = replaced(RECIPE, {"model.latent": 3, "model.widths": (1, 2), "moves.discriminator.rate": 0.1})
    assert from_json(RECIPE, json.loads(json.dumps(to_json(changed)))) == changed


def test_defaults_lie_in_their_ranges() -> None:
    check(RECIPE)
    with pytest.raises(ValueError, match=r"model\.latent"):
        check(Recipe("x", Config(latent=0)))
    assert {"model.latent", "optim.rate", "moves.discriminator.rate", "batch"} <= set(settings(RECIPE))


@pytest.mark.parametrize("wrong", [{}, {"steps": 1, "seconds": 1}, {"steps": 0}, {"seconds": -1}, {"seconds": float("inf")}])
def test_impossible_budgets_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError):
        Budget(**wrong)


def test_a_recipe_of_another_version_says_so() -> None:
    record = to_json(RECIPE)
    record["model"]["value"] = "relativistic"
    with pytest.raises(ValueError, match="another version"):
        from_json(RECIPE, record)
    del record["model"]["value"]
    with pytest.raises(ValueError, match=r"lacks model\.value"):
        from_json(RECIPE, record)
