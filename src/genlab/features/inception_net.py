"""Inception-v3 as it stands in TensorFlow's graph of 2015-12-05, whose features the FID is taken in.

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015. Every layer is a convolution without bias,
batch norm (eps 1e-3) and a rectifier. A stem brings 299 x 299 pixels to 35 x 35; then blocks lay branches side by side and
join their channels (/2: stride 2 without padding, all others keep the grid):

    A   1x1 | 1x1, 5x5 | 1x1, 3x3, 3x3 | mean pool, 1x1                                       35 x 35, three times
    B   3x3/2 | 1x1, 3x3, 3x3/2 | max pool /2                                                 to 17 x 17
    C   1x1 | 1x1, 1x7, 7x1 | 1x1, 7x1, 1x7, 7x1, 1x7 | mean pool, 1x1                        17 x 17, four times
    D   1x1, 3x3/2 | 1x1, 1x7, 7x1, 3x3/2 | max pool /2                                       to 8 x 8
    E   1x1 | 1x1, (1x3 + 3x1) | 1x1, 3x3, (1x3 + 3x1) | pool, 1x1                            8 x 8, twice

The graph departs from the paper in three places, and so does this network: a mean pool at the rim averages over the pixels
that are there and not over the padding; the last block pools by the maximum; there are 1008 outputs for 1000 classes.

Names of layers are those of the port to PyTorch (Seitzer, "pytorch-fid: FID Score for PyTorch", 2020), so that its file
fits without renaming.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, linear, max_pool2d, relu

SIDE, DIMS, OUTPUTS = 299, 2048, 1008


class Layer(NamedTuple):
    """kernel as "1x7", with "/2" for a stride of 2."""

    name: str
    channels: int
    kernel: str


Branch = Sequence[Sequence[Layer]]  # one step after the other; the layers of a step side by side


class Convolution(nn.Module):
    def __init__(self, inputs: int, layer: Layer, padded: bool):
        super().__init__()
        kernel, _, stride = layer.kernel.partition("/")
        height, width = map(int, kernel.split("x"))
        padding = (height // 2, width // 2) if padded else (0, 0)
        self.conv = nn.Conv2d(inputs, layer.channels, (height, width), int(stride or 1), padding, bias=False)
        self.bn = nn.BatchNorm2d(layer.channels, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """A block: branches side by side, and a pool with `pooled` channels after it (as many as came, where that is 0)."""

    def __init__(self, inputs: int, branches: Sequence[Branch], pool: Callable[[Tensor], Tensor], pooled: int = 0):
        super().__init__()
        self.chains = [[[layer.name for layer in step] for step in branch] for branch in branches]
        for branch in branches:
            wide = inputs
            for step in branch:
                for layer in step:
                    self.add_module(layer.name, Convolution(wide, layer, padded="/" not in layer.kernel))
                wide = sum(layer.channels for layer in step)
        self.pool = pool
        if pooled:
            self.branch_pool = Convolution(inputs, Layer("branch_pool", pooled, "1x1"), padded=True)

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.pool(x)
        if "branch_pool" in self._modules:
            pooled = self.branch_pool(pooled)
        return torch.cat([*(self._along(chain, x) for chain in self.chains), pooled], 1)

    def _along(self, chain: Sequence[Sequence[str]], x: Tensor) -> Tensor:
        for step in chain:
            x = torch.cat([self.get_submodule(name)(x) for name in step], 1)
        return x


class Inception(nn.Module):
    """(B, 3, 299, 299) in [-1, 1] -> features (B, 2048)."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = _stem(3, 32, "3x3/2")
        self.Conv2d_2a_3x3 = _stem(32, 32, "3x3")
        self.Conv2d_2b_3x3 = _stem(32, 64, "3x3", padded=True)
        self.Conv2d_3b_1x1 = _stem(64, 80, "1x1")
        self.Conv2d_4a_3x3 = _stem(80, 192, "3x3")
        self.Mixed_5b = _a(192, pooled=32)
        self.Mixed_5c = _a(256, pooled=64)
        self.Mixed_5d = _a(288, pooled=64)
        self.Mixed_6a = _b(288)
        self.Mixed_6b = _c(768, inner=128)
        self.Mixed_6c = _c(768, inner=160)
        self.Mixed_6d = _c(768, inner=160)
        self.Mixed_6e = _c(768, inner=192)
        self.Mixed_7a = _d(768)
        self.Mixed_7b = _e(1280, mean_pool)
        self.Mixed_7c = _e(2048, max_pool)
        self.fc = nn.Linear(DIMS, OUTPUTS)

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.Conv2d_1a_3x3, self.Conv2d_2a_3x3, self.Conv2d_2b_3x3, halved):
            x = layer(x)
        for layer in (self.Conv2d_3b_1x1, self.Conv2d_4a_3x3, halved):
            x = layer(x)
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                x = block(x)
        return x.mean((2, 3))

    def classify(self, features: Tensor) -> Tensor:
        """Probabilities (B, 1008) of features (B, 2048), without the last layer's bias: what the Inception score of
        Salimans et al., "Improved Techniques for Training GANs", 2016, was published with."""
        return linear(features, self.fc.weight).softmax(1)


