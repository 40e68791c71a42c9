"""Denoising diffusion against a Gaussian, whose denoiser, error and likelihood are known, and at its edges."""

import math
from dataclasses import replace

import pytest
import scipy.stats
import torch
from torch import nn

from genlab.core.model import Interpolates, Scores
from genlab.core.moves import Now
from genlab.core.noise import BatchNoise, Noise
from genlab.core.space import Batch, Space
from genlab.maths import predictions
from genlab.maths.densities import categorical_quantile, discretised_gaussian
from genlab.maths.schedules import Level, levels, reverse
from genlab.models.diffusion.ddpm import DDPM, KNOTS, DDPMConfig, runs
from genlab.models.diffusion.flow import FlowMatching, FlowMatchingConfig
from genlab.objectives import denoising

PLANE = Space((2,), "D", "real", center=(1.0, -2.0), scale=(2.0, 3.0))
GREYS = Space((1, 4, 4), "CHW", "ordinal", 5)
BITS = Space((1, 2, 2), "CHW", "binary")
COLOURS = Space((3, 9, 13), "CHW", "ordinal", 256)
LABEL = Space((), "", "token", 3)
SMALL = DDPMConfig(net="mlp", width=8, depth=1, timesteps=KNOTS, sampling_steps=KNOTS)


def noise(n, seed=0):
    return Noise(seed, n, dtype=torch.float64)


class Exact(nn.Module):
    """v^ of the best denoiser of centred data N(m, s^2), coordinate by coordinate."""

    m, s = torch.tensor([0.4, -0.1], dtype=torch.float64), torch.tensor([0.7, 1.2], dtype=torch.float64)

    def __init__(self, schedule):
        super().__init__()
        self.schedule, self.unused = schedule, nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, x_t, u, *_):
        alpha, sigma = self.schedule.at(u, x_t)
        x_hat = self.m + alpha * self.s**2 / (alpha**2 * self.s**2 + sigma**2) * (x_t - alpha * self.m)
        return (alpha * x_t - x_hat) / sigma


def gaussian(variance="best"):
    """A DDPM whose network and account of errors are exact, with the log-density of its data."""
    model = DDPM(replace(SMALL, variance=variance), PLANE).double()
    model.net = Exact(model.schedule)
    s2 = Exact.s.square()
    level = model.schedule(levels(KNOTS))
    error = s2 / (level.alpha[:, None].square() * s2 + level.sigma[:, None].square())  # e^2 over sigma^2, a knot for every t
    model.error_sum.copy_(error.mean(1))
    model.error_weight.fill_(1)
    center, scale = torch.tensor(PLANE.center), torch.tensor(PLANE.scale)
    density = scipy.stats.norm((center + scale * Exact.m).numpy(), (scale * Exact.s).numpy())
    return model, lambda x: density.logpdf(x.numpy()).sum(1)


def repeated(model, x, times, **options):
    """Mean of the bound's log-probability over draws, and its standard error."""
    with torch.no_grad():
        found = model.log_prob(Batch(x.repeat(times, *[1] * (x.ndim - 1))), noise=noise(times * len(x)), **options).nats
    found = found.reshape(times, -1)
    return found.mean(0).numpy(), (found.std(0) / math.sqrt(times)).numpy()


@pytest.mark.parametrize("terms", [5, KNOTS])
def test_with_the_exact_denoiser_the_bound_is_nearly_the_density_in_the_users_units(terms):
    """All that is lost is that one variance serves two coordinates of different width."""
    model, density = gaussian()
    x = torch.tensor([[1.0, -2.0], [4.0, -1.5], [-1.0, -3.1]], dtype=torch.float64)
    mean, error = repeated(model, x, 3000, terms=terms)
    assert (mean <= density(x) + 4 * error).all()
    assert (mean >= density(x) - 0.12 - 4 * error).all()


@pytest.mark.parametrize("variance", ["small", "large"])
def test_hos_variances_are_looser_bounds(variance):
    model, _ = gaussian()
    other, _ = gaussian(variance)
    x = torch.tensor([[2.0, -2.0], [1.0, -1.7]], dtype=torch.float64)
    best, other = repeated(model, x, 500, sampling_steps=8)[0], repeated(other, x, 500, sampling_steps=8)[0]
    assert (other < best - 0.01).all()


