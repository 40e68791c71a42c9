"""`genlab train`: train one model on one source of data."""

from __future__ import annotations

import json as _json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from genlab.cli.errors import Stopped
from genlab.cli.options import (
    BUDGET,
    BudgetOptions,
    DataOptions,
    FittingOptions,
    FolderOptions,
    Json,
    KeepingOptions,
    Seed,
    Set,
    Watched,
    pairs,
)
from genlab.cli.progress import Progress
from genlab.cli.stop import Stop
from genlab.comparison.words import duration, exact
from genlab.core.program import called
from genlab.data.index import built_in
from genlab.data.options import Options
from genlab.recipes.index import MODELS, entry

if TYPE_CHECKING:
    from genlab.api import Session
    from genlab.core.recipe import Recipe

EXAMPLES = """Examples:
  genlab train ddpm digits
  genlab train vae my-pictures/ --size 64 --seconds 600 --out runs/faces
  genlab train gpt names.txt --lines --steps 2000 --set model.layers=6 batch=32
  genlab train gan points/ring --seconds 30 --seed 1
  genlab train my_model.py:MyModel digits --seconds 60"""


Schedule = Annotated[
    Path | None,
    Parameter(
        group=BUDGET, help="Repeat a run of seconds byte for byte, with its own --seconds and --seed: RUN/schedule.json."
    ),
]


def train(
    model: Annotated[str, Parameter(help="Name of a model, `genlab list`; or FILE.py:NAME, a class of your own.")],
    data: Annotated[str, Parameter(help="A folder, a file, or something built in: `genlab list data`.")],
    /,
    *,
    seed: Seed = 0,
    changes: Set = (),
    budget: BudgetOptions = BudgetOptions(),  # noqa: B008
    schedule: Schedule = None,
    unwatched: Watched = False,
    keeping: KeepingOptions = KeepingOptions(),  # noqa: B008
    output: FolderOptions = FolderOptions(),  # noqa: B008
    options: DataOptions = Options(),  # noqa: B008
    machine: FittingOptions = FittingOptions(),  # noqa: B008
    json: Json = False,
) -> None:
    """Train a model on data.

    The run is a folder, runs/DATA-MODEL-N unless --out says otherwise. Ctrl-C ends training at the next step and keeps what
    was learnt: `genlab resume` goes on from there.
    """
    if ".py:" in model:
        from genlab.api import registered

        model = registered(model)
    _in_order(model, data)
    spend, settings = budget.budget(), pairs(changes, "--set")
    marks, repeated = scheduled(schedule, model, budget)
    machine.apply()
    from genlab.api import session
    from genlab.cli.opening import opened
    from genlab.cli.training import follow, watching
    from genlab.recipes.make import recipe_for
    from genlab.runs.processes import main_first

    with Progress() as progress:
        source = main_first(lambda: opened(data, options.record(), progress))
        made = session(
            model,
            source,
            output.out,
            budget=spend,
            seed=seed,
            settings=settings,
            force=output.force,
            device=machine.device,
            precision=machine.precision,
            schedule=marks,
            recipe=repeated or (recipe_for(model, source.space, source.given) if machine.budget_fit == "off" else None),
            **keeping.chosen(),
        )
        progress.say(introduced(made))
        with Stop() as stop, progress.task(f"training {model}", chapter=True) as task:
            finished = follow(made, task, stop, None if unwatched else watching(made, progress))
            task.halted = not finished
    if made.engine.main:
        print_end(made, finished, json)
    if not finished:
        raise Stopped(stop.asked or signal.SIGTERM)  # 0 where another process received it


def _in_order(model: str, data: str) -> None:
    """ValueError where the model is unknown, or the two words are swapped."""
    swapped = any(row.name == data for row in MODELS) and (built_in(model) is not None or Path(model).exists())
    if swapped:
        raise ValueError(f"the model comes before the data: {called()} train {data} {model}")
    entry(model)


def scheduled(file: Path | None, model: str, budget: BudgetOptions) -> tuple[list[list[int]] | None, Recipe | None]:
    """(rows [stage, step, thousandths] of a schedule.json, the recipe beside it); ValueError where it is none, or of another
    model or budget."""
    if file is None:
        return None, None
    if budget.steps is not None or budget.examples is not None:
        raise ValueError(f"--schedule {file} repeats a run of seconds: use --seconds, not --steps or --examples")
    try:
        rows = _json.loads(file.read_text(encoding="utf-8"))
        whole = bool(rows) and all(len(row) == 3 and all(isinstance(entry, int) for entry in row) for row in rows)
    except (ValueError, TypeError):
        whole = False
    if not whole:
        raise ValueError(f"--schedule {file} is no schedule; name the schedule.json of a run that was trained for --seconds")
    recipe, beside = None, Path(file).parent / "recipe.json"
    if beside.is_file():
        from genlab.api import load

        run = load(beside.parent, "cpu")
        if run.head.get("steered"):
            raise ValueError(
                f"--schedule {file} is that of a run that was steered by hand, which cannot be repeated; leave it out"
            )
        recipe = run.recipe
        if (recipe.name, recipe.budget.seconds) != (model, budget.seconds):
            call = f"{called()} train {recipe.name} DATA --seconds {exact(recipe.budget.amount)} --seed {recipe.seed}"
            raise ValueError(f"--schedule {file} is that of another training: {call}; use the same options, or leave it out")
    return rows, recipe


def introduced(made: Session) -> str:
    """What is about to be trained, "gpt, 1,000 parameters, on cpu: runs/a", and what of the data it does not use."""
    engine, name = made.engine, made.recipe.name
    count, how = engine.processes.num_processes, "cut among" if engine.sharded else "shared by"
    where = f"{how} {count} processes, " if count > 1 else ""
    return "\n".join([f"{name}, {made.parameters:,} parameters, {where}on {engine.device}: {made.folder.path}", *made.notes])


def print_end(made: Session, finished: bool, json: bool, over: bool = False) -> None:
    """Print how the training ended and the commands that go on. over: it had ended before this call."""
    from genlab.comparison.options import command

    engine, path = made.engine, made.folder.path
    if json:
        print(_json.dumps(_record(made, finished)))
        return
    done = "trained" if finished else f"stopped at {engine.overall():.0%}; what was learnt is kept"
    done = "finished before, nothing was trained" if over else done
    print(f"{done}: {engine.examples:,} examples in {duration(engine.seconds)}")
    print(f"run: {path}")
    verbs = ("sample", "score", "show") if finished else ("resume", "sample", "score")
    print("next:")
    for verb in verbs:
        print(f"  {command(verb, path, made.recipe.name)}")
    if over:
        print(f"more of it: {command('resume', path, made.recipe.name)} --{made.recipe.budget.unit} N")


def _record(made: Session, finished: bool) -> dict[str, Any]:
    engine = made.engine
    counted = {"examples": engine.examples, "seconds": round(engine.seconds, 3), "progress": engine.overall()}
    return {"run": str(made.folder.path), "finished": finished, "parameters": made.parameters, **counted}
