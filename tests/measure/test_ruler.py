"""Features that are blind to damage do not pass, and those that see it do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import genlab
from genlab.comparison.typed import parsed
from genlab.core.space import Batch, Space
from genlab.features import Features, perceptual_features, random_features
from genlab.measure import ruler as module
from genlab.measure.ruler import Mark, Ruler, instruments, kept, ruler_of
from genlab.runs.engine import Engine

SPACE = Space((1, 16, 16), "CHW", "ordinal", 256)


class Discs:
    """Grey discs of all sizes and places on white, with soft borders: what a blur, noise and repetition change is plain."""

    name, fingerprint, given = "discs", "discs", {}
    space = SPACE

    def __init__(self, held_out: int = 40):
        self.counts = {"train": 200, "validation": held_out, "test": held_out}

    def count(self, split):
        return self.counts[split]

    def once(self, split, cursor, n):
        stream = torch.Generator().manual_seed(100 * len(split) + cursor)
        n = max(0, min(n, self.count(split) - cursor))
        place, size, shade = (torch.rand(n, k, 1, 1, generator=stream) for k in (2, 1, 1))
        grid = torch.arange(16.0)
        far = ((grid[:, None] - 16 * place[:, :1]) ** 2 + (grid - 16 * place[:, 1:]) ** 2).sqrt()
        inside = torch.sigmoid(3 * (2 + 5 * size - far))
        return Batch((255 * (1 - inside * (0.5 + 0.5 * shade))).round().to(torch.uint8), {})


def features(function, name: str = "own features") -> Features:
    return Features(name, 0, function, {"features": name})


def test_a_network_trained_on_photographs_passes_on_discs():
    found = ruler_of(perceptual_features(SPACE), Discs())
    assert found.faults == ()
    by = {mark.words: mark.value for mark in found.marks}
    assert by["noise of 4%"] < by["noise of 16%"] < by["noise of 50%"]
    assert by["a blur of 0.5 pixels"] < by["a blur of 1 pixel"] < by["a blur of 2 pixels"] < by["uniform noise"]
    assert [mark.value for mark in found.marks] == sorted(by.values())


@pytest.mark.parametrize(
    ("function", "blind"),
    [
        (lambda x: x.double().mean((2, 3)) / 255, "pixels drawn independently"),  # brightness
        (lambda x: x.double().flatten(1).sort(1).values[:, ::8] / 255, "a blur"),  # the histogram of each picture
        (lambda x: x.double().diff(dim=3).abs().mean((2, 3)) / 255, "a blur"),  # roughness
    ],
)
def test_features_that_do_not_see_some_damage_are_refused_for_it(function, blind):
    found = ruler_of(features(function), Discs())
    assert not found.passed
    assert any(blind in fault for fault in found.faults), found.faults


def test_the_first_that_pass_are_taken_and_the_others_named(monkeypatch, tmp_path):
    monkeypatch.setenv("GENLAB_CACHE", str(tmp_path))
    made = {
        "blind": features(lambda x: x.double().mean((2, 3)) / 255, "blind"),
        "good": perceptual_features(SPACE),
        "later": features(lambda x: x.double().flatten(1), "later"),
    }
    monkeypatch.setattr(module, "features_for", lambda data, engine, progress, name: made[name])
    monkeypatch.setattr(module, "candidates", lambda data: ("blind", "good", "later"))
    found = instruments(Discs(), Engine("cpu"))
    assert found.features is made["good"]
    assert found.ruler is not None
    assert found.ruler.passed
    assert [ruler.features for ruler in found.refused] == ["blind"]
    monkeypatch.setattr(module, "candidates", lambda data: ("blind", "blind"))
    none = instruments(Discs(), Engine("cpu"))
    assert none.ruler is not None
    assert not none.ruler.passed, "where none pass, the faults come along"
    assert instruments(Discs(held_out=2), Engine("cpu"), choice="good").ruler is None, "two pictures test nothing"
    monkeypatch.setattr(module, "FEWEST", 41)
    assert instruments(Discs(), Engine("cpu"), choice="good").ruler is None, "nor do fewer than are needed of any split"


def test_the_test_is_made_once_for_the_same_data_and_features(monkeypatch, tmp_path):
    monkeypatch.setenv("GENLAB_CACHE", str(tmp_path))
    found = kept(perceptual_features(SPACE), Discs())
    monkeypatch.setattr(module, "ruler_of", lambda *_: pytest.fail("tested again"))
    assert kept(perceptual_features(SPACE), Discs()) == found
    assert parsed(Ruler, json.loads(json.dumps(found.to_json()))) == found, "as a report keeps it"
    (file,) = tmp_path.glob("features/ruler-*.json")
    file.write_text("{", "utf-8")
    monkeypatch.setattr(module, "ruler_of", lambda *_: found)
    assert kept(perceptual_features(SPACE), Discs()) == found, "a damaged file is made again"


def test_a_distance_is_said_in_pixels_of_blur():
    marks = [Mark(f"a blur of {k} pixels", float(k), k - 0.5, k + 0.5) for k in (2, 4)]
    ruler = Ruler("f", (), (), (Mark("noise of 4%", 1.0, 0.5, 1.5), *marks))
    assert ruler.beside(1.9) == "nearer to real pictures than a blur of 2 pixels"
    assert ruler.beside(3.0) == "as far from real pictures as a blur between 2 and 4 pixels"
    assert ruler.beside(9.0) == "farther from real pictures than a blur of 4 pixels"


@pytest.mark.skipif(not Path("../shared/data/mnist").exists(), reason="needs ../shared/data/mnist")
def test_a_random_network_takes_independent_pixels_for_a_mild_blur_of_digits():
    data = genlab.open("../shared/data/mnist")
    found = ruler_of(random_features(data.space, 64), data)
    assert any(fault.startswith("pixels drawn independently nearer than a blur") for fault in found.faults)


@pytest.mark.skipif(not Path("../shared/data/emoji/google.parquet").exists(), reason="needs ../shared/data/emoji")
def test_the_network_trained_on_photographs_passes_on_emoji():
    data = genlab.open("../shared/data/emoji/google.parquet", size=32)
    assert ruler_of(perceptual_features(data.space), data).faults == ()
