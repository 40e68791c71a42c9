"""Law 7: the error of a solver falls with the power of the step that it claims; a chain of right steps ends right."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from genlab.core.noise import Noise
from genlab.maths.schedules import Forward, cosine
from genlab.samplers import diffusion, ode

MEAN, DEVIATION = 0.8, 0.3  # of a Gaussian whose denoiser is known


def slope(steps, errors):
    return -np.polyfit(np.log(steps), np.log(errors), 1)[0]


@pytest.mark.parametrize("name", ode.SOLVERS)
def test_solvers_have_their_order(name):
    """dx/dt = x cos t has x = x_0 exp(sin t); forwards and back."""
    tableau, x = ode.SOLVERS[name], torch.tensor([1.0, -0.5], dtype=torch.float64)
    steps = [20, 40, 80, 160]
    for ends in ((0.0, 2.0), (2.0, 0.0)):
        answer = x * math.exp(math.sin(ends[1]) - math.sin(ends[0]))
        errors = []
        for count in steps:
            times = [ends[0] + (ends[1] - ends[0]) * k / count for k in range(count + 1)]
            *_, last = ode.integrate(lambda x, t: x * math.cos(t), x, times, tableau)
            errors.append(float((last - answer).abs().max()))
        assert slope(steps, errors) == pytest.approx(tableau.order, abs=0.1)


def test_the_adaptive_solver_meets_its_tolerance():
    x = torch.tensor([[1.0, -0.5]], dtype=torch.float64)
    there = ode.carried(lambda x, t: x * math.cos(t), x, 0.0, 2.0, 1e-8)
    torch.testing.assert_close(there, x * math.exp(math.sin(2.0)), rtol=1e-6, atol=0)


def even(T, end=1.5):
    """A process whose angle grows evenly from 0 to `end`."""
    angle = torch.linspace(0, end, T + 1, dtype=torch.float64)
    return Forward(angle.cos(), angle.sin())


def marginal(process, t):
    """Deviation of x_t."""
    return float((process.alpha[t] * DEVIATION).square() + process.sigma[t].square()) ** 0.5


def exact(process):
    """E[x | x_t] of the Gaussian."""

    def denoise(x, t):
        alpha = float(process.alpha[t])
        return MEAN + alpha * DEVIATION**2 / marginal(process, t) ** 2 * (x - alpha * MEAN)

    return denoise


@pytest.mark.parametrize("scale", [1.0, 3.0], ids=["as it is", "scaled"])
@pytest.mark.parametrize(("sampler", "order"), [(diffusion.ddim, 1), (diffusion.heun, 2)])
def test_deterministic_samplers_have_their_order(sampler, order, scale):
    """The flow of a Gaussian stretches it: x_0 = m + s (x_T - alpha_T m) / deviation of x_T."""
    T, steps, errors = 1024, [16, 32, 64, 128], []
    process = even(T)
    factor = 1 + (scale - 1) * torch.linspace(0, 1, T + 1, dtype=torch.float64)  # a process may be scaled as it goes
    process = Forward(process.alpha * factor, process.sigma * factor)
    x = torch.tensor([[-2.0], [0.1], [1.5]], dtype=torch.float64) * scale
    answer = MEAN + DEVIATION * (x - float(process.alpha[T]) * MEAN) / marginal(process, T)
    for count in steps:
        times = list(range(T, -1, -(T // count)))
        *_, (last, _) = sampler(exact(process), process, x, times)
        errors.append(float((last - answer).abs().max()))
    assert slope(steps, errors) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("steps", [1, 5, 50])
def test_the_chain_with_the_exact_denoiser_and_variance_is_the_gaussian_at_any_number_of_steps(steps):
    """The chain is affine in x_T and every z: pushing unit vectors through it gives its variance without drawing anything."""
    process = cosine(50)
    times = process.times(steps)
    variances = []
    for t, s in pairwise(times):
        a, _, c = (float(value) for value in process.reverse(s, t))
        error = (DEVIATION * float(process.sigma[t]) / marginal(process, t)) ** 2  # of x^ at t
        variances.append(c + a**2 * error)
    sources = torch.eye(steps + 1, dtype=torch.float64)
    start, normals = sources[:, :1] * marginal(process, times[0]), iter(sources[:, 1:, None].unbind(1))
    denoise = exact(process)

    def centred(x, t):
        return denoise(x + float(process.alpha[t]) * MEAN, t) - MEAN

    *_, (last, _) = diffusion.ancestral(centred, process, start, times, variances, normals)
    assert float(last.square().sum()) == pytest.approx(DEVIATION**2, rel=1e-9)
    *_, (last, _) = diffusion.ancestral(denoise, process, torch.full((1, 1), float(process.alpha[times[0]]) * MEAN,
                                        dtype=torch.float64), times, variances, iter(torch.zeros(steps, 1, 1)))  # fmt: skip
    assert float(last) == pytest.approx(MEAN, rel=1e-9)


def test_a_path_is_the_same_in_blocks_of_any_size(monkeypatch):
    whole = torch.stack(list(diffusion.path(Noise(1, 3), (2, 2), 10, torch.float32)))
    assert whole.shape == (10, 3, 2, 2)
    monkeypatch.setattr(diffusion, "_BLOCK", 12)
    assert torch.equal(whole, torch.stack(list(diffusion.path(Noise(1, 3), (2, 2), 10, torch.float32))))


@pytest.mark.parametrize("probe", [None, "signs"])
def test_divergence_is_the_trace_of_the_jacobian(probe):
    torch.manual_seed(0)
    A, x = torch.randn(5, 5, dtype=torch.float64), torch.randn(7, 5, dtype=torch.float64)

    def field(x, t):
        return torch.tanh(x @ A.T) * t

    jacobians = torch.func.vmap(torch.func.jacrev(lambda x: field(x, 0.7)))(x)
    signs = None if probe is None else torch.randint(0, 2, x.shape).double() * 2 - 1
    v, div = ode.with_divergence(field, x, 0.7, signs)
    torch.testing.assert_close(v, field(x, 0.7))
    wanted = (
        jacobians.diagonal(dim1=1, dim2=2).sum(1) if signs is None else torch.einsum("bi,bij,bj->b", signs, jacobians, signs)
    )
    torch.testing.assert_close(div, wanted)
