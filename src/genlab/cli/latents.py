"""`genlab reconstruct` and `genlab interpolate`: real examples encoded and decoded, and the way between two latents."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from genlab.cli.options import FolderOptions, GivenOptions, Json, Raw, RunOptions, Seed, at_least
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
    split: Annotated[Split, Parameter(help="Which part of the data they are from.")] = "test",
    raw: Raw = False,
    output: FolderOptions = FolderOptions(),  # noqa: B008
    machine: RunOptions = RunOptions(),  # noqa: B008
    json: Json = False,
) -> None:
    """Encode real examples and decode them.

    Each row of originals has its reconstructions below. An .npz holds the reconstructions as x and the originals as original.
    """
    at_least(1, n=n)
    from genlab.cli.looking import WIDTH, deliver, tell
    from genlab.cli.opening import reopened
    from genlab.report import pictures
    from genlab.report.saving import Samples
    from genlab.report.tiles import across, in_rows

    loaded = machine.load(run)
    loaded.able("reconstruct", not raw)
    with Progress() as progress:
        data = reopened(loaded, progress)
        with progress.task("reconstructing"):
            made = loaded.reconstruct(n, split, averaged=not raw, data=data)
    if pictures.drawing(loaded.space).layout == "framed" or (output.out is not None and output.out.suffix == ".npz"):
        said = f"{len(made.x)} {split} points in grey, their reconstructions in blue"
        samples = Samples([made.x], loaded.space, {"original": made.original, **made.given}, real=made.original, title=said)
    else:
        columns = across(len(made.x), WIDTH)
        both = in_rows([made.original, made.x], columns)
        samples = Samples([both], loaded.space, columns=columns, rows=(split, "rebuilt"))
    path = deliver(loaded, "reconstruct", output, samples)
    record = {"run": run, "n": len(made.x), "split": split, "out": str(path)}
    tell(record, f"{len(made.x)} {split} examples, each above its reconstruction: {path}", json)


def interpolate(
    run: Run_,
    /,
    *,
    n: Annotated[int, Parameter(name="-n", help="How many interpolations, one a row.")] = 6,
    steps: Annotated[int, Parameter(help="Steps of each, both ends among them.")] = 10,
    real: Annotated[bool, Parameter(help="Between real examples of the test split instead of drawn ones.")] = False,
    given: GivenOptions = GivenOptions(),  # noqa: B008
    seed: Seed = 0,
    raw: Raw = False,
    output: FolderOptions = FolderOptions(),  # noqa: B008
    machine: RunOptions = RunOptions(),  # noqa: B008
    json: Json = False,
) -> None:
    """Walk from one latent to another.

    Between drawn ends, the conditions (a class, a text) stay the same. Real ends keep their own, and each step between
    them has that of the nearer end. Each row of the picture is one interpolation; a .gif shows all of them at once.
    """
    at_least(1, n=n)
    at_least(2, steps=steps)
    from genlab.cli.looking import deliver, tell
    from genlab.cli.opening import reopened, said
    from genlab.report import pictures
    from genlab.report.saving import Samples, shows_way

    loaded = machine.load(run)
    loaded.able("interpolate", not raw)
    with Progress() as progress:
        data = reopened(loaded, progress) if real else None
        loaded.once_opened = lambda data: said(data, progress)
        with progress.task("walking") as task:
            made = loaded.interpolate(n, steps, seed, given.conditions(), real=real, averaged=not raw, data=data, progress=task)
    moving = shows_way(output.out, loaded.space)
    frames = list(made.x.unbind(1)) if moving else [made.x.flatten(0, 1)]
    more = {"share": made.share.repeat(n)} | {key: value.flatten(0, 1) for key, value in made.given.items()}
    ends = "both real, rebuilt by the model" if real else "both drawn by the model"
    framed = pictures.drawing(loaded.space).layout == "framed"
    title = f"{f'{n} ways of' if framed else 'each row:'} {steps} steps from one example to another, {ends}"
    samples = Samples(frames, loaded.space, more, columns=steps, title=title)
    path = deliver(loaded, "interpolate", output, samples)
    tell({"run": run, "n": n, "steps": steps, "seed": seed, "out": str(path)}, f"{n} rows of {steps} steps: {path}", json)
