"""`genlab compare`, the main job: models side by side on the same data, for the same budget, in one report."""

from __future__ import annotations

import json as _json
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from genlab.cli.errors import FAILED, Stopped
from genlab.cli.options import (
    BUDGET,
    DataOptions,
    FeaturesOption,
    FittingOptions,
    FolderOptions,
    Json,
    at_least,
    known,
)
from genlab.cli.progress import Progress, Task
from genlab.cli.stop import Stop
from genlab.comparison.options import UNITS, CompareOptions, added, command, listed
from genlab.core.program import called

if TYPE_CHECKING:
    from genlab.comparison.comparison import Comparison
    from genlab.comparison.events import Event
from genlab.data.options import Options

EXAMPLES = """Examples:
  genlab compare digits
  genlab compare my-pictures/ --size 32 --seconds 600 --seeds 3
  genlab compare my-pictures/ --more 300
  genlab compare points/ring --models vae,gan,ddpm --seconds 20 --seeds 3
  genlab compare names.txt --lines --models all --out reports/names
  genlab compare digits --budget operations=1e13
  genlab compare runs/digits-vae-1 runs/digits-gan-1"""


@Parameter(name="*", group=BUDGET)
@dataclass(frozen=True)
class EqualBudget:
    seconds: float | None = None
    """Seconds of training for each model; default: what suits the data."""
    budget: str | None = None
    """Budget of each model: seconds=N, examples=N or operations=N (counted, not timed)."""
    more: float | None = None
    """Give a comparison that is there so much more, from where it stands, and measure again."""


def compare(
    *data: Annotated[
        str,
        Parameter(name="DATA", help="A folder, a file, or something built in (`genlab list data`); or runs to compare."),
    ],
    models: Annotated[
        str | None,
        Parameter(
            help="Names with commas between, FILE.py:NAME for one of your own, or all; default: four that suit the data."
        ),
    ] = None,
    seeds: Annotated[int, Parameter(help="Train each model this many times; several are needed to rule out chance.")] = 1,
    samples: Annotated[
        int | None, Parameter(help="Samples compared with the data; default: as many as a model draws in good time.")
    ] = None,
    features: FeaturesOption = None,
    moved: Annotated[
        str | None, Parameter(name="--data", help="Of runs: where their data lie now, if they were moved.")
    ] = None,
    table: Annotated[bool, Parameter(help="Print every score with its interval.")] = False,
    budget: EqualBudget = EqualBudget(),
    output: FolderOptions = FolderOptions(),  # noqa: B008
    options: DataOptions = Options(),  # noqa: B008
    machine: FittingOptions = FittingOptions(),  # noqa: B008
    json: Json = False,
) -> int:
    """Find out which model suits your data.

    Trains several models for an equal budget on the same splits, a slice of each in turn, then samples and scores them. Writes
    report.html (one file, no network) and report.json to --out, reports/DATA by default, and keeps every run in its runs/. The
    same call goes on with a comparison that was stopped; other --models or more --seeds are added to those that are there.
    """
    unit, amount = budget_of(budget.seconds, budget.budget)
    at_least(1, seeds=seeds, samples=samples)
    if not data:
        raise ValueError(f"name what to compare on: a folder, a file, or something built in; {called()} list data has them")
    machine.apply()
    names, own = listed(models), budget.seconds is not None or budget.budget is not None
    for name in names or ():
        if ".py:" in name:
            known(name)
    rest = (options.record(), machine.device, machine.precision, own, machine.budget_fit, added(budget.more, own))
    asked = CompareOptions(data[0], names, unit, amount, seeds, samples, features, *rest)
    with Progress() as progress:
        comparison = _begun(data, moved, asked, output, progress)
        stopped = _work(comparison, progress)
    _print(comparison, json, table, stopped)
    return FAILED if all(row.error for row in comparison.record().rows) else 0


