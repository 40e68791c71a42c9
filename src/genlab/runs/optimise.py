"""The optimisers that recipes name, and learning rates as functions of progress."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from genlab.core.recipe import Optim
from genlab.runs.muon import Muon
from genlab.runs.shards import is_part


def optimisers(optim: Optim, parameters: Sequence[nn.Parameter]) -> list[torch.optim.Optimizer]:
    """One optimiser for a move, or two where matrices have their own.

    Weight decay touches only tensors with two or more dimensions: decaying a bias or a gain has no meaning.
    """
    plain = [
        parameter for parameter in parameters if not (optim.name == "muon" and parameter.ndim == 2 and not wide(parameter))
    ]
    matrices = [parameter for parameter in parameters if not any(parameter is other for other in plain)]
    found: list[torch.optim.Optimizer] = [_plain(optim, _groups(optim, plain))] if plain else []
    if matrices:
        found.append(Muon(matrices, rate=optim.matrix_rate, weight_decay=optim.weight_decay))
    for optimiser in found:
        for group in optimiser.param_groups:
            group["base"] = group["lr"]
    return found


def wide(parameter: nn.Parameter) -> bool:
    """Whether a matrix is an embedding or a head, which its network marks with `parameter.table = True`."""
    return bool(getattr(parameter, "table", False))


def _groups(optim: Optim, parameters: Sequence[nn.Parameter]) -> list[dict[str, Any]]:
    decayed = [parameter for parameter in parameters if parameter.ndim >= 2]
    others = [parameter for parameter in parameters if parameter.ndim < 2]
    groups = [{"params": decayed, "weight_decay": optim.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def _plain(optim: Optim, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    if optim.name == "sgd":
        whole = not any(is_part(parameter) for group in groups for parameter in group["params"])  # no fused SGD of parts
        return torch.optim.SGD(groups, lr=optim.rate, momentum=optim.beta1, fused=whole)
    if optim.name == "rmsprop":
        return torch.optim.RMSprop(groups, lr=optim.rate, alpha=optim.beta2)
    return torch.optim.AdamW(groups, lr=optim.rate, betas=(optim.beta1, optim.beta2), fused=True)


def factor(optim: Optim, progress: float) -> float:
    """The factor of the learning rate at this progress (0..1): a linear warm-up, then the decay to `floor`."""
    if progress < optim.warmup:
        return min(1.0, max(progress, 1e-3) / optim.warmup)
    along = (progress - optim.warmup) / max(1e-9, 1 - optim.warmup)
    fall = {"constant": 1.0, "linear": 1 - along, "cosine": 0.5 * (1 + math.cos(math.pi * min(1.0, along)))}[optim.decay]
    return optim.floor + (1 - optim.floor) * fall if optim.decay != "constant" else 1.0


def set_rates(move_optimisers: Sequence[torch.optim.Optimizer], share: float) -> None:
    for optimiser in move_optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group["base"] * share
