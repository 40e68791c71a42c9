"""Drawing tokens: the choice against its definition, the loop against a model that writes down what it was asked."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genlab.core.space import Space
from genlab.samplers.tokens import SamplingParams, sequence, token_by_token, unsequence

LOGITS = torch.tensor([0.5, 0.05, 0.3, 0.15], dtype=torch.float64).log()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (SamplingParams(), [0.5, 0.05, 0.3, 0.15]),
        (SamplingParams(temperature=0), [1, 0, 0, 0]),
        (SamplingParams(temperature=0.5), [0.25 / 0.365, 0.0025 / 0.365, 0.09 / 0.365, 0.0225 / 0.365]),
        (SamplingParams(top_k=2), [0.5 / 0.8, 0, 0.3 / 0.8, 0]),
        (SamplingParams(top_k=9), [0.5, 0.05, 0.3, 0.15]),
        (SamplingParams(top_p=0.5), [1, 0, 0, 0]),  # the fewest tokens whose mass reaches p
        (SamplingParams(top_p=0.51), [0.5 / 0.8, 0, 0.3 / 0.8, 0]),
        (SamplingParams(top_k=3, top_p=0.9), [0.5 / 0.95, 0, 0.3 / 0.95, 0.15 / 0.95]),
    ],
    ids=str,
)
def test_a_choice_is_its_definition(choice: SamplingParams, expected: list[float]) -> None:
    p = choice(torch.stack([LOGITS, LOGITS.flip(0)])).softmax(-1)
    assert p[0].tolist() == pytest.approx(expected)
    assert p[1].flip(0).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("wrong", [{"temperature": -1}, {"top_k": -1}, {"top_p": 0}, {"top_p": 1.5}], ids=str)
def test_an_impossible_choice_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SamplingParams(**wrong)  # pyright: ignore[reportArgumentType]


def counting(calls: list[int], levels: int = 5):
    """A model sure of one more than the entry before it."""

    def predict(t: int, x: torch.Tensor) -> torch.Tensor:
        calls.append(t)
        wanted = (x[:, t - 1] + 1) % levels if t else torch.zeros(len(x), dtype=torch.int64)
        return torch.full((len(x), levels), -1e9).scatter(1, wanted[:, None], 0.0)

    return predict


def test_entries_are_drawn_in_order_around_what_is_kept() -> None:
    x = torch.full((2, 7), 4)
    keep = torch.zeros(2, 7, dtype=torch.bool)
    keep[:, :2] = True  # in both rows: not even asked for
    keep[1, 4] = True
    calls: list[int] = []
    *frames, last = token_by_token(counting(calls), x, torch.rand(2, 7), keep=keep, stride=3)
    assert calls == [2, 3, 4, 5, 6]
    assert last.tolist() == [[4, 4, 0, 1, 2, 3, 4], [4, 4, 0, 1, 4, 0, 1]]
    assert [frame[0].tolist() for frame in frames] == [[4, 4, 0, 4, 4, 4, 4], [4, 4, 0, 1, 2, 3, 4]]


def test_after_the_end_there_is_nothing_else() -> None:
    x = torch.tensor([[3, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    keep = torch.tensor([[True, False, False, False, False], [True, False, False, False, False]])
    calls: list[int] = []
    *_, last = token_by_token(counting(calls), x, torch.rand(2, 5), keep=keep, end=4)
    assert last.tolist() == [[3, 4, 4, 4, 4], [0, 1, 2, 3, 4]]
    assert calls == [1, 2, 3]  # the last entry of a line can only be its end


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5))
def test_a_picture_is_read_row_by_row_with_its_channels_together(channels: int, height: int, width: int) -> None:
    space = Space((channels, height, width), "CHW", "ordinal", 256)
    x = torch.arange(2 * space.size).reshape(2, *space.shape) % 256
    read = sequence(x, space)
    assert torch.equal(unsequence(read, space), x)
    assert read[1].tolist() == [int(x[1, c, i, j]) for i in range(height) for j in range(width) for c in range(channels)]
