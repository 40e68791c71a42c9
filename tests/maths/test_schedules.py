"""The forward process against its definitions and against Bayes' rule on a grid; straight paths against theirs."""

import math

import numpy as np
import pytest
import torch

from genlab.maths import transports
from genlab.maths.schedules import SCHEDULES, Forward, cosine, linear, spread

TIMES = [(0, 1), (1, 2), (3, 40), (99, 100), (10, 100)]


def test_linear_is_hos_product_of_one_minus_beta():
    betas = np.linspace(1e-4, 0.02, 1000)
    kept = np.cumprod(1 - betas)
    np.testing.assert_allclose(linear(1000).alpha[1:].square().numpy(), kept, rtol=1e-12)
    np.testing.assert_allclose(linear(1000).sigma[1:].square().numpy(), 1 - kept, rtol=1e-10)


def test_cosine_is_nichols_formula_until_beta_is_capped():
    T = 400
    f = [math.cos((t / T + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(T + 1)]
    kept = cosine(T).alpha.square()
    np.testing.assert_allclose(kept[:-1].numpy(), [value / f[0] for value in f[:-1]], rtol=1e-9)
    assert float(kept[-1] / kept[-2]) == pytest.approx(1 - 0.999, rel=1e-9)  # where the formula would erase everything


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("T", [2, 20, 1000, 4000])
def test_any_number_of_levels_ends_in_noise_and_begins_at_the_example(name, T):
    process = SCHEDULES[name](T)
    torch.testing.assert_close(process.alpha.square() + process.sigma.square(), torch.ones(T + 1, dtype=torch.float64))
    assert process.T == T
    assert (process.alpha[0], process.sigma[0]) == (1, 0)
    assert float(process.alpha[-1]) < 0.04
    assert (process.snr.diff() < 0).all()


@pytest.mark.parametrize(("s", "t"), TIMES)
@pytest.mark.parametrize("process", [linear(100), cosine(100)], ids=["linear", "cosine"])
def test_two_stretches_of_noise_are_one(process, s, t):
    kept = process.alpha[t] / process.alpha[s]
    variance = kept.square() * process.sigma[s].square() + process.fresh(s, t)
    assert float(variance) == pytest.approx(float(process.sigma[t].square()), rel=1e-10)


@pytest.mark.parametrize(("s", "t"), TIMES[1:])
def test_reverse_is_what_bayes_rule_gives_on_a_grid(s, t):
    process, x, x_t = cosine(100), 0.7, -0.4
    a, b, c = (float(value) for value in process.reverse(s, t))
    grid = np.linspace(-10, 10, 1_000_001)
    kept = float(process.alpha[t] / process.alpha[s])
    log_p = -0.5 * (grid - float(process.alpha[s]) * x) ** 2 / float(process.sigma[s]) ** 2  # q(x_s | x)
    log_p = log_p - 0.5 * (x_t - kept * grid) ** 2 / float(process.fresh(s, t))  # q(x_t | x_s)
    p = np.exp(log_p - log_p.max())
    mean = (p * grid).sum() / p.sum()
    assert a * x + b * x_t == pytest.approx(mean, abs=1e-7)
    assert c == pytest.approx((p * (grid - mean) ** 2).sum() / p.sum(), rel=1e-6)


def test_one_step_back_is_hos_equation_seven():
    betas = np.linspace(1e-3 * 10, 0.2, 100)
    kept = np.cumprod(1 - betas)
    before = np.concatenate([[1.0], kept[:-1]])
    t = torch.arange(1, 101)
    a, b, c = Forward.from_betas(torch.from_numpy(betas)).reverse(t - 1, t)
    np.testing.assert_allclose(a.numpy(), np.sqrt(before) * betas / (1 - kept), rtol=1e-8)
    np.testing.assert_allclose(b.numpy(), np.sqrt(1 - betas) * (1 - before) / (1 - kept), rtol=1e-8)
    np.testing.assert_allclose(c.numpy(), (1 - before) / (1 - kept) * betas, rtol=1e-8)


def test_a_process_in_other_units_forgets_as_much():
    """Law 6: with alpha = 1 and sigma exploding, x_t is the same up to a factor, and so is the way back."""
    process = cosine(100)
    scale = 1 / process.alpha
    other = Forward(process.alpha * scale, process.sigma * scale)
    torch.testing.assert_close(other.snr, process.snr)
    torch.testing.assert_close(other.angle, process.angle)
    s, t = torch.tensor([1, 20, 80]), torch.tensor([2, 50, 100])
    (a, b, c), (a2, b2, c2) = process.reverse(s, t), other.reverse(s, t)
    torch.testing.assert_close(a2, a * scale[s])
    torch.testing.assert_close(b2, b * scale[s] / scale[t])
    torch.testing.assert_close(c2, c * scale[s].square())


def test_rows_are_diffused_each_to_its_own_time():
    process, x, eps = linear(50), torch.randn(3, 2, 4, 5), torch.randn(3, 2, 4, 5)
    found = process.diffuse(x, torch.tensor([0, 7, 50]), eps)
    for row, t in enumerate((0, 7, 50)):
        torch.testing.assert_close(found[row], process.diffuse(x[row : row + 1], t, eps[row : row + 1])[0])
    assert torch.equal(found[0], x[0])
    assert spread(process.alpha, torch.tensor([1, 2, 3]), x).shape == (3, 1, 1, 1)


@pytest.mark.parametrize("steps", [1, 2, 3, 17, 999, 1000])
def test_times_fall_from_the_last_to_nothing(steps):
    times = cosine(1000).times(steps)
    assert len(times) == steps + 1
    assert (times[0], times[-1]) == (1000, 0)
    gaps = -np.diff(times)
    assert (gaps > 0).all()
    assert steps == 1 or gaps[-1] == 1
    assert steps < 3 or gaps[:-1].max() - gaps[:-1].min() <= 1


def test_the_last_step_may_set_out_from_a_later_time():
    assert cosine(100).times(3, first=20) == [100, 60, 20, 0]
    assert cosine(100).times(1, first=20) == [100, 0]
    with pytest.raises(ValueError, match="between 1 and 81"):
        cosine(100).times(82, first=20)


@pytest.mark.parametrize("steps", [0, -3, 1001])
def test_impossible_steps_are_refused(steps):
    with pytest.raises(ValueError, match="between 1 and 1000"):
        cosine(1000).times(steps)


def test_a_straight_path_has_its_ends_and_its_velocity():
    x, eps, t = torch.randn(4, 3).double(), torch.randn(4, 3).double(), torch.rand(4, 1).double()
    assert torch.equal(transports.along(x, eps, torch.ones(4, 1)), x)
    assert torch.equal(transports.along(x, eps, torch.zeros(4, 1)), eps)
    _, u = torch.func.jvp(lambda t: transports.along(x, eps, t), (t,), (torch.ones_like(t),))
    torch.testing.assert_close(transports.velocity(x, eps), u)
    torch.testing.assert_close(transports.example(transports.along(x, eps, t), u, t), x)
