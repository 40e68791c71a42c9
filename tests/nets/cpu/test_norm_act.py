"""The fused normalisation against torch's own group norm and its gradients."""

import pytest
import torch
import torch.nn.functional as F

from genlab.nets.cpu import norm_act as fused
from genlab.nets.cpu.norm_act import EPS, NormAct
from genlab.nets.layers import groups_of, norm_act, plain_layers

SHAPE = (3, 8, 5, 4)


def plain(x, scale, shift, groups):
    return F.silu(F.group_norm(x, groups, eps=EPS) * scale[:, :, None, None] + shift[:, :, None, None])


def inputs(rows, shape=SHAPE):
    torch.manual_seed(0)
    x = (3 * torch.randn(shape, dtype=torch.float64) + 1).contiguous(memory_format=torch.channels_last)
    scale, shift = 1 + 0.5 * torch.randn(rows, shape[1]).double(), torch.randn(rows, shape[1]).double()
    return [value.requires_grad_() for value in (x, scale, shift)]


@pytest.mark.parametrize("entries", [1, 2 * 8 * 5 * 4, 2**19], ids=["row by row", "uneven slices", "at once"])
@pytest.mark.parametrize("rows", [1, 3], ids=["shared", "each"])
@pytest.mark.parametrize("groups", [1, 2, 8])
def test_value_and_gradients_are_those_of_group_norm(monkeypatch, entries, rows, groups):
    monkeypatch.setattr(fused, "_SLICE", entries)
    values, twins = inputs(rows), inputs(rows)
    found, wanted = norm_act(*values, groups), plain(*twins, groups)
    assert "NormAct" in type(found.grad_fn).__name__
    torch.testing.assert_close(found, wanted)
    assert found.is_contiguous(memory_format=torch.channels_last)
    weight = torch.randn(SHAPE, dtype=torch.float64)
    (found * weight).sum().backward()
    (wanted * weight).sum().backward()
    for value, twin in zip(values, twins, strict=True):
        torch.testing.assert_close(value.grad, twin.grad)


@pytest.mark.parametrize("rows", [1, 2])
def test_gradients_are_those_of_finite_differences(rows):
    values = inputs(rows, (2, 4, 3, 2))
    assert torch.autograd.gradcheck(lambda *given: NormAct.apply(*given, 2), values)


def test_other_memory_layouts_and_whoever_asks_take_the_plain_path_to_the_same_answer():
    x, scale, shift = inputs(3)
    with plain_layers():
        asked = norm_act(x, scale, shift, 2)
    for found in (norm_act(x.contiguous(), scale, shift, 2), asked):
        assert "NormAct" not in type(found.grad_fn).__name__
        torch.testing.assert_close(found, norm_act(x, scale, shift, 2))


@pytest.mark.parametrize(
    ("channels", "groups"), [(1, 1), (3, 1), (4, 1), (8, 2), (18, 2), (32, 8), (96, 8), (128, 32), (256, 32)]
)
def test_groups_divide_the_channels(channels, groups):
    assert groups_of(channels) == groups
    assert channels % groups == 0
