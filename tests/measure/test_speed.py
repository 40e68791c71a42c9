"""Seconds of a sampler that sleeps, bytes of tensors that are counted by hand, operations of known products."""

from __future__ import annotations

import time

import pytest
import torch
from torch.nn import functional

from genlab.measure.operations import operations
from genlab.measure.speed import fastest, peak_bytes, speed
from genlab.nets.cpu.winograd import faster
from genlab.nets.layers import Conv3x3


def test_rates_are_those_of_a_sampler_that_sleeps():
    calls = []

    def draw(n):
        time.sleep(0.05 if not calls else 0.01 + 0.0001 * n)
        calls.append(n)

    found = speed(draw, allowance=0.05)
    assert calls[0] == 1
    assert 0.05 <= found.first_seconds < 0.5
    assert found.per_second_1 == pytest.approx(1 / 0.0101, rel=0.4)
    assert found.per_second_64 == pytest.approx(64 / 0.0164, rel=0.4)
    assert found.peak_batch == 64
    assert found.reason == ""


def test_64_at_a_time_are_not_drawn_where_that_would_take_too_long():
    calls = []

    def draw(n):
        time.sleep(0.004 * n)
        calls.append(n)

    found = speed(draw, allowance=0.02)
    assert max(calls) == found.peak_batch == 8
    assert found.per_second_64 is None
    assert "64 at a time would take about" in found.reason


def test_a_slow_sampler_is_called_once_for_its_rate():
    calls = []

    def draw(n):
        time.sleep(0.05)
        calls.append(n)

    found = speed(draw, allowance=0.004)
    assert calls == [1, 1, 1]  # timed, its memory, its operations
    assert found.per_second_1 == pytest.approx(1 / found.first_seconds)
    assert found.per_second_64 is None


def test_the_fastest_call_counts():
    spent = iter([0.03, 0.005, 0.03])
    assert 0.005 <= fastest(lambda n: time.sleep(next(spent)), 1, repeats=3) < 0.025


def one_after_the_other() -> torch.Tensor:
    a, b = torch.zeros(1000), torch.zeros(500)
    del a
    return b + torch.zeros(250).sum()


def with_a_view() -> torch.Tensor:
    a = torch.zeros(1000)
    view = a.view(10, 100)[3]
    del a  # the view holds all of it
    return view + torch.zeros(1000)[:100]


def in_place() -> torch.Tensor:
    a = torch.zeros(1000)
    for _ in range(5):
        a.add_(1)
    return torch.mul(a, 2, out=torch.empty(1000))


@pytest.mark.parametrize(
    ("call", "floats"), [(one_after_the_other, 1500), (with_a_view, 2100), (in_place, 2000), (lambda: None, 0)]
)
def test_peak_bytes_are_those_counted_by_hand(call, floats):
    assert peak_bytes(call) == 4 * floats


def test_weights_that_were_there_before_do_not_count():
    net = torch.nn.Sequential(torch.nn.Linear(100, 1000), torch.nn.ReLU(), torch.nn.Linear(1000, 10))
    x = torch.randn(50, 100)
    with torch.no_grad():
        assert peak_bytes(lambda: net(x)) == 2 * 50 * 1000 * 4  # before and after the rectifier
        assert peak_bytes(lambda: [net(x) for _ in range(3)]) == 2 * 50 * 1000 * 4 + 2 * 50 * 10 * 4


def test_operations_of_products_convolutions_and_attention():
    a, x, w = torch.randn(30, 40), torch.randn(2, 3, 8, 8), torch.randn(5, 3, 3, 3)
    q = torch.randn(1, 2, 16, 8)
    assert operations(lambda: a @ a.T) == 2 * 30 * 40 * 30
    assert operations(lambda: functional.conv2d(x, w, padding=1)) == 2 * 2 * 5 * 64 * 27
    assert operations(lambda: functional.scaled_dot_product_attention(q, q, q, is_causal=True)) == 2 * 2 * 2 * 16 * 16 * 8


def test_winograd_s_products_count_as_they_are_run():
    """Half of the direct convolution's."""
    conv = Conv3x3(64, 64)
    x = torch.randn(16, 64, 32, 32).to(memory_format=torch.channels_last)
    assert faster(x, conv.weight)
    with torch.no_grad():
        direct = operations(lambda: functional.conv2d(x, conv.weight, conv.bias, padding=1))
        assert operations(lambda: conv(x)) == pytest.approx(direct / 2, rel=0.01)


def test_operations_are_of_one_sample():
    w = torch.randn(20, 20)
    assert speed(lambda n: torch.randn(n, 20) @ w, allowance=0.01).operations == 2 * 20 * 20