def _begun(
    data: Sequence[str], moved: str | None, options: CompareOptions, output: FolderOptions, progress: Progress
) -> Comparison:
    """The comparison of these options, its data opened and nothing trained."""
    from genlab.cli.opening import counted, opened, said
    from genlab.comparison.calls import compare_models, compare_runs
    from genlab.comparison.existing import are_runs, common_data

    runs = are_runs(data)
    if runs:
        with progress.task("reading the data") as task:
            source = common_data(data, moved, progress=counted(task))
        said(source, progress)
    elif moved is not None:
        raise ValueError(f"--data {moved} says where the data of runs lie now; compare {data[0]} without it")
    else:
        source = opened(data[0], options.opening, progress)
    with progress.task("choosing how to compare samples") as task:
        if runs:
            return compare_runs(options, source, data, output.out, output.force, task)
        return compare_models(options, source, output.out, output.force, task, progress.say)


def _work(comparison: Comparison, progress: Progress) -> int:
    """Do everything that is left; the number of the signal that stopped it, or 0."""
    from genlab.cli.events import shown
    from genlab.comparison.events import Training

    def each(event: Event, task: Task | None) -> None:
        stop.patient = isinstance(event, Training)
        if stop.asked:
            comparison.stop()
            if task is not None:
                task.halted = True

    with Stop() as stop:
        left = comparison.todo()
        whole = progress.task(comparison.title, chapter=True, forecast=comparison.eta) if left else nullcontext()
        try:
            with whole:
                shown(comparison.events(), progress, each)
        except KeyboardInterrupt:
            return stop.asked or signal.SIGINT
    return stop.asked


def budget_of(seconds: float | None, budget: str | None) -> tuple[Any, float]:
    """(unit, amount) of `--seconds N` or `--budget UNIT=N`; ValueError for both, or for an amount that cannot be read."""
    if seconds is not None and budget is not None:
        raise ValueError("--seconds and --budget both set the budget: leave one out")
    if seconds is None and budget is None:
        return "seconds", 0.0  # until the data have said what suits them
    unit, _, amount = (budget or f"seconds={seconds}").partition("=")
    try:
        number = float(amount)
    except ValueError:
        number = float("nan")
    if unit not in UNITS or amount == "":
        raise ValueError(f"--budget {budget}: write --budget UNIT=N, where UNIT is one of {', '.join(UNITS)}")
    if not 0 < number < float("inf"):
        option = "--seconds" if budget is None else f"--budget {unit}"
        raise ValueError(f"{option} must be more than 0, got {amount}")
    return unit, number


def _print(comparison: Comparison, json: bool, table: bool, stopped: int) -> None:
    """Print the result; Stopped, after the commands that go on, where a signal of this number ended the work."""
    _print_result(comparison, json, table)
    if stopped:
        _print_next_commands(comparison, json)
        raise Stopped(stopped)


def _print_result(comparison: Comparison, json: bool, table: bool) -> None:
    from rich.console import Console

    from genlab.comparison.summary import leader
    from genlab.report.terminal import WIDE, scores, short

    if json:
        print(_json.dumps(_json.loads((comparison.folder / "report.json").read_text(encoding="utf-8"))))
        return
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=WIDE)
    record = comparison.record()
    if record.rows:
        console.print(scores(record) if table else short(record.rows, console.width))
    if record.pending:
        console.print(f"not measured yet: {', '.join(record.pending)}", markup=False, soft_wrap=True)
    for row in record.rows:
        if row.error:
            console.print(f"{row.name}: {row.error}", markup=False, soft_wrap=True)
    for line in leader(record):
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"\nreport: {comparison.folder / 'report.html'}", markup=False, soft_wrap=True)


def _print_next_commands(comparison: Comparison, json: bool) -> None:
    """Print the commands that go on; on stderr where stdout holds JSON."""
    stream = sys.stderr if json else sys.stdout
    print(f"go on: {comparison.command()}", file=stream)
    halted = next((row for row in comparison.record().rows if row.stopped), None)
    if halted is not None:
        print(f"or with one model: {command('resume', halted.run, halted.name)}", file=stream)
