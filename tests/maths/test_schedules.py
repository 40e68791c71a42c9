"""Noise schedules against their definitions and against Bayes' rule on a grid."""

import math

import numpy as np
import pytest
import torch

from genlab.maths.schedules import (
    SCHEDULES,
    VE,
    VP,
    Level,
    Schedule,
    Straight,
    broadcast,
    cosine,
    forward_variance,
    levels,
    linear,
    log_snr_times,
    reverse,
    times,
)

STRETCHES = [(0.0, 0.01), (0.01, 0.02), (0.03, 0.4), (0.99, 1.0), (0.1, 1.0)]
ALL = {"linear": linear(100), "cosine": cosine(100), "straight": Straight(), "vp": VP(), "ve": VE()}


def at(schedule: Schedule, T: int) -> Level:
    return schedule(levels(T))


def test_linear_is_hos_product_of_one_minus_beta():
    kept = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    alpha, sigma = at(linear(1000), 1000)
    np.testing.assert_allclose(alpha[1:].square().numpy(), kept, rtol=1e-10)
    np.testing.assert_allclose(sigma[1:].square().numpy(), 1 - kept, rtol=1e-10)


def test_cosine_is_nichols_formula_until_beta_is_capped():
    T = 400
    f = [math.cos((t / T + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(T + 1)]
    kept = at(cosine(T), T).alpha.square()
    np.testing.assert_allclose(kept[:-1].numpy(), [value / f[0] for value in f[:-1]], rtol=1e-9)
    assert float(kept[-1] / kept[-2]) == pytest.approx(1 - 0.999, rel=1e-9)  # where the formula would erase everything


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("T", [2, 20, 1000, 4000])
def test_any_number_of_levels_ends_in_noise_and_begins_at_the_example(name, T):
    level = at(SCHEDULES[name](T), T)
    torch.testing.assert_close(level.radius, torch.ones(T + 1, dtype=torch.float64))
    assert (level.alpha[0], level.sigma[0]) == (1, 0)
    assert float(level.alpha[-1]) < 0.04
    assert (level.snr.diff() < 0).all()


@pytest.mark.parametrize("name", ALL)
def test_every_schedule_has_its_derivative_its_inverse_and_less_signal_with_time(name):
    schedule, t = ALL[name], torch.linspace(0.0123, 0.9876, 40, dtype=torch.float64)  # between the levels of tables
    h = 1e-7
    after, before = schedule(t + h), schedule(t - h)
    for rate, plus, minus in zip(schedule.rates(t), after, before, strict=True):
        torch.testing.assert_close(rate, (plus - minus) / (2 * h), rtol=1e-5, atol=1e-6)
    assert (schedule(t).snr.diff() < 0).all()
    torch.testing.assert_close(schedule.time_of(schedule(t).angle), t, rtol=0, atol=1e-9)
    torch.testing.assert_close(schedule.rates(t[7].item()), Level(*(rate[7] for rate in schedule.rates(t))))


def test_a_straight_line_carries_the_example_into_noise():
    x, eps, t = torch.randn(4, 3).double(), torch.randn(4, 3).double(), torch.rand(4).double()
    alpha, sigma = Straight().at(t, x)
    torch.testing.assert_close(alpha * x + sigma * eps, torch.lerp(x, eps, t[:, None]))


def test_vp_and_ve_are_the_marginals_of_their_equations():
    """d alpha = -beta alpha / 2 dt and d sigma^2 = beta (1 - sigma^2) dt of VP; VE is a geometric progression."""
    t = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    beta = 0.1 + 19.9 * t
    level, rate = VP()(t), VP().rates(t)
    torch.testing.assert_close(rate.alpha, -beta * level.alpha / 2)
    torch.testing.assert_close(2 * level.sigma * rate.sigma, beta * (1 - level.sigma.square()))
    sigma = VE(0.01, 50)(torch.tensor([0.0, 0.5, 1.0])).sigma
    torch.testing.assert_close(sigma, torch.tensor([0.01, 0.01 * 5000**0.5, 50]).double())


@pytest.mark.parametrize(("s", "t"), STRETCHES)
@pytest.mark.parametrize("name", ["linear", "cosine", "vp"])
def test_two_stretches_of_noise_are_one(name, s, t):
    s, t = ALL[name](s), ALL[name](t)
    variance = (t.alpha / s.alpha * s.sigma).square() + forward_variance(s, t)
    assert float(variance) == pytest.approx(float(t.sigma.square()), rel=1e-10)


@pytest.mark.parametrize(("s", "t"), STRETCHES[1:])
def test_reverse_is_what_bayes_rule_gives_on_a_grid(s, t):
    s, t, x, x_t = cosine(100)(s), cosine(100)(t), 0.7, -0.4
    a, b, c = (float(value) for value in reverse(s, t))
    grid = np.linspace(-10, 10, 1_000_001)
    kept = float(t.alpha / s.alpha)
    log_p = -0.5 * (grid - float(s.alpha) * x) ** 2 / float(s.sigma) ** 2  # q(x_s | x)
    log_p = log_p - 0.5 * (x_t - kept * grid) ** 2 / float(forward_variance(s, t))  # q(x_t | x_s)
    p = np.exp(log_p - log_p.max())
    mean = (p * grid).sum() / p.sum()
    assert a * x + b * x_t == pytest.approx(mean, abs=1e-7)
    assert c == pytest.approx((p * (grid - mean) ** 2).sum() / p.sum(), rel=1e-6)


def test_one_step_back_is_hos_equation_seven():
    betas = np.linspace(1e-3, 0.2, 100)
    kept = np.cumprod(1 - betas)
    before = np.concatenate([[1.0], kept[:-1]])
    level = at(linear(100), 100)
    a, b, c = reverse(Level(level.alpha[:-1], level.sigma[:-1]), Level(level.alpha[1:], level.sigma[1:]))
    np.testing.assert_allclose(a.numpy(), np.sqrt(before) * betas / (1 - kept), rtol=1e-8)
    np.testing.assert_allclose(b.numpy(), np.sqrt(1 - betas) * (1 - before) / (1 - kept), rtol=1e-8)
    np.testing.assert_allclose(c.numpy(), (1 - before) / (1 - kept) * betas, rtol=1e-8)


def test_a_process_in_other_units_forgets_as_much():
    """Law 6: with alpha = 1 and sigma exploding, x_t is the same up to a factor, and so is the way back."""
    s, t = (cosine(100)(torch.tensor(time)) for time in ([0.01, 0.2, 0.8], [0.02, 0.5, 1.0]))
    (s2, on_s), (t2, on_t) = (
        (Level(level.alpha / level.alpha, level.sigma / level.alpha), 1 / level.alpha) for level in (s, t)
    )
    torch.testing.assert_close(s2.snr, s.snr)
    torch.testing.assert_close(s2.angle, s.angle)
    (a, b, c), (a2, b2, c2) = reverse(s, t), reverse(s2, t2)
    torch.testing.assert_close(a2, a * on_s)
    torch.testing.assert_close(b2, b * on_s / on_t)
    torch.testing.assert_close(c2, c * on_s.square())


def test_rows_are_each_at_their_own_time():
    x = torch.randn(3, 2, 4, 5)
    alpha, sigma = linear(50).at(torch.tensor([0.0, 0.14, 1.0]), x)
    assert alpha.shape == (3, 1, 1, 1)
    assert alpha.dtype == x.dtype
    for row, t in enumerate((0.0, 0.14, 1.0)):
        torch.testing.assert_close(
            (alpha[row] * x[row], sigma[row].squeeze()), (x[row] * linear(50).at(t, x).alpha, linear(50).at(t, x).sigma)
        )
    assert broadcast(torch.tensor(2.0).double(), x).shape == ()


@pytest.mark.parametrize("steps", [1, 2, 3, 17, 999, 1000])
def test_times_fall_from_the_last_level_to_nothing(steps):
    found = times(1000, steps)
    assert len(found) == steps + 1
    assert (found[0], found[-1]) == (1, 0)
    gaps = -np.diff(np.array(found) * 1000)
    assert (gaps > 0.5).all()
    assert steps == 1 or gaps[-1] == pytest.approx(1)
    assert steps < 3 or gaps[:-1].max() - gaps[:-1].min() <= 1 + 1e-9


def test_the_last_step_may_set_out_from_a_later_level():
    assert times(100, 3, first=20) == [1.0, 0.6, 0.2, 0]
    assert times(100, 1, first=20) == [1.0, 0]
    with pytest.raises(ValueError, match="between 1 and 81"):
        times(100, 82, first=20)


@pytest.mark.parametrize("steps", [0, -3, 1001])
def test_impossible_steps_are_refused(steps):
    with pytest.raises(ValueError, match="between 1 and 1000"):
        times(1000, steps)


@pytest.mark.parametrize("name", ["cosine", "vp", "ve"])
def test_times_even_in_log_snr(name):
    found = log_snr_times(ALL[name], 9, last=0.02)
    assert (len(found), found[0], found[-1]) == (10, 1, 0)
    log_snr = ALL[name](torch.tensor(found[:-1])).log_snr.clamp(-5, 10)
    torch.testing.assert_close(log_snr.diff(), log_snr.diff().mean().expand(8), rtol=1e-5, atol=1e-6)
    assert float(log_snr[-1]) == pytest.approx(float(ALL[name](0.02).log_snr.clamp(-5, 10)), rel=1e-5)


def test_times_of_the_straight_line_leave_out_what_is_next_to_nothing():
    found = log_snr_times(Straight(), 4)  # log SNR = -5, 0, 5, 10
    assert found == pytest.approx([1.0, 0.5, 1 / (1 + math.exp(2.5)), 1 / (1 + math.exp(5)), 0.0], abs=1e-9)
    assert log_snr_times(Straight(), 1) == [1.0, 0.0]
    with pytest.raises(ValueError, match="at least 1, got 0"):
        log_snr_times(Straight(), 0)


def test_no_steps_are_taken_between_two_equal_levels():
    assert log_snr_times(cosine(20), 1, last=1.0) == [1.0, 0.0]
    with pytest.raises(ValueError, match="4 sampling steps need a schedule whose log SNR differs at t = 1 and 1; take 1 step"):
        log_snr_times(cosine(20), 4, last=1.0)
