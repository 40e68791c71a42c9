"""The pixels themselves, for pictures too small for a network to add anything."""

from __future__ import annotations

from genlab.core.space import Space
from genlab.features.base import Features
from genlab.nets.units import centred


def pixel_features(space: Space) -> Features:
    """Every entry of a picture, levels carried to [-1, 1]."""
    protocol = {"features": "pixels", "dims": space.size, "preprocessing": "levels to [-1, 1], not resized"}
    return Features("pixels", space.size, lambda x: centred(x, space).flatten(1), protocol)
