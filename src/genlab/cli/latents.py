"""`genlab reconstruct` and `genlab interpolate`: what a model's latents hold, and the way between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter

from genlab.cli.options import FolderOptions, GivenOptions, Json, Raw, RunOptions, Seed
from genlab.cli.progress import Progress
from genlab.cli.sample import Run_
from genlab.core.data import Split

RECONSTRUCT_EXAMPLES = """Examples:
  genlab reconstruct runs/digits-vae-1
  genlab reconstruct runs/digits-vae-1 -n 16 --split train --out both.png"""
INTERPOLATE_EXAMPLES = """Examples:
  genlab interpolate runs/digits-gan-1 --class 3
  genlab interpolate runs/digits-vae-1 --real -n 4 --steps 12 --out walk.gif"""


def reconstruct(
    run: Run_,
    /,
    *,
    n: Annotated[int, Parameter(name="-n", help="How many examples.")] = 16,
    split: Annotated[Split, Parameter(help="Of which part of the data.")] = "test",
    raw: Raw = False,
    output: FolderOptions = FolderOptions(),  # noqa: B008
    machine: RunOptions = RunOptions(),  # noqa: B008
    json: Json = False,
) -> None:
    """Carry real examples into a model's latents and back.

    Each row of originals has its reconstructions below. An .npz holds the reconstructions as x and the originals as original.
    """
    from genlab.cli.looking import WIDTH, capable, deliver, examples, rows_of, tell
    from genlab.core.model import Encodes

    loaded, model = capable(run, machine, Encodes, "reconstruct", not raw)
    with Progress() as progress:
        batch = examples(loaded, model, split, n, progress)
        with progress.task("reconstructing"):
            back = model.decode(model.encode(batch.x, batch.given), batch.given)
    if output.out is not None and output.out.suffix == ".npz":
        path = deliver(loaded, "reconstruct", output, [back], {"original": batch.x, **batch.given}, WIDTH)
    else:
        path = deliver(loaded, "reconstruct", output, [rows_of([batch.x, back])], {}, WIDTH)
    count = len(batch.x)
    tell(
        {"run": run, "n": count, "split": split, "out": str(path)},
        f"{count} examples of {split}, then as rebuilt: {path}",
        json,
    )


def interpolate(
    run: Run_,
    /,
    *,
    n: Annotated[int, Parameter(name="-n", help="How many ways, one a row.")] = 6,
    steps: Annotated[int, Parameter(help="Places on each way, both ends among them.")] = 10,
    real: Annotated[bool, Parameter(help="Between real examples of the test split instead of drawn ones.")] = False,
    told: GivenOptions = GivenOptions(),  # noqa: B008
    seed: Seed = 0,
    raw: Raw = False,
    output: FolderOptions = FolderOptions(),  # noqa: B008
    machine: RunOptions = RunOptions(),  # noqa: B008
    json: Json = False,
) -> None:
    """Walk from one latent to another.

    What the model is given, a class or a text, stays the same on a way between drawn ends; real ends keep their own, and each
    place between them has that of the nearer one. Each row of the picture is a way; a .gif walks all of them at once.
    """
    for name, value, least in (("-n", n, 1), ("--steps", steps, 2)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    from genlab.cli.looking import capable, deliver, tell
    from genlab.core.model import Interpolates

    loaded, model = capable(run, machine, Interpolates, "interpolate", not raw)
    shares = [step / (steps - 1) for step in range(steps)]
    with Progress() as progress:
        a, b = _ends(loaded, model, n, seed, told.asked(), real, progress)
        with progress.task("walking") as task:
            frames, held = [], []
            for share in shares:
                held.append((a if share <= 0.5 else b).given)
                frames.append(model.decode(model.between(a.z, b.z, share), held[-1]).cpu())
                task(share)
    moving = output.out is not None and output.out.suffix == ".gif"
    more = {"share": shares * n} | {key: _by_row([part[key].cpu() for part in held]) for key in a.given}
    path = deliver(loaded, "interpolate", output, frames if moving else [_by_row(frames)], more, steps)
    tell({"run": run, "n": n, "steps": steps, "seed": seed, "out": str(path)}, f"{n} ways of {steps} places: {path}", json)


class End(NamedTuple):
    """Latents z (n, *latent) where ways begin or end, and what they are given there."""

    z: Any
    given: Mapping[str, Any]


def _ends(run: Any, model: Any, n: int, seed: int, asked: Mapping[str, str], real: bool, progress: Progress) -> tuple[End, End]:
    from genlab.cli.looking import examples, noise_for
    from genlab.core.model import Encodes

    if not real:
        given = run.conditions(n, seed, asked).given
        drawn = (model.draw(n, noise=noise_for(model, seed, range(first, first + n))) for first in (0, n))
        a, b = (End(z, given) for z in drawn)
        return a, b
    if asked:
        raise ValueError(f"--real: examples have their own {', '.join(asked)}; leave --real or --class and --given out")
    if not isinstance(model, Encodes):
        raise ValueError(f"--real: {run.recipe.name} draws latents but cannot find those of an example; leave --real out")
    batch = examples(run, model, "test", 2 * n, progress)
    if len(batch.x) < 2 * n:
        raise ValueError(f"-n {n}: {2 * n} ends are more than the {len(batch.x)} examples of the test split")
    z = model.encode(batch.x, batch.given)
    halves = (slice(None, n), slice(n, None))
    a, b = (End(z[half], {key: value[half] for key, value in batch.given.items()}) for half in halves)
    return a, b


def _by_row(frames: list[Any]) -> Any:
    """steps frames (n, *shape) as (n * steps, *shape), one way after another."""
    import numpy as np

    stack = np.stack([frame.numpy() for frame in frames], 1)
    return stack.reshape(-1, *stack.shape[2:])
