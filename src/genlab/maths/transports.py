"""Straight paths from noise to data.

    x_t = (1 - t) eps + t x,    eps ~ N(0, I),    t in [0, 1]:    x_0 = eps is noise, x_1 = x the example

A path moves with velocity u = dx_t/dt = x - eps. The mean velocity of the paths through a place, v(x_t, t) = E[u | x_t],
carries the distribution of x_0 into that of x_1 along dx/dt = v(x, t). Noise, example and velocity are views of one thing:
    x = x_t + (1 - t) u,    eps = x_t - t u.

Lipman, Chen, Ben-Hamu, Nickel & Le, "Flow Matching for Generative Modeling", 2023 (whose sigma_min is 0 here); Liu, Gong & Liu,
"Flow Straight and Fast", 2023. Diffusion counts t the other way: there 0 is the example.
"""

from __future__ import annotations

from torch import Tensor


def along(x: Tensor, eps: Tensor, t: Tensor) -> Tensor:
    """x_t (B, *shape); t broadcasts."""
    return (1 - t) * eps + t * x


def velocity(x: Tensor, eps: Tensor) -> Tensor:
    """u = x - eps, the same at every t."""
    return x - eps


def example(x_t: Tensor, u: Tensor, t: Tensor | float) -> Tensor:
    """Where a path at x_t with velocity u ends."""
    return x_t + (1 - t) * u
