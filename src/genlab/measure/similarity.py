"""Structural similarity over scales, and how alike the samples of a model are.

With means mu, variances s^2 and covariance s_ab of two pictures under a Gaussian window (11 pixels, deviation 1.5),

    luminance                l = (2 mu_a mu_b + c1) / (mu_a^2 + mu_b^2 + c1)
    contrast and structure  cs = (2 s_ab + c2) / (s_a^2 + s_b^2 + c2),

c1 = (0.01 L)^2, c2 = (0.03 L)^2 for values that span L. Means over the places where the window lies inside the picture, at the
full size and after halving again and again (the mean of 2 x 2 pixels), make

    MS-SSIM = (l cs)_M^w_M  product_{j < M} cs_j^w_j,   w = 0.0448, 0.2856, 0.3001, 0.2363, 0.1333

(Wang, Simoncelli & Bovik, "Multiscale Structural Similarity for Image Quality Assessment", 2003). The paper's five scales need
176 pixels; smaller pictures get as many as keep the window inside, under the first weights made to sum to 1, which is another
number and must be named as such. A negative mean cs, whose power does not exist, counts 0. The paper speaks of grey pictures:
colours are compared channel by channel, and MS-SSIM is the mean of theirs.

Between samples it tells variety (Odena, Olah & Shlens, "Conditional Image Synthesis with Auxiliary Classifier GANs", 2017):
the mean over random pairs is near 1 where they are all alike, and should be that of real pairs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from genlab.measure.estimate import Estimate, mean

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, DEVIATION = 11, 1.5
PAIRS = 256  # a block


class Scales(NamedTuple):
    weights: tuple[float, ...]  # of each scale, summing to 1
    window: int  # pixels

    def __str__(self) -> str:
        return f"{len(self.weights)} of 5 scales, window {self.window}"


class Diversity(NamedTuple):
    estimate: Estimate
    protocol: dict[str, Any]


def scales(height: int, width: int) -> Scales:
    """The scales that pictures of so many pixels allow: up to five, or one with a smaller, odd window."""
    side = min(height, width)
    count = 1
    while count < len(WEIGHTS) and side // 2**count >= WINDOW:
        count += 1
    total = sum(WEIGHTS[:count])
    return Scales(tuple(w / total for w in WEIGHTS[:count]), min(WINDOW, side - 1 + side % 2))


def ms_ssim(a: Tensor, b: Tensor, span: float) -> Tensor:
    """MS-SSIM (n,) of pictures a, b (n, C, H, W) whose values span `span` (2 for -1..1), under `scales(H, W)`."""
    if a.shape != b.shape or a.ndim != 4:
        raise ValueError(
            f"expected two batches of pictures (n, C, H, W) of one shape, got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    if span <= 0:
        raise ValueError(f"the values' span must be above 0, got {span}; give largest minus smallest possible value")
    used = scales(*a.shape[2:])
    found = [_blocks(x, y, span, used) for x, y in zip(a.split(PAIRS), b.split(PAIRS), strict=True)]
    return torch.cat(found).mean(1)


def diversity(samples: Tensor, span: float, pairs: int = 2000, seed: int = 0) -> Diversity:
    """Mean MS-SSIM of random pairs of different samples (n, C, H, W), n > 3.

    No sample is in two pairs, so there are at most n / 2 and they are independent.
    """
    if len(samples) < 4:
        raise ValueError(f"similarity between samples needs at least two pairs of them, got {len(samples)} samples")
    pairs = min(pairs, len(samples) // 2)
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))
    values = ms_ssim(samples[order[:pairs]], samples[order[pairs : 2 * pairs]], span)
    protocol = {"pairs": pairs, "scales": str(scales(*samples.shape[2:])), "seed": seed}
    return Diversity(mean(values, "pairs of samples"), protocol)


def _blocks(a: Tensor, b: Tensor, span: float, used: Scales) -> Tensor:
    """MS-SSIM by channel (n, C)."""
    a, b = a.double(), b.double()
    result = torch.ones(a.shape[:2], dtype=torch.float64)
    for scale, weight in enumerate(used.weights):
        luminance, structure = _terms(a, b, span, used.window)
        last = scale == len(used.weights) - 1
        similarity = (luminance * structure if last else structure).mean((2, 3))
        result *= similarity.clamp_min(0) ** weight
        a, b = (functional.avg_pool2d(x, 2) if not last else x for x in (a, b))
    return result


def _terms(a: Tensor, b: Tensor, span: float, window: int) -> tuple[Tensor, Tensor]:
    """l and cs at every place where the window fits, each (n, C, H', W')."""
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    taps = torch.exp(-((torch.arange(window, dtype=a.dtype) - window // 2) ** 2) / (2 * DEVIATION**2))
    taps /= taps.sum()
    mu_a, mu_b, aa, bb, ab = (_windowed(x, taps) for x in (a, b, a * a, b * b, a * b))
    luminance = (2 * mu_a * mu_b + c1) / (mu_a**2 + mu_b**2 + c1)
    structure = (2 * (ab - mu_a * mu_b) + c2) / (aa - mu_a**2 + bb - mu_b**2 + c2)
    return luminance, structure


def _windowed(x: Tensor, taps: Tensor) -> Tensor:
    single = x.flatten(0, 1)[:, None]
    found = functional.conv2d(functional.conv2d(single, taps.view(1, 1, -1, 1)), taps.view(1, 1, 1, -1))
    return found.view(*x.shape[:2], *found.shape[2:])
