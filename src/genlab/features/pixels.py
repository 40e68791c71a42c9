"""The entries themselves, for examples too small for a network or a projection to add anything."""

from __future__ import annotations

from genlab.core.space import Space
from genlab.features.base import Features
from genlab.nets.units import centred


def pixel_features(space: Space) -> Features:
    """Every entry of an example, levels carried to [-1, 1]."""
    name = "pixels" if space.picture else "entries"
    protocol = {"features": name, "dims": space.size, "preprocessing": "levels to [-1, 1], not resized"}
    return Features(name, space.size, lambda x: centred(x, space).flatten(1), protocol)
