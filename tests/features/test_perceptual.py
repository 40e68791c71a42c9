"""Features of a network trained on photographs: nothing but the picture decides them, and they tell pictures apart."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn.functional import interpolate

from genlab.core.space import Space
from genlab.features import perceptual as module
from genlab.features import perceptual_features
from genlab.features.efficientnet import STAGES, Convolution

SPACE = Space((1, 28, 28), "CHW", "ordinal", 256)


def test_what_is_no_picture_is_refused():
    with pytest.raises(ValueError, match="from black to white"):
        perceptual_features(Space((2,), "D", "real"))


@pytest.mark.parametrize(("shape", "side"), [((1, 16, 9), 32), ((1, 28, 28), 64), ((1, 160, 20), 128)])
def test_features_are_the_networks_for_the_documented_preprocessing(shape, side):
    space = Space(shape, "CHW", "ordinal", 256)
    x = torch.randint(256, (3, *shape), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    features = perceptual_features(space)
    assert features.dims == 1280
    assert not features.fid
    assert "scale" not in features.protocol
    grey = interpolate(x.float() / 255, (side, side), mode="bilinear", antialias=True)
    seen = torch.cat([(grey - m) / s for m, s in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))], 1)
    net = module.network()
    expected = net(seen)[-1].flatten(2).mean(2)
    torch.testing.assert_close(features(x).float(), expected, rtol=1e-3, atol=1e-3)
    assert not net.training
    assert not any(parameter.requires_grad for parameter in net.parameters())
    assert f"{side} x {side}" in features.protocol["preprocessing"]


def test_every_stage_is_that_of_the_package_whose_batch_norms_are_not_folded():
    """The package's own definition of the network, block by block, with batch norms of their own."""
    package = pytest.importorskip("efficientnet_lite_pytorch")
    reference = package.EfficientNet.from_name("efficientnet-lite0")
    reference.load_state_dict(module._weights(Path(module.EfficientnetLite0ModelFile.get_model_file_path())))
    reference.eval()
    found: list[torch.Tensor] = []
    for block in reference._blocks:
        block.register_forward_hook(lambda _, __, out: found.append(out))
    x = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        head = reference.extract_features(x)
    ends = torch.tensor([stage[-1] for stage in STAGES]).cumsum(0) - 1
    expected = [*(found[k] for k in ends.tolist()), head]
    grids = module.network()(x)
    assert len(grids) == len(expected) == 8
    for grid, other in zip(grids, expected, strict=True):
        torch.testing.assert_close(grid, other, rtol=1e-3, atol=1e-4 * float(other.abs().max()))


@pytest.mark.parametrize(("side", "stride"), [(28, 3), (7, 5), (8, 3), (9, 5), (1, 3)])
def test_a_halving_pads_as_tensorflow_does(side, stride):
    """SAME padding: half the side, rounded up, and what is odd of the padding lies at the far end."""
    layer = Convolution(1, 1, stride, 2)
    torch.nn.init.ones_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    lacking = max((-(-side // 2) - 1) * 2 + stride - side, 0)
    padded = torch.nn.functional.pad(torch.ones(1, 1, side, side), (lacking // 2, lacking - lacking // 2) * 2)
    expected = torch.nn.functional.avg_pool2d(padded, stride, 2) * stride**2
    torch.testing.assert_close(layer(torch.ones(1, 1, side, side)), expected)


def test_other_weights_than_the_published_are_refused(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({}, path)
    with pytest.raises(ValueError, match=r"weights.pth.*SHA-256.*57934424"):
        module._weights(path)


@pytest.mark.skipif(not Path("../shared/data/emoji/google.parquet").exists(), reason="needs ../shared/data/emoji")
def test_noise_is_farther_than_another_half_of_the_data():
    """Means apart, in units of how far the means of two halves are: noise of 8 levels in 256 is well beyond that."""
    pytest.importorskip("pyarrow")
    from genlab.data import open as open_data

    data = open_data("../shared/data/emoji/google.parquet")
    x = data.once("train", 0, 160).x[torch.randperm(160, generator=torch.Generator().manual_seed(0))]
    noise = 8 * torch.randn(80, *x.shape[1:], generator=torch.Generator().manual_seed(1))
    noisy = (x[80:] + noise).clamp(0, 255).to(torch.uint8)
    features = perceptual_features(data.space)
    one, other, worse = (features(part).mean(0) for part in (x[:80], x[80:], noisy))
    assert (worse - one).square().sum() > 5 * (other - one).square().sum()
