"""Random projections: every kind of numbers becomes a short vector whose distances are about those of the examples.

An example's entries, centred and flattened, times a Gaussian matrix that follows from a seed and has variance 1/dims: squared
distances are kept in the mean (Johnson & Lindenstrauss, "Extensions of Lipschitz Mappings into a Hilbert Space", 1984).
"""

from __future__ import annotations

import torch

from genlab.core.space import Space
from genlab.features.base import Features
from genlab.nets.units import centred


def projection_features(space: Space, dims: int, seed: int = 0) -> Features:
    """Features of a space of numbers: (B, *shape) -> (B, dims)."""
    stream = torch.Generator().manual_seed(seed)
    matrix = torch.randn((space.size, dims), generator=stream) / dims**0.5
    protocol = {"features": f"random projections, seed {seed}", "dims": dims, "preprocessing": "entries centred"}
    return Features("random projections", dims, lambda x: centred(x.cpu(), space).float().flatten(1) @ matrix, protocol)
