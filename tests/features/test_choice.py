"""What a user asks for by name is what is measured in, or one sentence says why not."""

from __future__ import annotations

import pytest
import torch

from genlab.core.space import Space
from genlab.features import classifier as module
from genlab.features import features_for
from genlab.runs.engine import Engine
from tests.features.bars import Bars


@pytest.fixture(autouse=True)
def _quick(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "FEWEST", 5)
    monkeypatch.setattr(module, "MOST", 5)
    monkeypatch.setenv("GENLAB_CACHE", str(tmp_path))
    monkeypatch.delenv("GENLAB_INCEPTION", raising=False)


def asked(choice, data=None):
    return features_for(data or Bars("w"), Engine("cpu"), choice=choice)


@pytest.mark.parametrize(
    ("choice", "name"),
    [("classifier", "classifier features"), ("random", "features of a random network"), ("pixels", "pixels")],
)
def test_names_choose(choice, name):
    features = asked(choice)
    assert features is not None
    assert features.name == name
    assert not features.fid
    assert float(features(Bars("w").once("train", 0, 5000).x).var(0).sum()) == pytest.approx(1, rel=1e-4)
    assert "resized" in features.protocol["preprocessing"]


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("perceptuel", r"did you mean perceptual.*classifier, perceptual, random, pixels, inception\[=FILE\] or FILE.py:NAME"),
        ("Inception", "did you mean inception"),
        ("random=3", "did you mean random"),
        ("zebra", "no such features.*classifier"),
        ("", "no such features"),
        ("my.py", "my.py:NAME"),
        ("inception", "GENLAB_INCEPTION"),
        ("inception=nowhere.pth", "nowhere.pth"),
    ],
)
def test_what_there_is_not_is_answered_with_what_there_is(choice, words):
    with pytest.raises(ValueError, match=words):
        asked(choice)


def test_a_classifier_needs_classes():
    with pytest.raises(ValueError, match=r"no classes.*random"):
        asked("classifier", Bars("u", labelled=False))


def test_data_that_are_no_pictures_take_a_users_function_only(tmp_path):
    points = Bars("p", labelled=False, space=Space((4, 2), "CT", "real"))
    with pytest.raises(ValueError, match=r"features of pictures.*FILE.py:NAME"):
        asked("random", points)
    path = tmp_path / "mine.py"
    path.write_text("def twice(x):\n    return 2 * x.flatten(1)\n")
    features = asked(f"{path}:twice", points)
    assert features is not None
    assert features.name == "mine.py:twice"
    assert features(torch.ones(3, 4, 2)).tolist() == [[2.0] * 8] * 3
    assert "scale" not in features.protocol  # the user's own units
