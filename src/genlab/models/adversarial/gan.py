"""Generative adversarial network: x = G(z, y) with z ~ N(0, I), learnt against a discriminator D(x, y).

The variables are one latent and one example; every variant here changes a formula, so it is a value in the config: the two
losses (`objectives.adversarial`), what keeps the discriminator smooth (`objectives.penalties`, spectral norm), label smoothing
and instance noise. There is no likelihood: G's samples fill a set of dimension at most that of z.

Pictures have levels, a network's output has none. Training happens on the continuum [-1, 1], where level k of L is
2k/(L-1) - 1 and G ends in tanh; samples are rounded to levels. The discriminator sees real and generated pictures with uniform
noise as wide as one level, so that generated ones do not stand out by lying between levels: the densities with noise agree
exactly where those without do, and G's optimum still lies on the levels.

Goodfellow et al., "Generative Adversarial Nets", 2014; R1: Mescheder et al., "Which Training Methods for GANs do actually
Converge?", 2018; instance noise: Sønderby et al., "Amortised MAP Inference for Image Super-resolution", 2017.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from genlab.core.model import Given, Model
from genlab.core.moves import Apply, Descend, Draws, Now, Readings, Stage
from genlab.core.recipe import setting
from genlab.core.space import Batch, Space
from genlab.maths.sphere import slerp
from genlab.nets.condition import repeated
from genlab.nets.dcgan import Discriminator, Generator
from genlab.nets.discriminator import spectrally_normal
from genlab.nets.flat_gan import FlatDiscriminator, FlatGenerator
from genlab.nets.units import centred, restored
from genlab.objectives.adversarial import LOSSES
from genlab.objectives.augmentation import augmented
from genlab.objectives.penalties import between, clip_weights, unit_slope, zero_slope

SMALLEST_PICTURE = 8  # shorter side, pixels; smaller ones are vectors


@dataclass(frozen=True)
class GANConfig:
    loss: Literal["minimax", "nonsaturating", "least-squares", "hinge", "wasserstein", "wasserstein-gp", "relativistic"] = (
        setting("nonsaturating", "losses of the discriminator and the generator")
    )
    r1: float = setting(1.0, "weight of the squared slope at real examples; wasserstein losses ignore it", low=0, high=1e4)
    r1_every: int = setting(
        1, "discriminator steps for each step of the r1 penalty, which then counts so many times", low=1, high=100
    )
    r2: float = setting(0.0, "the same at generated examples", low=0, high=1e4)
    gradient_penalty: float = setting(10.0, "wasserstein-gp: weight of the penalty on slopes other than 1", low=0, high=1e4)
    weight_clip: float = setting(0.01, "wasserstein: largest absolute weight of the discriminator", low=1e-6, high=10)
    label_smoothing: float = setting(0.0, "one-sided: how far the target of real examples is below 1", low=0, high=0.5)
    instance_noise: float = setting(
        0.0, "deviation at the start, in units where the data span about [-1, 1]; falls to 0", low=0, high=10
    )
    augment: bool = setting(False, "pictures: change what the discriminator sees, real and generated, at random")
    discriminator_steps: int = setting(1, "discriminator steps for each generator step", low=1, high=100)
    latent: int = setting(32, "size of z", low=1, high=4096)
    width: int = setting(32, "units of a hidden layer; channels of the finest grid", low=1, high=4096)
    conditioning: Literal["embedding", "norm"] = setting(
        "embedding", "where conditions enter a picture generator: beside z or by its norms"
    )
    spectral_norm: bool = setting(False, "spectral normalisation of the discriminator")


class GAN(Model):
    """Points, vectors and pictures of any size, given labels or texts or nothing. Interpolates, does not score."""

    uses: ClassVar[tuple[str, ...]] = ("label", "text")

    def __init__(self, config: GANConfig, space: Space, given: Mapping[str, Space] | None = None):
        super().__init__(space, given)
        self.config, self.losses = config, LOSSES[config.loss]
        if config.label_smoothing and not self.losses.smooths:
            raise ValueError(f"label smoothing means nothing to the loss {config.loss}; set model.label_smoothing=0")
        self.generator, discriminator = networks(config, space, self.given)
        self.discriminator = spectrally_normal(discriminator) if config.spectral_norm else discriminator

    def stages(self) -> Iterator[Stage]:
        config, lipschitz = self.config, self.config.loss.startswith("wasserstein")
        discriminator = Descend("discriminator", [self.discriminator], self._discriminator_loss)
        lazy = config.r1 > 0 and config.r1_every > 1 and not lipschitz
        penalty = Descend("r1", [self.discriminator], self._r1_loss, every=config.r1_every, optimiser="discriminator")
        weight_clip = [Apply("weight_clip", [self.discriminator], self._clip)] if self.config.loss == "wasserstein" else []
        generator = Descend("generator", [self.generator], self._generator_loss, every=self.config.discriminator_steps)
        yield Stage("game", [discriminator, *([penalty] if lazy else []), *weight_clip, generator])

    # --- the game ----------------------------------------------------------------------------------------------------

    def _discriminator_loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        real, given = self._real(batch, now), self.conditioned(batch.given)
        with torch.no_grad():
            fake = self._fake(given, now)
        lipschitz = self.config.loss.startswith("wasserstein")
        real.requires_grad_(self.config.r1 > 0 and self.config.r1_every == 1 and not lipschitz)
        fake.requires_grad_(self.config.r2 > 0 and not lipschitz)
        r, f = self.discriminator(torch.cat([real, fake]), repeated(given, 2)).chunk(2)
        loss = self.losses.discriminator(r, f, 1 - self.config.label_smoothing)
        penalty = torch.zeros_like(loss)
        if real.requires_grad:
            penalty = penalty + self.config.r1 * zero_slope(r, real)
        if fake.requires_grad:
            penalty = penalty + self.config.r2 * zero_slope(f, fake)
        if self.config.loss == "wasserstein-gp" and self.config.gradient_penalty:
            middle = between(real, fake, now.noise.uniform(())).requires_grad_()
            penalty = penalty + self.config.gradient_penalty * unit_slope(self.discriminator(middle, given), middle)
        readings = {"adversarial": loss, "penalty": penalty, "real": r.mean(), "fake": f.mean()}
        if self.losses.accuracy is not None:
            readings["real-vs-fake accuracy"] = self.losses.accuracy(r, f)
        return loss + penalty, readings

    def _r1_loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        """The penalty of several steps. Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", 2020."""
        real = self._real(batch, now).requires_grad_()
        penalty = self.config.r1 * zero_slope(self.discriminator(real, self.conditioned(batch.given)), real)
        return self.config.r1_every * penalty, {"penalty": penalty}

    def _generator_loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        given = self.conditioned(batch.given)
        f = self.discriminator(self._fake(given, now), given)
        r = self.discriminator(self._real(batch, now), given) if self.losses.paired else f.detach()
        return self.losses.generator(r, f), {"fake": f.mean()}

    def _clip(self, batch: Batch, now: Now) -> Readings:
        return {"clipped": clip_weights(self.discriminator.parameters(), self.config.weight_clip)}

    def _real(self, batch: Batch, now: Now) -> Tensor:
        return self._shown(centred(batch.x, self.space).to(self._dtype), now)

    def _fake(self, given: Given, now: Now) -> Tensor:
        return self._shown(self._generated(now.noise.normal((self.config.latent,)).to(self._dtype), given), now)

    def _shown(self, u: Tensor, now: Now) -> Tensor:
        """The discriminator's input: dequantised, with instance noise that falls to 0 during training."""
        if self.config.augment and self.space.picture:
            u = augmented(u, now.noise)
        if self.space.discrete:
            u = u + (now.noise.uniform(self.space.shape) - 0.5) * (2 / (self.space.levels - 1))
        deviation = self.config.instance_noise * (1 - now.progress)
        return u + deviation * now.noise.normal(self.space.shape) if deviation else u

    def _generated(self, z: Tensor, given: Given) -> Tensor:
        u = self.generator(z, given)
        return u.tanh() if self.space.discrete else u

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.generator.parameters()).dtype

    # --- sampling and latents ----------------------------------------------------------------------------------------

    def sample(self, n: int, given: Given | None = None, *, noise: Draws) -> Iterator[Tensor]:
        yield self.decode(self.draw(n, noise=noise), given)

    def draw(self, n: int, *, noise: Draws) -> Tensor:
        """Latents (n, latent), standard normal."""
        assert len(noise) == n
        return noise.normal((self.config.latent,))

    def decode(self, z: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor:
        """Latents (n, latent) -> examples in the data's units."""
        return restored(self._generated(z, self.conditioned(given)), self.space)

    def between(self, a: Tensor, b: Tensor, share: float) -> Tensor:
        return slerp(a, b, share)


def networks(config: GANConfig, space: Space, given: Mapping[str, Space]) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator for a space: convolutions for pictures, multi-layer perceptrons for everything else."""
    if space.picture and min(space.shape[1:]) >= SMALLEST_PICTURE:
        shape = (space.shape[0], space.shape[1], space.shape[2])
        generator = Generator(config.latent, shape, config.width, given, config.conditioning)
        return generator, Discriminator(shape, config.width, given)
    flat = FlatGenerator(config.latent, space.shape, config.width, given)
    return flat, FlatDiscriminator(space.shape, config.width, given)