def test_the_terms_of_the_bound_are_the_claims_of_their_formulas():
    model, _ = gaussian("small")
    level, x = model.schedule(levels(KNOTS)), torch.tensor([[1.5, -2.2]] * 4000, dtype=torch.float64)
    with torch.no_grad():
        costs = {name: float(cost.mean()) for name, cost in model.bound(Batch(x), noise=noise(len(x)), terms=KNOTS).items()}
    u = (x[0] - torch.tensor(PLANE.center)) / torch.tensor(PLANE.scale)
    q = torch.distributions.Normal(level.alpha[-1] * u, level.sigma[-1])
    prior = torch.distributions.kl_divergence(q, torch.distributions.Normal(torch.zeros(2).double(), 1.0)).sum()
    assert costs["L_T"] == pytest.approx(float(prior), rel=1e-6)
    # With Ho's small variance, L_t is half the fall of the signal-to-noise ratio times the squared error of x^.
    alpha, sigma, s2 = level.alpha[:, None], level.sigma[:, None], Exact.s**2
    shrink = sigma**2 / (alpha**2 * s2 + sigma**2)
    squared = (shrink * (u - Exact.m)).square() + (alpha * s2 * sigma / (alpha**2 * s2 + sigma**2)).square()
    fall = -level.snr.diff()[1:, None]
    assert costs["L_t"] == pytest.approx(float((0.5 * fall * squared[2:]).sum()), rel=0.02)


def test_bound_weights_make_the_loss_the_sum_of_the_bound():
    level = gaussian()[0].schedule(levels(KNOTS))
    weights = denoising.loss_weights("bound", "x0", level)
    a, _, c = reverse(Level(level.alpha[1:-1], level.sigma[1:-1]), Level(level.alpha[2:], level.sigma[2:]))
    x, x_hat = torch.tensor([[0.3]], dtype=torch.float64), torch.tensor([[-0.2]], dtype=torch.float64)
    steps = [float(denoising.step_cost(x, x_hat, a[i], c[i], c[i])) for i in range(len(a))]
    torch.testing.assert_close(weights[2:] / KNOTS * 0.25, torch.tensor(steps, dtype=torch.float64))


@pytest.mark.parametrize("kind", ["bound", "min-snr"])
def test_what_is_predicted_does_not_change_the_weight_of_an_error(kind):
    level = gaussian()[0].schedule(levels(KNOTS))
    torch.manual_seed(0)
    x, eps, x_hat = torch.randn(3, KNOTS, dtype=torch.float64)
    alpha, sigma = level.alpha[1:], level.sigma[1:]
    found = predictions.from_x0(x_hat, alpha * x + sigma * eps, alpha, sigma)
    losses = []
    for prediction in ("x0", "epsilon", "v", "velocity"):
        said, wanted = (predictions.target(prediction, *pair, alpha, sigma) for pair in (found, (x, eps)))
        losses.append(denoising.loss_weights(kind, prediction, level)[1:] * (said - wanted).square())
    for other in losses[1:]:
        torch.testing.assert_close(losses[0], other)


def test_odds_of_levels_and_bayes_rule_make_the_expected_level():
    torch.manual_seed(0)
    odds, x_t = torch.randn(2, 7, dtype=torch.float64)
    alpha, sigma, L = torch.tensor(0.8, dtype=torch.float64), torch.tensor(0.6, dtype=torch.float64), 5
    level = torch.linspace(-1, 1, L, dtype=torch.float64)
    joint = (
        torch.distributions.Normal(alpha * level, sigma).log_prob(x_t[:, None]).exp() * (odds[:, None] * torch.arange(L)).exp()
    )
    p = joint / joint.sum(1, keepdim=True)
    log_probs = denoising.level_log_probs(odds, x_t, alpha, sigma, L)
    torch.testing.assert_close(log_probs.exp(), p)
    torch.testing.assert_close(denoising.level_mean(log_probs), (p * level).sum(1))
    u = (torch.arange(1000) + 0.5).double() / 1000
    drawn = categorical_quantile(u.expand(7, -1), log_probs[:, None].expand(-1, 1000, -1))
    shares = torch.stack([torch.bincount(row, minlength=L) for row in drawn]) / 1000
    torch.testing.assert_close(shares.double(), p, atol=0.0011, rtol=0)
    near = denoising.level_log_probs(odds, level[[0, 1, 2, 3, 4, 0, 4]], *torch.tensor([1.0, 1e-3]).double(), L)
    torch.testing.assert_close(denoising.level_mean(near), level[[0, 1, 2, 3, 4, 0, 4]])


