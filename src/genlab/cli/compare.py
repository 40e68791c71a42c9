"""`genlab compare`, the main job: models side by side on the same data, for the same seconds, in one report.

Each model is trained, then measured, then entered into the report, which is written anew every time: whatever happens to
the next one, what is done stays done.
"""

from __future__ import annotations

import json as _json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from genlab.cli.errors import FAILED, Stopped
from genlab.cli.options import DataOptions, FolderOptions, Json, TrainingOptions, option_words
from genlab.cli.progress import Progress

WIDE = 160  # columns of a table that no terminal folds
EXAMPLES = """Examples:
  genlab compare digits
  genlab compare my-pictures/ --size 32 --seconds 600
  genlab compare points/ring --models vae,gan,ddpm --seconds 20 --seeds 3
  genlab compare names.txt --lines --models all --out reports/names"""


@dataclass(frozen=True)
class Ask:
    """What a comparison was asked for."""

    data: str
    models: str | None
    seconds: float
    seeds: int
    samples: int | None
    options: DataOptions
    machine: TrainingOptions

    def command(self, out: Path) -> str:
        """The call that repeats it."""
        seeds = self.seeds if self.seeds > 1 else None
        said = {"models": self.models, "seconds": f"{self.seconds:g}", "seeds": seeds, "samples": self.samples, "out": out}
        words = [word for name, value in said.items() for word in option_words(name, value)]
        return shlex.join(["genlab", "compare", self.data, *words, *self.options.words()])


def compare(
    data: Annotated[str, Parameter(help="A folder, a file, or something built in: `genlab list data`.")],
    /,
    *,
    models: Annotated[
        str | None, Parameter(help="Names with commas between, or all; four that suit the data otherwise.")
    ] = None,
    seconds: Annotated[float, Parameter(help="Training time of each model.")] = 30,
    seeds: Annotated[int, Parameter(help="Train each so many times: differences beyond chance need several.")] = 1,
    samples: Annotated[int | None, Parameter(help="Samples compared with the data; chosen by the size of one.")] = None,
    output: FolderOptions = FolderOptions(),  # noqa: B008
    options: DataOptions = DataOptions(),  # noqa: B008
    machine: TrainingOptions = TrainingOptions(),  # noqa: B008
    json: Json = False,
) -> int:
    """Find out which model suits your data.

    Trains several for equal seconds on the same splits, one after another, samples and scores them. Writes report.html (one
    file, no network) and report.json to --out, reports/DATA by default, and keeps every run in its runs/. Ctrl-C ends with the
    models done so far.
    """
    for name, value in (("--seconds", seconds), ("--seeds", seeds), ("--samples", samples)):
        if value is not None and not 0 < value < float("inf"):
            raise ValueError(f"{name} must be more than 0, got {value:g}")
    ask = Ask(data, models, seconds, seeds, samples, options, machine)
    machine.apply()
    from genlab.cli.comparison import Comparison, chosen, claimed
    from genlab.cli.opening import opened

    with Progress() as progress:
        source = opened(data, options.chosen(), progress)
        names, left_out = chosen(models, source.space, source.given)
        for reason in left_out:
            progress.say(f"left out: {reason}")
        folder = claimed(output.out or Path("reports") / source.name.replace("/", "-"), output.force)
        comparison = Comparison(ask, source, names, folder)
        stopped = comparison.run(progress)
    _say(comparison, json)
    if stopped:
        _say_how_to_go_on(comparison, json)
        raise Stopped(stopped)
    return FAILED if all(row.get("error") for row in comparison.rows) else 0


def _say(comparison: Any, json: bool) -> None:
    from rich.console import Console

    from genlab.cli.standing import leader, table

    if json:
        print(_json.dumps(_json.loads((comparison.folder / "report.json").read_text(encoding="utf-8")), ensure_ascii=False))
        return
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=WIDE)
    console.print(table(comparison.rows, console.width))
    for row in comparison.rows:
        if row.get("error"):
            console.print(f"{row['name']}: {row['error']}", markup=False, soft_wrap=True)
    console.print(f"\nreport: {comparison.folder / 'report.html'}", markup=False, soft_wrap=True)
    best = leader(comparison.rows, comparison.data.space)
    if best is not None:
        console.print(f"{best.why}: genlab sample {shlex.quote(best.run)}", markup=False, soft_wrap=True)


def _say_how_to_go_on(comparison: Any, json: bool) -> None:
    """On stderr beside JSON, which has stdout for itself."""
    place = sys.stderr if json else sys.stdout
    halted = next((row for row in comparison.rows if row.get("stopped")), None)
    if halted is not None:
        print(f"go on with {halted['name']}: genlab resume {shlex.quote(halted['run'])}", file=place)
    print(f"compare anew: {comparison.ask.command(comparison.folder)} --force", file=place)
