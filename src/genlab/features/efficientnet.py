"""EfficientNet-lite0 for use without training: convolutions into which their batch norms have been folded.

Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019; its "lite" variants leave squeeze
and excitation out and clip at 6, so that they run on phones. Every block is an inverted residual (Sandler et al.,
"MobileNetV2", 2018): channels are expanded, filtered one by one, and projected back; where shapes allow, the input is added.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu6

STAGES = (  # (expansion, side of the filters, stride of the first block, channels, blocks)
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
STEM, DIMS = 32, 1280
EPSILON = 1e-3  # of the batch norms


class Convolution(nn.Conv2d):
    """A convolution that keeps the grid, or halves it as TensorFlow does: what an even side lacks is padded at its far end."""

    def __init__(self, channels: int, out: int, side: int = 1, stride: int = 1, groups: int = 1):
        super().__init__(channels, out, side, stride, 0 if stride > 1 else side // 2, groups=groups)

    def forward(self, input: Tensor) -> Tensor:
        if self.stride[0] > 1:
            high, wide = (self.kernel_size[0] - 2 + n % 2 for n in input.shape[2:])
            input = pad(input, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        return super().forward(input)


class Block(nn.Module):
    def __init__(self, channels: int, out: int, expansion: int, side: int, stride: int):
        super().__init__()
        width = channels * expansion
        self.expand = Convolution(channels, width) if expansion > 1 else None
        self.filter = Convolution(width, width, side, stride, groups=width)
        self.project = Convolution(width, out)
        self.residual = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        wide = x if self.expand is None else relu6(self.expand(x))
        out = self.project(relu6(self.filter(wide)))
        return x + out if self.residual else out


class EfficientNetLite0(nn.Module):
    """Pictures (B, 3, H, W), normalised as ImageNet's are -> the grids that follow each stage, from fine to coarse."""

    def __init__(self):
        super().__init__()
        self.stem = Convolution(3, STEM, 3, 2)
        self.stages, channels = nn.ModuleList(), STEM
        for expansion, side, stride, out, blocks in STAGES:
            ins = [channels, *[out] * (blocks - 1)]
            parts = (Block(c, out, expansion, side, 1 if k else stride) for k, c in enumerate(ins))
            self.stages.append(nn.Sequential(*parts))
            channels = out
        self.head = Convolution(channels, DIMS)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Eight grids (B, C, h, w): of the seven stages, and the last, of DIMS channels, of the head."""
        grids = [relu6(self.stem(x))]
        for stage in self.stages:
            grids.append(stage(grids[-1]))
        return [*grids[1:], relu6(self.head(grids[-1]))]

    @classmethod
    def folded(cls, state: Mapping[str, Tensor]) -> EfficientNetLite0:
        """The network with the tensors of the published file, whose names are those of the TensorFlow original."""
        net = cls()
        blocks = [block for stage in net.stages for block in stage]  # pyright: ignore[reportGeneralTypeIssues]
        _fold(net.stem, state, "_conv_stem", "_bn0")
        for k, block in enumerate(blocks):
            if block.expand is not None:
                _fold(block.expand, state, f"_blocks.{k}._expand_conv", f"_blocks.{k}._bn0")
            _fold(block.filter, state, f"_blocks.{k}._depthwise_conv", f"_blocks.{k}._bn1")
            _fold(block.project, state, f"_blocks.{k}._project_conv", f"_blocks.{k}._bn2")
        _fold(net.head, state, "_conv_head", "_bn1")
        return net.eval().requires_grad_(False)


@torch.no_grad()
def _fold(layer: nn.Conv2d, state: Mapping[str, Tensor], kernel: str, norm: str) -> None:
    """A convolution and the batch norm after it are one convolution: g (w * x - m) / s + b = (g / s) w * x + (b - g m / s)."""
    gain = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + EPSILON).sqrt()
    layer.weight.copy_(state[f"{kernel}.weight"] * gain[:, None, None, None])
    assert layer.bias is not None
    layer.bias.copy_(state[f"{norm}.bias"] - gain * state[f"{norm}.running_mean"])
