"""`genlab resume`: go on with a run that was stopped, extend its budget, or fork it."""

from __future__ import annotations

import signal
from typing import Annotated

from cyclopts import Parameter

from genlab.cli.errors import Stopped
from genlab.cli.options import (
    SEEDS,
    BudgetOptions,
    FolderOptions,
    Json,
    KeepingOptions,
    ResumeOptions,
    Set,
    Watched,
    known,
    pairs,
)
from genlab.cli.progress import Progress
from genlab.cli.sample import Run_
from genlab.cli.stop import Stop
from genlab.cli.train import introduced, print_end

EXAMPLES = """Examples:
  genlab resume runs/digits-ddpm-1
  genlab resume runs/digits-ddpm-1 --seconds 600
  genlab resume runs/digits-ddpm-1 --out runs/other --seed 1 --seconds 60
  genlab resume runs/digits-ddpm-1 --out runs/gentle --set optim.rate=1e-4"""

OtherSeed = Annotated[int | None, Parameter(validator=SEEDS, help="With --out: another seed from here on.")]


def resume(
    run: Run_,
    /,
    *,
    seed: OtherSeed = None,
    changes: Set = (),
    more: BudgetOptions = BudgetOptions(),  # noqa: B008
    unwatched: Watched = False,
    keeping: KeepingOptions = KeepingOptions(),  # noqa: B008
    output: FolderOptions = FolderOptions(),  # noqa: B008
    machine: ResumeOptions = ResumeOptions(),  # noqa: B008
    json: Json = False,
) -> None:
    """Go on with a run that was stopped, from its last checkpoint to the end of its budget.

    Its weights become what they would have been without the stop: byte for byte on the same machine with as many threads, if
    the budget is in steps or examples. A run that is finished stays as it is.

    --steps, --examples or --seconds add so much to its budget. --out forks it: a new run goes on from there, with another
    --seed or --set if you like, and the old one stays as it is.
    """
    machine.apply()
    known(machine.model)
    budget, settings = more.budget(), pairs(changes, "--set")
    from genlab import api
    from genlab.cli.opening import said
    from genlab.cli.training import follow, watching

    options = {"more": budget, "out": output.out, "seed": seed, "settings": settings, "force": output.force}
    with Progress() as progress:
        with progress.task("reading the data"):
            made = api.resume(run, machine.device, machine.precision, machine.data, **options, **keeping.chosen())
        name, over = made.recipe.name, made.folder.progress() >= 1
        said(made.data, progress)
        progress.say(introduced(made))
        with Stop() as stop, progress.task(f"training {name}", chapter=not over) as task:
            finished = follow(made, task, stop, None if unwatched else watching(made, progress))
            task.halted = not finished
    if made.engine.main:
        print_end(made, finished, json, over)
    if not finished:
        raise Stopped(stop.asked or signal.SIGTERM)
