"""The network behind FID is the port's, layer by layer; only the verified file makes a distance one."""

from __future__ import annotations

import hashlib
import os

import pytest
import torch
from safetensors.torch import save_file
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d

from genlab.core.space import Space
from genlab.features import inception as module
from genlab.features import inception_features
from genlab.features.base import hash_of
from genlab.features.inception import inception, resized
from genlab.features.inception_net import Inception

SPACE = Space((3, 8, 8), "CHW", "ordinal", 256)

# The port's layers, "name inputs outputs kernel"; i the block's inputs, c its inner width, p what its pool is mixed to.
STEM = (
    "Conv2d_1a_3x3 3 32 3x3, Conv2d_2a_3x3 32 32 3x3, Conv2d_2b_3x3 32 64 3x3, "
    "Conv2d_3b_1x1 64 80 1x1, Conv2d_4a_3x3 80 192 3x3"
)
A = (
    "branch1x1 i 64 1x1, branch5x5_1 i 48 1x1, branch5x5_2 48 64 5x5, branch3x3dbl_1 i 64 1x1, "
    "branch3x3dbl_2 64 96 3x3, branch3x3dbl_3 96 96 3x3, branch_pool i p 1x1"
)
B = "branch3x3 i 384 3x3, branch3x3dbl_1 i 64 1x1, branch3x3dbl_2 64 96 3x3, branch3x3dbl_3 96 96 3x3"
C = (
    "branch1x1 i 192 1x1, branch7x7_1 i c 1x1, branch7x7_2 c c 1x7, branch7x7_3 c 192 7x1, branch7x7dbl_1 i c 1x1, "
    "branch7x7dbl_2 c c 7x1, branch7x7dbl_3 c c 1x7, branch7x7dbl_4 c c 7x1, branch7x7dbl_5 c 192 1x7, branch_pool i 192 1x1"
)
D = (
    "branch3x3_1 i 192 1x1, branch3x3_2 192 320 3x3, branch7x7x3_1 i 192 1x1, branch7x7x3_2 192 192 1x7, "
    "branch7x7x3_3 192 192 7x1, branch7x7x3_4 192 192 3x3"
)
E = (
    "branch1x1 i 320 1x1, branch3x3_1 i 384 1x1, branch3x3_2a 384 384 1x3, branch3x3_2b 384 384 3x1, branch3x3dbl_1 i 448 1x1, "
    "branch3x3dbl_2 448 384 3x3, branch3x3dbl_3a 384 384 1x3, branch3x3dbl_3b 384 384 3x1, branch_pool i 192 1x1"
)
BLOCKS = {
    "Mixed_5b": (A, {"i": 192, "p": 32}),
    "Mixed_5c": (A, {"i": 256, "p": 64}),
    "Mixed_5d": (A, {"i": 288, "p": 64}),
    "Mixed_6a": (B, {"i": 288}),
    "Mixed_6b": (C, {"i": 768, "c": 128}),
    "Mixed_6c": (C, {"i": 768, "c": 160}),
    "Mixed_6d": (C, {"i": 768, "c": 160}),
    "Mixed_6e": (C, {"i": 768, "c": 192}),
    "Mixed_7a": (D, {"i": 768}),
    "Mixed_7b": (E, {"i": 1280}),
    "Mixed_7c": (E, {"i": 2048}),
}
GRIDS = {
    "Conv2d_1a_3x3": (32, 149),
    "Conv2d_2a_3x3": (32, 147),
    "Conv2d_2b_3x3": (64, 147),
    "Conv2d_3b_1x1": (80, 73),
    "Conv2d_4a_3x3": (192, 71),
    "Mixed_5b": (256, 35),
    "Mixed_5c": (288, 35),
    "Mixed_5d": (288, 35),
    "Mixed_6a": (768, 17),
    "Mixed_6b": (768, 17),
    "Mixed_6c": (768, 17),
    "Mixed_6d": (768, 17),
    "Mixed_6e": (768, 17),
    "Mixed_7a": (1280, 8),
    "Mixed_7b": (2048, 8),
    "Mixed_7c": (2048, 8),
}


