"""Penalties on a discriminator's slope.

For scores D(x) and their gradient with respect to the input, g(x) = grad_x D(x):

    R1   1/2 E_p |g(x)|^2                  on real examples (Mescheder et al., "Which Training Methods for GANs do actually
    R2   1/2 E_q |g(x)|^2                  on generated ones; both make the game converge    Converge?", 2018)
    GP   E (|g(x')| - 1)^2                 on lines between the two, x' = u x + (1 - u) G(z), u uniform in [0, 1]
                                           (Gulrajani et al., "Improved Training of Wasserstein GANs", 2017)

Where R1 pulls the slope to 0 near the data, GP pulls it to 1, the slope of an optimal 1-Lipschitz critic. Clipping every
weight to [-c, c] (Arjovsky et al., "Wasserstein GAN", 2017) bounds the slope by brute force.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def squared_slope(scores: Tensor, x: Tensor) -> Tensor:
    """|grad_x D|^2 of each example, (B,), itself differentiable.

    scores (B,) must have been computed from x (B, *shape), row by row, with x.requires_grad.
    """
    (gradient,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return gradient.flatten(1).square().sum(1)


def zero_slope(scores: Tensor, x: Tensor) -> Tensor:
    """R1 where x is real, R2 where it is generated: scalar."""
    return 0.5 * squared_slope(scores, x).mean()


def unit_slope(scores: Tensor, x: Tensor) -> Tensor:
    """GP: scalar. The root is taken of at least 1e-12, since its own slope is infinite at 0."""
    return (squared_slope(scores, x).clamp_min(1e-12).sqrt() - 1).square().mean()


def between(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Points on the lines from b (share 0) to a (share 1): (B, *shape), with share (B,)."""
    share = share.reshape(-1, *[1] * (a.ndim - 1))
    return share * a + (1 - share) * b


@torch.no_grad()
def clip_weights(parameters: Iterable[Tensor], bound: float) -> float:
    """Every entry into [-bound, bound], in place; the share of entries that were outside."""
    outside = total = 0
    for parameter in parameters:
        outside += int((parameter.abs() > bound).sum())
        total += parameter.numel()
        parameter.clamp_(-bound, bound)
    return outside / max(total, 1)
