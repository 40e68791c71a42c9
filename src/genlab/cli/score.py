"""`genlab score`: how probable a run finds data it has not seen, and how close its samples come."""

from __future__ import annotations

import json as _json
from collections.abc import Iterator
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from genlab.cli.options import Best, FeaturesOption, Json, Option, Raw, RunOptions, Seed, at_least, own
from genlab.cli.progress import Progress
from genlab.core.data import Split

if TYPE_CHECKING:
    from genlab.comparison.evaluate import Evaluated
    from genlab.comparison.rows import Results
    from genlab.measure.ruler import Ruler

WIDE = 160  # columns where there is no terminal

EXAMPLES = """Examples:
  genlab score runs/digits-vae-1
  genlab score runs/digits-vae-1 --split validation --json
  genlab score runs/digits-flow-matching-1 --examples 100"""


def score(
    run: Annotated[str, Parameter(name="RUN", help="Folder of a run.")],
    /,
    *,
    split: Annotated[Split, Parameter(help="Which part of the data.")] = "test",
    n: Annotated[int | None, Parameter(name="-n", help="Samples to compare; default: chosen by the kind of data.")] = None,
    examples: Annotated[int | None, Parameter(help="Examples the likelihood is computed on; default: all.")] = None,
    seed: Seed = 0,
    option: Option = (),
    raw: Raw = False,
    best: Best = False,
    features: FeaturesOption = None,
    full: Annotated[bool, Parameter(help="Print how each number was measured.")] = False,
    machine: RunOptions = RunOptions(),  # noqa: B008
    json: Json = False,
) -> None:
    """Measure a run.

    Prints a line for each number: how close its samples come to data it has not seen, how probable it finds these, how fast it
    samples. --full says how each was measured; all is saved in the run's scores.json.
    """
    at_least(1, n=n, examples=examples)
    from genlab.api import Engine
    from genlab.cli.events import shown
    from genlab.cli.opening import reopened
    from genlab.comparison.evaluate import EvaluationProtocol, evaluate, how_many
    from genlab.comparison.scored import table
    from genlab.measure import instruments
    from genlab.report.saving import write_neighbours
    from genlab.runs.files import write_json

    loaded = machine.load(run)
    options = own(loaded.model(not raw, best).sample, option)
    protocol = EvaluationProtocol(split, n or how_many(loaded.space), seed, not raw, best, examples, options=options)
    with Progress() as progress:
        data = reopened(loaded, progress)
        with progress.task("choosing how to compare samples") as task:
            tools = instruments(data, Engine(machine.device), task, features)
        reference = tools.reference(data, split, Engine(machine.device))
        scored: Evaluated = shown(evaluate(loaded, reference, protocol), progress)
    record = scored.results.to_json()
    if json:
        print(_json.dumps(record))
    else:
        width = get_terminal_size((WIDE, 24)).columns
        print("\n".join(scored.results.lines() if full else table(scored.results, width)))
        print("\n".join(_notes(scored.results, tools.ruler, full)))
    write_json(loaded.path / "scores.json", record)  # after printing: the folder may be one that cannot be written
    pairs = write_neighbours(loaded.path, scored.neighbours, loaded.space)
    if pairs is not None and not json:
        print(f"the samples nearest to training examples, beside these and the nearest {split} examples: {pairs}")


def _notes(results: Results, ruler: Ruler | None, full: bool) -> Iterator[str]:
    """The distance as damage that can be seen, and where to read more."""
    distance = next((score.value for name, score in results.scores.items() if name.startswith("kernel distance")), None)
    if ruler is not None and distance is not None:
        yield (
            f"its pictures are {ruler.beside(distance)}"
            if ruler.passed
            else f"not to be ranked: {ruler.features} put {ruler.faults[0]}"
        )
    if not full:
        yield "how each was measured: --full"
