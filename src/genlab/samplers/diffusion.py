"""From noise to data, backwards through the process x_t = alpha_t x + sigma_t eps of `maths.schedules`.

A denoiser says x^(x_t, t), the example it expects; the noise that goes with it is eps^ = (x_t - alpha_t x^) / sigma_t.
Every sampler walks down a list of times T = t_S > ... > t_1 > t_0 = 0 and yields (x_s, x^) after each step from t to s:

    ancestral   x_s = a x^ + b x_t + sqrt(var) z (Ho et al., "Denoising Diffusion Probabilistic Models", 2020, Algorithm 2)
    ddim        x_s = alpha_s x^ + sigma_s eps^ (Song, Meng & Ermon, "Denoising Diffusion Implicit Models", 2021)
    heun        the same flow to second order (Karras et al., "Elucidating the Design Space of Diffusion-Based Models", 2022)

The flow of the last two is clearest on the circle: z = x_t / r_t with r_t^2 = alpha_t^2 + sigma_t^2 and the angle phi_t =
arctan(sigma_t / alpha_t) obey dz/dphi = v^ = cos(phi) eps^ - sin(phi) x^ (Salimans & Ho, 2022), which has no singular end
and does not depend on how the process is scaled. ddim turns along it with x^ and eps^ held still.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from genlab.core.moves import Draws
from genlab.maths.schedules import Forward

Denoise = Callable[[Tensor, int], Tensor]  # (x_t (B, *shape), t) -> x^ (B, *shape)
Steps = Iterator[tuple[Tensor, Tensor]]

_BLOCK = 2**14  # numbers of a row drawn at once


def ancestral(
    denoise: Denoise, forward: Forward, x: Tensor, times: Sequence[int], variances: Sequence[float], normals: Iterator[Tensor]
) -> Steps:
    """A draw of the Markov chain whose bound is scored. variances: of each step; the last is the decoder's."""
    for (t, s), variance, z in zip(pairwise(times), variances, normals, strict=False):
        a, b, _ = map(float, forward.reverse(s, t))
        x_hat = denoise(x, t)
        x = a * x_hat + b * x + variance**0.5 * z
        yield x, x_hat


def ddim(denoise: Denoise, forward: Forward, x: Tensor, times: Sequence[int]) -> Steps:
    """Deterministic; first order."""
    for t, s in pairwise(times):
        x_hat = denoise(x, t)
        x = _turned(forward, x, x_hat, t, s)
        yield x, x_hat


def heun(denoise: Denoise, forward: Forward, x: Tensor, times: Sequence[int]) -> Steps:
    """Deterministic; second order, two evaluations a step. The last step, where nothing is left to average, is ddim's."""
    angle, radius = forward.angle, (forward.alpha.square() + forward.sigma.square()).sqrt()
    for t, s in pairwise(times):
        x_hat = denoise(x, t)
        if s == 0:
            x = _turned(forward, x, x_hat, t, s)
        else:
            h = float(angle[s] - angle[t])
            slope = _slope(forward, x, x_hat, t)
            z = x / float(radius[t])
            there = (z + h * slope) * float(radius[s])
            x = (z + h / 2 * (slope + _slope(forward, there, denoise(there, s), s))) * float(radius[s])
        yield x, x_hat


def _turned(forward: Forward, x: Tensor, x_hat: Tensor, t: int, s: int) -> Tensor:
    ratio = float(forward.sigma[s] / forward.sigma[t])
    return (float(forward.alpha[s]) - float(forward.alpha[t]) * ratio) * x_hat + ratio * x


def _slope(forward: Forward, x: Tensor, x_hat: Tensor, t: int) -> Tensor:
    """dz/dphi = cos(phi) eps^ - sin(phi) x^, with eps^ taken from x_t."""
    alpha, sigma, phi = float(forward.alpha[t]), float(forward.sigma[t]), forward.angle[t]
    eps_hat = (x - alpha * x_hat) / sigma
    return float(phi.cos()) * eps_hat - float(phi.sin()) * x_hat


def path(noise: Draws, shape: Sequence[int], steps: int, dtype: torch.dtype) -> Iterator[Tensor]:
    """`steps` standard normal tensors (n, *shape). Drawn several at a time: a small row costs more to ask for than to draw."""
    at_once = max(1, _BLOCK // max(1, torch.Size(shape).numel()))
    for first in range(0, steps, at_once):
        block = noise.normal((min(at_once, steps - first), *shape)).to(dtype)
        yield from block.unbind(1)
