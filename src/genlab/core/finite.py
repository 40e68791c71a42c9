"""The first number that is none any more: which turn met it, in which layer, on which examples.

A NaN or an infinity in a loss or a gradient spreads to every weight within one step, so the turn is stopped before its
optimiser moves, and is gone through once more, slowly, to see where it began.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from genlab.core.space import Batch


class NotFinite(ValueError):
    """what: "loss", "gradient" or the name of a tensor; value: as it came. `fit` adds stage, move, step, cause, batch."""

    def __init__(self, what: str, value: float):
        super().__init__(what, value)
        self.what, self.value = what, value
        self.stage = self.move = self.cause = ""
        self.step = 0
        self.batch: Batch | None = None  # as it was fetched
        self.rows: list[int] = []  # of the batch, whose own numbers are not finite

    def __str__(self) -> str:
        where = f"at step {self.step:,} of stage {self.stage}{f', move {self.move}' if self.move else ''}: "
        return f"{where}its {self.what} is {self.value:g}" + (f"; {self.cause}" if self.cause else "")


def cause_of(model: nn.Module, x: Tensor, parameters: Sequence[nn.Parameter], turn: Callable[[], object]) -> str:
    """Where it began: in the weights, in the batch x, in a layer while `turn` is repeated, or on the way back."""
    # Everything is looked at before anything is said: of a model cut among processes all must take part in each look.
    broken = [name for name, value in (*model.named_parameters(), *model.named_buffers()) if not finite(value)]
    gradients = [parameter for parameter in parameters if parameter.grad is not None and not finite(parameter.grad)]
    first = next(_layers(model, turn), None)
    if broken:
        return f"{broken[0]} has values that are not finite" + (f", and {len(broken) - 1} more" if broken[1:] else "")
    if rows := unfinished(x):
        return f"the batch itself has: {len(rows)} of its {len(x)} examples hold such values"
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    if first is not None:
        return f"the first layer whose output is not finite is {first}"
    if gradients:
        others = f", nor those of {len(gradients) - 1} more" if gradients[1:] else ""
        return f"the gradient of {names.get(id(gradients[0]), 'a parameter')} is not finite{others}"
    return ""


def _layers(model: nn.Module, turn: Callable[[], object]) -> Iterator[str]:
    """Layers whose outputs are not finite, in the order in which they compute."""
    found: list[str] = []

    def watch(name: str, module: nn.Module) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            if isinstance(output, Tensor) and not finite(output):
                found.append(f"{name} ({type(module).__name__})")

        return module.register_forward_hook(hook)

    leaves = [(name, module) for name, module in model.named_modules() if name and not list(module.children())]
    handles = [watch(name, module) for name, module in leaves]
    try:
        turn()
    except (ValueError, RuntimeError):
        pass  # what cannot even be computed again has said enough
    finally:
        for handle in handles:
            handle.remove()
    yield from found


def first_broken(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first that has a value which is not finite."""
    if all_finite(tensors.values()):
        return None
    return next(name for name, value in tensors.items() if not finite(value))


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether all values of all tensors are finite: one look at the device for each dtype, however many tensors there are.

    The largest magnitude of each tensor decides, since it neither overflows nor cancels as a sum would.
    """
    alike: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for value in tensors:
        value = torch.view_as_real(value) if value.is_complex() else value
        if value.is_floating_point() and value.numel():
            # Cut among processes: all look at all of it, and come to one answer.
            value = cast(Any, value).full_tensor() if hasattr(value, "full_tensor") else value
            alike.setdefault((value.device, value.dtype), []).append(value.detach())
    return all(bool(torch.stack(torch._foreach_norm(group, torch.inf)).isfinite().all()) for group in alike.values())


def finite(value: Tensor) -> bool:
    return all_finite([value])


def unfinished(x: Tensor) -> list[int]:
    """Rows of a batch that hold values which are not finite."""
    if not x.is_floating_point():
        return []
    return (~x.isfinite()).flatten(1).any(1).nonzero().flatten().tolist()
