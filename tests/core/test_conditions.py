"""What a sample is given: frequencies, rows, what was asked for, and that row i never depends on n."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import Tensor

from genlab.core.conditions import ConditionSource, conditions, order
from genlab.core.data import View
from genlab.core.model import Model, taken
from genlab.core.space import Batch, Space

LABEL = Space((), "", "token", 3, names=("cat", "dog", "owl"))
TEXT = Space((4,), "T", "token", 10, end=9)
PICTURE = Space((1, 2, 2), "CHW", "ordinal", 8)
SPACES = {"label": LABEL, "text": TEXT}
COUNTS = [5, 1, 4]
COUNT = 20


class Captioned:
    """Example i is of class i mod 3 and its caption begins with i div 10, i mod 10, its class."""

    space, given = PICTURE, SPACES

    def count(self, split: str) -> int:
        return {"train": 40, "validation": COUNT, "test": 0}[split]

    def once(self, split: str, cursor: int, n: int) -> Batch:
        return self.rows(split, torch.arange(cursor, min(cursor + n, self.count(split))))

    stream = once

    def rows(self, split: str, indices: Tensor) -> Batch:
        label = indices % 3
        text = torch.stack([indices // 10, indices % 10, label, torch.full_like(indices, 9)], 1)
        return Batch(indices.view(-1, 1, 1, 1).expand(-1, 1, 2, 2) % 8, {"label": label, "text": text}, indices)

    def label_counts(self) -> list[int]:
        return COUNTS


class Lookup(Model):
    def stages(self) -> Any: ...
    def sample(self, *_: Any, **options: Any) -> Any: ...


def encode(key: str, value: str) -> Tensor:
    assert key == "text"
    return torch.tensor([[ord(value[0]) % 9, 0, 0, 9]])


def source(*names: str) -> ConditionSource:
    return ConditionSource({name: SPACES[name] for name in names}, {"label": COUNTS}, Captioned, encode)


ASKED = st.sampled_from([{}, {"label": "dog"}, {"label": 2}, {"text": "red"}, {"label": 0, "text": "blue"}, {"label": -1}])


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([("label",), ("text",), ("label", "text")]),
    ASKED,
    st.integers(1, 70),
    st.integers(1, 70),
    st.integers(0, 9),
)
def test_row_i_is_the_same_for_every_n(names: tuple[str, ...], asked: dict, n: int, more: int, seed: int) -> None:
    asked = {key: value for key, value in asked.items() if key in names}
    short, long = (conditions(source(*names), count, seed, asked) for count in (n, n + more))
    assert short.given.keys() == long.given.keys() == set(names)
    for key in names:
        assert torch.equal(short.given[key], long.given[key][:n])
    assert (short.rows is None) == (long.rows is None)
    assert short.rows is None or torch.equal(short.rows, long.rows[:n])


def test_a_label_is_drawn_as_often_as_it_is_counted() -> None:
    found = conditions(source("label"), 4000, 3)
    assert found.rows is None
    counts = torch.bincount(found.given["label"], minlength=3)
    assert chisquare(counts, torch.tensor(COUNTS) * 400.0).pvalue > 1e-4


def test_a_label_that_nobody_counted_is_that_of_rows() -> None:
    found = conditions(ConditionSource({"label": LABEL}, {}, Captioned), 2 * COUNT, 0)
    assert torch.equal(found.given["label"], found.rows % 3)
    assert torch.equal(found.rows.bincount(), torch.full((COUNT,), 2))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(0, 20), st.sampled_from([None, "cat", "owl", ["cat", "dog"]]))
def test_a_caption_and_its_class_belong_together(n: int, seed: int, label: object) -> None:
    found = conditions(source("label", "text"), n, seed, {} if label is None else {"label": label})
    assert torch.equal(found.given["text"][:, 2], found.given["label"])
    assert torch.equal(found.given["text"][:, :2], torch.stack([found.rows // 10, found.rows % 10], 1))
    assert found.split == "validation"
    if isinstance(label, str):
        assert set(found.given["label"].tolist()) == {LABEL.names.index(label)}
    elif isinstance(label, list):
        assert found.given["label"].tolist() == [row % 2 for row in range(n)]


def test_every_example_comes_once_before_any_comes_again() -> None:
    found = conditions(source("text"), 3 * COUNT, 1)
    for part in found.rows.split(COUNT):
        assert sorted(part.tolist()) == list(range(COUNT))
    assert found.rows[:COUNT].tolist() != list(range(COUNT))
    assert found.rows[:COUNT].tolist() != conditions(source("text"), COUNT, 2).rows.tolist()


def test_what_was_asked_for_wins_and_a_label_nobody_said_is_not_said() -> None:
    found = conditions(source("label", "text"), 5, 0, {"text": "red"})
    assert torch.equal(found.given["text"], encode("text", "red").expand(5, 4))
    assert found.given["label"].tolist() == [-1] * 5
    assert found.rows is None
    both = conditions(source("label", "text"), 5, 0, {"text": ["red", "blue"], "label": "dog"})
    assert both.given["label"].tolist() == [1] * 5
    assert torch.equal(both.given["text"][3], encode("text", "blue")[0])
    own = torch.arange(20).view(5, 4) % 10
    assert torch.equal(conditions(source("label", "text"), 5, 0, {"text": own}).given["text"], own)


def test_an_empty_split_gives_way_to_train() -> None:
    assert conditions(source("text"), 2, 0, split="test").split == "train"


def test_the_other_domain_is_never_handed_out() -> None:
    assert taken({**SPACES, "other": PICTURE}) == SPACES


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"label": "cow"}, "there is no label 'cow'; there is cat, dog, owl"),
        ({"label": 3}, "there is no label 3; there is cat, dog, owl"),
        ({"speaker": 1}, "speaker is no condition here; there is label, text"),
        ({"text": torch.zeros(3, 4, dtype=torch.int64)}, r"text has shape \(3, 4\); 5 samples need \(5, 4\) or \(4,\)"),
        ({"text": torch.full((4,), 10)}, "text holds 10 to 10; it may hold 0 to 9"),
        ({"label": torch.tensor(3)}, "label holds 3 to 3; it may hold 0 to 2"),
        ({"label": torch.tensor(1.5)}, "label holds fractions; it may hold whole numbers"),
        ({"label": torch.tensor(float("nan"))}, "label holds values that are not finite"),
        ({"label": "--1"}, "there is no label '--1'"),
        ({"label": "\u00b2"}, "there is no label"),
        ({"text": []}, "text: the list is empty"),
    ],
    ids=str,
)
def test_what_cannot_be_given_is_said(asked: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        conditions(source("label", "text"), 5, 0, asked)


def test_names_in_an_array_are_names() -> None:
    names = np.array(["dog", "owl"])
    assert torch.equal(conditions(source("label"), 4, 0, {"label": names}).given["label"], torch.tensor([1, 2, 1, 2]))
    with pytest.raises(ValueError, match="there is no label 'cow'"):
        conditions(source("label"), 2, 0, {"label": np.array(["dog", "cow"])})


def test_without_data_both_remedies_are_said() -> None:
    def gone() -> Captioned:
        raise ValueError("there is no file faces")

    for data in (None, gone):
        lone = ConditionSource({"label": LABEL, "text": TEXT}, {"label": COUNTS}, data, encode)
        with pytest.raises(ValueError, match=r"--given text=.*--data PATH"):
            conditions(lone, 2, 0)
        assert len(conditions(lone, 2, 0, {"text": "red"}).given["text"]) == 2
        assert len(conditions(ConditionSource({"label": LABEL}, {"label": COUNTS}, data), 2, 0).given["label"]) == 2


def test_a_label_that_no_row_has_is_said() -> None:
    class Cats(Captioned):
        def rows(self, split: str, indices: Tensor) -> Batch:
            return super().rows(split, indices * 3)

    with pytest.raises(ValueError, match="no example of the validation split has label 1"):
        conditions(ConditionSource(SPACES, {}, Cats, encode), 2, 0, {"label": "dog"})


def test_order_of_nothing_is_empty() -> None:
    assert order(5, 0, 1).tolist() == []


def test_a_split_is_a_sequence_of_examples() -> None:
    view = View(Captioned(), "validation")
    assert len(view) == COUNT
    assert view[3].given["text"].tolist() == [0, 3, 0, 9]
    assert view[-1].x.shape == PICTURE.shape
    assert view[2:6:2].index.tolist() == [2, 4]
    assert view[[5, -20]].index.tolist() == [5, 0]
    assert [int(example.index) for example in view] == list(range(COUNT))
    assert repr(view) == "validation split: 20 examples"
    assert view[np.int64(3)].x.shape == view[torch.tensor(3)].x.shape == PICTURE.shape
    mask = torch.arange(COUNT) % 7 == 2
    for same in (mask, mask.tolist(), mask.numpy()):
        assert view[same].index.tolist() == [2, 9, 16]
    assert len(view[[]].x) == len(view[4:2].x) == 0
    with pytest.raises(IndexError, match="0 to 19"):
        view[COUNT]
    with pytest.raises(IndexError, match=r"a mask of the validation split has shape \(20,\), not \(2,\)"):
        view[[True, False]]
    for wrong in ([0.5, 1.0], [[0, 1]], torch.tensor(1.0), "one", ["one"], [[0], [1, 2]]):
        with pytest.raises(IndexError, match="are named by whole numbers"):
            view[wrong]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.int32])
def test_numbers_of_tokens_are_whole_whatever_they_were_given_as(dtype: torch.dtype) -> None:
    asked = {"label": torch.tensor([2, 0], dtype=dtype), "text": torch.tensor([1, 2, 9, 9], dtype=dtype)}
    found = conditions(source("label", "text"), 2, 0, asked).given
    assert {value.dtype for value in found.values()} == {torch.int64}
    assert found["label"].tolist() == [2, 0]


def test_a_model_of_two_domains_is_sampled_without_the_other() -> None:
    model = Lookup(PICTURE, {**SPACES, "other": PICTURE})
    said = conditions(ConditionSource(taken(model.given), {}, Captioned), 3, 0).given
    assert model.conditioned(said).keys() == set(SPACES)
    with pytest.raises(ValueError, match=r"trained given label and text; text must be given, too: given=\{'label': \(n,\)"):
        model.conditioned({"label": said["label"]})
