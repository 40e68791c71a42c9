"""A classifier taught by examples knows what they show, and no more."""

from __future__ import annotations

import pytest
import torch

from genlab.core.space import Space
from genlab.features import trained_on
from genlab.features.accuracy import ArrayData
from genlab.runs.engine import Engine
from tests.features.bars import SPACE, Bars

DATA = Bars("held")
TAUGHT = DATA.once("train", 0, 400)


def score(x, label, **options):
    return trained_on(x, label, DATA, Engine("cpu"), **{"steps": 40, **options})


def test_good_examples_teach_the_classes_and_wrong_labels_do_not():
    told: list[float] = []
    good = score(TAUGHT.x, TAUGHT.given["label"], progress=told.append)
    assert good["of"] == 200
    assert good["correct"] >= 195
    assert good["steps"] == 40
    assert good["examples"] == 400
    assert told[-1] == 1
    wrong = score(TAUGHT.x, (TAUGHT.given["label"] + 1) % 4)
    assert wrong["correct"] <= 5


def test_the_score_follows_from_the_seed():
    first = score(TAUGHT.x, TAUGHT.given["label"], steps=2)
    torch.manual_seed(1)
    assert score(TAUGHT.x, TAUGHT.given["label"], steps=2) == first
    assert score(TAUGHT.x, TAUGHT.given["label"], steps=2, seed=1) != {**first, "seed": 1}


def test_a_class_that_is_missing_is_not_learned():
    kept = TAUGHT.given["label"] != 2
    found = score(TAUGHT.x[kept], TAUGHT.given["label"][kept])
    labels = DATA.once("test", 0, 200).given["label"]
    assert found["classes seen"] == 3
    assert found["correct"] == pytest.approx(int((labels != 2).sum()), abs=5)


def test_a_pass_shows_every_example_once_in_an_order_of_its_own():
    x = torch.arange(7).reshape(7, 1)
    data = ArrayData(x, torch.arange(7) % 2, Space((1,), "D", "real"), {"label": Space((), "", "token", 2)}, seed=3)
    whole = data.stream("train", 0, 21)
    passes = whole.x.flatten().reshape(3, 7)
    assert passes.sort(1).values.equal(torch.arange(7).repeat(3, 1))
    assert not passes[0].equal(passes[1])
    assert whole.given["label"].equal(whole.x.flatten() % 2)
    assert data.stream("train", 5, 6).x.equal(whole.x[5:11])
    assert data.once("train", 5, 6).x.flatten().tolist() == [5, 6]


@pytest.mark.parametrize(
    ("x", "label", "words"),
    [
        (torch.zeros(3, 1, 8, 7), torch.zeros(3), "shape"),
        (torch.zeros(0, *SPACE.shape), torch.zeros(0), "shape"),
        (torch.zeros(3, *SPACE.shape), torch.zeros(2), r"labels of shape \(2,\) for 3"),
        (torch.zeros(2, *SPACE.shape), torch.tensor([0, 4]), "from 0 to 4, the data's classes from 0 to 3"),
    ],
)
def test_what_does_not_fit_is_refused(x, label, words):
    with pytest.raises(ValueError, match=words):
        score(x, label)


def test_data_without_classes_have_no_such_score():
    with pytest.raises(ValueError, match="classes"):
        trained_on(TAUGHT.x, TAUGHT.given["label"], Bars("x", labelled=False), Engine("cpu"))
