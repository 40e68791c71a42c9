"""The index, which is read without loading torch, says of every model what its class says."""

from __future__ import annotations

import subprocess
import sys

import pytest

from genlab.core.model import Scores, capabilities, used
from genlab.core.space import Space
from genlab.recipes.index import MODELS, Entry
from genlab.recipes.make import build, class_of, recipe_for

LABEL, TEXT = Space((), "", "token", 3), Space((4,), "T", "token", 5, end=4)
EXTRA = Space((2,), "D", "real")

each = pytest.mark.parametrize("row", MODELS, ids=lambda row: row.name)


@each
def test_a_row_is_what_its_class_says(row: Entry) -> None:
    model = class_of(row.name)
    assert row.can == capabilities(model)
    assert row.uses == model.uses
    assert row.needs == model.needs
    assert (row.likelihood == "none") == (not hasattr(model, "log_prob"))
    assert set(row.needs) <= set(row.uses)


def test_the_index_is_read_without_torch() -> None:
    code = "import sys, genlab.recipes.index; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@each
def test_a_model_is_built_with_the_conditions_it_uses_and_no_others(row: Entry) -> None:
    space = Space((1, 2, 2), "CHW", "binary")
    given = {"label": LABEL, "text": TEXT, "extra": EXTRA}
    model = build(recipe_for(row.name, space, given), space, given)
    assert set(model.given) == {name for name in given if name in row.uses}
    if isinstance(model, Scores):
        assert isinstance(model.claim, str)


def test_a_condition_that_is_needed_and_not_there_is_named() -> None:
    class Translating(class_of("vae")):
        needs = ("source",)
        uses = ("source", "label")

    with pytest.raises(ValueError, match="translating needs data that give source with every example, these do not; they give"):
        used(Translating, {"label": LABEL}, "translating")
    picture = Space((1, 2, 2), "CHW", "binary")
    assert used(Translating, {"label": LABEL, "source": picture, "text": TEXT}) == {"label": LABEL, "source": picture}


def test_recipes_refuse_data_without_what_the_model_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    row = MODELS[3]._replace(needs=("source",))
    monkeypatch.setattr("genlab.recipes.make.entry", lambda name: row)
    with pytest.raises(ValueError, match=f"{row.name} needs data that give source"):
        recipe_for(row.name, Space((1, 2, 2), "CHW", "binary"), {})


def test_a_networks_size_follows_the_picture_whatever_its_numbers_are() -> None:
    real, levels = Space((3, 32, 32), "CHW", "real"), Space((3, 32, 32), "CHW", "ordinal", 256)
    for name in ("vae", "gan", "ddpm", "flow-matching"):
        assert recipe_for(name, real, {}).model == recipe_for(name, levels, {}).model, name