def layers() -> dict[str, tuple[int, ...]]:
    """name -> (outputs, inputs, height, width) of the 94 convolutions."""
    tables = {"": (STEM, {})} | {f"{name}.": entry for name, entry in BLOCKS.items()}
    found = {}
    for prefix, (table, letters) in tables.items():
        for line in table.split(", "):
            name, *channels, kernel = line.split()
            before, after = (letters.get(word) or int(word) for word in channels)
            found[prefix + name] = (after, before, *map(int, kernel.split("x")))
    return found


@pytest.fixture(scope="module")
def net() -> Inception:
    """Random weights and random statistics, so that no part is without effect; features neither vanish nor explode."""
    torch.manual_seed(0)
    net = Inception().eval().requires_grad_(False)
    for name, value in net.named_buffers():
        if name.endswith("running_mean"):
            value.normal_(0, 0.1)
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
    for name, value in net.named_parameters():
        if ".bn." in name:
            value.uniform_(0.5, 1.5)
        elif value.ndim == 4:
            torch.nn.init.kaiming_normal_(value)
    return net


@pytest.fixture(scope="module")
def file(net, tmp_path_factory):
    """A file such as the port's, with other weights."""
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save(net.state_dict(), path)
    return path


def test_names_and_shapes_are_those_of_the_ports_file():
    wanted = {"fc.weight": (1008, 2048), "fc.bias": (1008,)}
    for name, shape in layers().items():
        wanted[f"{name}.conv.weight"] = shape
        wanted |= {f"{name}.bn.{part}": shape[:1] for part in ("weight", "bias", "running_mean", "running_var")}
        wanted[f"{name}.bn.num_batches_tracked"] = ()
    state = Inception().state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == wanted
    assert len(wanted) == 566
    # the published file has 95,628,359 bytes: these numbers, and what the format needs around 566 of them
    assert 0 < module.BYTES - sum(value.numel() * value.element_size() for value in state.values()) < 566 * 200


def test_parameters_are_as_many_as_published():
    convolutions = sum(a * b * h * w for a, b, h, w in layers().values())
    norms = 2 * sum(shape[0] for shape in layers().values())
    assert convolutions + norms + 2049 * 1008 == sum(value.numel() for value in Inception().parameters()) == 23_850_960
    assert 23_850_960 - 2049 * 8 == 23_834_568  # of the usual Inception-v3 with 1000 outputs, without its side classifier


def test_every_layer_has_the_papers_grid(net):
    seen = {}
    hooks = [
        child.register_forward_hook(
            lambda _, __, out, name=name: seen.update({name: (out.shape[1], out.shape[2], out.shape[3])})
        )
        for name, child in net.named_children()
        if name != "fc"
    ]
    features = net(torch.rand(1, 3, 299, 299) * 2 - 1)
    for hook in hooks:
        hook.remove()
    assert seen == {name: (channels, side, side) for name, (channels, side) in GRIDS.items()}
    assert features.shape == (1, 2048)
    assert net.classify(features).shape == (1, 1008)


