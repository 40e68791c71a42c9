"""Every density against torch.distributions or scipy, against its own normalisation, and at its extremes."""

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.maths import densities as d

f64 = torch.float64
finite = st.floats(-6, 6)


def test_bernoulli_is_that_of_torch_distributions():
    logits = torch.linspace(-30, 30, 41, dtype=torch.float64)
    for x in (0, 1):
        expected = torch.distributions.Bernoulli(logits=logits).log_prob(torch.full_like(logits, x))
        torch.testing.assert_close(d.bernoulli(torch.tensor(x), logits), expected)


def test_bernoulli_in_the_tails_keeps_value_and_gradient():
    logits = torch.tensor([-1e4, 1e4], requires_grad=True)
    value = d.bernoulli(torch.tensor([1, 1]), logits)
    value.sum().backward()
    assert value.tolist() == [-1e4, 0]
    assert logits.grad is not None
    assert logits.grad.tolist() == [1, 0]


def test_categorical_is_that_of_torch_distributions_along_any_axis():
    logits = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = torch.arange(12).reshape(3, 4) % 5
    expected = torch.distributions.Categorical(logits=logits.movedim(1, -1)).log_prob(x)
    torch.testing.assert_close(d.categorical(x, logits, dim=1), expected)


@settings(deadline=None, max_examples=60)
@given(mean=st.floats(-3, 3), log_scale=st.floats(-7, 4), levels=st.integers(2, 300))
def test_discretised_logistic_sums_to_one(mean, log_scale, levels):
    mean_, log_scale_ = torch.tensor(mean, dtype=torch.float64), torch.tensor(log_scale, dtype=torch.float64)
    total = d.discretised_logistic(torch.arange(levels), mean_, log_scale_, levels).exp().sum()
    assert float(total) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("scale", [0.01, 0.3, 5.0])
def test_discretised_logistic_is_scipys_mass_between_the_edges(scale):
    levels, mean = 17, 0.21
    edges = (np.arange(1, levels) * 2 - 1) / (levels - 1) - 1
    cdf = np.concatenate([[0], scipy.stats.logistic.cdf(edges, mean, scale), [1]])
    ours = d.discretised_logistic(
        torch.arange(levels), torch.tensor(mean, dtype=f64), torch.tensor(scale, dtype=f64).log(), levels
    )
    np.testing.assert_allclose(ours.exp().numpy(), np.diff(cdf), atol=1e-14)


def test_discretised_logistic_far_in_the_tail_falls_linearly_with_a_unit_gradient():
    """log P ~ -(distance to the nearer edge)/s: where a difference of sigmoids would be log 0, in float32."""
    mean = torch.tensor(-1.0, requires_grad=True)
    log_scale = torch.tensor(-7.0)
    value = d.discretised_logistic(torch.tensor(200), mean, log_scale, 256)
    value.backward()
    edge = (200 - 0.5) * 2 / 255 - 1
    inverse = float(torch.exp(-log_scale))
    assert value.item() == pytest.approx(-(edge + 1) * inverse, rel=1e-4)
    assert mean.grad is not None
    assert float(mean.grad) == pytest.approx(inverse, rel=1e-5)


@settings(deadline=None, max_examples=30)
@given(mean=finite, log_scale=st.floats(-5, 5), x=st.floats(-20, 20))
def test_gaussian_is_scipys(mean, log_scale, x):
    args = (torch.tensor(value, dtype=torch.float64) for value in (x, mean, log_scale))
    expected = scipy.stats.norm.logpdf(x, mean, np.exp(log_scale))
    assert float(d.gaussian(*args)) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_standard_normal_integrates_to_one():
    z = torch.linspace(-12, 12, 4001, dtype=torch.float64)
    assert float(torch.trapezoid(d.standard_normal(z).exp(), z)) == pytest.approx(1, abs=1e-12)


