"""Walking between two latents along the sphere they lie near.

A standard normal vector of many dimensions has a length close to sqrt(d); a straight line between two of them passes through
lengths that are never drawn. The great circle does not (White, "Sampling Generative Networks", 2016):

    slerp(a, b; t) = sin((1 - t) w) / sin(w) a + sin(t w) / sin(w) b,    w the angle between a and b.
"""

from __future__ import annotations

import torch
from torch import Tensor


def slerp(a: Tensor, b: Tensor, share: float) -> Tensor:
    """(B, d) latents from a (share 0) to b (share 1); a straight line where the two are parallel or opposite."""
    length = a.norm(dim=-1, keepdim=True) * b.norm(dim=-1, keepdim=True)
    cosine = (a * b).sum(-1, keepdim=True) / length.clamp_min(torch.finfo(a.dtype).tiny)
    w = cosine.clamp(-1, 1).acos()
    sine = w.sin()
    straight = sine < 1e-4
    safe = torch.where(straight, torch.ones_like(sine), sine)
    round_trip = (((1 - share) * w).sin() * a + (share * w).sin() * b) / safe
    return torch.where(straight, (1 - share) * a + share * b, round_trip)
