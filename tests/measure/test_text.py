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
    assert distinct(x, full(x), 1).value == pytest.approx(2 / 12)
    assert distinct(x, full(x), 2).value == pytest.approx(3 / 10)  # 11, 12, 21
    assert distinct(x, full(x), 6).value == 1
    assert math.isnan(distinct(x, full(x), 7).value)


def test_what_lies_beyond_the_length_does_not_count():
    x = rows("120000", "340000")
    assert distinct(x, torch.tensor([2, 2]), 2).value == 1
    assert distinct(x, torch.tensor([2, 2]), 1).value == 1
    assert math.isnan(distinct(x, torch.tensor([1, 1]), 2).value)


def test_copied_finds_what_stands_in_the_training_text():
    samples = rows("123456", "777123")
    train = [Batch(rows("012345")), Batch(rows("888888"))]
    # of 3-grams 123 234 345 456 | 777 771 712 123, the training text has 123, 234, 345
    assert copied(samples, full(samples), train, TEXT, 3).value == pytest.approx(4 / 8)
    assert copied(samples, full(samples), train, TEXT, 6).value == 0
    assert copied(samples, full(samples), [Batch(samples)], TEXT, 5).value == 1


def test_grams_across_windows_are_seen_through_what_stood_before():
    samples = rows("345600")
    windows = Batch(rows("012345", "670000"), length=torch.tensor([6, 2]), before=torch.tensor([[-1, -1, -1], [3, 4, 5]]))
    assert copied(rows("4567"), torch.tensor([4]), [windows], TEXT, 4).value == 1
    assert copied(samples, torch.tensor([2]), [windows], TEXT, 2).value == 1  # 34
    assert copied(rows("0000"), torch.tensor([4]), [windows], TEXT, 2).value == 0  # padding after a short window is no text


def test_lines_are_compared_whole():
    different, known = lines_copied(rows("12", "12", "34", "56"), [Batch(rows("12", "99"))])
    assert (different.value, known.value) == (0.75, 0.5)


def test_distinct_without_each_sample_is_counted_right():
    """The jackknife's shortcut against counting again."""
    torch.manual_seed(0)
    x, lengths = torch.randint(4, (30, 8)), torch.randint(3, 9, (30,))
    again = [distinct(torch.cat([x[:i], x[i + 1 :]]), torch.cat([lengths[:i], lengths[i + 1 :]]), 3).value for i in range(30)]
    values = torch.tensor(again, dtype=torch.float64)
    expected = math.sqrt(29 / 30 * float((values - values.mean()).square().sum()))
    assert distinct(x, lengths, 3).error == pytest.approx(expected)


def test_intervals_are_the_spread_over_fresh_samples():
    """Of samples that copy one training line or another, or nothing."""
    torch.manual_seed(1)
    train = [Batch(torch.randint(9, (5, 6)))]
    found = []
    for _ in range(200):
        x = torch.randint(9, (100, 6))
        x[:, :4] = torch.where(torch.rand(100, 1) < 0.3, train[0].x[torch.randint(5, (100,)), :4], x[:, :4])
        found.append((distinct(x, full(x), 3), copied(x, full(x), train, TEXT, 3)))
    for each in zip(*found, strict=True):
        spread = float(torch.tensor([one.value for one in each]).std())
        assert sum(one.error or 0 for one in each) / 200 == pytest.approx(spread, rel=0.25)


def test_nothing_copied_still_has_an_interval():
    samples = rows("123456", "777123")
    found = copied(samples, full(samples), [Batch(rows("888888"))], TEXT, 3)
    assert (found.value, found.low) == (0, 0)
    assert found.high > 0.5  # two samples say little
    assert lines_copied(rows("12", "12"), [Batch(rows("99", "98"))]).known.high > 0.5
