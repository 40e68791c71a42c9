"""The same features for the same data: trained once, kept, found again; random ones from their seed alone."""

from __future__ import annotations

import pytest
import torch

from genlab.core.space import Space
from genlab.features import candidates, classifier_features, features_for, pixel_features, random_features
from genlab.features import classifier as module
from genlab.runs.engine import Engine
from tests.features.bars import Bars, Shuffled


@pytest.fixture(autouse=True)
def _quick(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "FEWEST", 40)
    monkeypatch.setattr(module, "MOST", 40)
    monkeypatch.setenv("GENLAB_CACHE", str(tmp_path))


def test_a_classifier_learns_its_classes_and_says_how_well(tmp_path):
    told: list[float] = []
    features = classifier_features(Bars("a"), 16, Engine("cpu"), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    assert features.protocol["classifier"]["test accuracy"] > 0.95
    x = Bars("a").once("test", 0, 200)
    assert features.classify is not None
    assert (features.classify(x.x).argmax(1) == x.given["label"]).float().mean() > 0.95
    values = features(x.x)
    assert values.shape == (200, 16)
    assert values.dtype == torch.float64


def test_a_classifier_that_learned_nothing_says_so(monkeypatch):
    weak = classifier_features(Shuffled("s"), 16, Engine("cpu")).protocol
    assert weak["warning"].startswith("weak classifier")
    assert weak["classifier"]["warning"] == weak["warning"]
    labels = torch.cat([Shuffled("s").once("test", 0, 500).given["label"]])
    assert weak["classifier"]["chance"] == round(int(labels.bincount().max()) / 200, 4)
    strong = classifier_features(Bars("t"), 16, Engine("cpu"))
    assert "warning" not in strong.protocol
    assert strong.own_classes
    assert not strong.fid


@pytest.mark.parametrize(
    ("accuracy", "chance", "weak"),
    [(0.14, 0.1, True), (0.16, 0.1, False), (0.74, 0.5, True), (0.76, 0.5, False), (0.94, 0.9, True), (0.96, 0.9, False)],
)
def test_weak_is_near_chance_even_where_one_class_is_most_of_the_data(accuracy, chance, weak):
    assert bool(module.weakness({"test accuracy": accuracy, "chance": chance})) == weak


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 9), (3, 65, 65), (1, 100, 240)])
def test_the_network_fits_pictures_of_any_size_and_sees_every_pixel(shape):
    torch.manual_seed(0)
    net = module.Classifier(Space(shape, "CHW", "real"), "label", 3, 8).double()
    x = torch.rand(1, *shape, dtype=torch.float64, requires_grad=True)
    net(x).square().sum().backward()
    assert x.grad is not None
    assert (x.grad != 0).double().mean() > 0.95
    grid = net.trunk[:-1](x).shape[2:]  # all but flattening
    assert max(grid) <= 4


def test_it_is_trained_once_and_found_again(monkeypatch):
    torch.manual_seed(1)
    first = classifier_features(Bars("b"), 16, Engine("cpu"))
    torch.manual_seed(2)
    again = classifier_features(Bars("c"), 16, Engine("cpu"))  # the same pictures under another name: trained again
    assert again.protocol["weights hash"] == first.protocol["weights hash"]  # and to the same weights

    def forbidden(*_):
        raise AssertionError("trained although it was kept")

    monkeypatch.setattr(module, "_trained", forbidden)
    kept = classifier_features(Bars("b"), 16, Engine("cpu"))
    assert kept.protocol == first.protocol
    x = Bars("b").once("test", 0, 50).x
    assert kept(x).equal(first(x))
    with pytest.raises(AssertionError, match="although"):
        classifier_features(Bars("d"), 16, Engine("cpu"))


def test_a_broken_file_is_made_again(tmp_path):
    first = classifier_features(Bars("e"), 16, Engine("cpu"))
    (path,) = (tmp_path / "features").iterdir()
    path.write_bytes(path.read_bytes()[:100])
    assert classifier_features(Bars("e"), 16, Engine("cpu")).protocol == first.protocol
    assert [file.name for file in (tmp_path / "features").iterdir()] == [path.name]


def test_training_it_leaves_the_callers_randomness_alone():
    classifier_features(Bars("f"), 16, Engine("cpu"))
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    classifier_features(Bars("f"), 16, Engine("cpu"))
    assert torch.rand(3).equal(expected)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 20, 31), (1, 28, 28), (3, 64, 9), (1, 1, 3)])
def test_random_features_are_everybodys(shape):
    space = Space(shape, "CHW", "ordinal", 256)
    x = torch.randint(256, (6, *shape), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    torch.manual_seed(1)
    one = random_features(space, 16)
    torch.manual_seed(2)
    two = random_features(space, 16)
    assert one(x).shape == (6, 16)
    assert one(x).equal(two(x))
    assert one.protocol == two.protocol
    assert one.protocol["weights hash"] != random_features(space, 16, seed=1).protocol["weights hash"]
    assert one(x).var(0).min() > 0


def test_pixels_are_the_pixels():
    x = torch.tensor([[[[0, 8], [16, 4]]]], dtype=torch.uint8)
    assert pixel_features(Space((1, 2, 2), "CHW", "ordinal", 17))(x).tolist() == [[-1, 0, 1, -0.5]]


def test_the_candidates_follow_the_data():
    assert candidates(Bars("g")) == ("perceptual", "classifier", "random", "pixels")
    assert candidates(Bars("h", labelled=False)) == ("perceptual", "random", "pixels")
    spectra = Bars("i", labelled=False, space=Space((2, 20, 20), "CHW", "ordinal", 17))
    assert candidates(spectra) == ("random", "pixels"), "a network trained on photographs knows no pictures of two channels"
    chosen = features_for(spectra, Engine("cpu"))
    assert chosen is not None
    assert chosen.name == "features of a random network"
    points = Bars("j", labelled=False, space=Space((2,), "D", "real"))
    assert features_for(points, Engine("cpu")) is None


@pytest.mark.parametrize("name", ["classifier", "random", "pixels"])
def test_the_scale_of_features_that_belong_to_the_data_is_one(name):
    features = features_for(Bars("g"), Engine("cpu"), choice=name)
    assert features is not None
    assert float(features(Bars("g").once("train", 0, 5000).x).var(0).sum()) == pytest.approx(1, rel=1e-5)
