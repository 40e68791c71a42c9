"""Flow matching against fields whose flow and density are known, and at its edges."""

import math
from dataclasses import replace

import pytest
import scipy.stats
import torch
from torch import nn

from genlab.core.model import Encodes, Interpolates, Scores
from genlab.core.moves import Now
from genlab.core.noise import BatchNoise, Noise
from genlab.core.space import Batch, Space
from genlab.models.diffusion.flow import FlowMatching, FlowMatchingConfig

PLANE = Space((2,), "D", "real", center=(1.0, -2.0), scale=(2.0, 3.0))
MANY = Space((9,), "D", "real")
GREYS = Space((1, 2, 2), "CHW", "ordinal", 5)
LABEL = Space((), "", "token", 3)
CONFIG = FlowMatchingConfig(net="mlp", width=8, depth=1, tolerance=1e-7)


class Field(nn.Module):
    """A network that is a given function of place and time."""

    def __init__(self, function):
        super().__init__()
        self.function, self.unused = function, nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, x, u, *_):
        return self.function(x, u.reshape(-1, *[1] * (x.ndim - 1)))


def with_field(function, space, **changes):
    model = FlowMatching(replace(CONFIG, **changes), space).double()
    model.net = Field(function)
    return model


def noise(n, seed=0):
    return Noise(seed, n, dtype=torch.float64)


M, S = torch.tensor([0.4, -0.1], dtype=torch.float64), torch.tensor([0.7, 1.2], dtype=torch.float64)


def to_gaussian(x, t):
    """E[x - eps | x_t] when the centred data are N(M, S^2)."""
    return M + (t * S**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * S**2) * (x - t * M)


