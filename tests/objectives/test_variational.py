"""The bounds against a model with one binary latent, where log p(x) is a sum of two terms; the floor of free bits."""

import math

import pytest
import torch

from genlab.objectives.variational import importance_weighted, negative_elbo, shares

PRIOR, POSTERIOR = torch.tensor([0.3, 0.7], dtype=torch.float64), torch.tensor([0.6, 0.4], dtype=torch.float64)
LIKELIHOOD = torch.tensor([0.05, 0.9], dtype=torch.float64)  # p(x | z)
LOG_W = (LIKELIHOOD * PRIOR / POSTERIOR).log()


def expected_bound(k: int) -> float:
    """E IW-k, by summing over all k draws of z from the posterior."""
    codes = torch.cartesian_prod(*[torch.arange(2)] * k).reshape(-1, k)
    return float((POSTERIOR[codes].prod(1) * importance_weighted(LOG_W[codes].T)).sum())


def test_bounds_rise_from_the_elbo_towards_the_log_likelihood():
    log_p = float((PRIOR * LIKELIHOOD).sum().log())
    kl = (POSTERIOR * (POSTERIOR / PRIOR).log()).sum()
    elbo = -negative_elbo((POSTERIOR * LIKELIHOOD.log()).sum()[None], kl.reshape(1, 1)).item()
    bounds = [expected_bound(k) for k in (1, 2, 4, 12)]
    assert bounds[0] == pytest.approx(elbo)
    assert bounds == sorted(bounds)
    assert bounds[-1] < log_p
    assert log_p - bounds[-1] < 0.1 * (log_p - elbo)


def test_averaged_weights_are_unbiased_for_any_number_of_draws():
    for k in (1, 3):
        codes = torch.cartesian_prod(*[torch.arange(2)] * k).reshape(-1, k)
        mean = (POSTERIOR[codes].prod(1) * importance_weighted(LOG_W[codes].T).exp()).sum()
        assert mean.item() == pytest.approx((PRIOR * LIKELIHOOD).sum().item())


def test_free_bits_are_about_the_mean_over_the_whole_batch_and_stop_the_gradient_below_the_floor():
    kl = torch.tensor([[0.1, 2.0], [0.3, 4.0]], requires_grad=True)  # means 0.2 and 3
    loss = negative_elbo(torch.zeros(2), kl, beta=2.0, free_bits=0.5)
    assert loss.item() == pytest.approx(2 * (0.5 + 3.0))
    loss.backward()
    assert kl.grad is not None
    assert kl.grad.tolist() == [[0, 1], [0, 1]]
    elsewhere = torch.tensor([1.4, 3.0])  # another process: together the first latent costs 0.8, above the floor
    loss = negative_elbo(torch.zeros(2), kl, free_bits=0.5, mean=lambda value: (value + elsewhere) / 2 if value.ndim else value)
    assert loss.item() == pytest.approx(0.8 + 3.0)


def test_shares_sum_to_one_and_carry_no_gradient():
    log_w = torch.tensor([[1000.0, 0.0], [1000.0 + math.log(3), 0.0]], requires_grad=True)
    w = shares(log_w)
    assert not w.requires_grad
    torch.testing.assert_close(w, torch.tensor([[0.25, 0.5], [0.75, 0.5]]))