@pytest.mark.parametrize("extreme", [-6.0, 6.0])
def test_no_level_without_mass_is_drawn(extreme, monkeypatch):
    model = DDPM(replace(SMALL, prediction="levels", sampling_steps=2), GREYS)
    log_p = torch.tensor([0.0, 0.7, 1.1, 0.0, 0.0]).masked_fill(torch.tensor([1, 0, 0, 1, 1]).bool(), -1e4).log_softmax(0)
    monkeypatch.setattr(model, "log_levels", lambda *_: log_p.expand(3, *GREYS.shape, 5))
    monkeypatch.setattr(Noise, "normal", lambda self, shape: torch.full((len(self), *shape), extreme))
    *_, x = model.sample(3, noise=Noise(0, 3))
    assert x.unique().tolist() == [2 if extreme > 0 else 1]


def test_levels_need_levels():
    with pytest.raises(ValueError, match="only data with levels"):
        DDPM(replace(SMALL, prediction="levels"), PLANE)
    with pytest.raises(ValueError, match="noise levels"):
        DDPM(replace(SMALL, timesteps=10), PLANE)


def test_the_decoder_is_a_discretised_gaussian():
    x, x_hat, variance = torch.tensor([[0, 4], [2, 3]]), torch.tensor([[-0.9, 0.8], [0.1, 0.3]]), torch.tensor(0.04)
    wanted = -discretised_gaussian(x, x_hat, variance.sqrt().log().expand(2, 2), 5).sum(1)
    torch.testing.assert_close(denoising.decoder_cost(x, x_hat, variance, 5), wanted)


def test_runs_are_an_unbiased_choice_of_steps():
    chosen, lengths = runs(10, 4, Noise(0, 20_000))
    assert sum(lengths) == 10
    weight = torch.zeros(10)
    for column, length in zip(chosen.unbind(1), lengths, strict=True):
        weight += length * torch.bincount(column, minlength=10) / len(column)
    torch.testing.assert_close(weight, torch.ones(10), atol=0.06, rtol=0)
    chosen, lengths = runs(3, 16, Noise(0, 2))
    assert (chosen.tolist(), lengths) == ([[0, 1, 2]] * 2, [1, 1, 1])
    assert runs(0, 16, Noise(0, 2))[1] == []


def test_the_error_is_a_moving_average_between_knots():
    model = DDPM(replace(SMALL, timesteps=4 * KNOTS, sampling_steps=4), PLANE)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _ in range(1500):
            t = torch.randint(1, 4 * KNOTS + 1, (256,), generator=generator) / (4 * KNOTS)
            notes = {"t": t, "error": t + 0.3}  # a straight line comes back exactly but for the decay's memory
            model.update_error_ema(Batch(torch.zeros(256, 2)), Now(0, 0.0, BatchNoise(0, 256), notes))
    place = levels(4 * KNOTS)
    inside = slice(4, -4)  # the knots at the ends have times on one side only
    found = model.errors(place) / model.schedule(place).sigma.square()
    torch.testing.assert_close(found[inside], (place + 0.3)[inside], atol=0.003, rtol=0)


def test_the_moving_average_is_of_the_error_of_what_is_sampled():
    """Outside the range of the levels x^ is moved inside, so the average must be of the error of the moved one."""
    model = DDPM(replace(SMALL, prediction="x0"), GREYS)
    model.net = nn.Identity()
    model.net.forward = lambda x, u, *_: torch.full_like(x, 9.0)
    model.net.register_parameter("unused", nn.Parameter(torch.zeros(())))
    now = Now(0, 0.0, BatchNoise(0, 6))
    model.loss(Batch(torch.zeros(6, 1, 4, 4, dtype=torch.uint8)), now)
    sigma = model.schedule(now.notes["t"]).sigma
    torch.testing.assert_close(now.notes["error"].double(), 4 / sigma.square(), rtol=1e-5, atol=0)


def labelled(dropout=0.25):
    torch.manual_seed(0)
    model = DDPM(replace(SMALL, cond_dropout=dropout, sampling_steps=6), GREYS, {"label": LABEL}).eval()
    for value in model.net.parameters():
        nn.init.normal_(value, std=0.3)
    return model


