"""The VAE against probabilistic PCA, where everything it bounds is known, and at the edges of its options."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor

from genlab.core.model import Encodes, Interpolates, Scores
from genlab.core.moves import Now
from genlab.core.noise import BatchNoise, Noise
from genlab.core.space import Batch, Space
from genlab.models.autoencoder.decoder_distribution import NARROWEST
from genlab.models.autoencoder.vae import VAE, VAEConfig

PLANE = Space((3,), "D", "real", center=(1.0, -2.0, 0.5), scale=(2.0, 0.5, 10.0))
GREYS = Space((1, 4, 4), "CHW", "ordinal", 5)
BITS = Space((1, 3, 2), "CHW", "binary")
LABEL = Space((), "", "token", 3)


def inverse_softplus(y: Tensor) -> Tensor:
    return y + torch.log(-torch.expm1(-y))


def linear_gaussian(draws: int = 1) -> tuple[VAE, np.ndarray, np.ndarray]:
    """A VAE without hidden layers whose encoder is the exact posterior, with the mean and covariance of its p(x).

    u = W z + c + noise of deviation s_i; the columns of W are orthogonal under 1/s^2, so the posterior is diagonal.
    """
    model = VAE(VAEConfig(latent=2, net="mlp", depth=0, scale="shared", importance_samples=draws), PLANE).double()
    s = torch.tensor([0.3, 0.5, 0.8], dtype=torch.float64)
    white = torch.linalg.qr(torch.tensor([[1.0, 0.4], [-0.7, 1.0], [0.2, 0.9]], dtype=torch.float64)).Q
    lengths = torch.tensor([2.0, 0.7], dtype=torch.float64)
    W, c = s[:, None] * white * lengths, torch.tensor([0.1, -0.2, 0.3], dtype=torch.float64)
    precision = 1 + lengths**2  # of the posterior, I + W^T S^-2 W
    to_code = (W / s[:, None] ** 2).T / precision[:, None]
    (encoder,), (decoder,) = model.encoder.net, model.decoder.net
    with torch.no_grad():
        encoder.weight.copy_(torch.cat([to_code, torch.zeros_like(to_code)]))
        log_s = -0.5 * precision.log()
        encoder.bias.copy_(torch.cat([-to_code @ c, 3 - inverse_softplus(3 - log_s)]))
        decoder.weight.copy_(W)
        decoder.bias.copy_(c)
        model.decoder_distribution.log_scale.copy_(NARROWEST + inverse_softplus(s.log() - NARROWEST))
    scale, center = np.array(PLANE.scale), np.array(PLANE.center)
    covariance = scale[:, None] * (W @ W.T + torch.diag(s**2)).numpy() * scale
    return model, center + scale * c.numpy(), covariance


def points(n: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(n, 3)) * PLANE.scale + PLANE.center)


def noise(n: int, seed: int = 0) -> Noise:
    return Noise(seed, n, dtype=torch.float64)


def now(n: int, seed: int = 0, progress: float = 0.5) -> Now:
    return Now(0, progress, BatchNoise(seed, n))


@torch.no_grad()
def test_every_importance_weight_of_the_exact_posterior_is_the_density_in_the_users_units():
    model, mean, covariance = linear_gaussian()
    x = points(20)
    expected = scipy.stats.multivariate_normal(mean, covariance).logpdf(x.numpy())
    for draws in (2, 7):
        found = model.log_prob(Batch(x), noise=noise(20), importance_samples=draws)
        np.testing.assert_allclose(found.nats.numpy(), expected, rtol=1e-9)
        assert (found.claim, found.how) == ("lower", f"IW-{draws}")


@torch.no_grad()
def test_the_elbo_with_its_analytic_kl_is_the_density_on_average_over_draws():
    model, mean, covariance = linear_gaussian()
    x = points(4)
    draws = model.log_prob(Batch(x.repeat(4000, 1)), noise=noise(16000)).nats.reshape(4000, 4)
    expected = scipy.stats.multivariate_normal(mean, covariance).logpdf(x.numpy())
    errors = (draws.mean(0).numpy() - expected) / (draws.std(0).numpy() / math.sqrt(4000))
    assert np.abs(errors).max() < 4


@torch.no_grad()
def test_samples_have_the_mean_and_covariance_of_the_density():
    model, mean, covariance = linear_gaussian()
    *_, x = model.sample(20_000, noise=noise(20_000))
    spread = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(x.mean(0).numpy() / spread, mean / spread, atol=0.03)
    np.testing.assert_allclose(np.cov(x.T.numpy()) / np.outer(spread, spread), covariance / np.outer(spread, spread), atol=0.04)
    *_, means = model.sample(2000, noise=noise(2000), sample_mean=True)
    explained = covariance - np.diag((np.array([0.3, 0.5, 0.8]) * PLANE.scale) ** 2)  # W W^T alone
    np.testing.assert_allclose(
        np.cov(means.T.numpy()) / np.outer(spread, spread), explained / np.outer(spread, spread), atol=0.08
    )


def gradients(model: VAE, loss: Tensor) -> dict[str, Tensor]:
    found = torch.autograd.grad(loss, list(model.parameters()), retain_graph=True)
    return dict(zip((name for name, _ in model.named_parameters()), found, strict=True))


def test_the_doubly_reparameterised_gradient_is_unbiased_and_leaves_the_decoder_its_own():
    """Against the plain gradient of log 1/k sum w: equal for the decoder draw by draw, for the encoder on average."""
    model, _, _ = linear_gaussian(draws=3)
    with torch.no_grad():
        model.encoder.net[0].weight.add_(0.1)  # off the optimum, where both gradients would vanish
    x = points(1).expand(4000, 3)
    batch, later = Batch(x), now(4000)
    ours = gradients(model, model.loss(batch, later)[0])
    m, log_s = model.posterior(x, {})
    eps = now(4000).noise.normal((3, 2)).double().transpose(0, 1)
    plain_loss = -(model._log_weights(batch, m + log_s.exp() * eps, m, log_s).logsumexp(0) - math.log(3))
    plain = gradients(model, plain_loss.mean())
    torch.testing.assert_close(ours["decoder.net.0.weight"], plain["decoder.net.0.weight"])
    torch.testing.assert_close(ours["decoder_distribution.log_scale"], plain["decoder_distribution.log_scale"])
    parts = [gradients(model, chunk.mean())["encoder.net.0.bias"] for chunk in plain_loss.split(400)]
    error = torch.stack(parts).std(0) / math.sqrt(len(parts))
    assert ((ours["encoder.net.0.bias"] - plain["encoder.net.0.bias"]).abs() < 5 * error).all()
    assert model.loss(batch, now(4000))[0].item() == pytest.approx(plain_loss.mean().item())


def test_beta_and_its_warmup_weigh_the_rate():
    _, (x, at) = None, (points(8).float(), now(8, progress=0.25))
    torch.manual_seed(0)
    plain = VAE(VAEConfig(latent=2, net="mlp", width=8), PLANE)
    loss, readings = plain.loss(Batch(x), at)
    assert loss.item() == pytest.approx((readings["reconstruction"] + readings["kl"]).item(), rel=1e-5)
    rising = VAE(VAEConfig(latent=2, net="mlp", width=8, beta=4.0, kl_warmup=0.5), PLANE)
    rising.load_state_dict(plain.state_dict())
    loss, readings = rising.loss(Batch(x), now(8, progress=0.25))
    assert loss.item() == pytest.approx((readings["reconstruction"] + 2.0 * readings["kl"]).item(), rel=1e-5)


@pytest.mark.parametrize("net", ["mlp", "conv"])
@pytest.mark.parametrize("space", [BITS, Space((3, 20, 31), "CHW", "ordinal", 256), Space((2, 1, 5), "CHW", "real")], ids=str)
def test_pictures_of_any_shape_and_kind_pass_through(net: str, space: Space):
    model = VAE(VAEConfig(latent=3, net=net, width=8, depth=1), space, {"label": LABEL}).eval()
    given = {"label": torch.tensor([0, 2])}
    with torch.no_grad():
        *_, x = model.sample(2, given, noise=Noise(0, 2))
        assert x.shape == (2, *space.shape)
        assert x.dtype == (torch.float32 if space.kind == "real" else torch.uint8)
        found = model.log_prob(Batch(x, given), noise=Noise(0, 2))
        assert found.nats.isfinite().all()
        assert (found.how, found.given) == ("ELBO", ("label",))
        assert model.decode(model.encode(x, given), given).shape == x.shape
    loss, _ = model.loss(Batch(x, given), now(2))
    loss.backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())


@torch.no_grad()
def test_codes_and_pictures_with_noise_are_draws_and_without_are_means():
    model = VAE(VAEConfig(latent=3, net="mlp", width=16), GREYS).eval()
    x = torch.arange(16, dtype=torch.uint8).reshape(1, 1, 4, 4) % 5
    m, log_s = model.posterior(x, {})
    torch.testing.assert_close(model.encode(x), m)
    many = model.encode(x.expand(4000, -1, -1, -1), noise=Noise(1, 4000))
    torch.testing.assert_close(many.std(0), log_s.exp()[0], rtol=0.1, atol=0)
    z = torch.zeros(4000, 3)
    drawn, likely = model.decode(z, noise=Noise(2, 4000)).float(), model.decode(z[:1]).float()
    location = (model._decoded(z[:1], {})[:, 0] + 1) * 2  # in levels
    torch.testing.assert_close(likely, location.round().clamp(0, 4))
    assert (drawn.std(0) > 0).all()


@torch.no_grad()
def test_walks_between_codes_stay_at_the_ends_radius_and_reach_them():
    model = VAE(VAEConfig(latent=8, net="mlp", width=8), GREYS)
    a, b = model.draw(2, noise=Noise(3, 2))
    a, b = a / a.norm(), b / b.norm()
    torch.testing.assert_close(model.between(a, b, 0.0), a)
    torch.testing.assert_close(model.between(a, b, 1.0), b)
    assert model.between(a, b, 0.3).norm().item() == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(model.between(a, a, 0.5), a)


def test_capabilities():
    model = VAE(VAEConfig(latent=2, net="mlp", width=8), PLANE)
    assert isinstance(model, Scores)
    assert isinstance(model, Encodes)
    assert isinstance(model, Interpolates)


def test_impossible_questions_are_refused_with_a_remedy():
    with pytest.raises(ValueError, match=r"model\.net=mlp"):
        VAE(VAEConfig(net="conv"), PLANE)
    with pytest.raises(ValueError, match="importance_samples=1"):
        VAE(VAEConfig(net="mlp", importance_samples=5, beta=2.0), PLANE)
    with pytest.raises(ValueError, match="tokens"):
        VAE(VAEConfig(net="mlp"), Space((3,), "T", "token", 4))
    model = VAE(VAEConfig(latent=2, net="mlp", width=8), BITS, {"label": LABEL})
    x = torch.zeros(1, 1, 3, 2, dtype=torch.uint8)
    with pytest.raises(ValueError, match="label"):
        model.log_prob(Batch(x), noise=Noise(0, 1))
    with pytest.raises(ValueError, match="importance_samples"):
        model.log_prob(Batch(x, {"label": torch.zeros(1, dtype=torch.long)}), noise=Noise(0, 1), importance_samples=0)


@torch.no_grad()
@pytest.mark.parametrize("net", ["mlp", "conv"])
def test_conditions_are_heard_by_encoder_and_decoder(net):
    torch.manual_seed(1)
    space = Space((1, 4, 4), "CHW", "binary")
    given = {"label": LABEL, "text": Space((3,), "T", "token", 4, end=3)}
    model = VAE(VAEConfig(latent=2, net=net, width=32), space, given).eval()
    text = torch.tensor([[0, 1, 3], [0, 1, 3], [1, 0, 3], [3, 3, 3], [0, 1, 3]])
    said = {"label": torch.tensor([0, 1, 0, 0, -1]), "text": text}
    x, z = torch.ones(5, 1, 4, 4, dtype=torch.uint8), torch.zeros(5, 2)
    for found in (model._decoded(z, said).flatten(1), model.encode(x, said)):
        for one in range(5):
            for other in range(one):
                assert not torch.allclose(found[one], found[other])
    with pytest.raises(ValueError, match="trained given label and text; text must be given"):
        model.decode(z, {"label": said["label"]})
    assert model.log_prob(Batch(x, said), noise=Noise(0, 5)).given == ("label", "text")


@pytest.mark.parametrize(
    "space",
    [
        Space((2,), "D", "real", center=(1.0, -2.0), scale=(2.0, 0.5)),
        Space((1, 2, 2), "CHW", "binary"),
        Space((1, 2, 2), "CHW", "ordinal", 5),
    ],
    ids=["real", "binary", "ordinal"],
)
def test_what_is_not_seen_changes_nothing_and_the_rest_adds_up(space: Space) -> None:
    """log p(x_seen | z) + log p(x_hidden | z) = log p(x | z), and neither bound nor code knows the hidden values."""
    torch.manual_seed(0)
    model = VAE(VAEConfig(latent=2, net="mlp", width=8, depth=1), space).double()
    shape = (3, *space.shape)
    x = (
        torch.randn(shape, dtype=torch.float64)
        if space.kind == "real"
        else torch.randint(space.levels, shape, dtype=torch.uint8)
    )
    seen = torch.zeros(shape, dtype=torch.bool)
    seen.flatten(1)[:, 0] = True
    z = torch.randn(3, 2, dtype=torch.float64)
    parts = sum(model.log_likelihood(Batch(x, seen=part), z) for part in (seen, ~seen))
    torch.testing.assert_close(parts, model.log_likelihood(Batch(x), z))
    other = torch.where(seen, x, x.flip(0) + 1 if space.kind == "real" else (x + 1) % space.levels)
    one, two = (model.log_prob(Batch(value, seen=seen), noise=Noise(0, 3)).nats for value in (x, other))
    assert torch.equal(one, two)
    assert not torch.equal(one, model.log_prob(Batch(x), noise=Noise(0, 3)).nats)
