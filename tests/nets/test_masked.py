"""Masked convolutions: what every place sees, and that a stream fed in pieces is the whole."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.nets.masked import COLUMNS, ROWS, Causal, EntryEmbedding, Gated, Head, HorizontalStack, VerticalStack, cosines


def loud(module: Any) -> Any:
    """In float64, with weights large enough that everything matters."""
    torch.manual_seed(0)
    for value in module.double().parameters():
        nn.init.normal_(value, std=0.5)
    return module.eval().requires_grad_(False)


def seen(function: Any, e: Tensor, place: tuple[int, int]) -> set[tuple[int, int]]:
    """The pixels of e (1, H, W, C) that the output at a place depends on, by autograd."""
    e = e.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(function(e)[0, *place].sum(), e)
    return {(i, j) for i, j in gradient[0].abs().sum(-1).nonzero().tolist()}


@pytest.mark.parametrize(("axis", "kernel_size", "radius"), [(ROWS, 3, 2), (COLUMNS, 4, 0), (ROWS, 1, 1), (COLUMNS, 1, 0)])
def test_a_causal_layer_is_a_convolution_whose_kernel_is_masked(axis: int, kernel_size: int, radius: int) -> None:
    layer = loud(Causal(3, 5, axis, kernel_size, radius))
    x = torch.randn(2, 6, 7, 3, dtype=torch.float64)
    size = 2 * max(kernel_size - 1, radius) + 1
    kernel = torch.zeros(5, 3, size, size, dtype=torch.float64)
    middle = size // 2
    rows = slice(middle - kernel_size + 1, middle + 1) if axis == ROWS else slice(middle, middle + 1)
    columns = slice(middle - radius, middle + radius + 1) if axis == ROWS else slice(middle - kernel_size + 1, middle + 1)
    kernel[:, :, rows, columns] = layer.weight.reshape(5, *layer.kernel, 3).permute(0, 3, 1, 2)
    expected = F.conv2d(x.permute(0, 3, 1, 2), kernel, layer.bias, padding=middle).permute(0, 2, 3, 1)
    torch.testing.assert_close(layer(x), expected)


SHAPES = [(7, 9), (8, 8), (5, 1), (1, 6), (2, 2)]


@pytest.mark.parametrize(("height", "width"), SHAPES)
@pytest.mark.parametrize("widths", [(4,), (4, 4), (3, 4, 5)])
def test_the_vertical_stack_sees_all_rows_above_and_nothing_else(height: int, width: int, widths: tuple[int, ...]) -> None:
    stack = loud(VerticalStack(2, height, widths, 8, 2, 0.0))
    e = torch.randn(1, height, width, 2, dtype=torch.float64)
    for i, j in itertools.product(range(height), range(width)):
        found = seen(lambda e: stack(e, range(height), {}), e, (i, j))
        assert found == set(itertools.product(range(i), range(width)))


@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_both_stacks_see_all_before_and_nothing_else(height: int, width: int) -> None:
    """No blind spot, nothing later."""
    vertical, horizontal = loud(VerticalStack(2, height, (4, 4), 6, 2, 0.0)), loud(HorizontalStack(2, 4, 4, 3, 4, 0.0))

    def both(e: Tensor) -> Tensor:
        v = vertical(e, range(height), {})
        return horizontal(F.pad(e[:, :, :-1], (0, 0, 1, 0)), horizontal.link(v), {})

    e = torch.randn(1, height, width, 2, dtype=torch.float64)
    places = list(itertools.product(range(height), range(width)))
    for t, place in enumerate(places):
        assert seen(both, e, place) == set(places[:t])


@pytest.mark.parametrize(("layers", "radius"), [(0, 1), (2, 1), (3, 2)])
def test_the_receptive_field_is_what_the_kernels_say(layers: int, radius: int) -> None:
    """On pixels: two rows and one column to either side from the first layer, one row and `radius` columns more from each."""
    stack = loud(VerticalStack(1, 9, (4,), layers, radius, 0.0))
    e = torch.randn(1, 9, 11, 1, dtype=torch.float64)
    i, j = 7, 6
    above, beside = 2 + layers, 1 + layers * radius
    field = itertools.product(range(max(0, i - above), i), range(max(0, j - beside), min(11, j + beside + 1)))
    assert seen(lambda e: stack(e, range(9), {}), e, (i, j)) == set(field)


@pytest.mark.parametrize("pieces", [[1] * 9, [3, 1, 5], [2, 7], [8, 1]], ids=str)
@pytest.mark.parametrize("shifted", [False, True])
def test_a_vertical_stream_fed_in_pieces_is_the_whole(pieces: list[int], shifted: bool) -> None:
    stack = loud(VerticalStack(2, 9, (3, 4, 5, 6), 2, 1, 0.0))
    e, shifts = torch.randn(2, 9, 7, 2, dtype=torch.float64), shifts_of(stack) if shifted else {}
    memory, parts, first = {}, [], 0
    for count in pieces:
        unknown = torch.cat([e[:, : first + count - 1], torch.full_like(e[:, first + count - 1 :], torch.nan)], 1)
        parts.append(stack(unknown, range(first, first + count), shifts, memory))
        first += count
    torch.testing.assert_close(torch.cat(parts, 1), stack(e, range(9), shifts), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("pieces", [[1] * 8, [3, 1, 4], [7, 1]], ids=str)
def test_a_horizontal_stream_fed_in_pieces_is_the_whole(pieces: list[int]) -> None:
    stack = loud(HorizontalStack(2, 4, 5, 3, 3, 0.0))
    before, linked = torch.randn(2, 1, 8, 2, dtype=torch.float64), torch.randn(2, 1, 8, 5, dtype=torch.float64)
    memory, parts = {}, []
    for one, other in zip(before.split(pieces, 2), linked.split(pieces, 2), strict=True):
        parts.append(stack(one, other, {}, memory))
    torch.testing.assert_close(torch.cat(parts, 2), stack(before, linked, {}), rtol=1e-9, atol=1e-9)


def test_shifts_reach_every_gate() -> None:
    stack = loud(VerticalStack(1, 8, (3, 4), 2, 1, 0.0))
    shifts = shifts_of(stack)
    assert len(shifts) == 4
    e = torch.randn(2, 8, 6, 1, dtype=torch.float64)
    for gate, shift in shifts.items():
        moved = {**shifts, gate: shift + 0.1}
        assert not torch.allclose(stack(e, range(8), moved), stack(e, range(8), shifts))


def shifts_of(stack: nn.Module) -> dict[nn.Module, torch.Tensor]:
    """Something for every gate, two rows."""
    gates = [module for module in stack.modules() if isinstance(module, Gated)]
    return {gate: torch.randn(2, 2 * gate.width, dtype=torch.float64) for gate in gates}


def test_a_channel_sees_those_before_it() -> None:
    head = loud(Head(2, 4, 3, 5, 7))
    a = head.pixel(torch.randn(1, 1, 1, 4, dtype=torch.float64))
    jacobian = torch.autograd.functional.jacobian(lambda e: head.logits(a, e), torch.randn(1, 1, 1, 6, dtype=torch.float64))
    moved = jacobian.reshape(3, 7, 3, 2).abs().amax((1, 3)) > 0  # (logits of channel, entry of channel)
    assert torch.equal(moved, torch.ones(3, 3).tril(-1).bool())


def test_bits_are_bernoulli() -> None:
    head = loud(Head(1, 4, 1, 5, 2))
    logits = head.logits(head.pixel(torch.randn(1, 2, 3, 4, dtype=torch.float64)), torch.zeros(1, 2, 3, 1, dtype=torch.float64))
    assert logits.shape == (1, 2, 3, 1, 2)
    torch.testing.assert_close(logits[..., 0], torch.zeros_like(logits[..., 0]))
    assert head.out.out_features == 1


@pytest.mark.parametrize("levels", [2, 3, 17, 256])
def test_levels_are_read_as_orthonormal_cosines(levels: int) -> None:
    table = cosines(levels)
    torch.testing.assert_close(table @ table.T / levels, torch.eye(levels), rtol=0, atol=1e-5)
    entries = EntryEmbedding(levels, 1, ordered=True)
    read = entries(torch.arange(levels)).flatten()
    assert (read.diff() < 0).all()  # one number orders the levels
    assert EntryEmbedding(levels, 8, ordered=True)(torch.arange(levels)).unique(dim=0).shape[0] == levels
