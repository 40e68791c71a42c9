"""NaN and infinity in training: finding the move, the layer and the examples where the first one appears.

A NaN or an infinity in a loss or a gradient spreads to every weight within one step. The move is therefore stopped before its
optimiser steps, and is repeated once under forward hooks to find where the value first appears.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from genlab.core.space import Batch


class NonFiniteError(ValueError):
    """A loss, gradient or tensor is NaN or infinite.

    what: "loss", "gradient" or the name of a tensor; value: that number. `fit` adds stage, move, step, cause, batch.
    """

    def __init__(self, what: str, value: float):
        super().__init__(what, value)
        self.what, self.value = what, value
        self.stage = self.move = self.cause = ""
        self.step = 0
        self.batch: Batch | None = None  # as it was fetched
        self.rows: list[int] = []  # of the batch that hold such values themselves

    def __str__(self) -> str:
        where = f"at step {self.step:,} of stage {self.stage}{f', move {self.move}' if self.move else ''}: "
        return f"{where}its {self.what} is {self.value:g}" + (f"; {self.cause}" if self.cause else "")


def cause_of(model: nn.Module, x: Tensor, parameters: Sequence[nn.Parameter], repeat: Callable[[], object]) -> str:
    """Where the value first appears: in the weights, in the batch x, in a layer while `repeat` runs, or in a gradient.

    "" where it does not appear again.
    """
    # All checks run before any of them returns: every process must take part in each check of a sharded model.
    broken = [name for name, value in (*model.named_parameters(), *model.named_buffers()) if not all_finite([value])]
    gradients = [parameter for parameter in parameters if parameter.grad is not None and not all_finite([parameter.grad])]
    first = next(_layers(model, repeat), None)
    if broken:
        return f"{broken[0]} has values that are not finite" + (f", and {len(broken) - 1} more" if broken[1:] else "")
    if rows := non_finite_rows(x):
        return f"the batch itself has: {len(rows)} of its {len(x)} examples hold such values"
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    if first is not None:
        return f"the first layer whose output is not finite is {first}"
    if gradients:
        others = f", nor those of {len(gradients) - 1} more" if gradients[1:] else ""
        return f"the gradient of {names.get(id(gradients[0]), 'a parameter')} is not finite{others}"
    return ""


def _layers(model: nn.Module, repeat: Callable[[], object]) -> Iterator[str]:
    """Layers whose outputs are not finite, in the order of computation."""
    found: list[str] = []

    def watch(name: str, module: nn.Module) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            if isinstance(output, Tensor) and not all_finite([output]):
                found.append(f"{name} ({type(module).__name__})")

        return module.register_forward_hook(hook)

    leaves = [(name, module) for name, module in model.named_modules() if name and not list(module.children())]
    handles = [watch(name, module) for name, module in leaves]
    try:
        repeat()
    except (ValueError, RuntimeError):
        pass  # the hooks have seen what was computed before the failure
    finally:
        for handle in handles:
            handle.remove()
    yield from found


def first_non_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor that holds a value that is not finite, or None."""
    if all_finite(tensors.values()):
        return None
    return next(name for name, value in tensors.items() if not all_finite([value]))


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether all values of all tensors are finite, with one synchronisation of the device for each dtype.

    The largest magnitude of each tensor decides, since it neither overflows nor cancels as a sum would.
    """
    alike: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for value in tensors:
        value = torch.view_as_real(value) if value.is_complex() else value
        if value.is_floating_point() and value.numel():
            # A sharded tensor is gathered, so that all processes come to the same answer.
            value = cast(Any, value).full_tensor() if hasattr(value, "full_tensor") else value
            alike.setdefault((value.device, value.dtype), []).append(value.detach())
    return all(bool(torch.stack(torch._foreach_norm(group, torch.inf)).isfinite().all()) for group in alike.values())


def non_finite_rows(x: Tensor) -> list[int]:
    """Indices of the rows of x (B, ...) that hold values that are not finite."""
    if not x.is_floating_point():
        return []
    return (~x.isfinite()).flatten(1).any(1).nonzero().flatten().tolist()
