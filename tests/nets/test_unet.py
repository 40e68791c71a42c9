"""U-Net: its shortcuts against plain operations, pictures of awkward sizes, and what it hears of time and label."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from genlab.nets.attention import GridAttention
from genlab.nets.time import TimedMLP, sinusoids
from genlab.nets.unet import Double, UNet


def awake(net, seed=0):
    """Weights away from the initial zeros, in float64."""
    torch.manual_seed(seed)
    for value in net.parameters():
        nn.init.normal_(value, std=0.1)
    return net.double().eval()


@pytest.fixture(scope="module")
def unet():
    return awake(UNet(3, (8, 16, 16), 1, (False, True, True), head=8, classes=4))


def pictures(height, width, n=3):
    torch.manual_seed(1)
    return (
        torch.randn(n, 3, height, width, dtype=torch.float64),
        torch.rand(n, dtype=torch.float64),
        torch.tensor([0, 2, 3][:n]),
    )


@pytest.mark.parametrize("size", [(10, 12), (9, 11), (1, 1)])
def test_double_is_repeating_then_convolving(size):
    layer = awake(Double(6))
    x = torch.randn(2, 6, (size[0] + 1) // 2, (size[1] + 1) // 2, dtype=torch.float64)
    wanted = F.conv2d(F.interpolate(x, scale_factor=2.0, mode="nearest"), layer.weight, layer.bias, padding=1)
    torch.testing.assert_close(layer(x, size), wanted[..., : size[0], : size[1]])


def test_attention_is_softmax_over_places():
    layer = awake(GridAttention(8, 4))
    h = torch.randn(2, 8, 3, 5, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    rows = layer.norm(h).flatten(2).transpose(1, 2)
    heads = []
    q, k, v = (part.unflatten(2, (2, 4)) for part in layer.qkv(rows).chunk(3, 2))
    for head in range(2):
        weight = (q[:, :, head] @ k[:, :, head].transpose(1, 2) / 4**0.5).softmax(2)
        heads.append(weight @ v[:, :, head])
    wanted = h + layer.out(torch.cat(heads, 2)).transpose(1, 2).unflatten(2, (3, 5))
    torch.testing.assert_close(layer(h), wanted)
    with pytest.raises(ValueError, match="do not divide"):
        GridAttention(6, 4)


@pytest.mark.parametrize("size", [(8, 8), (20, 31), (31, 9), (28, 28), (5, 1)])
def test_pictures_of_any_size_keep_it_and_rows_do_not_mix(unet, size):
    x, u, label = pictures(*size)
    found = unet(x, u, label)
    assert found.shape == x.shape
    torch.testing.assert_close(found[1:2], unet(x[1:2], u[1:2], label[1:2]))
    torch.testing.assert_close(found, unet(x.contiguous(memory_format=torch.channels_last), u, label))


def test_every_place_sees_every_other_one(unet):
    x, u, label = pictures(12, 17, n=1)
    x.requires_grad_()
    (seen,) = torch.autograd.grad(unet(x, u, label)[0, :, 0, 0].sum(), x)
    assert (seen != 0).all()


@pytest.mark.parametrize("net", ["unet", "mlp"])
def test_time_and_label_are_heard_and_no_label_is_one_of_its_own(unet, net):
    net = unet if net == "unet" else awake(TimedMLP((3, 8, 8), 16, 2, classes=4))
    x, u, label = pictures(8, 8)
    found = net(x, u, label)
    assert ((net(x, u + 0.1, label) - found).flatten(1).abs().amax(1) > 1e-4).all()
    assert ((net(x, u, (label + 1) % 4) - found).flatten(1).abs().amax(1) > 1e-4).all()
    torch.testing.assert_close(net(x, u, None), net(x, u, torch.full_like(label, 4)))


@pytest.mark.parametrize("net", [UNet(3, (8, 16), 1, (False, True), head=8), TimedMLP((3, 8, 8), 16, 2)], ids=["unet", "mlp"])
def test_a_new_network_says_nothing(net):
    x, u, _ = pictures(8, 8)
    assert net(x.float(), u.float()).abs().max() == 0


def test_neighbouring_times_of_a_thousand_differ_and_stay_neighbours():
    code = sinusoids(torch.arange(1001) / 1000, 64)
    apart = torch.cdist(code, code)
    assert apart[0, 1] > 0.5
    assert (apart + 10 * torch.eye(1001)).min() > 0.5
    torch.testing.assert_close(code.square().sum(1), torch.full((1001,), 32.0))
