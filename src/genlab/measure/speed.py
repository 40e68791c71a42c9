"""How long sampling takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch


def seconds_per_100(draw: Callable[[int], Any], n: int, repeats: int = 3) -> float:
    """Seconds that 100 samples take when drawn n at a time: the fastest of some calls of `draw(n)`, scaled.

    The fastest is what the machine can do; the others tell what else it was doing. A slow sampler is called once.
    """
    spent: list[float] = []
    while len(spent) < repeats and sum(spent) < 2.0:
        began = time.perf_counter()
        draw(n)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        spent.append(time.perf_counter() - began)
    return 100 * min(spent) / n
