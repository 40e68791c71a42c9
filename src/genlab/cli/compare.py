"""`genlab compare`, the main job: models side by side on the same data, for the same budget, in one report."""

from __future__ import annotations

import json as _json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from genlab.cli.ask import Ask, budget_of
from genlab.cli.errors import FAILED, Stopped
from genlab.cli.options import DataOptions, FeaturesOption, FolderOptions, Json, TrainingOptions
from genlab.cli.progress import Progress

EXAMPLES = """Examples:
  genlab compare digits
  genlab compare my-pictures/ --size 32 --seconds 600 --seeds 3
  genlab compare points/ring --models vae,gan,ddpm --seconds 20 --seeds 3
  genlab compare names.txt --lines --models all --out reports/names
  genlab compare digits --budget operations=1e13
  genlab compare runs/digits-vae-1 runs/digits-gan-1"""


def compare(
    *data: Annotated[
        str,
        Parameter(name="DATA", help="A folder, a file, or something built in (`genlab list data`); or runs to compare."),
    ],
    models: Annotated[
        str | None, Parameter(help="Names with commas between, or all; four that suit the data otherwise.")
    ] = None,
    seconds: Annotated[float | None, Parameter(help="Training time of each model, 30 otherwise.")] = None,
    budget: Annotated[
        str | None, Parameter(help="What all get alike: seconds=N, examples=N or operations=N (counted, not timed).")
    ] = None,
    seeds: Annotated[int, Parameter(help="Train each so many times: differences beyond chance need several.")] = 1,
    samples: Annotated[
        int | None, Parameter(help="Samples compared with the data; as many as the slowest can draw in good time otherwise.")
    ] = None,
    features: FeaturesOption = None,
    table: Annotated[bool, Parameter(help="Print every score with its interval.")] = False,
    output: FolderOptions = FolderOptions(),  # noqa: B008
    options: DataOptions = DataOptions(),  # noqa: B008
    machine: TrainingOptions = TrainingOptions(),  # noqa: B008
    json: Json = False,
) -> int:
    """Find out which model suits your data.

    Trains several for an equal budget on the same splits, a slice of each in turn, samples and scores them. Writes report.html
    (one file, no network) and report.json to --out, reports/DATA by default, and keeps every run in its runs/. The same call
    goes on with a comparison that was stopped; with other --models or more --seeds it adds them to those that are there.
    """
    unit, amount = budget_of(seconds, budget)
    for name, value in (("--seeds", seeds), ("--samples", samples)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be more than 0, got {value}")
    if not data:
        raise ValueError("name what to compare on: a folder, a file, or something built in; `genlab list data` has them")
    machine.apply()
    from genlab.runs.lock import held

    said = seconds is not None or budget is not None
    ask = Ask(data[0], models, unit, amount, seeds, samples, features, options, machine, said)
    with Progress() as progress:
        comparison = _runs(data, ask, output, progress) if _are_runs(data) else _models(data, ask, output, progress)
        with held(comparison.folder):
            stopped = comparison.run(progress)
    _say(comparison, json, table)
    if stopped:
        _say_how_to_go_on(comparison, json)
        raise Stopped(stopped)
    return FAILED if all(row.get("error") for row in comparison.rows.values()) else 0


def _are_runs(data: Sequence[str]) -> bool:
    """Whether the words name folders of runs; ValueError where only some do."""
    found = [(Path(word) / "recipe.json").is_file() for word in data]
    if any(found) != all(found) or (len(data) > 1 and not any(found)):
        odd = next(word for word, is_run in zip(data, found, strict=True) if not is_run)
        raise ValueError(f"{odd} is no run of genlab: compare one source of data, or runs that exist")
    return all(found)


def _models(data: Sequence[str], ask: Ask, output: FolderOptions, progress: Progress) -> Any:
    from genlab.cli.comparison import Comparison
    from genlab.cli.folder import chosen, claimed, compared_in, continued, earlier
    from genlab.cli.opening import opened

    source = opened(data[0], ask.options.chosen(), progress)
    folder = output.out or Path("reports") / source.name.replace("/", "-")
    names, left_out = chosen(ask.models, source.space, source.given)
    for reason in left_out:
        progress.say(f"left out: {reason}")
    record = None if output.force else earlier(folder, source, ask)
    ask = continued(ask, record)
    found = compared_in(source, ask, progress)
    return Comparison(ask, source, names, claimed(folder, output.force, record, data), found, record)


def _runs(data: Sequence[str], ask: Ask, output: FolderOptions, progress: Progress) -> Any:
    from genlab.cli.existing import Existing, common_data
    from genlab.cli.folder import claimed, compared_in

    source = common_data(data, progress)
    folder = output.out or Path("reports") / f"{source.name.replace('/', '-')}-runs"
    found = compared_in(source, ask, progress)
    return Existing(ask, source, data, claimed(folder, output.force, used=data), found)


def _say(comparison: Any, json: bool, table: bool) -> None:
    from rich.console import Console

    from genlab.cli.standing import WIDE, leader, scores, short

    if json:
        print(_json.dumps(_json.loads((comparison.folder / "report.json").read_text(encoding="utf-8")), ensure_ascii=False))
        return
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=WIDE)
    rows = list(comparison.rows.values())
    console.print(scores(comparison.record()) if table else short(rows, console.width))
    for row in rows:
        if row.get("error"):
            console.print(f"{row['name']}: {row['error']}", markup=False, soft_wrap=True)
    for line in leader(comparison.record()):
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"\nreport: {comparison.folder / 'report.html'}", markup=False, soft_wrap=True)


def _say_how_to_go_on(comparison: Any, json: bool) -> None:
    """On stderr beside JSON, which has stdout for itself."""
    place = sys.stderr if json else sys.stdout
    print(f"go on: {comparison.command()}", file=place)
    halted = next((row for row in comparison.rows.values() if row.get("stopped")), None)
    if halted is not None:
        print(f"or with one model: genlab resume {shlex.quote(halted['run'])}", file=place)
