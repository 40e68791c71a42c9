"""Every reading that a training shows is explained."""

from __future__ import annotations

import pytest

import genlab
from genlab.core.fit import fit
from genlab.recipes.index import MODELS
from genlab.recipes.make import build, recipe_for
from genlab.report.readings import SAYS, glossary
from genlab.runs.engine import Engine

SMALL = {"points": "points/ring", "lines": "strings/words", "text": "strings/coin", "pictures": "digits"}


@pytest.mark.parametrize("name", [entry.name for entry in MODELS])
def test_every_reading_is_explained(name: str) -> None:
    kinds = next(entry.kinds for entry in MODELS if entry.name == name)
    kind = next(kind for kind in SMALL if kind in kinds)
    data = genlab.open(SMALL[kind], **({"binarise": "threshold"} if name == "rbm" else {}))
    recipe = recipe_for(name, data.space, data.given, {"batch": 16})
    found: set[str] = set()
    for tick in fit(build(recipe, data.space, data.given), data, recipe, Engine("cpu")):
        found |= set(tick.readings)
        if tick.step >= 2:
            break
    assert found - SAYS.keys() == set()


def test_a_reading_of_two_moves_is_explained_once() -> None:
    assert glossary(["discriminator.loss", "generator.loss", "own.thing"]) == "loss: what training lowers"
