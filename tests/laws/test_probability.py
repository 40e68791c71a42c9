"""Laws 1 to 3: normalised, samples agree with log_prob, the floor is reached."""

from __future__ import annotations

import inspect
import math

import pytest
import torch

from genlab.core.noise import Noise
from tests.laws.tiny import CASES, LONGER, Case, claim, drawn, every, frequencies, labels_of, log_probs, trained

DISCRETE = [case for case in CASES if case.place != "plane"]
EXACT = [case for case in DISCRETE if claim(case) == "exact"]
LOWER = [case for case in DISCRETE if claim(case) == "lower"]
DRAWS = 1000
SAMPLES = 20_000


@pytest.mark.parametrize("case", EXACT, ids=str)
def test_exact_probabilities_sum_to_one(case: Case) -> None:
    for label in labels_of(case):
        total = log_probs(trained(case), every(case.data.space), label).exp().sum().item()
        assert total == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("case", LOWER, ids=str)
def test_bounds_sum_to_at_most_one(case: Case) -> None:
    for label in labels_of(case):
        draws = log_probs(trained(case), every(case.data.space), label, DRAWS)  # (draws, N)
        means, errors = draws.mean(0), draws.std(0) / math.sqrt(DRAWS)
        error = (means.exp() * errors).square().sum().sqrt().item()
        assert means.exp().sum().item() <= 1 + 3 * error


@pytest.mark.parametrize("case", LOWER, ids=str)
def test_importance_weighted_probabilities_sum_to_one(case: Case) -> None:
    """E exp(IW-k) = p(x) for every k, so these are unbiased estimates whose sum is one."""
    model = trained(case)
    if "importance_samples" not in inspect.signature(model.log_prob).parameters:
        pytest.skip("has no importance-weighted bound")
    for label in labels_of(case):
        draws = log_probs(model, every(case.data.space), label, DRAWS, importance_samples=8).exp().sum(1)
        assert draws.mean().item() == pytest.approx(1, abs=3 * draws.std().item() / math.sqrt(DRAWS))


@pytest.mark.parametrize("case", EXACT, ids=str)
def test_samples_are_as_frequent_as_log_prob_says(case: Case) -> None:
    x = every(case.data.space)
    for label in labels_of(case):
        p = log_probs(trained(case), x, label)[0].exp()
        seen = frequencies(drawn(trained(case), SAMPLES, label), x)
        usual = p * SAMPLES >= 5  # Pearson's statistic is chi-square where counts are not tiny; the rest is one class
        expected = torch.cat([p[usual], p[~usual].sum()[None]]) * SAMPLES
        found = torch.cat([seen[usual], seen[~usual].sum()[None]]) * SAMPLES
        expected, found = (expected[:-1], found[:-1]) if expected[-1] < 5 else (expected, found)
        statistic, freedom = ((found - expected).square() / expected).sum().item(), len(expected) - 1
        assert statistic < freedom + 5 * math.sqrt(2 * freedom), f"chi-square {statistic:.0f} with {freedom} degrees of freedom"


@pytest.mark.parametrize("case", LOWER, ids=str)
def test_bounds_lie_below_the_frequency_of_samples(case: Case) -> None:
    x = every(case.data.space)
    for label in labels_of(case):
        draws = log_probs(trained(case), x, label, DRAWS)
        bound, error = draws.mean(0), draws.std(0) / math.sqrt(DRAWS)
        seen = frequencies(drawn(trained(case), SAMPLES, label), x)
        common = seen * SAMPLES >= 20  # the logarithm of a frequency is only then normal
        spread = ((1 - seen) / (seen * SAMPLES)).sqrt()
        excess = bound - seen.log() - 3 * (error.square() + spread.square()).sqrt()
        assert (excess[common] <= 0).all(), f"bound above the model's own frequency by {excess[common].max():.3f} nats"
        gap = (seen[common] * (seen.log() - bound)[common]).sum().item()
        assert gap <= 1, f"the bound is {gap:.2f} nats loose"


@pytest.mark.parametrize("case", [case for case in CASES if claim(case) != "none"], ids=str)
def test_the_floor_of_a_known_source_is_reached(case: Case) -> None:
    """Mean negative log-likelihood lies between the source's entropy and a little above it."""
    data = case.data
    batch = data.stream("test", 0, 4000)
    model = trained(case)  # before gradients are off: the first to ask trains it
    with torch.no_grad():
        found = model.log_prob(batch, noise=Noise(11, len(batch.x)))
    nats = -found.nats.double().mean().item()
    error = found.nats.double().std().item() / math.sqrt(len(batch.x))
    slack = {"exact": 0.12 if case.name in LONGER else 0.06, "lower": 0.5, "estimate": 0.6}[found.claim]
    assert nats >= data.entropy - 4 * error, f"{nats:.3f} nats: less than the entropy {data.entropy:.3f} is impossible"
    assert nats <= data.entropy + slack, f"{nats:.3f} nats, the source has {data.entropy:.3f}"