def test_a_share_of_conditions_is_left_out_of_training():
    model, masks = labelled(), []
    forward = model.net.forward
    model.net.forward = lambda x, u, given, cond_mask: masks.append(cond_mask) or forward(x, u, given, cond_mask)
    n = 4000
    batch = Batch(torch.zeros(n, 1, 4, 4, dtype=torch.uint8), {"label": torch.arange(n) % 3})
    model.loss(batch, Now(0, 0.0, BatchNoise(0, n)))
    assert float((~masks[0]).float().mean()) == pytest.approx(0.25, abs=0.03)


@torch.no_grad()
def test_guidance_exaggerates_what_the_conditions_change():
    model, x, label = labelled(), torch.randn(3, 1, 4, 4), torch.tensor([0, 1, 2])
    u = torch.full((3,), 0.5)
    told, untold = model.net(x, u, {"label": label}), model.net(x, u, {"label": torch.full((3,), -1)})
    for w in (0.0, 1.0, 2.5):
        torch.testing.assert_close(model.denoiser({"label": label}, w).predict(x, 0.5), untold + w * (told - untold))
    assert (told - untold).abs().max() > 1e-3
    with pytest.raises(ValueError, match="cond_dropout > 0"):
        labelled(0.0).denoiser({"label": label}, 2.0)
    with pytest.raises(ValueError, match="trained without any"):
        list(DDPM(SMALL, GREYS).sample(2, noise=Noise(0, 2), guidance=2.0))


@torch.no_grad()
@pytest.mark.parametrize("sampler", ["ancestral", "ddim", "heun", "dpm++"])
@pytest.mark.parametrize("frames", ["states", "estimates"])
def test_every_frame_is_a_sample_and_comes_when_it_is_ready(sampler, frames):
    model, asked = labelled(), []
    forward = model.net.forward
    model.net.forward = lambda *given: asked.append(len(given[0])) or forward(*given)
    stream = model.sample(5, {"label": torch.tensor([0, 1, 2, 0, 1])}, noise=Noise(0, 5), sampler=sampler, frames=frames)
    seen = [next(stream)]
    assert asked == []  # the first frame is noise: no network is needed
    seen += list(stream)
    assert len(seen) == 7
    assert all(frame.shape == (5, 1, 4, 4) and frame.dtype == torch.uint8 and frame.max() < 5 for frame in seen)
    assert len(asked) == (11 if sampler == "heun" else 6)
    if frames == "estimates":  # the last is the result
        *_, last = model.sample(5, {"label": torch.tensor([0, 1, 2, 0, 1])}, noise=Noise(0, 5), sampler=sampler)
        assert torch.equal(last, seen[-1])


@torch.no_grad()
def test_decode_is_where_ddim_ends():
    model, label = labelled(), {"label": torch.tensor([0, 1, 2])}
    *_, last = model.sample(3, label, noise=Noise(4, 3), sampler="ddim")
    assert torch.equal(model.decode(model.draw(3, noise=Noise(4, 3)), label), last)
    z = model.draw(3, noise=Noise(4, 3))
    torch.testing.assert_close(model.between(z, z.flip(0), 0.0), z)


def test_samples_are_drawn_as_the_config_says_unless_asked_otherwise():
    model = DDPM(replace(SMALL, sampler="ddim"), PLANE)
    for value in model.net.parameters():
        torch.nn.init.normal_(value, std=0.3)
    *_, usual = model.sample(4, noise=Noise(0, 4))
    *_, ddim = model.sample(4, noise=Noise(0, 4), sampler="ddim")
    *_, ancestral = model.sample(4, noise=Noise(0, 4), sampler="ancestral")
    assert torch.equal(usual, ddim)
    assert not torch.allclose(usual, ancestral)


def test_labels_that_were_learnt_must_be_given():
    model, given = labelled(), {"label": torch.tensor([0, 2])}
    with pytest.raises(ValueError, match="label"):
        model.log_prob(Batch(torch.zeros(2, 1, 4, 4, dtype=torch.uint8)), noise=Noise(0, 2))
    with pytest.raises(ValueError, match="choose ancestral"):
        list(model.sample(2, given, noise=Noise(0, 2), sampler="euler"))
    with pytest.raises(ValueError, match="a share from 0 to 1, of sampler ddim only"):
        list(model.sample(2, given, noise=Noise(0, 2), eta=0.5))
    x = torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    with torch.no_grad():
        found = model.log_prob(Batch(x, {"label": torch.tensor([0, 2])}), noise=Noise(0, 2), sampling_steps=40)
    assert found.given == ("label",)
    assert isinstance(model, Scores)
    assert isinstance(model, Interpolates)


