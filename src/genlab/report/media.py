"""What a report shows beside its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

REAL = "real"  # the key of real examples among the media


@dataclass(frozen=True)
class Media:
    """One model's samples and readings, or real examples.

    samples   (n, *space.shape) array or tensor in the data's units; or n texts; or None.
              Uncurated: the first n of `seed`. 64 pictures, 1,000 points, 3 texts of 400 characters, 24 lines look well
    seed      that `genlab sample --seed` needs to draw the same
    curves    (seconds spent training, name of the reading, value), in any order
    note      how they were sampled, where it is not the default: "guidance 1.5, averaged weights"
    """

    samples: Any = None
    seed: int = 0
    curves: Sequence[tuple[float, str, float]] = ()
    note: str = ""
