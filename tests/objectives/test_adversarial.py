"""At the best discriminator every value is a known divergence, and no other discriminator does better."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genlab.objectives.adversarial import LOSSES

Counts = st.lists(st.integers(1, 9), min_size=4, max_size=4)


def best(name: str, p: Tensor, q: Tensor) -> Tensor:
    """The optimal discriminator's scores on the four points of two distributions."""
    return {
        "minimax": (p / q).log(),
        "nonsaturating": (p / q).log(),
        "least-squares": p / (p + q),
        "hinge": torch.where(p > q, 1.0, -1.0).double(),
    }[name]


def divergence(name: str, p: Tensor, q: Tensor) -> Tensor:
    m = (p + q) / 2
    js = ((p * (p / m).log()).sum() + (q * (q / m).log()).sum()) / 2
    return {
        "minimax": math.log(4) - 2 * js,
        "nonsaturating": math.log(4) - 2 * js,
        "least-squares": 0.5 * (p * q / (p + q)).sum(),
        "hinge": 2 - (p - q).abs().sum(),  # 2 - 2 TV
    }[name]


def loss(name: str, d: Tensor, p: Counts, q: Counts) -> Tensor:
    """The discriminator's loss on samples that hit point k p[k] and q[k] times."""
    return LOSSES[name].discriminator(d.repeat_interleave(torch.tensor(p)), d.repeat_interleave(torch.tensor(q)), 1.0)


@pytest.mark.parametrize("name", ["minimax", "nonsaturating", "least-squares", "hinge"])
@settings(max_examples=25, deadline=None)
@given(p=Counts, q=Counts, seed=st.integers(0, 999))
def test_the_best_discriminator_measures_its_divergence(name, p, q, seed):
    p_hat, q_hat = (torch.tensor(counts, dtype=torch.float64) / sum(counts) for counts in (p, q))
    d = best(name, p_hat, q_hat)
    value = loss(name, d, p, q)
    torch.testing.assert_close(value, divergence(name, p_hat, q_hat), atol=1e-12, rtol=1e-12)
    other = d + torch.randn(4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    assert loss(name, other, p, q) >= value - 1e-12


def test_minimax_is_minus_log_four_when_the_distributions_agree():
    blind = torch.zeros(5, dtype=torch.float64)
    assert -LOSSES["minimax"].discriminator(blind, blind, 1.0) == pytest.approx(-math.log(4))


@pytest.mark.parametrize("name", ["wasserstein", "wasserstein-gp"])
def test_wasserstein_of_shifted_points_is_the_shift(name):
    x = torch.randn(50, dtype=torch.float64)
    # W1 between a sample and its copy moved by 3 is 3, and D(x) = -x is a 1-Lipschitz critic that attains it
    assert -LOSSES[name].discriminator(-x, -(x + 3), 1.0) == pytest.approx(3)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_the_generator_wants_higher_scores(name):
    fake = torch.randn(20, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(LOSSES[name].generator(torch.zeros_like(fake), fake), fake)
    below = fake < 1 if name == "least-squares" else torch.ones_like(fake, dtype=torch.bool)
    assert (gradient[below] < 0).all()


def test_nonsaturating_has_the_slope_minimax_lacks():
    sure = torch.full((1,), -12.0, dtype=torch.float64, requires_grad=True)
    slopes = [torch.autograd.grad(LOSSES[name].generator(sure, sure), sure)[0] for name in ("minimax", "nonsaturating")]
    torch.testing.assert_close(slopes[0], -torch.sigmoid(sure))
    torch.testing.assert_close(slopes[1], -torch.sigmoid(-sure))


@pytest.mark.parametrize("target", [0.7, 0.9])
def test_label_smoothing_moves_the_best_score_to_its_target(target):
    """Where only real examples fall, the best logistic score is `target` instead of 1 (Salimans et al., section 3.4)."""
    r = torch.linspace(-6, 6, 2401, dtype=torch.float64)
    nothing = torch.full((1,), -50.0, dtype=torch.float64)
    losses = torch.stack([LOSSES["nonsaturating"].discriminator(score[None], nothing, target) for score in r])
    assert torch.sigmoid(r[losses.argmin()]) == pytest.approx(target, abs=2e-3)


def test_relativistic_pairs_by_difference_alone():
    real, fake = torch.randn(2, 30, dtype=torch.float64)
    loss = LOSSES["relativistic"]
    torch.testing.assert_close(loss.discriminator(real + 7, fake + 7, 1.0), loss.discriminator(real, fake, 1.0))
    assert loss.discriminator(real, real, 1.0) == pytest.approx(math.log(2))


@pytest.mark.parametrize("name", ["minimax", "nonsaturating", "least-squares", "hinge"])
@settings(max_examples=25, deadline=None)
@given(p=Counts, q=Counts)
def test_the_best_discriminator_is_as_accurate_as_total_variation_allows(name, p, q):
    """The best classifier of real and generated examples gets (1 + TV)/2 right."""
    p_hat, q_hat = (torch.tensor(counts, dtype=torch.float64) / sum(counts) for counts in (p, q))
    d = torch.where(p_hat == q_hat, -1, best(name, p_hat, q_hat))  # what is as likely in both is called generated
    real, fake = d.repeat_interleave(torch.tensor(p)), d.repeat_interleave(torch.tensor(q))
    accuracy = LOSSES[name].accuracy
    assert accuracy is not None
    assert accuracy(real, fake) == pytest.approx((1 + float((p_hat - q_hat).abs().sum()) / 2) / 2)


def test_only_scores_that_classify_have_an_accuracy():
    """Wasserstein scores have no origin, so they do not classify; nor have relativistic ones, but pairs can be ranked."""
    real, fake = torch.randn(2, 200, dtype=torch.float64)
    for name, loss in LOSSES.items():
        assert (loss.accuracy is None) == name.startswith("wasserstein")
    paired = LOSSES["relativistic"].accuracy
    assert paired is not None
    assert paired(real + 7, fake + 7) == paired(real, fake) == pytest.approx(0.5, abs=0.15)
    assert paired(real + 9, fake) == 1
    assert paired(fake - 9, fake) == 0