@pytest.mark.parametrize("space", [COLOURS, PLANE, BITS], ids=["colours", "plane", "bits"])
def test_it_learns_every_kind_of_space(space):
    net = "unet" if space is COLOURS else "mlp"
    model = DDPM(DDPMConfig(net=net, width=8, depth=1, timesteps=20, sampling_steps=3), space)
    x = torch.zeros(2, *space.shape, dtype=torch.float32 if space is PLANE else torch.uint8)
    now = Now(0, 0.0, BatchNoise(0, 2))
    loss, readings = model.loss(Batch(x), now)
    loss.backward()
    assert all(not value.requires_grad for value in readings.values())
    with torch.no_grad():
        *_, last = model.eval().sample(2, noise=Noise(0, 2))
        assert torch.isfinite(model.log_prob(Batch(x), noise=Noise(0, 2)).nats).all()
    assert (last.shape, last.dtype) == (x.shape, x.dtype)


def test_small_pictures_and_tokens_are_refused_with_a_remedy():
    with pytest.raises(ValueError, match="net=mlp"):
        DDPM(DDPMConfig(net="unet", width=8), BITS)
    with pytest.raises(ValueError, match="tokens"):
        DDPM(SMALL, Space((3,), "T", "token", 4))


CONDITIONS = {
    "label": (LABEL, torch.tensor([0, -1, 2])),
    "text": (Space((5,), "T", "token", 7, end=6), torch.tensor([[1, 2, 6, 6, 6], [6, 6, 6, 6, 6], [0, 1, 2, 3, 4]])),
    "source": (Space((2, 6, 5), "CHW", "ordinal", 256), torch.arange(180).reshape(3, 2, 6, 5).to(torch.uint8)),
}
WIDE = Space((1, 8, 8), "CHW", "real")


@pytest.mark.parametrize("kind", [DDPM, FlowMatching])
@pytest.mark.parametrize("net", ["unet", "mlp"])
@pytest.mark.parametrize("name", CONDITIONS)
@torch.no_grad()
def test_every_condition_changes_what_is_expected_and_guidance_takes_it_away(kind, net, name):
    config = DDPMConfig if kind is DDPM else FlowMatchingConfig
    torch.manual_seed(0)
    model = kind(config(net=net, width=8, depth=1, sampling_steps=2), WIDE, {name: CONDITIONS[name][0]}).eval()
    for value in model.parameters():
        nn.init.normal_(value, std=0.3)
    given, x = {name: CONDITIONS[name][1]}, torch.randn(3, *WIDE.shape)
    told, untold = model.denoiser(given)(x, 0.5).x, model.denoiser(given, 0.0)(x, 0.5).x
    silent = [1] if name != "source" else []  # what row 1 is given says nothing
    for row in range(3):
        assert torch.allclose(told[row], untold[row], rtol=0, atol=1e-4) == (row in silent)
    said = torch.tensor([True, True, False])
    one, other = model.predict(x, 0.5, given, said), model.predict(x, 0.5, given)
    assert torch.allclose(one[0], other[0], atol=1e-5)
    torch.testing.assert_close(one[2], model.predict(x, 0.5, {})[2], rtol=1e-4, atol=1e-5)
    *_, last = model.sample(3, given, noise=Noise(0, 3), guidance=2.0)
    assert last.shape == (3, *WIDE.shape)
    assert model.log_prob(Batch(x, given), noise=Noise(0, 3)).given == (name,)
    with pytest.raises(ValueError, match=name):
        list(model.sample(3, {}, noise=Noise(0, 3)))


def test_all_conditions_at_once_get_a_gradient():
    model = DDPM(DDPMConfig(width=8, depth=1, sampling_steps=2), WIDE, {name: space for name, (space, _) in CONDITIONS.items()})
    for value in model.parameters():
        nn.init.normal_(value, std=0.3)
    batch = Batch(torch.randn(3, *WIDE.shape), {name: value for name, (_, value) in CONDITIONS.items()})
    model.loss(batch, Now(0, 0.0, BatchNoise(0, 3)))[0].backward()
    assert all(value.grad is not None for value in model.parameters())
