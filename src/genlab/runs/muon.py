"""Muon: momentum, with the update of each matrix replaced by the nearest orthogonal matrix.

Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024. The gradient's momentum M = U S V^T is
carried towards U V^T by five Newton-Schulz steps of the odd polynomial a X + b (X X^T) X + c (X X^T)^2 X, whose
coefficients push every singular value into about [0.7, 1.2]. torch's own runs them in bfloat16, which a CPU without such
units computes several times more slowly than float32; here they stay in the parameter's precision, and matrices of one
shape are carried together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from genlab.runs.shards import gather_parts, is_part, local, part_like

A, B, C = 3.4445, -4.7750, 2.0315


def orthogonalised(stack: Tensor, steps: int = 5) -> Tensor:
    """(N, rows, columns) -> the same shape with singular values near one."""
    flipped = stack.shape[-2] > stack.shape[-1]
    x = stack.mT if flipped else stack
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = A * x + (B * gram + C * (gram @ gram)) @ x
    return x.mT if flipped else x


class Muon(torch.optim.Optimizer):
    """For two-dimensional parameters. rate: size of the orthogonal update, scaled by sqrt(max(1, rows/columns))."""

    def __init__(
        self, parameters: Iterable[nn.Parameter], rate: float = 0.02, momentum: float = 0.95, weight_decay: float = 0.0
    ):
        super().__init__(parameters, {"lr": rate, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    by_shape[parameter.shape].append(parameter)
            for parameters in by_shape.values():
                self._advance(parameters, group)

    def _advance(self, parameters: list[nn.Parameter], group: dict[str, Any]) -> None:
        gradients: list[Tensor] = [local(parameter.grad) for parameter in parameters if parameter.grad is not None]
        averages: list[Tensor] = []
        values: list[Tensor] = [local(parameter.detach()) for parameter in parameters]
        for parameter in parameters:
            state = self.state[parameter]
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
            averages.append(local(state["momentum"]))
        torch._foreach_lerp_(averages, gradients, 1 - group["momentum"])
        ahead = torch._foreach_lerp(gradients, averages, group["momentum"])  # Nesterov
        rows, columns = parameters[0].shape
        scale = max(1.0, rows / columns) ** 0.5
        if any(is_part(parameter) for parameter in parameters):
            updates = [_of_part(part, parameter) * scale for part, parameter in zip(ahead, parameters, strict=True)]
        else:
            updates = list((orthogonalised(torch.stack(ahead)) * scale).unbind())
        if group["weight_decay"]:
            torch._foreach_mul_(values, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(values, updates, alpha=-group["lr"])


def _of_part(part: Tensor, parameter: nn.Parameter) -> Tensor:
    """This process's rows of the orthogonal matrix. The whole matrix is orthogonalised, so every process computes all of it.

    One matrix at a time: those of a model too large for one device would not fit there together.
    """
    return local(part_like(orthogonalised(gather_parts(part, parameter)), parameter))
