"""The parameters that each stage of a model trains, computed before the first one begins."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import nn

from genlab.core.model import Model
from genlab.core.moves import Stage, stepped
from genlab.core.recipe import Recipe, check


class Planned(NamedTuple):
    """A stage to come: by the name of each optimiser, the names of the parameters that it steps."""

    name: str
    share: float
    batch: int | None
    trains: dict[str, set[str]]


def planned(model: Model) -> list[Planned]:
    """All stages of a model, which is not changed.

    `stages()` runs on a copy on the meta device or, where code between two stages needs values, on a full copy.
    ValueError where the model cannot be copied, has no stages, or their shares do not sum to 1.
    """
    try:
        found = _stages(_copied(model, meta=True))
    except Exception:
        real = _copied(model, meta=False)
        with torch.random.fork_rng():
            found = _stages(real)
    name, total = type(model).__name__, sum(stage.share for stage in found)
    if not found:
        raise ValueError(f"{name}.stages() yields no stage, so that nothing would be trained")
    if abs(total - 1) > 1e-6:
        raise ValueError(f"the shares of the stages of {name} must sum to 1, and sum to {total:g}")
    return found


def _copied(model: Model, meta: bool) -> Model:
    known = {id(value): _shape_of(value) for value in (*model.parameters(), *model.buffers())} if meta else {}
    try:
        return copy.deepcopy(model, known)
    except (TypeError, RuntimeError) as error:
        raise ValueError(
            f"a model must be one that copy.deepcopy copies, to see what its stages will train ({str(error)[:80]}); keep what "
            "cannot be copied outside of it"
        ) from None


def _shape_of(value: torch.Tensor) -> torch.Tensor:
    bare = torch.empty(value.shape, dtype=value.dtype, device="meta")
    return nn.Parameter(bare, requires_grad=False) if isinstance(value, nn.Parameter) else bare


def check_moves(recipe: Recipe, stages: Sequence[Planned]) -> None:
    """ValueError where `recipe.moves` names a move that none of these stages has, or a setting is impossible."""
    there = list(dict.fromkeys(optimiser for stage in stages for optimiser in stage.trains))
    for name in sorted({*recipe.moves}.difference(there)):
        raise ValueError(
            f"--set moves.{name}: {recipe.name} has no such move; it has {', '.join(there) or 'none that descends'}"
        )
    check(recipe)


@torch.no_grad()
def _stages(model: Model) -> list[Planned]:
    names = {id(value): name for name, value in model.named_parameters()}
    stages: object = model.stages()
    if not isinstance(stages, Iterable):
        raise ValueError(f"{type(model).__name__}.stages() must yield stages; it returned {type(stages).__name__}")
    return [Planned(stage.name, stage.share, stage.batch, _trained(stage, names)) for stage in stages]


def _trained(stage: Stage, names: dict[int, str]) -> dict[str, set[str]]:
    return {
        optimiser: {names[id(value)] for value in owned if id(value) in names} for optimiser, owned in stepped(stage).items()
    }