@torch.no_grad()
def test_the_best_field_of_a_gaussian_samples_and_scores_it():
    model = with_field(to_gaussian, PLANE)
    center, scale = torch.tensor(PLANE.center).double(), torch.tensor(PLANE.scale).double()
    z = model.draw(50, noise=noise(50))
    *_, x = model.sample(50, noise=noise(50), sampling_steps=400)
    torch.testing.assert_close(x, center + scale * (M + S * z), rtol=1e-4, atol=1e-4)
    density = scipy.stats.norm((center + scale * M).numpy(), (scale * S).numpy()).logpdf(x.numpy()).sum(1)
    found = model.log_prob(Batch(x), noise=noise(50))
    torch.testing.assert_close(found.nats, torch.from_numpy(density), rtol=1e-4, atol=1e-4)
    assert (found.claim, found.how) == ("estimate", "ODE, exact divergence")
    torch.testing.assert_close(model.encode(x), z, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(model.decode(model.encode(x)), x, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_an_affine_field_has_its_exact_density_on_average_over_hutchinsons_signs():
    """dx/dt = A x + b: x_1 = e^A x_0 + (integral), and log p falls by the trace of A."""
    torch.manual_seed(0)
    A, b = 0.3 * torch.randn(9, 9, dtype=torch.float64), torch.randn(9, dtype=torch.float64)
    model = with_field(lambda x, t: x @ A.T + b, MANY)
    grown = torch.linalg.matrix_exp(A)
    mean = torch.linalg.solve(A, (grown - torch.eye(9)) @ b)
    law = torch.distributions.MultivariateNormal(mean, grown @ grown.T)
    x = law.sample((3,))
    found = model.log_prob(Batch(x.repeat(2000, 1)), noise=noise(6000))
    assert found.how == "ODE, Hutchinson"
    draws = found.nats.reshape(2000, 3)
    error = draws.std(0) / math.sqrt(2000)
    assert error.max() < 0.1
    assert ((draws.mean(0) - law.log_prob(x)).abs() < 4 * error).all()


@torch.no_grad()
@pytest.mark.parametrize("dequantization", [1.0, 0.5])
def test_dequantisation_bounds_the_probability_of_a_level(dequantization):
    """A field that stands still leaves N(0, 1): on average E log N(c) + log(width), below log of the bin's share."""
    model = with_field(lambda x, t: 0 * x, GREYS, dequantization=dequantization)
    x = torch.tensor([0, 1, 2, 4], dtype=torch.uint8).reshape(1, 1, 2, 2)
    found = model.log_prob(Batch(x.repeat(6000, 1, 1, 1)), noise=noise(6000))
    assert found.how == "ODE, exact divergence, uniform dequantisation"
    half, wanted, share = dequantization / 4, 0.0, 0.0
    for level in (-1.0, -0.5, 0.0, 1.0):
        wanted += -0.5 * math.log(2 * math.pi) - 0.5 * (level**2 + half**2 / 3) + math.log(2 * half)
        share += math.log(scipy.stats.norm.cdf(level + half) - scipy.stats.norm.cdf(level - half))
    error = float(found.nats.std()) / math.sqrt(6000)
    assert float(found.nats.mean()) == pytest.approx(wanted, abs=4 * error)
    assert wanted < share


@torch.no_grad()
def test_the_loss_is_least_where_the_field_is_the_conditional_mean():
    """At the exact field of a Gaussian the loss is the variance of the velocity that x_t leaves open."""
    n = 20_000
    x = torch.tensor(PLANE.center) + torch.tensor(PLANE.scale) * (M + S * BatchNoise(7, n).normal((2,)).double())
    losses = []
    for push in (0.0, 0.1, -0.1):
        model = with_field(lambda x, t, push=push: to_gaussian(x, t) * (1 + push), PLANE)
        losses.append(float(model.loss(Batch(x.float()), Now(0, 0.0, BatchNoise(1, n)))[0]))
    t = torch.linspace(0, 1, 2001, dtype=torch.float64)[:, None]
    left = S**2 / ((1 - t) ** 2 + t**2 * S**2)  # Var[x - eps | x_t]
    assert losses[0] == pytest.approx(float(left.mean()), rel=0.03)
    assert losses[0] < min(losses[1:])


def labelled():
    torch.manual_seed(0)
    model = FlowMatching(replace(CONFIG, tolerance=1e-3), GREYS, {"label": LABEL}).eval()
    for value in model.net.parameters():
        nn.init.normal_(value, std=0.3)
    return model


@torch.no_grad()
@pytest.mark.parametrize(("solver", "evaluations"), [("euler", 1), ("midpoint", 2), ("heun", 2), ("dpm++", 1)])
def test_frames_come_one_a_step(solver, evaluations):
    model, asked, given = labelled(), [], {"label": torch.tensor([0, 1, 2, 0, 1])}
    forward = model.net.forward
    model.net.forward = lambda *asking: asked.append(1) or forward(*asking)
    stream = model.sample(5, given, noise=Noise(0, 5), sampling_steps=4, solver=solver)
    seen = [next(stream)]
    assert asked == []
    for count, frame in enumerate(stream, 1):
        seen.append(frame)
        assert len(asked) == count * evaluations
    assert len(seen) == 5
    assert all(frame.shape == (5, 1, 2, 2) and frame.dtype == torch.uint8 and frame.max() < 5 for frame in seen)
    *_, last = model.sample(5, given, noise=Noise(0, 5), sampling_steps=4, solver=solver, frames="estimates")
    assert torch.equal(last, seen[-1])
    with pytest.raises(ValueError, match="choose euler"):
        list(model.sample(5, given, noise=Noise(0, 5), solver="rk4"))
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        list(model.sample(5, given, noise=Noise(0, 5), sampling_steps=0))


@torch.no_grad()
def test_labels_decide_samples_and_must_be_given_to_score():
    model = labelled()
    one, two = (list(model.sample(64, {"label": torch.full((64,), k)}, noise=Noise(0, 64)))[-1] for k in (0, 2))
    assert (one != two).any()
    three = list(model.sample(64, {"label": torch.full((64,), 2)}, noise=Noise(0, 64), guidance=4.0))[-1]
    assert (two != three).any()
    with pytest.raises(ValueError, match="label"):
        model.log_prob(Batch(one), noise=Noise(0, 64))
    assert model.log_prob(Batch(one, {"label": torch.zeros(64, dtype=torch.long)}), noise=Noise(0, 64)).given == ("label",)
    assert isinstance(model, Scores)
    assert isinstance(model, Encodes)
    assert isinstance(model, Interpolates)


def test_training_times_prefer_the_middle_when_asked():
    drawn = {}
    for time_sampling in ("uniform", "logit-normal"):
        seen = []
        model = with_field(lambda x, t, seen=seen: seen.append(t.flatten()) or x, PLANE, time_sampling=time_sampling)
        model.loss(Batch(torch.zeros(5000, 2)), Now(0, 0.0, BatchNoise(0, 5000)))
        drawn[time_sampling] = seen[0]
    assert float(drawn["uniform"].std()) == pytest.approx(math.sqrt(1 / 12), abs=0.01)
    assert float(drawn["logit-normal"].logit().std()) == pytest.approx(1, abs=0.04)
