"""Pictures entry by entry, and code by code."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from genlab.core.model import Model
from genlab.core.recipe import Budget, Optim, Recipe, differing
from genlab.core.space import Space
from genlab.models.autoencoder.vqvae import VQVAE, VQVAEConfig, code_space
from genlab.models.autoregressive.gpt import GPT, GPTConfig
from genlab.models.autoregressive.pixelcnn import PixelCNN, PixelCNNConfig
from genlab.recipes.fitting import Rung
from genlab.recipes.index import entry


def prior(config: VQVAEConfig, space: Space, given: Mapping[str, Space]) -> tuple[Model]:
    """The prior that a VQ-VAE's config names."""
    model, settings = {"pixelcnn": (PixelCNN, config.pixelcnn), "gpt": (GPT, config.gpt)}[config.prior]
    return (model(settings, code_space(config, space), given),)


CLASSES: dict[str, type[Model]] = {"pixelcnn": PixelCNN, "vqvae": VQVAE}
PARTS: dict[str, Callable[..., tuple[Model]]] = {"vqvae": prior}  # what a model is made of beside its config

# Nothing normalises the streams of a PixelCNN; decay keeps its matrices, which grow by `matrix_rate` a step, below 1 / decay.
ROWS = Optim("muon", rate=2e-3, beta2=0.99, warmup=0.02, decay="linear", matrix_rate=0.02, weight_decay=0.5)
FEW = Optim("muon", rate=1e-2, beta2=0.99, warmup=0.05, decay="linear", matrix_rate=0.02)

TINY = PixelCNNConfig(widths=(16,), layers=1, width=16, depth=1, horizontal_kernel=2, hidden=32, embedding=4)
SMALL = PixelCNNConfig(widths=(32, 48), width=32, depth=3, dropout=0.25)
LARGE = PixelCNNConfig(widths=(32, 64, 96), depth=5)

MNIST = "MNIST, dynamically binarised, test: 83.07 nats after 9,801 steps: python -m benchmarks.mnist_nats --models pixelcnn"

PIXELCNN: dict[str, tuple[PixelCNNConfig, int, Optim, float, str]] = {  # config, batch, optim, seconds, expected
    "tiny": (TINY, 64, FEW, 30, ""),
    "small": (SMALL, 16, ROWS, 60, "digits: 1.70 bits/dim, validation, given label: genlab train pixelcnn digits --steps 830"),
    "large": (LARGE, 16, ROWS, 600, MNIST),
}


def size_of(space: Space) -> str:
    """The number of the row of a table that suits pictures of so many bits."""
    bits = space.size * math.log2(space.levels or 256)
    return "tiny" if bits <= 32 else "small" if space.size <= 256 else "large"


def pixelcnn(space: Space, given: Mapping[str, Space]) -> Recipe:
    config, batch, optim, seconds, expected = PIXELCNN[size_of(space)]
    return Recipe("pixelcnn", config, Budget(seconds=seconds), batch, optim, paper=entry("pixelcnn").paper, expected=expected)


QUICK = PixelCNNConfig(widths=(32, 48), width=32, depth=2)


def pixelcnn_rungs(usual: Recipe, space: Space, count: int) -> list[Rung]:
    """A narrow and shallow one for large pictures until it has seen 20,000, a number that was not
    measured: the usual one makes a thousand steps of them."""
    if size_of(space) != "large":
        return [Rung(usual, 0)]
    return [Rung(replace(usual, model=QUICK, expected=""), 0), Rung(usual, 20_000)]


RUNGS = {"pixelcnn": pixelcnn_rungs}

DIGITS = "digits: at most 2.21 bits/dim, validation, given label: genlab train vqvae digits --steps 2010"

FEW_CODES = PixelCNNConfig(widths=(32,), width=32, depth=2, dropout=0.2)
MANY_CODES = PixelCNNConfig(widths=(48, 64), width=48, depth=4)

VQVAES: dict[str, tuple[VQVAEConfig, int, Optim, Optim, float]] = {  # config, batch, optims of autoencoder and prior, seconds
    "tiny": (
        VQVAEConfig(codebook_size=16, code_dim=4, downsamplings=0, width=16, blocks=0, pixelcnn=TINY, gpt=GPTConfig(2, 2, 32)),
        64, Optim(rate=3e-3, decay="cosine"), FEW, 30,
    ),
    "small": (
        VQVAEConfig(codebook_size=64, code_dim=8, downsamplings=1, width=32, pixelcnn=FEW_CODES,
                    gpt=GPTConfig(2, 2, 64, dropout=0.2)),
        32, Optim(rate=2e-3, decay="cosine"), ROWS, 60,
    ),
    "large": (
        VQVAEConfig(256, 16, 2, width=48, ema_decay=0.95, first_stage_share=0.6, sample_mean=True,
                    pixelcnn=MANY_CODES, gpt=GPTConfig()),
        32, Optim(rate=1e-3, decay="cosine"), ROWS, 600,
    ),
}  # fmt: skip


def vqvae(space: Space, given: Mapping[str, Space]) -> Recipe:
    config, batch, autoencoder, prior, seconds = VQVAES[size_of(space)]
    return Recipe(
        "vqvae",
        config,
        Budget(seconds=seconds),
        batch,
        autoencoder,
        {"predict": differing(prior, autoencoder)},
        paper=entry("vqvae").paper,
        expected=DIGITS if size_of(space) == "small" else "",
    )
