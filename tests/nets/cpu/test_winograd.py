"""Winograd's convolution is torch's convolution, forward and backward."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.nets.cpu import winograd
from genlab.nets.cpu.winograd import Winograd, faster
from genlab.nets.layers import Conv3x3, plain_layers


def example(B: int, C: int, O: int, H: int, W: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:  # noqa: E741
    drawn = torch.Generator().manual_seed(0)
    shapes = (B, C, H, W), (O, C, 3, 3), (O,)
    x, w, b = (torch.randn(shape, generator=drawn, dtype=dtype) for shape in shapes)
    return x.contiguous(memory_format=torch.channels_last).requires_grad_(), w.requires_grad_(), b.requires_grad_()


@pytest.mark.parametrize("shape", [(2, 3, 5, 4, 7), (3, 4, 2, 12, 1), (1, 1, 1, 8, 8)], ids=str)
@pytest.mark.parametrize("entries", [2**22, 30], ids=["at once", "in slices"])
def test_values_and_gradients_are_those_of_torch(shape: tuple[int, ...], entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "_SLICE", entries)
    leaves = example(*shape)
    ours, theirs = Winograd.apply(*leaves), F.conv2d(*leaves, padding=1)
    assert isinstance(ours, Tensor)
    torch.testing.assert_close(ours, theirs)
    towards = torch.randn_like(theirs)
    gradients = (torch.autograd.grad(y, leaves, towards) for y in (ours, theirs))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_float32_loses_little() -> None:
    leaves = example(2, 64, 64, 16, 16, torch.float32)
    ours, theirs = Winograd.apply(*leaves), F.conv2d(*(leaf.double() for leaf in leaves), padding=1)
    assert isinstance(ours, Tensor)
    assert (ours - theirs).abs().max() < 1e-5 * theirs.abs().max()


def test_the_module_takes_it_where_it_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    conv, taken = Conv3x3(64, 64), []
    monkeypatch.setattr(Winograd, "apply", lambda x, w, b: taken.append(x.shape) or F.conv2d(x, w, b, padding=1))
    x = torch.randn(64, 64, 16, 16).contiguous(memory_format=torch.channels_last)
    conv(x)
    assert taken == [x.shape]
    with plain_layers():
        conv(x)
    others = {
        "rows": torch.randn(64, 64, 18, 16).contiguous(memory_format=torch.channels_last),
        "small": torch.randn(1, 64, 16, 16).contiguous(memory_format=torch.channels_last),
        "layout": torch.randn(64, 64, 16, 16),
    }
    for other in others.values():
        assert not faster(other, conv.weight)
        conv(other)
    assert not faster(x.double(), conv.weight.double())
    with torch.autocast("cpu"):
        assert not faster(x, conv.weight)
    narrow = torch.randn(512, 32, 16, 16).contiguous(memory_format=torch.channels_last)
    assert not faster(narrow, torch.randn(64, 32, 3, 3))
    assert taken == [x.shape]


def test_every_picture_alone_is_as_in_a_batch() -> None:
    x, w, b = example(5, 64, 64, 16, 16, torch.float32)
    together = Winograd.apply(x, w, b)
    alone = [Winograd.apply(one, w, b) for one in x.split(1)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-5)  # pyright: ignore[reportArgumentType, reportCallIssue]
