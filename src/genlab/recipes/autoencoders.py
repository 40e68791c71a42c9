"""Autoencoders: what differs with the data is the networks' shape and how much they must be held back from memorising."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from genlab.core.recipe import Budget, Optim, Recipe
from genlab.core.space import Space
from genlab.models.autoencoder.vae import VAE, VAEConfig
from genlab.recipes.fitting import FEW, Rung

CLASSES: dict[str, type] = {"vae": VAE}

# Few clusters far apart need codes that a Gaussian posterior alone cannot carve up, hence several importance samples, and one
# shared scale: a decoder that predicts every scale begins by calling the whole ring noise and stays there.
POINTS = VAEConfig(latent=2, net="mlp", width=64, depth=4, norm=False, scale="shared", importance_samples=8)
TINY = VAEConfig(latent=4, net="mlp", width=64, depth=2, norm=False)
SMALL = VAEConfig(latent=16, net="conv", width=32, depth=1, dropout=0.2)
GLYPHS = VAEConfig(latent=50, net="conv", width=16, depth=0, hidden=256, coarsest=8, kernel_size=4, norm=False)
# Codes drawn from the prior have to be ones that the decoder knows: a larger weight of the KL costs some of the bound and makes
# samples better (Higgins et al., "beta-VAE", 2017), the more the fewer pictures there are.
PICTURES = VAEConfig(latent=64, net="conv", width=32, depth=0, hidden=256, coarsest=8, norm=False, beta=2, sample_mean=True)
FEW_BETA = 4.0  # up to FEW pictures

SIZES: dict[str, tuple[VAEConfig, int, Optim, float, float]] = {  # config, batch, optim, half-life in examples, seconds
    "points": (POINTS, 256, Optim(rate=2e-3, warmup=0.02, decay="cosine"), 50_000, 60),
    "tiny": (TINY, 64, Optim(rate=2e-3, warmup=0.02, decay="cosine"), 10_000, 30),
    "small": (SMALL, 64, Optim(rate=2e-3, warmup=0.02, decay="cosine", weight_decay=0.1), 10_000, 60),
    "glyphs": (GLYPHS, 128, Optim(rate=4e-3, warmup=0.02, decay="linear"), 200_000, 600),
    "pictures": (PICTURES, 64, Optim(rate=2e-3, warmup=0.02, decay="cosine"), 20_000, 600),
}

EXPECTED: dict[str, str] = {  # by row of SIZES
    "points": "genlab train vae points/ring --steps 6000: all 8 modes, 92 % of samples within 4 deviations of one",
    "small": "genlab train vae digits --steps 2400: the data's classifier is 99 % confident of samples",
    "glyphs": "84.8 nats, IW-1000, 2,000 binarised test pictures: python -m benchmarks.mnist_nats --models vae --examples 2000",
    "pictures": "genlab train vae MNIST --steps 600: the data's classifier is 97 % confident of samples",
}


def rungs(usual: Recipe, space: Space, count: int) -> list[Rung]:
    """One size; few pictures have a larger weight of the KL."""
    few = size_of(space) == "pictures" and count <= FEW
    return [Rung(replace(usual, model=replace(usual.model, beta=FEW_BETA), expected="") if few else usual, 0)]


RUNGS = {"vae": rungs}


def size_of(space: Space) -> str:
    """The number of the row of SIZES that suits a space."""
    if not space.picture:
        return "points"
    if space.size <= 16:
        return "tiny"
    if space.size <= 144:
        return "small"
    return "glyphs" if space.kind == "binary" else "pictures"


def vae(space: Space, given: Mapping[str, Space]) -> Recipe:
    size = size_of(space)
    config, batch, optim, half_life, seconds = SIZES[size]
    return Recipe(
        "vae",
        config,
        Budget(seconds=seconds),
        batch=batch,
        optim=replace(optim, half_life=half_life),
        paper="Kingma & Welling, Auto-Encoding Variational Bayes, 2014",
        expected=EXPECTED.get(size, ""),
    )
