"""Float64 where the device has it: for sums and times that float32 would spoil."""

from __future__ import annotations

import torch
from torch import Tensor

NO_DOUBLE = ("mps",)  # types of devices that have no float64


def precise(x: Tensor) -> Tensor:
    """x in float64, or in float32 on a device that has no float64."""
    return x.to(torch.float32 if x.device.type in NO_DOUBLE else torch.float64)