def mean_pool(x: Tensor) -> Tensor:
    """Over 3 x 3 pixels, at the rim over those that are there."""
    return avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def max_pool(x: Tensor) -> Tensor:
    return max_pool2d(x, 3, stride=1, padding=1)


def halved(x: Tensor) -> Tensor:
    return max_pool2d(x, 3, stride=2)


def _stem(inputs: int, channels: int, kernel: str, padded: bool = False) -> Convolution:
    return Convolution(inputs, Layer("", channels, kernel), padded)


def _branch(name: str, *steps: tuple[int, str] | tuple[int, str, str]) -> Branch:
    """Layers called `name` where there is one, name_1, name_2, ... where there are several, name_2a and name_2b where two
    stand side by side."""
    if len(steps) == 1:
        return [[Layer(name, *steps[0][:2])]]
    named = []
    for number, (channels, *kernels) in enumerate(steps, 1):
        ends = "ab" if len(kernels) > 1 else [""]
        named.append([Layer(f"{name}_{number}{end}", channels, kernel) for end, kernel in zip(ends, kernels, strict=True)])
    return named


def _a(inputs: int, pooled: int) -> Mixed:
    branches = [
        _branch("branch1x1", (64, "1x1")),
        _branch("branch5x5", (48, "1x1"), (64, "5x5")),
        _branch("branch3x3dbl", (64, "1x1"), (96, "3x3"), (96, "3x3")),
    ]
    return Mixed(inputs, branches, mean_pool, pooled)


def _b(inputs: int) -> Mixed:
    branches = [
        _branch("branch3x3", (384, "3x3/2")),
        _branch("branch3x3dbl", (64, "1x1"), (96, "3x3"), (96, "3x3/2")),
    ]
    return Mixed(inputs, branches, halved)


def _c(inputs: int, inner: int) -> Mixed:
    branches = [
        _branch("branch1x1", (192, "1x1")),
        _branch("branch7x7", (inner, "1x1"), (inner, "1x7"), (192, "7x1")),
        _branch("branch7x7dbl", (inner, "1x1"), (inner, "7x1"), (inner, "1x7"), (inner, "7x1"), (192, "1x7")),
    ]
    return Mixed(inputs, branches, mean_pool, 192)


def _d(inputs: int) -> Mixed:
    branches = [
        _branch("branch3x3", (192, "1x1"), (320, "3x3/2")),
        _branch("branch7x7x3", (192, "1x1"), (192, "1x7"), (192, "7x1"), (192, "3x3/2")),
    ]
    return Mixed(inputs, branches, halved)


def _e(inputs: int, pool: Callable[[Tensor], Tensor]) -> Mixed:
    branches = [
        _branch("branch1x1", (320, "1x1")),
        _branch("branch3x3", (384, "1x1"), (384, "1x3", "3x1")),
        _branch("branch3x3dbl", (448, "1x1"), (384, "3x3"), (384, "1x3", "3x1")),
    ]
    return Mixed(inputs, branches, pool, 192)
