"""p(x | z): the distribution over an example whose parameters are a decoder's output h.

h has one more axis than an example, over the parameters of an entry, and the entries of x are independent given h. Bits are
Bernoulli (h: logits); ordered levels are discretised logistic and real numbers Gaussian (h: location and, unless one scale an
entry is shared by all examples, the logarithm of the scale; both in centred units).
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.core.space import Space
from genlab.maths import densities
from genlab.nets.units import affine, dtype_of, restored

Scale = Literal["entry", "shared"]

NARROWEST = -7.0  # log of the smallest scale, centred units: data on a line would otherwise have infinite density


class DecoderDistribution(nn.Module):
    """The distribution of x (*, *space.shape) given h (*, parameters, *space.shape).

    scale   "entry": the decoder predicts the scale of every entry; "shared": it is one learnt number an entry
    """

    def __init__(self, space: Space, scale: Scale = "entry"):
        super().__init__()
        if space.kind == "token":
            raise ValueError("a VAE needs points or pictures: its decoder has no distribution over unordered tokens")
        self.space, self.dims = space, len(space.shape)
        scaled = space.kind != "binary"
        self.parameters_per_entry = 2 if scaled and scale == "entry" else 1
        self.log_scale = nn.Parameter(torch.full(space.shape, -1.0)) if scaled and scale == "shared" else None

    def log_prob(self, x: Tensor, h: Tensor, seen: Tensor | None = None) -> Tensor:
        """log p(x | h), nats summed over the entries that are seen, (*); in the data's units where x is real."""
        location, log_scale = self._split(h)
        if self.space.kind == "binary":
            nats = densities.bernoulli(x, location)
        elif self.space.kind == "ordinal":
            nats = densities.discretised_logistic(x, location, log_scale, self.space.levels)
        else:
            center, scale = affine(self.space, location)
            nats = densities.gaussian((x - center) / scale, location, log_scale) - scale.log()
        nats = nats if seen is None else nats.masked_fill(~seen, 0)
        return nats.flatten(-self.dims).sum(-1)

    def mean(self, h: Tensor) -> Tensor:
        """The likeliest bits, the nearest level to the location, or the location itself, in the data's units."""
        location, _ = self._split(h)
        if self.space.kind == "binary":
            return (location > 0).to(dtype_of(self.space))
        return restored(location, self.space)

    def draw(self, h: Tensor, noise: Tensor) -> Tensor:
        """A draw of p(x | h) in the data's units; noise (*, *shape) is normal for real data, uniform otherwise."""
        location, log_scale = self._split(h)
        if self.space.kind == "binary":
            return densities.bernoulli_quantile(noise, location).to(dtype_of(self.space))
        if self.space.kind == "ordinal":
            levels = densities.discretised_logistic_quantile(noise, location, log_scale, self.space.levels)
            return levels.to(dtype_of(self.space))
        return restored(location + log_scale.exp() * noise, self.space)

    def _split(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Location and log of the scale, at least single precision."""
        h = h if h.dtype == torch.float64 else h.float()
        location = h.select(-self.dims - 1, 0)
        if self.space.kind == "binary":
            return location, location
        raw = h.select(-self.dims - 1, 1) if self.log_scale is None else self.log_scale.to(h.dtype).expand_as(location)
        return location, NARROWEST + F.softplus(raw - NARROWEST)