def test_quantiles_have_the_masses_of_their_densities():
    """On an even grid of uniforms the count of every outcome is its probability, up to one grid step a boundary."""
    n = 20_000
    u = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    logits = torch.tensor([0.3, -2.0, 1.1, -9.0], dtype=torch.float64)
    drawn = d.categorical_quantile(u, logits.expand(n, 4))
    torch.testing.assert_close(torch.bincount(drawn, minlength=4).double() / n, logits.softmax(0), atol=2 / n, rtol=0)

    bits = d.bernoulli_quantile(u, logits[0])
    assert float(bits.double().mean()) == pytest.approx(float(logits[0].sigmoid()), abs=1 / n)

    mean, log_scale, levels = torch.tensor(-0.7).double(), torch.tensor(-1.5).double(), 9
    drawn = d.discretised_logistic_quantile(u, mean, log_scale, levels)
    expected = d.discretised_logistic(torch.arange(levels), mean, log_scale, levels).exp()
    torch.testing.assert_close(torch.bincount(drawn, minlength=levels).double() / n, expected, atol=2 / n, rtol=0)


def test_quantiles_at_the_ends_of_the_uniform_stay_inside():
    u = torch.tensor([0.0, 1 - 2**-24])
    logits = torch.tensor([[-100.0, 0.0, 0.1]]).expand(2, 3)
    assert d.categorical_quantile(u, logits).tolist() == [0 if float(logits[0].double().softmax(0)[0]) > 0 else 1, 2]
    assert d.discretised_logistic_quantile(u, torch.zeros(2), torch.ones(2), 5).tolist() == [0, 4]
    assert d.bernoulli_quantile(u, torch.tensor(-200.0)).tolist() == [False, False]


LARGEST = {torch.float32: 1 - 2**-24, torch.float64: 1 - 2**-53}  # the largest uniform below one


@settings(deadline=None, max_examples=150)
@given(
    masses=st.lists(st.none() | st.floats(-30, 30), min_size=2, max_size=40).filter(any),
    end=st.integers(0, 3),
    beginning=st.integers(0, 3),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    share=st.floats(0, 1),
)
def test_what_has_no_mass_is_never_drawn(masses, end, beginning, dtype, share):
    """None stands for a logit of minus infinity, as top-k, top-p and masks of vocabularies make them, also first and last."""
    masses = [None] * beginning + masses + [None] * end
    logits = torch.tensor([-torch.inf if mass is None else mass for mass in masses], dtype=dtype)
    u = torch.tensor([0.0, LARGEST[dtype], min(share, LARGEST[dtype])], dtype=dtype)
    drawn = d.categorical_quantile(u, logits.expand(3, -1))
    possible = [index for index, mass in enumerate(masses) if mass is not None]
    assert set(drawn.tolist()) <= set(possible)
    assert drawn[0] == next(index for index in possible if float(logits.double().softmax(0)[index]) > 0)


def test_the_largest_uniform_draws_no_forbidden_last_token():
    """In about a fifth of random rows the mass before the last token sums to less than 1 - 2^-53."""
    logits = torch.randn(2000, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    logits[:, -1] = -torch.inf
    assert (logits.softmax(1).cumsum(1)[:, -1] <= 1 - 2**-53).double().mean() > 0.05
    for cut in (logits, logits.movedim(1, 0)):
        drawn = d.categorical_quantile(torch.full((2000,), 1 - 2**-53, dtype=f64), cut, dim=1 if cut is logits else 0)
        assert drawn.max() == 48
        assert drawn.min() > 40  # all but the rounding of a sum lies below


def test_log_mean_exp_does_not_overflow():
    values = torch.tensor([1000.0, 1000.0 + np.log(3)], dtype=torch.float64)
    assert float(d.log_mean_exp(values, 0)) == pytest.approx(1000 + np.log(2))


def test_log1mexp_at_both_ends():
    small, large = torch.tensor(1e-10, dtype=torch.float64), torch.tensor(50.0, dtype=torch.float64)
    assert float(d.log1mexp(small)) == pytest.approx(np.log(1e-10), rel=1e-9)
    assert float(d.log1mexp(large)) == pytest.approx(0, abs=1e-16)
