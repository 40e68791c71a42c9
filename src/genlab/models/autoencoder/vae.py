"""Variational autoencoder: x <- p(x|z, y), z ~ N(0, I), with an encoder q(z|x, y) = N(m, s^2) that makes it trainable.

    ELBO(x) = E_q[log p(x|z, y)] - KL(q(z|x, y) || N(0, I))  <=  log p(x|y)

z = m + s eps carries the gradient through the draw; y is what is given, a label or a text, to encoder and decoder alike.
Kingma & Welling, "Auto-Encoding Variational Bayes", 2014. With `importance_samples` = k > 1 the objective is the tighter
IW-k of Burda, Grosse & Salakhutdinov, "Importance Weighted Autoencoders", 2016, the encoder's gradient in the doubly
reparameterised form of Tucker et al., "Doubly Reparameterized Gradient Estimators for Monte Carlo Objectives", 2019, whose
signal does not drown in noise as k grows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from genlab.core.model import Claim, Given, LogProb, Model
from genlab.core.moves import Descend, Draws, Now, Readings, Stage
from genlab.core.recipe import setting
from genlab.core.space import Batch, Space
from genlab.maths.densities import gaussian, standard_normal
from genlab.maths.divergences import standard_normal_kl
from genlab.maths.sphere import slerp
from genlab.models.autoencoder.decoder_distribution import DecoderDistribution
from genlab.nets.condition import Conditioning
from genlab.nets.conv import BlockConfig, ConvDecoder, ConvEncoder
from genlab.nets.mlp import MLP
from genlab.nets.units import centred
from genlab.objectives.variational import importance_weighted, negative_elbo, shares

ROWS = 1024  # decoder evaluations at once while scoring: more leave the caches


@dataclass(frozen=True)
class VAEConfig:
    latent: int = setting(32, "numbers in the code z", low=1, high=4096)
    net: Literal["mlp", "conv"] = setting("conv", "networks: multi-layer perceptrons, or convolutions (pictures only)")
    width: int = setting(64, "units of a hidden layer, or channels of the first halved grid", low=1, high=8192)
    depth: int = setting(2, "hidden layers, or residual blocks a level", low=0, high=64)
    hidden: int = setting(0, "convolutions: units of a dense layer between grid and code; 0: none", low=0, high=8192)
    coarsest: int = setting(4, "convolutions: longest side of the smallest grid, pixels", low=1, high=64)
    kernel_size: Literal[3, 4] = setting(
        3, "convolutions: side of those that halve and double; 4 doubles freely and may leave a checkerboard"
    )
    norm: bool = setting(True, "normalise inside the networks: the layers of perceptrons, groups of channels of convolutions")
    scale: Literal["entry", "shared"] = setting(
        "entry", "the decoder's scale: predicted for every entry of every example, or one learnt number an entry"
    )
    importance_samples: int = setting(
        1, "codes drawn for an example while training: 1 is the ELBO, k the tighter IW-k", low=1, high=1000
    )
    beta: float = setting(1.0, "weight of the KL", low=0, high=1000)
    kl_warmup: float = setting(0.0, "share of the stage over which beta rises from 0 to its value", low=0, high=1)
    free_bits: float = setting(0.0, "nats of KL that each latent coordinate may cost for free", low=0, high=100)
    dropout: float = setting(0.0, "share of hidden units (channels) left out while training", low=0, high=0.9)
    sample_mean: bool = setting(
        False, "samples are the decoder's means, which look smooth, instead of draws, which is what is scored"
    )


class VAE(Model):
    """Latents (B, latent), real, a priori standard normal."""

    uses: ClassVar[tuple[str, ...]] = ("label", "text")
    claim: ClassVar[Claim] = "lower"
    missing: ClassVar[bool] = True

    def __init__(self, config: VAEConfig, space: Space, given: dict[str, Space] | None = None):
        super().__init__(space, given)
        if config.net == "conv" and not space.picture:
            raise ValueError(f"convolutions need pictures, not {space.axes!r} of shape {space.shape}: --set model.net=mlp")
        if config.importance_samples > 1 and (config.beta != 1 or config.free_bits > 0 or config.kl_warmup > 0):
            raise ValueError("beta, kl_warmup and free_bits belong to the ELBO: leave them alone, or set importance_samples=1")
        self.config = config
        cond = min(config.width, 64) if self.given else 0
        self.cond_in, self.cond_out = (conditioning(self.given, cond, config.latent) for _ in range(2))
        self.decoder_distribution = DecoderDistribution(space, config.scale)
        self.encoder = Encoder(config, space, cond)
        self.decoder = Decoder(config, space, cond, self.decoder_distribution.parameters_per_entry)

    # --- training ----------------------------------------------------------------------------------------------------

    def stages(self) -> Iterator[Stage]:
        yield Stage("fit", [Descend("elbo", [self], self.loss)])

    def loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        """Minus the bound, nats an example."""
        k = self.config.importance_samples
        m, log_s = self.posterior(batch.x, batch.given, batch.seen)
        eps = now.noise.normal((k, self.config.latent)).to(m.dtype).transpose(0, 1)  # (k, B, latent)
        if k > 1:
            return self._importance_weighted_loss(batch, m, log_s, eps)
        log_likelihood = self.log_likelihood(batch, m + log_s.exp() * eps[0])
        kl = standard_normal_kl(m, log_s)
        beta = self.config.beta * min(1.0, now.progress / self.config.kl_warmup if self.config.kl_warmup else 1.0)
        loss = negative_elbo(log_likelihood, kl, beta, self.config.free_bits, now.mean)
        return loss, {"reconstruction": -log_likelihood.mean(), "kl": kl.sum(1).mean()}

    def _importance_weighted_loss(self, batch: Batch, m: Tensor, log_s: Tensor, eps: Tensor) -> tuple[Tensor, Readings]:
        z = m + log_s.exp() * eps
        # Tucker et al., eq. 8: log q is held still, so the encoder learns through z alone ...
        log_w = self._log_weights(batch, z, m.detach(), log_s.detach())
        w = shares(log_w)
        if z.requires_grad:
            z.register_hook(lambda gradient: w.unsqueeze(-1) * gradient)  # ... with w^2, while the decoder keeps w
        surrogate = -(w * log_w).sum(0).mean()
        value = -importance_weighted(log_w.detach()).mean()
        return value + surrogate - surrogate.detach(), {"effective samples": (1 / w.square().sum(0)).mean()}

    # --- the three distributions -------------------------------------------------------------------------------------

    def posterior(self, x: Tensor, given: Given, seen: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation of q(z|x, y), each (B, latent).

        Entries of x that are not seen are 0: Mattei & Frellsen, "MIWAE: Deep Generative Modelling and Imputation of Incomplete
        Data Sets", 2019.
        """
        u = centred(x, self.space).to(self._dtype)
        u = u if seen is None else u * seen
        return self.encoder(u, self._cond(self.cond_in, given, len(x)))

    def log_likelihood(self, batch: Batch, z: Tensor) -> Tensor:
        """log p(x|z, y), nats, of the entries that are seen: z (*, B, latent) -> (*, B)."""
        return self.decoder_distribution.log_prob(batch.x, self._decoded(z, batch.given), batch.seen)

    def _log_weights(self, batch: Batch, z: Tensor, m: Tensor, log_s: Tensor) -> Tensor:
        """log w = log p(x|z) + log p(z) - log q(z|x): z (k, B, latent) -> (k, B)."""
        prior_over_posterior = (standard_normal(z) - gaussian(z, m, log_s)).sum(-1)
        return self.log_likelihood(batch, z) + prior_over_posterior

    def _decoded(self, z: Tensor, given: Given) -> Tensor:
        """The parameters of p(x|z, y): z (*, B, latent) -> (*, B, parameters, *shape)."""
        *lead, count, _ = z.shape
        c = self._cond(self.cond_out, given, count)
        if c is not None:
            c = c.expand(*lead, count, -1).flatten(0, -2)
        return self.decoder(z.flatten(0, -2), c).unflatten(0, (*lead, count))

    # --- scoring -----------------------------------------------------------------------------------------------------

    def log_prob(self, batch: Batch, *, noise: Draws, importance_samples: int | None = None) -> LogProb:
        """The ELBO from one draw of z an example, or with `importance_samples` = k > 1 the tighter IW-k; (B,) nats.

        Unset, it is the bound the model was trained on: an encoder that learnt to be one of k proposals is poor alone.
        """
        k = self.config.importance_samples if importance_samples is None else importance_samples
        if k < 1:
            raise ValueError(f"importance_samples must be at least 1, got {k}")
        m, log_s = self.posterior(batch.x, batch.given, batch.seen)
        if k == 1:
            z = m + log_s.exp() * noise.normal((self.config.latent,)).to(m.dtype)
            nats = self.log_likelihood(batch, z) - standard_normal_kl(m, log_s).sum(1)
            return LogProb(nats, "lower", "ELBO", tuple(self.given))
        at_once = max(1, ROWS // len(batch.x))
        parts = []
        for start in range(0, k, at_once):
            eps = noise.normal((min(at_once, k - start), self.config.latent)).to(m.dtype).transpose(0, 1)
            parts.append(self._log_weights(batch, m + log_s.exp() * eps, m, log_s))
        return LogProb(importance_weighted(torch.cat(parts)), "lower", f"IW-{k}", tuple(self.given))

    # --- sampling and latents ----------------------------------------------------------------------------------------

    def sample(self, n: int, given: Given | None = None, *, noise: Draws, sample_mean: bool | None = None) -> Iterator[Tensor]:
        """One frame (n, *shape). sample_mean=False draws from p(x|z), as `log_prob` assumes; True takes its mean.

        Unset, it is the config's. Both use the same codes for the same noise.
        """
        z = self.draw(n, noise=noise)
        yield self.decode(z, given, noise=None if (self.config.sample_mean if sample_mean is None else sample_mean) else noise)

    def draw(self, n: int, *, noise: Draws) -> Tensor:
        """n codes from the prior, (n, latent)."""
        assert n == len(noise)
        return noise.normal((self.config.latent,)).to(self._dtype)

    def encode(self, x: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor:
        """The mean of q(z|x, y), or with noise a draw of it: (B, *shape) -> (B, latent)."""
        m, log_s = self.posterior(x, given or {})
        return m if noise is None else m + log_s.exp() * noise.normal((self.config.latent,)).to(m.dtype)

    def decode(self, z: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor:
        """The mean of p(x|z, y) in the data's units (bits: the likelier one), or with noise a draw of it."""
        h = self._decoded(z.to(self._dtype), given or {})
        if noise is None:
            return self.decoder_distribution.mean(h)
        source = noise.normal if self.space.kind == "real" else noise.uniform
        return self.decoder_distribution.draw(h, source(self.space.shape).to(h.dtype))

    def between(self, a: Tensor, b: Tensor, share: float) -> Tensor:
        """A point on the great circle from a to b, so that it is as likely a code as its ends."""
        return slerp(a, b, share)

    def _cond(self, conditioning: Conditioning | None, given: Given, n: int) -> Tensor | None:
        return None if conditioning is None else conditioning.vector(self.conditioned(given), n)

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.decoder.parameters()).dtype


class Encoder(nn.Module):
    """Centred example and condition -> mean and log standard deviation of q, each (B, latent)."""

    def __init__(self, config: VAEConfig, space: Space, cond: int):
        super().__init__()
        self.conv = config.net == "conv"
        if self.conv:
            self.net = ConvEncoder(space.shape, 2 * config.latent, *convolutional(config, cond))
        else:
            self.net = perceptron(space.size + cond, 2 * config.latent, config)

    def forward(self, u: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        h = self.net(u, c) if self.conv else self.net(with_condition(u.flatten(1), c))
        m, raw = (h if h.dtype == torch.float64 else h.float()).chunk(2, 1)
        # Straight near 0 and never above 3: a wild first step must not overflow exp.
        return m, 3 - nn.functional.softplus(3 - raw)


class Decoder(nn.Module):
    """Code and condition -> parameters of p(x|z), (B, parameters, *shape)."""

    def __init__(self, config: VAEConfig, space: Space, cond: int, parameters: int):
        super().__init__()
        self.conv, self.out = config.net == "conv", (parameters, *space.shape)
        if self.conv:
            channels, height, width = space.shape
            self.net = ConvDecoder(config.latent, (parameters * channels, height, width), *convolutional(config, cond))
        else:
            self.net = perceptron(config.latent + cond, math.prod(self.out), config)

    def forward(self, z: Tensor, c: Tensor | None) -> Tensor:
        h = self.net(z, c) if self.conv else self.net(with_condition(z, c))
        return h.reshape(len(z), *self.out)


def conditioning(given: Mapping[str, Space], width: int, latent: int) -> Conditioning | None:
    """Vectors of about a code's length: beside a longer code they have no effect for thousands of steps, and vice versa."""
    return Conditioning(given, width, scale=(latent / width) ** 0.5) if given else None


def convolutional(config: VAEConfig, cond: int) -> tuple[int, int, BlockConfig, int, int]:
    """The arguments that `ConvEncoder` and `ConvDecoder` share: base, depth, block, hidden and coarsest."""
    block = BlockConfig("group" if config.norm else "none", cond, config.dropout, config.kernel_size)
    return config.width, config.depth, block, config.hidden, config.coarsest


def perceptron(inputs: int, outputs: int, config: VAEConfig) -> MLP:
    sizes = [inputs, *[config.width] * config.depth, outputs]
    return MLP(sizes, norm="layer" if config.norm else "none", dropout=config.dropout)


def with_condition(x: Tensor, c: Tensor | None) -> Tensor:
    """x (B, N) and a condition's vector (B, cond), if there is one, side by side."""
    return x if c is None else torch.cat([x, c], 1)
