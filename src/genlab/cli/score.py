"""`genlab score`: how probable a run finds data it has not seen, and how close its samples come."""

from __future__ import annotations

import json as _json
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from genlab.cli.options import Best, FeaturesOption, Json, Option, Raw, RunOptions, Seed, at_least, own
from genlab.cli.progress import Progress
from genlab.core.data import Split

if TYPE_CHECKING:
    from genlab.comparison.evaluate import Evaluated

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
    machine: RunOptions = RunOptions(),  # noqa: B008
    json: Json = False,
) -> None:
    """Measure a run.

    Computes how probable it finds data it has not seen, with the claim it makes about that number, and how close its samples
    come. Every number states how it was made. All are saved in the run's scores.json.
    """
    at_least(1, n=n, examples=examples)
    from genlab.api import Engine
    from genlab.cli.events import shown
    from genlab.cli.opening import reopened
    from genlab.comparison.evaluate import EvaluationProtocol, evaluate_with_speed, how_many
    from genlab.measure import instruments
    from genlab.report.saving import write_neighbours
    from genlab.runs.files import write_json

    loaded = machine.load(run)
    options = own(loaded.model(not raw, best).sample, option)
    protocol = EvaluationProtocol(split, n or how_many(loaded.space), seed, not raw, best, examples, options=options)
    with Progress() as progress:
        data = reopened(loaded, progress)
        with progress.task("features to compare in") as task:
            tools = instruments(data, Engine(machine.device), task, features)
        reference = tools.reference(data, split, Engine(machine.device))
        scored: Evaluated = shown(evaluate_with_speed(loaded, reference, protocol), progress)
    record = scored.results.to_json()
    if json:
        print(_json.dumps(record))
    else:
        print("\n".join(scored.results.lines()))
    write_json(loaded.path / "scores.json", record)  # after printing: the folder may be one that cannot be written
    pairs = write_neighbours(loaded.path, scored.neighbours, loaded.space)
    if pairs is not None and not json:
        print(f"the samples nearest to training examples, beside these and the nearest {split} examples: {pairs}")
