"""Closed forms against torch.distributions, where they vanish, and where rounding bites."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Categorical, Normal, kl_divergence

from genlab.maths.divergences import categorical_kl, gaussian_kl, standard_normal_kl

location, log_scale = st.floats(-5, 5), st.floats(-4, 4)


def double(*values):
    return [torch.tensor(value, dtype=torch.float64) for value in values]


@settings(deadline=None, max_examples=50)
@given(location, log_scale, location, log_scale)
def test_gaussian_kl_is_that_of_torch_distributions(mean_q, log_q, mean_p, log_p):
    mean_q, log_q, mean_p, log_p = double(mean_q, log_q, mean_p, log_p)
    expected = kl_divergence(Normal(mean_q, log_q.exp()), Normal(mean_p, log_p.exp()))
    torch.testing.assert_close(gaussian_kl(mean_q, log_q, mean_p, log_p), expected, rtol=1e-9, atol=1e-9)
    against_standard = gaussian_kl(mean_q, log_q, torch.zeros_like(mean_q), torch.zeros_like(mean_q))
    torch.testing.assert_close(standard_normal_kl(mean_q, log_q), against_standard)


def test_gaussian_kl_of_near_neighbours_keeps_its_digits_in_float32():
    """KL(N(0, e^r) || N(0, 1)) = r^2 + 2r^3/3 + ...: subtracting 1 from e^(2r) would leave nothing of it."""
    for r in (1e-3, 3e-4, 1e-4):
        assert standard_normal_kl(torch.tensor(0.0), torch.tensor(r)).item() == pytest.approx(r**2 + 2 * r**3 / 3, rel=1e-2)


def test_categorical_kl_is_that_of_torch_distributions_and_survives_impossible_categories():
    generator = torch.Generator().manual_seed(0)
    q, p = (torch.randn(6, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    torch.testing.assert_close(categorical_kl(q, p), kl_divergence(Categorical(logits=q), Categorical(logits=p)))
    torch.testing.assert_close(categorical_kl(q.T, p.T, dim=0), categorical_kl(q, p))
    never = torch.tensor([0.0, 0.0, -torch.inf], dtype=torch.float64)
    assert categorical_kl(never, torch.zeros(3, dtype=torch.float64)).item() == pytest.approx(torch.tensor(1.5).log().item())
