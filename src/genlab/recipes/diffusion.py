"""Models that take noise away, tuned for the space at hand.

What differs with the data is the size of the network, how long to average its weights, and how many steps a sample is worth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from genlab.core.recipe import Budget, Optim, Recipe
from genlab.core.space import Space
from genlab.models.diffusion.ddpm import DDPM, DDPMConfig
from genlab.models.diffusion.flow import FlowMatching, FlowMatchingConfig
from genlab.models.diffusion.network import SMALLEST_PICTURE, Net
from genlab.recipes.fitting import Rung
from genlab.recipes.index import entry

CLASSES: dict[str, type] = {"ddpm": DDPM, "flow-matching": FlowMatching}

FEW = 32  # levels: up to here the network says their odds


class Size(NamedTuple):
    net: Net
    width: int
    depth: int
    steps: int  # of ddpm's chain; flow matching solves with a quarter, twice evaluated
    batch: int
    rate: float
    half_life: float  # examples
    seconds: float


SIZES: dict[str, Size] = {
    "vector": Size("mlp", 128, 3, steps=50, batch=256, rate=2e-3, half_life=50_000, seconds=60),
    "small": Size("unet", 32, 1, steps=50, batch=64, rate=2e-3, half_life=10_000, seconds=60),
    "picture": Size("unet", 32, 1, steps=50, batch=64, rate=1.5e-3, half_life=20_000, seconds=900),
    "large": Size("unet", 32, 1, steps=100, batch=32, rate=1e-3, half_life=20_000, seconds=1800),
}

EXPECTED: dict[tuple[str, str], str] = {  # by model and row of SIZES
    ("ddpm", "vector"): "genlab train ddpm points/ring --steps 1200: all 8 modes, 95 % of samples within 4 deviations of one",
    ("flow-matching", "vector"): "genlab train flow-matching points/ring --steps 1200: all 8 modes, 96 % within 4 deviations",
    ("ddpm", "small"): "genlab train ddpm digits --steps 700: the data's classifier is 99 % confident; at most 1.98 bits/dim",
    ("flow-matching", "small"): "genlab train flow-matching digits --steps 600: the data's classifier is 99 % confident",
}


def row_of(space: Space) -> str:
    """The number of the row of SIZES that suits a space."""
    if not space.picture or min(space.shape[1:]) < SMALLEST_PICTURE:
        return "vector"
    side = max(space.shape[1:])
    return "small" if side <= 16 else "picture" if side <= 32 else "large"


def ddpm(space: Space, given: Mapping[str, Space]) -> Recipe:
    row = row_of(space)
    size = SIZES[row]
    config = DDPMConfig(net=size.net, width=size.width, depth=size.depth, sampling_steps=size.steps)
    if space.discrete and space.levels <= FEW:
        config = replace(config, prediction="levels", loss_weighting="min-snr")
    return _recipe("ddpm", config, row)


def flow_matching(space: Space, given: Mapping[str, Space]) -> Recipe:
    row = row_of(space)
    size = SIZES[row]
    config = FlowMatchingConfig(net=size.net, width=size.width, depth=size.depth, sampling_steps=size.steps // 4)
    return _recipe("flow-matching", config, row)


PATCHES = 8  # places along the longer side of a picture that is seen in patches
PATCHED = Optim(rate=2e-3, beta2=0.99, decay="cosine", warmup=0.02, clip=1.0, half_life=5_000)


def ddpm_rungs(usual: Recipe, space: Space, count: int) -> list[Rung]:
    """Large pictures in patches, of which the network says what they are, since what noise is in them is too much to say; and
    drawn in a few steps without the decoder's noise. From 300,000 examples on, an hour of two cores, pixel by pixel:
    patches were measured to be better below 60,000, and where they cease to be was not."""
    if usual.model.net != "unet" or row_of(space) == "small":
        return [Rung(usual, 0)]
    patch = math.ceil(max(space.shape[1:]) / PATCHES)
    config = replace(
        usual.model, patch=patch, width=32 if patch <= 4 else 64, prediction="x0", loss_weighting="simple", sampling_steps=20,
        sampler="dpm++",
    )  # fmt: skip
    return [Rung(replace(usual, model=config, optim=PATCHED, batch=64, expected=""), 0), Rung(usual, 300_000)]


RUNGS = {"ddpm": ddpm_rungs}


def _recipe(name: str, config: DDPMConfig | FlowMatchingConfig, row: str) -> Recipe:
    size = SIZES[row]
    return Recipe(
        name,
        config,
        Budget(seconds=size.seconds),
        batch=size.batch,
        optim=Optim(rate=size.rate, beta2=0.99, decay="cosine", warmup=0.02, clip=1.0, half_life=size.half_life),
        paper=entry(name).paper,
        expected=EXPECTED.get((name, row), ""),
    )
