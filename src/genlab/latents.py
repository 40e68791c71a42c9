"""Latents of a model: real examples encoded and decoded, and interpolations between two latents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from genlab.core.data import Data, Split
from genlab.core.model import Encodes
from genlab.core.noise import Noise
from genlab.core.space import Batch

if TYPE_CHECKING:
    from genlab.trained import Run


@dataclass(frozen=True)
class Reconstruction:
    """Real examples and their reconstructions, on the CPU and in the data's units.

    x         (n, *space.shape), the reconstructions
    original  (n, *space.shape)
    given     their conditions, n rows each
    """

    x: Tensor
    original: Tensor
    given: Mapping[str, Tensor]


@dataclass(frozen=True)
class Interpolation:
    """Interpolations between latents, decoded, on the CPU and in the data's units.

    x      (n, steps, *space.shape), from one end to the other
    share  (steps,) of the distance between the ends, from 0 to 1
    given  the conditions of every point, (n, steps, ...) each
    """

    x: Tensor
    share: Tensor
    given: Mapping[str, Tensor]


class End(NamedTuple):
    """One end of n interpolations: latents z (n, *latent) and their conditions."""

    z: Tensor
    given: Mapping[str, Tensor]


@torch.no_grad()
def reconstruct(run: Run, n: int, split: Split, averaged: bool, data: Data | None) -> Reconstruction:
    """See `Run.reconstruct`."""
    model: Any = run.able("reconstruct", averaged)
    batch = first(run.data() if data is None else data, split, n, device_of(model))
    x = model.decode(model.encode(batch.x, batch.given), batch.given)
    return Reconstruction(x.cpu(), batch.x.cpu(), {key: value.cpu() for key, value in batch.given.items()})


@torch.no_grad()
def interpolate(
    run: Run,
    n: int,
    steps: int,
    seed: int,
    given: Mapping[str, Any] | None,
    real: bool,
    averaged: bool,
    data: Data | None,
    progress: Callable[[float], object] | None,
) -> Interpolation:
    """See `Run.interpolate`."""
    if n < 1 or steps < 2:
        raise ValueError(f"interpolating needs at least 1 row of at least 2 steps, got n={n} and steps={steps}")
    model: Any = run.able("interpolate", averaged)
    a, b = _examples(run, model, n, given, data) if real else _drawn(run, model, n, seed, given, data)
    shares = [step / (steps - 1) for step in range(steps)]
    points, conditions = list[Tensor](), list[Mapping[str, Tensor]]()
    for share in shares:
        conditions.append((a if share <= 0.5 else b).given)
        points.append(model.decode(model.between(a.z, b.z, share), conditions[-1]).cpu())
        if progress is not None:
            progress(share)
    along = {key: torch.stack([part[key].cpu() for part in conditions], 1) for key in a.given}
    return Interpolation(torch.stack(points, 1), torch.tensor(shares), along)


def _drawn(run: Run, model: Any, n: int, seed: int, given: Mapping[str, Any] | None, data: Data | None) -> tuple[End, End]:
    """Two draws from the prior, with the same conditions."""
    conditions = run.conditions(n, seed, given, data=data).given
    a, b = (model.draw(n, noise=Noise(seed, range(start, start + n), device_of(model))) for start in (0, n))
    return End(a, conditions), End(b, conditions)


def _examples(run: Run, model: Any, n: int, given: Mapping[str, Any] | None, data: Data | None) -> tuple[End, End]:
    """The latents of the first 2n test examples, each with its own conditions."""
    if given:
        raise ValueError(f"real examples have their own {', '.join(given)}: give that or ask for real ends, not both")
    device = device_of(model)
    if not isinstance(model, Encodes):
        raise ValueError(f"{run.recipe.name} draws latents but cannot find those of a real example; leave --real out")
    batch = first(run.data() if data is None else data, "test", 2 * n, device)
    if len(batch.x) < 2 * n:
        raise ValueError(f"{n} rows need {2 * n} ends, and the test split has {len(batch.x)} examples; ask for fewer")
    z = model.encode(batch.x, batch.given)
    a, b = (End(z[half], {key: value[half] for key, value in batch.given.items()}) for half in (slice(n), slice(n, None)))
    return a, b


def first(data: Data, split: Split, n: int, device: torch.device) -> Batch:
    """The first n examples of a split, or all of them where there are fewer; ValueError for none."""
    if n < 1:
        raise ValueError(f"the number of examples must be at least 1, got {n}")
    return data.once(split, 0, n).to(device)


def device_of(model: nn.Module) -> torch.device:
    """The device of a model's weights."""
    return next((tensor.device for tensor in (*model.parameters(), *model.buffers())), torch.device("cpu"))