class Reference:
    """The network once more, written out branch by branch on a state dict, in float64."""

    def __init__(self, state):
        self.state = {name: value.double() for name, value in state.items()}

    def layer(self, name, x, stride=1, pad=(0, 0)):
        s = self.state
        mean, variance, scale, shift = (
            s[f"{name}.bn.{part}"].reshape(-1, 1, 1) for part in ("running_mean", "running_var", "weight", "bias")
        )
        y = conv2d(x, s[f"{name}.conv.weight"], stride=stride, padding=pad)
        return ((y - mean) / (variance + 0.001).sqrt() * scale + shift).clamp_min(0)

    def line(self, block, names, x, stride=1):
        """Layers after each other, padded so that the grid stays; the last with a stride and then unpadded."""
        for number, name in enumerate(names, 1):
            height, width = self.state[f"{block}.{name}.conv.weight"].shape[2:]
            last = stride > 1 and number == len(names)
            x = self.layer(
                f"{block}.{name}", x, stride if last else 1, (0, 0) if last else ((height - 1) // 2, (width - 1) // 2)
            )
        return x

    def a(self, n, x):
        branches = [["branch1x1"], ["branch5x5_1", "branch5x5_2"], ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"]]
        return torch.cat([*(self.line(n, names, x) for names in branches), self.line(n, ["branch_pool"], rim_mean(x))], 1)

    def b(self, n, x):
        branches = [["branch3x3"], ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"]]
        return torch.cat([*(self.line(n, names, x, 2) for names in branches), max_pool2d(x, 3, 2)], 1)

    def c(self, n, x):
        second = [f"branch7x7_{i}" for i in (1, 2, 3)]
        third = [f"branch7x7dbl_{i}" for i in (1, 2, 3, 4, 5)]
        branches = [self.line(n, names, x) for names in (["branch1x1"], second, third)]
        return torch.cat([*branches, self.line(n, ["branch_pool"], rim_mean(x))], 1)

    def d(self, n, x):
        branches = [["branch3x3_1", "branch3x3_2"], [f"branch7x7x3_{i}" for i in (1, 2, 3, 4)]]
        return torch.cat([*(self.line(n, names, x, 2) for names in branches), max_pool2d(x, 3, 2)], 1)

    def e(self, n, x, pool):
        short, long = self.line(n, ["branch3x3_1"], x), self.line(n, ["branch3x3dbl_1", "branch3x3dbl_2"], x)
        parts = [self.line(n, ["branch1x1"], x)]
        parts += [self.line(n, [f"branch3x3_2{end}"], short) for end in "ab"]
        parts += [self.line(n, [f"branch3x3dbl_3{end}"], long) for end in "ab"]
        return torch.cat([*parts, self.line(n, ["branch_pool"], pool(x))], 1)

    def __call__(self, x):
        x = self.layer("Conv2d_1a_3x3", x.double(), stride=2)
        x = self.layer("Conv2d_2b_3x3", self.layer("Conv2d_2a_3x3", x), pad=(1, 1))
        x = self.layer("Conv2d_4a_3x3", self.layer("Conv2d_3b_1x1", max_pool2d(x, 3, 2)))
        x = max_pool2d(x, 3, 2)
        for block in (self.a, self.b, self.c, self.d):
            letter = block.__name__
            for name in [name for name, (table, _) in BLOCKS.items() if table == {"a": A, "b": B, "c": C, "d": D}[letter]]:
                x = block(name, x)
        x = self.e("Mixed_7c", self.e("Mixed_7b", x, rim_mean), lambda x: max_pool2d(x, 3, 1, 1))
        return x.flatten(2).mean(2)


def rim_mean(x):
    """Sums over 3 x 3 pixels, divided by how many pixels there were."""
    return avg_pool2d(x, 3, 1, 1) / avg_pool2d(torch.ones_like(x), 3, 1, 1)


def test_features_are_those_of_the_network_written_out(net):
    x = torch.rand(2, 3, 139, 171, generator=torch.Generator().manual_seed(1)) * torch.tensor([2, 0.5]).reshape(2, 1, 1, 1) - 1
    expected = Reference(net.state_dict())(x)
    found = net(x)
    assert (expected[0] - expected[1]).abs().max() > 0.05 * expected.abs().max()  # what comes out depends on what goes in
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    softmax = (expected @ net.fc.weight.double().T).softmax(1)
    torch.testing.assert_close(net.classify(expected.float()).double(), softmax, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(5, 9), (40, 340)])
def test_resizing_interpolates_between_centres_of_pixels(height, width):
    """Output pixel i looks at (i + 1/2) n / 299 - 1/2 of n, held to the picture: linear between two, also when shrinking."""
    space = Space((1, height, width), "CHW", "ordinal", 11)
    x = torch.randint(11, (1, 1, height, width), generator=torch.Generator().manual_seed(0))

    def weights(n):
        place = ((torch.arange(299, dtype=torch.float64) + 0.5) * n / 299 - 0.5).clamp(0, n - 1)
        return (1 - (place[:, None] - torch.arange(n)).abs()).clamp_min(0)

    expected = weights(height) @ (x[0, 0].double() / 5 - 1) @ weights(width).T
    found = resized(x, space)
    assert found.shape == (1, 3, 299, 299)
    for channel in found[0]:
        torch.testing.assert_close(channel.double(), expected, rtol=0, atol=1e-4)


def test_without_weights_it_says_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.delenv("GENLAB_INCEPTION", raising=False)
    with pytest.raises(ValueError, match=r"pt_inception-2015-12-05-6726825d.pth .*pytorch-fid.* --features .*GENLAB_INCEPTION"):
        inception_features(SPACE)
    monkeypatch.setenv("GENLAB_INCEPTION", str(tmp_path / "none.pth"))
    with pytest.raises(ValueError, match=r"none.pth cannot be read .*6726825d"):
        inception_features(SPACE)


def test_a_file_is_not_even_opened_before_its_hash_is_right(file, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("read without verification")

    monkeypatch.setattr(torch, "load", forbidden)
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    with pytest.raises(ValueError) as error:
        inception(file)
    for words in (str(file), found, module.SHA256, f"{module.BYTES:,}"):
        assert words in str(error.value)
    assert module.SHA256.startswith("6726825d")  # as the file's name says


def test_verified_weights_give_fid_features(file, net, monkeypatch):
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    monkeypatch.setenv("GENLAB_INCEPTION", str(file))
    features = inception_features(SPACE)
    assert features.fid
    assert not features.own_classes
    assert features.protocol["weights hash"] == hash_of(net)
    for words in ("bilinear", "299", "[0, 1]", "2 x - 1"):
        assert words in features.protocol["preprocessing"]
    x = torch.randint(256, (1, *SPACE.shape), dtype=torch.uint8)
    values = features(x)
    torch.testing.assert_close(values.float(), net(resized(x, SPACE)), rtol=1e-3, atol=1e-4)
    assert features.classify is not None
    assert float(features.classify(x).sum()) == pytest.approx(1)


def test_a_conversion_gives_fid_features_where_its_tensors_are_the_verified_ones(net, monkeypatch, tmp_path):
    conversion = tmp_path / "weights.safetensors"
    save_file({name: value for name, value in net.state_dict().items() if "num_batches" not in name}, conversion)
    converted = inception_features(SPACE, conversion)
    assert not converted.fid
    assert converted.classify is None
    assert "not verified" in converted.name
    assert converted.protocol["weights hash"] == hash_of(net)
    monkeypatch.setattr(module, "TENSORS", hash_of(net))
    assert inception_features(SPACE, conversion).fid


def test_a_conversion_of_something_else_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"fc.weight": torch.zeros(1000, 2048), "head": torch.zeros(3)}, path)
    with pytest.raises(
        ValueError, match=r"471 are missing.*1 are unknown, the first is head.*\(1000, 2048\) and needs \(1008, 2048\)"
    ):
        inception(path)
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"other.safetensors is no file of safetensors"):
        inception(path)


