"""Pictures entry by entry, and code by code."""

from __future__ import annotations

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

ROWS = Optim("muon", rate=2e-3, beta2=0.99, warmup=0.05, decay="linear", matrix_rate=0.02)


def pixelcnn(space: Space, given: Mapping[str, Space]) -> Recipe:
    config = PixelCNNConfig()
    return Recipe("pixelcnn", config, Budget(seconds=60), batch=64, optim=ROWS, paper=entry("pixelcnn").paper)


def vqvae(space: Space, given: Mapping[str, Space]) -> Recipe:
    config = VQVAEConfig(pixelcnn=PixelCNNConfig(), gpt=GPTConfig())
    return Recipe("vqvae", config, Budget(seconds=60), batch=64, moves={"predict": ROWS}, paper=entry("vqvae").paper)
