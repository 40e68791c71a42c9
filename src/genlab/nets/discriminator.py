"""Parts that discriminators of every kind share: conditioning and spectral normalisation.

A discriminator takes a condition y by projection: D(x, y) = w.h(x) + b + v_y.h(x) with the condition's vector v_y, the form of
log p(y|x) + log p(x) when each class is log-linear in the features h (Miyato & Koyama, "cGANs with Projection Discriminator",
2018).
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from genlab.core.space import Space
from genlab.nets.condition import NO_CONDITIONS, Conditioning, PictureEncoder, TextEncoder


class ProjectionHead(nn.Module):
    """Features (B, width) and conditions -> scores (B,)."""

    def __init__(self, width: int, given: Mapping[str, Space] = NO_CONDITIONS):
        super().__init__()
        self.score = nn.Linear(width, 1)
        self.cond = Conditioning(given, width, scale=width**-0.5) if given else None

    def forward(self, h: Tensor, given: Mapping[str, Tensor] = NO_CONDITIONS) -> Tensor:
        score = self.score(h)[:, 0]
        return score if self.cond is None else score + (h * self.cond.vector(given, len(h))).sum(1)


def spectrally_normal(module: nn.Module) -> nn.Module:
    """Divides every layer's weight, laid out as a matrix of outputs by everything else, by its largest singular value.

    A linear layer then stretches no vector. A convolution may: its matrix acts on patches, which overlap, so that one of kernel
    a x b with stride 1 stretches pictures by up to sqrt(a b), and a discriminator of convolutions is bounded, not 1-Lipschitz.
    One step of power iteration each time the module runs in train mode; its vectors are buffers. The encoders of conditions are
    left alone: their outputs have a fixed length.
    Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018.
    """
    encoders = [part for part in module.modules() if isinstance(part, TextEncoder | PictureEncoder)]
    left_alone = {inner for part in encoders for inner in part.modules()}
    for layer in list(module.modules()):
        if layer not in left_alone and isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.Embedding):
            spectral_norm(layer)
    return module
