"""Scores come with their protocol, refuse what would mislead, and rank what is plainly better."""

from __future__ import annotations

import json

import pytest
import torch

from genlab.core.space import Batch, Space
from genlab.features import Features, pixel_features
from genlab.measure import Reference, evaluation_of, independent, scores_for, scores_of
from genlab.measure.classify import summarise_classes

PICTURES = Space((1, 2, 2), "CHW", "ordinal", 17, note="binarised: not at all")
LABELS = {"label": Space((), "", "token", 2, names=("low", "high"))}


class Source:
    """Pictures of two classes, dark and bright."""

    def __init__(self, space: Space = PICTURES, given=LABELS):
        self.space, self.given = space, given

    def count(self, split):
        return {"train": 500, "validation": 100, "test": 200}[split]

    def once(self, split, cursor, n):
        generator = torch.Generator().manual_seed(len(split))
        label = torch.arange(self.count(split)) % 2
        x = (torch.rand(len(label), *self.space.shape, generator=generator) * 5 + 10 * label[:, None, None, None]).to(
            torch.uint8
        )
        return Batch(x[cursor : cursor + n], {"label": label[cursor : cursor + n]})

    stream = once


def classifier() -> Features:
    base = pixel_features(PICTURES)

    def classify(x):
        bright = x.float().mean((1, 2, 3)) > 6
        return torch.stack([1 - 0.9 * bright.float() - 0.05, 0.9 * bright.float() + 0.05], 1)

    return Features(
        "classifier features",
        4,
        base.function,
        {"weights hash": "abc", "classifier": {"test accuracy": 1.0}},
        classify,
        own_classes=True,
    )


def test_better_samples_score_better_and_say_how():
    data = Source()
    good = scores_for(data, data.once("validation", 0, 100).x, features=classifier(), seed=3)
    bad = scores_for(data, torch.randint(17, (100, 1, 2, 2)).to(torch.uint8), features=classifier(), seed=3)
    name = "Fréchet distance (classifier features)"
    assert good[name].value < bad[name].value / 5
    assert good[name].better == "lower"
    protocol = json.loads(json.dumps(good[name].to_json()))["protocol"]
    said = {"split": "test", "real": 200, "generated": 100, "seed": 3, "weights": "averaged", "weights hash": "abc"}
    assert said.items() <= protocol.items()
    assert protocol["note"] == "binarised: not at all"
    line = good[name].line()
    assert "\n" not in line
    for word in ("lower is better", "split test", "200 real", "100 generated", "seed 3", "averaged"):
        assert word in line


def test_independent_pixels_keep_each_place_s_values_and_nothing_else():
    x = torch.arange(400).view(100, 1, 2, 2)
    drawn = independent(x)
    assert drawn.sort(0).values.equal(x)
    assert ((drawn - drawn[:, :, :1, :1]) != (x - x[:, :, :1, :1])).flatten(1).any(1).float().mean() > 0.9
    assert drawn.equal(independent(x))


def test_classes_are_counted_by_name():
    data, x = Source(), Source().once("test", 0, 200)
    scores = scores_for(data, x.x, features=classifier(), given=x.given)
    assert scores["classifier's mean confidence"].value == pytest.approx(0.95)
    assert scores["smallest class share"].value == 0.5
    assert scores["smallest class share"].detail["shares"] == {"low": 0.5, "high": 0.5}
    assert scores["samples of the class asked for"].value == 1
    swapped = scores_for(data, x.x, features=classifier(), given={"label": 1 - x.given["label"]})
    assert swapped["samples of the class asked for"].value == 0


def test_too_few_samples_leave_a_reason_instead_of_a_number():
    scores = scores_for(Source(), torch.zeros(4, 1, 2, 2, dtype=torch.uint8), features=classifier())
    score = scores["Fréchet distance (classifier features)"]
    assert score.value is None
    assert "more than 4 examples" in score.reason
    assert "not measured" in score.line()
    assert json.loads(json.dumps(score.to_json()))["value"] is None


def test_samples_of_another_space_are_refused():
    with pytest.raises(ValueError, match=r"shape \(1, 3, 3\)"):
        scores_for(Source(), torch.zeros(4, 1, 3, 3, dtype=torch.uint8))


