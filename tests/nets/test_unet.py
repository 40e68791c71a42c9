"""U-Net: its shortcuts against plain operations, pictures of awkward sizes, and what it hears of time and label."""

from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from genlab.nets.attention import GridAttention, TokenAttention
from genlab.nets.layers import Upsample, plain_layers
from genlab.nets.time import TimedMLP, sinusoids
from genlab.nets.unet import UNet


def awake(net, seed=0):
    """Weights away from the initial zeros, in float64."""
    torch.manual_seed(seed)
    for value in net.parameters():
        nn.init.normal_(value, std=0.1)
    return net.double().eval()


@pytest.fixture(scope="module")
def unet():
    return awake(UNet(3, (8, 16, 16), 1, (False, True, True), head=8))


def pictures(height, width, n=3):
    torch.manual_seed(1)
    return (
        torch.randn(n, 3, height, width, dtype=torch.float64),
        torch.rand(n, dtype=torch.float64),
        torch.randn(n, 32, dtype=torch.float64),
    )


@pytest.mark.parametrize("size", [(10, 12), (9, 11), (1, 1)])
def test_upsampling_is_repeating_then_convolving(size):
    layer = awake(Upsample(6, 6))
    x = torch.randn(2, 6, (size[0] + 1) // 2, (size[1] + 1) // 2, dtype=torch.float64)
    wanted = F.conv2d(F.interpolate(x, scale_factor=2.0, mode="nearest"), layer.weight, layer.bias, padding=1)
    torch.testing.assert_close(layer(x, size), wanted[..., : size[0], : size[1]])
    with plain_layers():
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
    x, u, vector = pictures(*size)
    found = unet(x, u, vector)
    assert found.shape == x.shape
    torch.testing.assert_close(found[1:2], unet(x[1:2], u[1:2], vector[1:2]))
    torch.testing.assert_close(found, unet(x.contiguous(memory_format=torch.channels_last), u, vector))


@pytest.mark.parametrize("size", [(12, 8), (9, 11), (4, 5)])
def test_a_network_of_patches_is_one_whose_channels_are_their_pixels(size):
    x, u, vector = pictures(*size)
    net = awake(UNet(3, (8, 16), 1, (True, True), head=8, patch=4))
    plain = UNet(48, (8, 16), 1, (True, True), head=8).double().eval()
    plain.load_state_dict(net.state_dict())
    squares = F.pad(x, (0, -size[1] % 4, 0, -size[0] % 4), mode="replicate").unfold(2, 4, 4).unfold(3, 4, 4)
    found = plain(squares.permute(0, 1, 4, 5, 2, 3).flatten(1, 3), u, vector)
    whole = found.unflatten(1, (3, 4, 4)).permute(0, 1, 4, 2, 5, 3).flatten(4).flatten(2, 3)
    torch.testing.assert_close(net(x, u, vector), whole[:, :, : size[0], : size[1]])


def test_every_place_sees_every_other_one(unet):
    x, u, vector = pictures(12, 17, n=1)
    x.requires_grad_()
    (seen,) = torch.autograd.grad(unet(x, u, vector)[0, :, 0, 0].sum(), x)
    assert (seen != 0).all()


@pytest.mark.parametrize("net", ["unet", "mlp"])
def test_time_and_vector_are_heard_and_no_vector_is_zero(unet, net):
    net = unet if net == "unet" else awake(TimedMLP((3, 8, 8), 32, 2))
    x, u, vector = pictures(8, 8)
    found = net(x, u, vector)
    assert ((net(x, u + 0.1, vector) - found).flatten(1).abs().amax(1) > 1e-4).all()
    assert ((net(x, u, -vector) - found).flatten(1).abs().amax(1) > 1e-4).all()
    torch.testing.assert_close(net(x, u, None), net(x, u, torch.zeros_like(vector)))


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


def test_tokens_are_attended_to_where_the_mask_says():
    layer = awake(TokenAttention(8, 4, 6))
    h, tokens = torch.randn(2, 8, 3, 5, dtype=torch.float64), torch.randn(2, 4, 6, dtype=torch.float64)
    mask = torch.tensor([[True, True, False, False], [False, True, True, True]])
    rows = layer.norm(h).flatten(2).transpose(1, 2)
    heads, q = [], layer.attention.query(rows).unflatten(2, (2, 4))
    k, v = (part.unflatten(2, (2, 4)) for part in layer.attention.both(tokens).chunk(2, 2))
    for head in range(2):
        likes = (q[:, :, head] @ k[:, :, head].transpose(1, 2) / 4**0.5).exp() * mask[:, None]
        heads.append(likes / likes.sum(2, keepdim=True) @ v[:, :, head])
    wanted = h + layer.attention.out(torch.cat(heads, 2)).transpose(1, 2).unflatten(2, (3, 5))
    torch.testing.assert_close(layer(h, tokens, mask), wanted)
    with plain_layers():
        torch.testing.assert_close(layer(h, tokens, mask), wanted)


def test_a_translator_has_no_time_and_other_channels():
    net = awake(UNet(3, (8, 16), 2, (False, True), head=8, outputs=2, timed=False))
    x, *_ = pictures(9, 12)
    assert net(x).shape == (3, 2, 9, 12)
    assert net.modulate is None
    told = awake(UNet(3, (8, 16), 1, (False, True), head=8, timed=False, vector=True))
    vector = torch.randn(3, 32, dtype=torch.float64)
    assert (told(x, vector=vector) - told(x, vector=-vector)).abs().max() > 1e-4


def test_tokens_change_the_picture_and_hidden_ones_do_not():
    net = awake(UNet(3, (8, 16), 1, (False, True), head=8, tokens=6))
    x, u, _ = pictures(8, 8)
    tokens = torch.randn(3, 4, 6, dtype=torch.float64)
    mask = torch.tensor([True, True, False, False]).expand(3, 4)
    found = net(x, u, None, tokens, mask)
    hidden, seen = tokens.clone(), tokens.clone()
    hidden[:, 2:] += 1
    seen[:, :2] += 1
    torch.testing.assert_close(net(x, u, None, hidden, mask), found)
    assert ((net(x, u, None, seen, mask) - found).flatten(1).abs().amax(1) > 1e-4).all()


def full(seed=0):
    """A small network with all there is in it, and what it is asked, channels last."""
    net = awake(UNet(2, (8, 8), 1, (False, True), head=4, tokens=3), seed)
    torch.manual_seed(1)
    x = torch.randn(2, 2, 4, 5, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    tokens, mask = torch.randn(2, 3, 3, dtype=torch.float64), torch.tensor([[True, False, True], [True, True, True]])
    return net, x, torch.rand(2, dtype=torch.float64), (torch.randn(2, 32, dtype=torch.float64), tokens, mask)


def test_plain_and_fast_layers_agree():
    """In float32, at a size at which Winograd's convolution is taken, with all gradients."""
    torch.manual_seed(0)
    net = UNet(3, (64, 64), 1, (False, True), head=32)
    for value in net.parameters():
        nn.init.normal_(value, std=0.05)
    x, u = torch.randn(16, 3, 32, 32), torch.rand(16)
    answers = []
    for context in (nullcontext(), plain_layers()):
        net.zero_grad()
        with context:
            found = net(x, u)
            names = graph(found)
            found.square().mean().backward()
        answers.append((names, found.detach(), *(value.grad.clone() for value in net.parameters())))
    (fast, *ours), (plain, *theirs) = answers
    assert {"WinogradBackward", "NormActBackward"} <= fast
    assert not {"WinogradBackward", "NormActBackward"} & plain
    for one, other in zip(ours, theirs, strict=True):
        assert (one - other).abs().max() <= 2e-5 * other.abs().max()


def graph(value):
    """Names of the operations behind a tensor."""
    names, ahead, seen = set(), [value.grad_fn], set()
    while ahead:
        node = ahead.pop()
        if node is not None and node not in seen:
            seen.add(node)
            names.add(type(node).__name__)
            ahead += [before for before, _ in node.next_functions]
    return names


def test_plain_layers_have_forward_derivatives():
    """Along a direction in x and time at once, as consistency and mean-flow models ask for it."""
    net, x, u, told = full()
    dx, du = torch.randn_like(x), torch.randn_like(u)
    with plain_layers():
        found, slope = torch.func.jvp(lambda x, u: net(x, u, *told), (x, u), (dx, du))
    h = 1e-7  # time is counted in thousandths
    wanted = (net(x + h * dx, u + h * du, *told) - net(x - h * dx, u - h * du, *told)) / (2 * h)
    torch.testing.assert_close(found, net(x, u, *told))
    torch.testing.assert_close(slope, wanted, rtol=1e-6, atol=1e-6)


def test_plain_layers_can_be_differentiated_twice():
    """A gradient penalty: the slope of |d net/d x|^2 by a weight, against finite differences; and by all inputs."""
    net, x, u, told = full()
    x.requires_grad_()

    def penalty():
        with plain_layers():
            (slope,) = torch.autograd.grad(net(x, u, *told).sum(), x, create_graph=True)
        return slope.square().sum()

    weights = [net.first.weight, net.down[1].conv1.weight, net.middle[0].attention.qkv.weight, net.up[0].norm1.scale]
    found = torch.autograd.grad(penalty(), weights)
    h = 1e-6
    for weight, slope in zip(weights, found, strict=True):
        direction = torch.randn_like(weight)
        with torch.no_grad():
            weight += h * direction
        after = penalty()
        with torch.no_grad():
            weight -= 2 * h * direction
        before = penalty()
        with torch.no_grad():
            weight += h * direction
        assert float((slope * direction).sum()) == pytest.approx(float((after - before).detach() / (2 * h)), rel=1e-5, abs=1e-8)
    with plain_layers():
        assert torch.autograd.gradgradcheck(
            lambda x: net(x, u[:1], *(part[:1] for part in told)), (x[:1, :, :3, :2].detach().requires_grad_(),), atol=1e-4
        )


def test_layers_are_plain_only_within():
    net, x, u, told = full()
    with pytest.raises(ValueError, match="stop"), plain_layers():
        raise ValueError("stop")
    assert "NormActBackward" in graph(net(x, u, *told))
