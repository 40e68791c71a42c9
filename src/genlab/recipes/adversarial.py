"""Adversarial models, tuned so that the first try works: discriminator and generator alternate, equal rates, no momentum.

Two regularisers make the game converge: a penalty on the discriminator's gradient at real examples (R1), and samples from an
average of the generator's weights. Sizes alone differ with the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from genlab.core.recipe import Budget, Optim, Recipe
from genlab.core.space import Space
from genlab.models.adversarial.gan import GAN, SMALLEST_PICTURE, GANConfig
from genlab.recipes.fitting import FEW, Rung

CLASSES: dict[str, type] = {"gan": GAN}


class Size(NamedTuple):
    latent: int
    width: int
    r1: float
    batch: int
    rate: float
    half_life: float  # examples
    seconds: float


SIZES: dict[str, Size] = {
    "points": Size(latent=8, width=128, r1=0.1, batch=256, rate=3e-3, half_life=100_000, seconds=60),
    "vector": Size(latent=8, width=128, r1=1.0, batch=128, rate=2e-3, half_life=50_000, seconds=60),
    "small": Size(latent=32, width=16, r1=1.0, batch=64, rate=1e-3, half_life=10_000, seconds=60),
    "picture": Size(latent=64, width=16, r1=1.0, batch=64, rate=1e-3, half_life=20_000, seconds=300),
    "large": Size(latent=128, width=24, r1=1.0, batch=32, rate=5e-4, half_life=20_000, seconds=900),
}

EXPECTED: dict[str, str] = {  # by row of SIZES
    "points": "genlab train gan points/ring --steps 5000: all 8 modes, 96 % of samples within 4 deviations of one",
    "small": "genlab train gan digits --steps 1200: the data's classifier is 99 % confident of samples",
    "picture": "genlab train gan MNIST --steps 500: the data's classifier is 97 % confident of samples",
}


def size_of(space: Space) -> str:
    """The number of the row of SIZES that suits a space."""
    if not space.picture or min(space.shape[1:]) < SMALLEST_PICTURE:
        return "vector" if space.discrete else "points"
    side = max(space.shape[1:])
    return "small" if side <= 16 else "picture" if side <= 32 else "large"


def rungs(usual: Recipe, space: Space, count: int) -> list[Rung]:
    """One size; augmented where there are few pictures."""
    few = size_of(space) in ("picture", "large") and count <= FEW
    return [Rung(replace(usual, model=replace(usual.model, augment=True), expected="") if few else usual, 0)]


RUNGS = {"gan": rungs}


def gan(space: Space, given: Mapping[str, Space]) -> Recipe:
    row = size_of(space)
    size = SIZES[row]
    return Recipe(
        "gan",
        GANConfig(latent=size.latent, width=size.width, r1=size.r1, r1_every=4 if row in ("picture", "large") else 1),
        Budget(seconds=size.seconds),
        batch=size.batch,
        optim=Optim(rate=size.rate, beta1=0.0, beta2=0.99, decay="cosine"),
        moves={"generator": {"half_life": size.half_life}},
        paper="Goodfellow et al., Generative Adversarial Nets, 2014; R1: Mescheder et al., 2018",
        expected=EXPECTED.get(row, ""),
    )
