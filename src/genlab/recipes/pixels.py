"""Pictures entry by entry, and code by code."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from genlab.core.model import Model
from genlab.core.recipe import Budget, Optim, Recipe
from genlab.core.space import Space
from genlab.models.autoencoder.vqvae import VQVAE, VQVAEConfig, code_space
from genlab.models.autoregressive.gpt import GPT, GPTConfig
from genlab.models.autoregressive.pixelcnn import PixelCNN, PixelCNNConfig
from genlab.recipes.index import entry


def with_prior(config: VQVAEConfig, space: Space, given: Mapping[str, Space]) -> VQVAE:
    """A VQ-VAE and the prior that its config names."""
    prior, settings = {"pixelcnn": (PixelCNN, config.pixelcnn), "gpt": (GPT, config.gpt)}[config.prior]
    return VQVAE(config, space, given, prior(settings, code_space(config, space), given))


CLASSES: dict[str, Callable[[Any, Space, Mapping[str, Space]], Model]] = {"pixelcnn": PixelCNN, "vqvae": with_prior}

# Nothing normalises the streams of a PixelCNN; decay keeps its matrices, which grow by `matrix_rate` a step, below 1 / decay.
ROWS = Optim("muon", rate=2e-3, beta2=0.99, warmup=0.02, decay="linear", matrix_rate=0.02, weight_decay=0.5)
FEW = Optim("muon", rate=1e-2, beta2=0.99, warmup=0.05, decay="linear", matrix_rate=0.02)

TINY = PixelCNNConfig(widths=(16,), layers=1, width=16, depth=1, back=2, hidden=32, entry=4)
SMALL = PixelCNNConfig()
LARGE = PixelCNNConfig(widths=(32, 64, 96), depth=5)

PIXELCNN: dict[str, tuple[PixelCNNConfig, int, Optim, float]] = {  # config, batch, optim, seconds
    "tiny": (TINY, 64, FEW, 30),
    "small": (SMALL, 64, ROWS, 60),
    "large": (LARGE, 16, ROWS, 600),
}


def size_of(space: Space) -> str:
    """Which row of a table suits pictures of so many bits."""
    bits = space.size * math.log2(space.levels or 256)
    return "tiny" if bits <= 32 else "small" if space.size <= 256 else "large"


def pixelcnn(space: Space, given: Mapping[str, Space]) -> Recipe:
    config, batch, optim, seconds = PIXELCNN[size_of(space)]
    return Recipe("pixelcnn", config, Budget(seconds=seconds), batch, optim, paper=entry("pixelcnn").paper)


TINY_CODES = VQVAEConfig(codes=16, size=4, halvings=0, width=16, blocks=0, pixelcnn=TINY, gpt=GPTConfig(2, 2, 32))
SMALL_CODES = VQVAEConfig(codes=128, halvings=1, pixelcnn=SMALL, gpt=GPTConfig())
LARGE_CODES = VQVAEConfig(codes=256, halvings=2, pixelcnn=SMALL, gpt=GPTConfig())

VQVAES: dict[str, tuple[VQVAEConfig, Optim, float]] = {  # config, optim of the autoencoder, seconds
    "tiny": (TINY_CODES, Optim(rate=3e-3, decay="cosine"), 30),
    "small": (SMALL_CODES, Optim(rate=2e-3, decay="cosine"), 60),
    "large": (LARGE_CODES, Optim(rate=1e-3, decay="cosine"), 600),
}


def vqvae(space: Space, given: Mapping[str, Space]) -> Recipe:
    size = size_of(space)
    config, optim, seconds = VQVAES[size]
    prior = FEW if size == "tiny" else ROWS
    return Recipe("vqvae", config, Budget(seconds=seconds), 64, optim, {"predict": prior}, paper=entry("vqvae").paper)
