"""Operations of a sampler that is left early, bytes of tensors that are counted by hand, operations of known products."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import torch
from torch.nn import functional

from genlab.measure.operations import operations
from genlab.measure.speed import cost, peak_bytes
from genlab.nets.cpu.winograd import faster
from genlab.nets.layers import Conv3x3


def chain(steps: int, seconds: float = 0.0, first: int = 1) -> Callable[[int], Iterator[torch.Tensor]]:
    """A sampler whose every frame but the first few takes one product of 20 x 20."""
    w = torch.randn(20, 20)

    def draw(n: int) -> Iterator[torch.Tensor]:
        x = torch.randn(n, 20)
        for step in range(steps):
            time.sleep(seconds)
            x = x @ w if step >= first else x
            yield x

    return draw


def test_a_draw_that_is_left_early_counts_as_if_it_had_not_been() -> None:
    for first in (0, 1):  # frames that cost nothing
        whole = cost(chain(50, first=first), 3, 50).operations
        assert whole == 2 * 20 * 20 * (50 - first)
        began = time.perf_counter()
        assert cost(chain(50, 0.02, first), 3, 50, patience=0.1).operations == pytest.approx(whole, rel=0.01)
        assert time.perf_counter() - began < 0.8, "of 1 s"


def test_memory_is_that_of_all_samples_of_the_draw() -> None:
    assert cost(chain(2), 8, 2).peak_bytes == 2 * 8 * 20 * 4


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
