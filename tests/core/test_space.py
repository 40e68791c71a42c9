"""Spaces describe themselves, survive JSON, and count what is scored."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genlab.core.space import Batch, Space, label_of
from genlab.nets.units import centred, dtype_of, log_volume, restored

SHAPES = st.lists(st.integers(1, 5), min_size=3, max_size=3).map(tuple)


@given(SHAPES, st.sampled_from(["binary", "ordinal"]), st.integers(2, 256))
def test_spaces_survive_json(shape: tuple[int, ...], kind: str, levels: int) -> None:
    space = Space(shape, "CHW", kind, 2 if kind == "binary" else levels)  # pyright: ignore[reportArgumentType]
    assert Space.from_json(json.loads(json.dumps(space.to_json()))) == space


@given(SHAPES, st.integers(2, 256), st.integers(0, 2**32))
def test_centred_levels_come_back(shape: tuple[int, ...], levels: int, seed: int) -> None:
    space = Space(shape, "CHW", "ordinal", levels)
    x = torch.randint(0, levels, (4, *shape), generator=torch.Generator().manual_seed(seed)).to(dtype_of(space))
    u = centred(x, space)
    assert u.min() >= -1
    assert u.max() <= 1
    assert torch.equal(restored(u, space), x)


def test_real_units_are_standardised_and_their_volume_counted() -> None:
    space = Space((2,), "D", "real", center=(1.0, -2.0), scale=(2.0, 0.5))
    x = torch.tensor([[3.0, -2.5]])
    assert torch.equal(centred(x, space), torch.tensor([[1.0, -1.0]]))
    assert torch.allclose(restored(centred(x, space), space), x)
    jacobian = torch.autograd.functional.jacobian(lambda value: centred(value, space)[0], x)
    assert log_volume(space) == pytest.approx(torch.linalg.det(jacobian[:, 0]).abs().log().item(), abs=1e-6)


def test_a_line_counts_its_characters_and_one_end() -> None:
    lines = Space((4,), "T", "token", 3, end=2)
    batch = Batch(torch.tensor([[0, 1, 2, 2], [2, 2, 2, 2], [0, 0, 0, 0]]))
    assert lines.sizes(batch).tolist() == [3, 1, 4]
    assert lines.mask(batch).sum(1).tolist() == [3, 1, 4]


def test_a_short_window_counts_its_length() -> None:
    text = Space((4,), "T", "token", 3)
    assert text.sizes(Batch(torch.zeros(2, 4), length=torch.tensor([4, 1]))).tolist() == [4, 1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": (2, 2), "axes": "CHW", "kind": "real"},
        {"shape": (2,), "axes": "D", "kind": "complex"},
        {"shape": (2,), "axes": "T", "kind": "token", "levels": 1},
        {"shape": (0,), "axes": "D", "kind": "real"},
        {"shape": (), "axes": "", "kind": "token", "levels": 3, "names": ("a",)},
    ],
)
def test_impossible_spaces_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError):
        Space(**wrong)


def test_the_label_is_the_condition_of_one_token() -> None:
    text, source = Space((9,), "T", "token", 30), Space((1, 8, 8), "CHW", "ordinal", 17)
    speaker, age = Space((), "", "token", 4), Space((), "", "real")
    assert label_of({"text": text, "source": source, "age": age, "speaker": speaker}) == "speaker"
    assert label_of({"text": text, "source": source, "age": age}) == ""
