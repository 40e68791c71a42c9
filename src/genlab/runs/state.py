"""Optimiser state as flat tensors and plain numbers, since no pickle is ever written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from genlab.runs.shards import part_like

Optimisers = Mapping[str, Sequence[torch.optim.Optimizer]]


def pack_optimisers(optimisers: Optimisers, written: Callable[[Tensor], Tensor]) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Tensors and numbers by "optimiser.MOVE.k.parameter.name"; rates and groups follow from the recipe.

    written   tensor -> the tensor that is saved for it
    """
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, float] = {}
    for key, value in _entries(optimisers):
        if isinstance(value, Tensor):
            tensors[key] = written(value)
        elif value is not None:
            numbers[key] = value
    return tensors, numbers


def _entries(optimisers: Optimisers) -> list[tuple[str, Any]]:
    return [
        (f"optimiser.{move}.{k}.{index}.{name}", value)
        for move, several in optimisers.items()
        for k, optimiser in enumerate(several)
        for index, entry in optimiser.state_dict()["state"].items()
        for name, value in entry.items()
    ]


def unpack_optimisers(optimisers: Optimisers, tensors: Mapping[str, Tensor], numbers: Mapping[str, float]) -> None:
    """Fill freshly built optimisers with what `pack_optimisers` saved."""
    for move, several in optimisers.items():
        for k, optimiser in enumerate(several):
            prefix = f"optimiser.{move}.{k}."
            parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
            state: dict[int, dict[str, Any]] = {}
            for source in (tensors, numbers):
                for key, value in source.items():
                    if key.startswith(prefix):
                        index, name = key[len(prefix) :].split(".", 1)
                        restored = _like(parameters[int(index)], value) if isinstance(value, Tensor) else value
                        state.setdefault(int(index), {})[name] = restored
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """A copy, laid out in memory as the parameter is: a fused step walks both in the order of storage."""
    if value.shape != parameter.shape:
        return value.clone()
    return torch.empty_like(parameter, dtype=value.dtype).copy_(part_like(value, parameter))
