"""A generator and a critic for vectors, and what critics of every kind share.

A critic hears the label y by projection: D(x, y) = w.h(x) + b + v_y.h(x), the form of log p(y|x) + log p(x) when each class is
log-linear in the features h (Miyato & Koyama, "cGANs with Projection Discriminator", 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from genlab.nets.mlp import MLP


class Projection(nn.Module):
    """Features (B, width) and, with classes, (B,) labels -> scores (B,)."""

    def __init__(self, width: int, classes: int = 0):
        super().__init__()
        self.score = nn.Linear(width, 1)
        self.label = nn.Embedding(classes, width) if classes else None
        if self.label is not None:
            nn.init.normal_(self.label.weight, std=width**-0.5)

    def forward(self, h: Tensor, label: Tensor | None = None) -> Tensor:
        score = self.score(h)[:, 0]
        return score if self.label is None or label is None else score + (h * self.label(label)).sum(1)


class FlatGenerator(nn.Module):
    """(B, latent) and, with classes, (B,) labels -> (B, *shape) real numbers."""

    def __init__(self, latent: int, shape: Sequence[int], width: int = 128, classes: int = 0):
        super().__init__()
        self.shape = tuple(shape)
        self.label = nn.Embedding(classes, latent) if classes else None
        vector = latent * (2 if classes else 1)
        self.body = MLP([vector, width, width, width, prod(shape)], nn.LeakyReLU)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        if self.label is not None and label is not None:
            z = torch.cat([z, self.label(label)], 1)
        return self.body(z).unflatten(1, self.shape)


class FlatCritic(nn.Module):
    """(B, *shape) real numbers and, with classes, (B,) labels -> (B,) scores."""

    def __init__(self, shape: Sequence[int], width: int = 128, classes: int = 0):
        super().__init__()
        self.body = nn.Sequential(MLP([prod(shape), width, width, width], nn.LeakyReLU), nn.LeakyReLU())
        self.head = Projection(width, classes)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        return self.head(self.body(x.flatten(1)), label)


def spectrally_normal(module: nn.Module) -> nn.Module:
    """Divides every layer's weight, laid out as a matrix of outputs by everything else, by its largest singular value.

    A linear layer then stretches no vector. A convolution may: its matrix acts on patches, which overlap, so that one of kernel
    a x b with stride 1 stretches pictures by up to sqrt(a b), and a critic of convolutions is bounded, but not 1-Lipschitz.
    One step of power iteration each time the module runs in train mode; its vectors are buffers.
    Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018.
    """
    for layer in list(module.modules()):
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.Embedding):
            spectral_norm(layer)
    return module
