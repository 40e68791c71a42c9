"""The quantities that a network may predict at x_t = alpha x + sigma eps, and how the others follow from each.

    epsilon    eps
    x0         x
    v          alpha eps - sigma x (Salimans & Ho, "Progressive Distillation for Fast Sampling of Diffusion Models", 2022)
    velocity   x - eps, towards the example (Lipman et al., "Flow Matching for Generative Modeling", 2023)

At a given x_t each is an affine function of each other, so one of them yields x^ = E[x | x_t] and eps^ = E[eps | x_t], which
satisfy x_t = alpha x^ + sigma eps^. Two more follow:
    score      grad log q_t(x_t) = -eps^ / sigma
    velocity   of the flow that carries q_t along: dx_t/dt = alpha' x^ + sigma' eps^
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

Prediction = Literal["epsilon", "x0", "v", "velocity"]


class Denoised(NamedTuple):
    """x^ and the eps^ that goes with it at x_t, (B, *shape)."""

    x: Tensor
    eps: Tensor


def target(prediction: Prediction, x: Tensor, eps: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
    """The regression target of the network; x and eps are (B, *shape), alpha and sigma broadcast."""
    if prediction == "epsilon":
        return eps
    if prediction == "v":
        return alpha * eps - sigma * x
    return x - eps if prediction == "velocity" else x


def denoised(prediction: Prediction, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Denoised:
    """x^ and eps^ from the network's output at x_t."""
    if prediction == "epsilon":
        return Denoised((x_t - sigma * output) / alpha, output)
    if prediction == "v":
        norm = alpha.square() + sigma.square()
        return Denoised((alpha * x_t - sigma * output) / norm, (sigma * x_t + alpha * output) / norm)
    if prediction == "velocity":
        return Denoised((x_t + sigma * output) / (alpha + sigma), (x_t - alpha * output) / (alpha + sigma))
    return from_x0(output, x_t, alpha, sigma)


def from_x0(x_hat: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Denoised:
    """x^ with the eps^ that goes with it; sigma > 0."""
    return Denoised(x_hat, (x_t - alpha * x_hat) / sigma)


def error_scale(prediction: Prediction, alpha: Tensor, sigma: Tensor) -> Tensor:
    """The squared error of what is predicted, over that of x^ at the same x_t; shaped like alpha and sigma."""
    if prediction == "epsilon":
        return (alpha / sigma).square()
    if prediction == "v":
        return ((alpha.square() + sigma.square()) / sigma).square()
    return (1 + alpha / sigma).square() if prediction == "velocity" else torch.ones_like(alpha)