def test_points_of_a_known_source():
    centers = torch.tensor([[-5.0, 0.0], [5.0, 0.0]])

    class Blobs(Source):
        modes, mode_std = centers, 0.5

        def once(self, split, cursor, n):
            generator = torch.Generator().manual_seed(len(split))
            x = centers.repeat(self.count(split) // 2, 1) + 0.5 * torch.randn(self.count(split), 2, generator=generator)
            return Batch(x[cursor : cursor + n])

        def log_density(self, x):
            parts = torch.distributions.Normal(centers[:, None], 0.5).log_prob(x).sum(-1)
            return parts.logsumexp(0) - torch.log(torch.tensor(2.0))

    space = Space((2,), "D", "real")
    data = Blobs(space, {})
    good = scores_for(data, data.once("validation", 0, 100).x)
    half = scores_for(data, data.once("validation", 0, 100).x.abs() * torch.tensor([1.0, 0.0]))
    assert good["share of modes covered"].value == 1
    assert half["share of modes covered"].value == 0.5
    assert good["share of good samples"].value >= 0.99
    assert good["squared MMD"].value < 0.02 < half["squared MMD"].value
    assert good["Jensen-Shannon divergence"].value < half["Jensen-Shannon divergence"].value < 0.7
    assert "Gaussians" in good["squared MMD"].protocol["kernel"]


def test_lines_say_how_many_were_seen_before():
    space = Space((3,), "T", "token", 4, end=3)

    class Lines(Source):
        def once(self, split, cursor, n):
            return Batch(torch.tensor([[0, 1, 3], [1, 1, 3]] * 250)[cursor : min(cursor + n, self.count(split))])

    data = Lines(space, {})
    scores = scores_for(data, torch.tensor([[0, 1, 3], [2, 3, 3], [2, 3, 3], [0, 0, 3]]))
    assert scores["share of different lines"].value == 0.75
    assert scores["share of lines of the training set"].value == 0.25
    assert scores["share of copied 8-grams"].value is None


def test_verdict_by_hand():
    found = summarise_classes(torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]]), torch.tensor([0, 1, 1, 0]))
    assert found.confidence == pytest.approx(0.75)
    assert found.shares.tolist() == [0.75, 0.25]
    assert found.agreement.value == 0.75


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (torch.full((60, 1, 2, 2), 200, dtype=torch.uint8), "range from 200 to 200"),
        (torch.rand(60, 1, 2, 2) * 2 - 1, "range from -"),
        (torch.rand(60, 1, 2, 2), "hold fractions"),
        (torch.full((60, 1, 2, 2), float("nan")), "60 of 60 samples hold values that are not finite"),
    ],
)
def test_samples_in_other_units_are_refused(samples, said):
    with pytest.raises(ValueError, match=said):
        scores_for(Source(), samples, features=classifier())


def test_pictures_are_asked_every_question():
    data = Source()
    batch = data.once("validation", 0, 100)
    scores = scores_for(data, batch.x, features=classifier(), given=batch.given)
    asked = {score.question for score in scores.values()}
    assert asked == {"quality", "coverage", "labels", "copying", "density"}
    for name, score in scores.items():
        assert score.value is not None or score.reason, name
        assert score.value is None or score.low is None or score.low <= score.value <= score.high, name
    real, noise = scores, scores_for(data, independent(batch.x), features=classifier())
    for name in ("kernel distance (classifier features)", "two-sample accuracy (classifier features)"):
        assert real[name].value < noise[name].value


def test_copies_are_found_and_shown_beside_what_they_copy():
    data = Source()
    wild = torch.randint(17, (60, 1, 2, 2), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    samples = torch.cat([data.once("train", 100, 20).x, wild])
    evaluation = evaluation_of(Reference(data, "test", classifier()), samples)
    score = scores_of(evaluation)["copied training pictures"]
    assert score.value >= 0.25
    closest = evaluation.evidence["neighbours"][0]
    assert closest["copied"]
    assert closest["ratio"] == 0
    assert closest["sample"].equal(closest["train"])
    assert closest["test"].shape == (1, 2, 2)


def test_a_source_that_is_sorted_by_class_is_taken_evenly():
    class Sorted(Source):
        def once(self, split, cursor, n):
            label = torch.arange(self.count(split)) * 2 // self.count(split)
            x = (10 * label)[:, None, None, None].expand(-1, 1, 2, 2).to(torch.uint8)
            return Batch(x[cursor : cursor + n], {"label": label[cursor : cursor + n]})

    what, x, given = Reference(Sorted(), "test").examples(50)
    assert "validation" in what
    assert len(x) == 50
    assert given["label"].float().mean() == 0.5
    assert Reference(Sorted(), "test", most=40).labels.float().mean() == 0.5


def test_a_user_s_function_serves_points_too():
    space = Space((2,), "D", "real")

    class Cloud(Source):
        def once(self, split, cursor, n):
            stream = torch.Generator().manual_seed(len(split))
            return Batch(torch.randn(self.count(split), 2, generator=stream)[cursor : cursor + n])

    features = Features("my features", 3, lambda x: torch.stack([x[:, 0], x[:, 1], x.prod(1)], 1), {"function": "mine"})
    scores = scores_for(Cloud(space, {}), torch.randn(150, 2) + 3, features=features)
    assert scores["Fréchet distance (my features)"].value > 5
    assert scores["coverage (my features)"].value < 0.3
    assert scores["kernel distance (my features)"].protocol["function"] == "mine"
