"""Law 7: the error of a solver falls with the power of the step that it claims; a chain of right steps ends right."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from genlab.core.noise import Noise
from genlab.maths import predictions
from genlab.maths.predictions import Denoised
from genlab.maths.schedules import VE, VP, Level, Schedule, Straight, cosine, log_snr_times, reverse, times
from genlab.samplers import diffusion, ode
from genlab.samplers.denoiser import Denoiser, classifier_free
from genlab.samplers.diffusion import DDIM, Ancestral, AngularRungeKutta, DPMSolver2M, RungeKutta

MEAN, DEVIATION = 0.8, 0.3  # of a Gaussian whose denoiser is known


def slope(steps, errors):
    return -np.polyfit(np.log(steps), np.log(errors), 1)[0]


@pytest.mark.parametrize("name", ode.SOLVERS)
def test_solvers_have_their_order(name):
    """dx/dt = x cos t has x = x_0 exp(sin t); forwards and back."""
    tableau, start = ode.SOLVERS[name], torch.tensor([1.0, -0.5], dtype=torch.float64)
    steps = [20, 40, 80, 160]
    for ends in ((0.0, 2.0), (2.0, 0.0)):
        answer = start * math.exp(math.sin(ends[1]) - math.sin(ends[0]))
        errors = []
        for count in steps:
            h, x = (ends[1] - ends[0]) / count, start
            for k in range(count):
                x = ode.step(lambda x, t: x * math.cos(t), x, ends[0] + k * h, h, tableau)
            errors.append(float((x - answer).abs().max()))
        assert slope(steps, errors) == pytest.approx(tableau.order, abs=0.1)


def test_the_adaptive_solver_meets_its_tolerance():
    x = torch.tensor([[1.0, -0.5]], dtype=torch.float64)
    there = ode.carried(lambda x, t: x * math.cos(t), x, 0.0, 2.0, 1e-8)
    torch.testing.assert_close(there, x * math.exp(math.sin(2.0)), rtol=1e-6, atol=0)


class Even(Schedule):
    """The angle grows evenly from 0 to 1.5; x_t is scaled as it goes, by 1 to `scale`."""

    def __init__(self, scale=1.0):
        self.scale = scale

    def level(self, t):
        factor = 1 + (self.scale - 1) * t
        return Level(factor * (1.5 * t).cos(), factor * (1.5 * t).sin())


SCHEDULES = {"even": Even(), "scaled": Even(3.0), "straight": Straight(), "vp": VP(), "ve": VE(0.05, 5.0)}


def marginal(schedule, t):
    """Deviation of x_t."""
    alpha, sigma = schedule(t)
    return float((alpha * DEVIATION).square() + sigma.square()) ** 0.5


def exact(schedule, mean=MEAN, deviation=DEVIATION):
    """The denoiser of the Gaussian N(mean, deviation^2): E[x | x_t], E[eps | x_t] where nothing need be divided by sigma."""

    def predict(x, t):
        alpha, sigma = map(float, schedule(t))
        surprise = (x - alpha * mean) / (alpha**2 * deviation**2 + sigma**2)
        return torch.stack([mean + alpha * deviation**2 * surprise, sigma * surprise])

    return Denoiser(predict, lambda said, *_: Denoised(*said), schedule)


def flown(schedule, x, t, s):
    """The flow of a Gaussian stretches it: (x_t - alpha_t m) / deviation of x_t stays."""
    z = (x - float(schedule(t).alpha) * MEAN) / marginal(schedule, t)
    return float(schedule(s).alpha) * MEAN + marginal(schedule, s) * z


ORDERS = {
    "ddim": (DDIM, 1),
    "dpm++": (DPMSolver2M, 2),
    **{name: (lambda d, tableau=tableau: RungeKutta(d, tableau), tableau.order) for name, tableau in ode.SOLVERS.items()},
    **{
        f"{name} in the angle": (lambda d, tableau=tableau: AngularRungeKutta(d, tableau), tableau.order)
        for name, tableau in ode.SOLVERS.items()
    },
}
START = torch.tensor([[-2.0], [0.1], [1.5]], dtype=torch.float64)


def even_times(schedule, start, end, count):
    return [start + (end - start) * k / count for k in range(count + 1)]


def even_log_snr(schedule, start, end, count):
    ends = [float(schedule(t).log_snr) for t in (start, end)]
    angles = torch.atan((-torch.linspace(*ends, count + 1, dtype=torch.float64) / 2).exp())
    return schedule.time_of(angles).tolist()


def errors_of(make, schedule, grids):
    found = []
    for grid in grids:
        *_, (last, _) = make(exact(schedule)).walk(START, grid)
        found.append(float((last - flown(schedule, START, grid[0], grid[-1])).abs().max()))
    return found


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", ORDERS)
def test_samplers_have_their_order_on_every_schedule(name, schedule):
    make, order = ORDERS[name]
    order += (name, schedule) == ("midpoint", "straight")  # a Gaussian's flow is stretched by a square root: one term vanishes
    steps, spaced = [100, 200, 400], even_log_snr if name == "dpm++" else even_times
    grids = [spaced(SCHEDULES[schedule], 0.95, 0.2, count) for count in steps]
    assert slope(steps, errors_of(make, SCHEDULES[schedule], grids)) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("schedule", ["even", "scaled", "straight"])
@pytest.mark.parametrize("name", ["ddim", "heun", "heun in the angle"])
def test_samplers_keep_their_order_to_the_very_end(name, schedule):
    """From noise alone, and to the example itself, where the signal-to-noise ratio is 0 and infinite."""
    make, order = ORDERS[name]
    steps = [64, 128, 256]
    grids = [even_times(SCHEDULES[schedule], 1.0, 0.0, count) for count in steps]
    assert slope(steps, errors_of(make, SCHEDULES[schedule], grids)) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("schedule", [cosine(1000), Straight()], ids=["cosine", "straight"])
def test_two_m_needs_half_the_evaluations_of_heun(schedule):
    """The errors from noise to example of 12 evaluations, all that two of the samplers are there for."""
    found = {}
    for name, count in (("ddim", 12), ("heun in the angle", 6)):
        found[name] = errors_of(ORDERS[name][0], schedule, [even_times(schedule, 1.0, 0.0, count)])[0]
    found["dpm++"] = errors_of(DPMSolver2M, schedule, [log_snr_times(schedule, 12)])[0]
    assert found["dpm++"] < found["heun in the angle"] / 2
    assert found["dpm++"] < found["ddim"] / 4


@pytest.mark.parametrize("steps", [1, 5, 50])
def test_the_chain_with_the_exact_denoiser_and_variance_is_the_gaussian_at_any_number_of_steps(steps):
    """The chain is affine in x_1 and every z: pushing unit vectors through it gives its variance without drawing anything."""
    schedule, grid = cosine(50), times(50, steps)
    variances = []
    for t, s in pairwise(grid):
        a, _, c = (float(value) for value in reverse(schedule(s), schedule(t)))
        error = (DEVIATION * float(schedule(t).sigma) / marginal(schedule, t)) ** 2  # of x^ at t
        variances.append(c + a**2 * error)
    sources = torch.eye(steps + 1, dtype=torch.float64)
    start, normals = sources[:, :1] * marginal(schedule, 1.0), iter(sources[:, 1:, None].unbind(1))
    *_, (last, _) = Ancestral(exact(schedule, mean=0.0), iter(variances), normals).walk(start, grid)
    assert float(last.square().sum()) == pytest.approx(DEVIATION**2, rel=1e-9)
    start = torch.full((1, 1), float(schedule(1.0).alpha) * MEAN, dtype=torch.float64)
    *_, (last, _) = Ancestral(exact(schedule), iter(variances), iter(torch.zeros(steps, 1, 1))).walk(start, grid)
    assert float(last) == pytest.approx(MEAN, rel=1e-9)


def test_ddim_with_eta_one_is_the_chain_with_the_variance_of_the_posterior():
    schedule, grid = cosine(50), times(50, 10)
    variances = [float(reverse(schedule(s), schedule(t)).variance) for t, s in pairwise(grid)]
    normals = torch.randn(10, 3, 1, dtype=torch.float64)
    chain = Ancestral(exact(schedule), iter(variances), iter(normals)).walk(START, grid)
    for (x, x_hat), (y, y_hat) in zip(DDIM(exact(schedule), 1.0, iter(normals)).walk(START, grid), chain, strict=True):
        torch.testing.assert_close((x, x_hat), (y, y_hat))


def test_eta_between_keeps_the_marginals():
    """With the exact posterior mean DDIM of any eta draws x_s ~ q(x_s | x): here x is a point, and no error is made at all."""
    schedule, grid, n = cosine(50), times(50, 5)[:-1], 200_000
    torch.manual_seed(0)
    at_once = torch.randn(n, 1, dtype=torch.float64) * float(schedule(1.0).sigma) + float(schedule(1.0).alpha) * MEAN
    normals = iter(torch.randn(5, n, 1, dtype=torch.float64))
    *_, (x, _) = DDIM(exact(schedule, deviation=0.0), 0.6, normals).walk(at_once, grid)
    alpha, sigma = map(float, schedule(grid[-1]))
    assert float(x.mean()) == pytest.approx(alpha * MEAN, abs=5 * sigma / n**0.5)
    assert float(x.std()) == pytest.approx(sigma, rel=5 / (2 * n) ** 0.5)


def test_score_and_velocity_are_those_of_the_gaussian():
    for schedule in SCHEDULES.values():
        deviation = marginal(schedule, 0.3)
        surprise = (START - float(schedule(0.3).alpha) * MEAN) / deviation**2
        torch.testing.assert_close(exact(schedule).score(START, 0.3), -surprise)
        h = 1e-6
        moved = (flown(schedule, START, 0.3, 0.3 + h) - flown(schedule, START, 0.3, 0.3 - h)) / (2 * h)
        torch.testing.assert_close(exact(schedule).velocity(START, 0.3), moved, rtol=1e-6, atol=1e-7)
        times_of_rows = torch.full((3,), 0.3, dtype=torch.float64)
        eps = Denoiser(lambda x, t: x, lambda said, x_t, *level: predictions.denoised("epsilon", said, x_t, *level), schedule)
        torch.testing.assert_close(eps.velocity(START, times_of_rows), eps.velocity(START, 0.3))


@pytest.mark.parametrize("prediction", ["epsilon", "v", "velocity"])
def test_guidance_moves_score_whatever_is_predicted(prediction):
    """Two Gaussians: the guided score is s_u + w (s_c - s_u); w = 1 is the conditional denoiser, 0 the unconditional one."""
    schedule = Straight()

    def says(denoise):
        def predict(x, t):
            return predictions.target(prediction, *denoise(x, t), *schedule.at(t, x))

        return Denoiser(predict, lambda said, x_t, *level: predictions.denoised(prediction, said, x_t, *level), schedule)

    conditional, unconditional = says(exact(schedule, 0.8, 0.3)), says(exact(schedule, -0.1, 1.1))
    s_c, s_u = conditional.score(START, 0.4), unconditional.score(START, 0.4)
    for w in (0.0, 1.0, 3.0):
        guided = classifier_free(conditional, unconditional, w)
        torch.testing.assert_close(guided.score(START, 0.4), s_u + w * (s_c - s_u))


def test_normals_of_steps_are_the_same_in_blocks_of_any_size(monkeypatch):
    whole = torch.stack(list(diffusion.normals_of_steps(Noise(1, 3), (2, 2), 10, torch.float32)))
    assert whole.shape == (10, 3, 2, 2)
    monkeypatch.setattr(diffusion, "_BLOCK", 12)
    assert torch.equal(whole, torch.stack(list(diffusion.normals_of_steps(Noise(1, 3), (2, 2), 10, torch.float32))))


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
