"""Known answers for repetition and copying."""

from __future__ import annotations

import math

import pytest
import torch

from genlab.core.space import Batch, Space
from genlab.measure.text import copied, distinct, lines_copied

TEXT = Space((6,), "T", "token", 9)


def rows(*words: str) -> torch.Tensor:
    return torch.tensor([[int(letter) for letter in word] for word in words])


def full(x: torch.Tensor) -> torch.Tensor:
    return torch.full((len(x),), x.shape[1])


def test_distinct_counts_different_grams_over_all():
    x = rows("111112", "121212")
    assert distinct(x, full(x), 1) == pytest.approx(2 / 12)
    assert distinct(x, full(x), 2) == pytest.approx(3 / 10)  # 11, 12, 21
    assert distinct(x, full(x), 6) == 1
    assert math.isnan(distinct(x, full(x), 7))


def test_what_lies_beyond_the_length_does_not_count():
    x = rows("120000", "340000")
    assert distinct(x, torch.tensor([2, 2]), 2) == 1
    assert distinct(x, torch.tensor([2, 2]), 1) == 1
    assert math.isnan(distinct(x, torch.tensor([1, 1]), 2))


def test_copied_finds_what_stands_in_the_training_text():
    samples = rows("123456", "777123")
    train = [Batch(rows("012345")), Batch(rows("888888"))]
    # of 3-grams 123 234 345 456 | 777 771 712 123, the training text has 123, 234, 345
    assert copied(samples, full(samples), train, TEXT, 3) == pytest.approx(4 / 8)
    assert copied(samples, full(samples), train, TEXT, 6) == 0
    assert copied(samples, full(samples), [Batch(samples)], TEXT, 5) == 1


def test_grams_across_windows_are_seen_through_what_stood_before():
    samples = rows("345600")
    windows = Batch(rows("012345", "670000"), {"before": torch.tensor([[-1, -1, -1], [3, 4, 5]])}, None, torch.tensor([6, 2]))
    assert copied(rows("4567"), torch.tensor([4]), [windows], TEXT, 4) == 1
    assert copied(samples, torch.tensor([2]), [windows], TEXT, 2) == 1  # 34
    assert copied(rows("0000"), torch.tensor([4]), [windows], TEXT, 2) == 0  # padding after a short window is no text


def test_lines_are_compared_whole():
    different, known = lines_copied(rows("12", "12", "34", "56"), [Batch(rows("12", "99"))])
    assert (different, known) == (0.75, 0.5)
