"""A batch cut among processes is normalised as torch normalises the whole one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from genlab.core.coupling import alone, coupled, gather, mean
from genlab.nets.batchnorm import BatchNorm


def beside(others: list[Tensor]) -> Callable[[Tensor], Tensor]:
    """What gathers this process's row and the rows of processes that hold other parts: their exchange without processes."""
    rows = []
    for x in others:
        places = [0, *range(2, x.ndim)]
        variance, middle = torch.var_mean(x, places, correction=0)
        rows.append(torch.cat([x.new_full((1,), x.numel() / x.shape[1]), middle, variance]))
    return lambda row: torch.cat([row, torch.stack(rows)])


@pytest.mark.parametrize("shape", [(12, 3), (12, 3, 4), (12, 3, 2, 5)])
@pytest.mark.parametrize(("affine", "momentum"), [(True, 0.1), (False, None)], ids=["affine", "cumulative"])
def test_parts_of_unequal_size_are_normalised_as_the_whole(
    shape: tuple[int, ...], affine: bool, momentum: float | None
) -> None:
    """Also the gradient: a loss of this part alone, which the others' statistics bear on as constants."""
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=torch.float64) * 3 + torch.arange(12.0).view(-1, *[1] * (len(shape) - 1))
    ours, theirs = x[:5].clone().requires_grad_(), x[5:]
    layer, torchs = (kind(3, affine=affine, momentum=momentum).double() for kind in (BatchNorm, nn.SyncBatchNorm))
    reference = nn.modules.batchnorm._BatchNorm.forward
    with coupled(lambda value: value, beside([theirs[:3], theirs[3:]])):
        assert not alone()
        found = layer(ours)
        found.exp().sum().backward()
    whole = torch.cat([ours.detach(), theirs]).requires_grad_()
    torchs._check_input_dim = torchs._check_non_zero_input_channels = lambda input: None
    expected = reference(torchs, whole)[:5]
    expected.exp().sum().backward()
    torch.testing.assert_close(found, expected)
    assert whole.grad is not None
    torch.testing.assert_close(ours.grad, whole.grad[:5])
    assert layer.state_dict().keys() == torchs.state_dict().keys()
    for name, value in layer.state_dict().items():
        torch.testing.assert_close(value, torchs.state_dict()[name])


def test_alone_and_in_eval_mode_it_is_torchs() -> None:
    layer, torchs = BatchNorm(3), nn.BatchNorm2d(3)
    x = torch.randn(4, 3, 5, 5) + 2
    assert torch.equal(layer(x), torchs(x))
    layer.eval(), torchs.eval()
    assert torch.equal(layer(x), torchs(x))
    with coupled(mean, lambda row: torch.cat([row, row])):
        assert torch.equal(layer(x), torchs(x))
    with pytest.raises(ValueError, match=r"needs \(B, C"):
        layer(torch.zeros(3))


def test_statistics_of_bf16_are_those_of_the_same_numbers_in_float32() -> None:
    x = (torch.randn(64, 3, 5) + 30).bfloat16()
    layers = BatchNorm(3), BatchNorm(3)
    with coupled(mean, lambda row: torch.cat([row, row])):
        short, long = layers[0](x), layers[1](x.float())
    assert short.dtype == torch.bfloat16
    assert torch.equal(short, long.bfloat16())
    torch.testing.assert_close(layers[0].running_var, layers[1].running_var)


def test_what_is_lent_is_given_back() -> None:
    with pytest.raises(ZeroDivisionError), coupled(lambda value: value, lambda value: value):
        raise ZeroDivisionError
    assert alone()
    with coupled(lambda value: value + 1, lambda value: value):
        assert float(mean(torch.zeros(()))) == 1
    assert alone()
    assert float(mean(torch.zeros(()))) == 0
    assert float(gather(torch.zeros(()))) == 0