@pytest.mark.parametrize(("change", "said"), [({"head": torch.zeros(3)}, "head"), ({"fc.bias": torch.zeros(1000)}, "fc.bias")])
def test_every_tensor_must_fit(net, change, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        module._filled(tmp_path, net.state_dict() | change)


def test_pictures_without_black_and_white_are_refused(monkeypatch):
    monkeypatch.delenv("GENLAB_INCEPTION", raising=False)
    for space in (Space((3, 8, 8), "CHW", "real"), Space((2, 8, 8), "CHW", "ordinal", 256)):
        with pytest.raises(ValueError, match=r"from black to white.*FILE.py:NAME"):
            inception_features(space)


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("GENLAB_INCEPTION"), reason="needs the published weights (GENLAB_INCEPTION)")
def test_the_inception_score_of_cifar10_is_the_published_one():
    """Salimans et al., 2016: 11.24 ± 0.12 for 5,000 training pictures at a time. The pictures here were re-coded as JPEG by
    their source, which may cost a little."""
    folder = "../shared/data/cifar10"
    if not os.path.isdir(folder):  # noqa: PTH112
        pytest.skip("needs CIFAR-10")
    from genlab.data import open as open_data

    data = open_data(folder)
    features = inception_features(data.space)
    assert features.fid
    assert features.classify is not None
    p = features.classify(data.once("train", 0, 5000).x).double()
    score = float((p * (p.log() - p.mean(0).log())).sum(1).mean().exp())
    assert 10.3 < score < 11.7
