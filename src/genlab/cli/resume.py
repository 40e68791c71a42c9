"""`genlab resume`: go on with a run that was stopped."""

from __future__ import annotations

from genlab.cli.errors import Stopped
from genlab.cli.options import Json, TrainingOptions, Watched
from genlab.cli.progress import Progress
from genlab.cli.sample import Run_
from genlab.cli.stop import Stop
from genlab.cli.train import say

EXAMPLES = """Examples:
  genlab resume runs/digits-ddpm-1
  genlab resume reports/digits/runs/ddpm"""


def resume(
    run: Run_,
    /,
    *,
    unwatched: Watched = False,
    machine: TrainingOptions = TrainingOptions(),  # noqa: B008
    json: Json = False,
) -> None:
    """Go on with a run that was stopped, from its last checkpoint to the end of its budget.

    Its weights become what they would have been without the stop: byte for byte on the same machine with as many threads, if
    the budget is in steps or examples. A run that is finished stays as it is.
    """
    machine.apply()
    from genlab import api
    from genlab.cli.training import follow, watching

    with Progress() as progress:
        with progress.task("reading the data"):
            made = api.resume(run, machine.device, machine.precision)
        name = made.recipe.name
        progress.say(f"{name}, {made.parameters:,} parameters, on {made.engine.device}: {made.folder.path}")
        with Stop() as stop, progress.task(f"training {name}", chapter=True) as task:
            finished = follow(made, task, stop, None if unwatched else watching(made, progress))
            task.halted = not finished
    say(made, finished, json)
    if not finished:
        raise Stopped(stop.asked)
