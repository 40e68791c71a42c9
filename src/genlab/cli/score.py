"""`genlab score`: how probable a run finds data it has not seen, and how close its samples come."""

from __future__ import annotations

import json as _json
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from genlab.cli.asked import own_options
from genlab.cli.options import Best, FeaturesOption, Json, Option, Raw, RunOptions, Seed
from genlab.cli.progress import Progress
from genlab.core.data import Split

if TYPE_CHECKING:
    from genlab.cli.measuring import Measured
    from genlab.measure import Speed

EXAMPLES = """Examples:
  genlab score runs/digits-vae-1
  genlab score runs/digits-vae-1 --split validation --json
  genlab score runs/digits-flow-matching-1 --examples 100"""

NONE = "likelihood: not defined: {name} draws examples without knowing how probable one is; what follows compares its samples"


def score(
    run: Annotated[str, Parameter(name="RUN", help="Folder of a run.")],
    /,
    *,
    split: Annotated[Split, Parameter(help="Which part of the data.")] = "test",
    n: Annotated[int | None, Parameter(name="-n", help="Samples to compare; chosen by the kind of data.")] = None,
    examples: Annotated[int | None, Parameter(help="Examples of the split, for the likelihood; all otherwise.")] = None,
    seed: Seed = 0,
    option: Option = (),
    raw: Raw = False,
    best: Best = False,
    features: FeaturesOption = None,
    machine: RunOptions = RunOptions(),  # noqa: B008
    json: Json = False,
) -> None:
    """Measure a run.

    How probable it finds data it has not seen, with the claim it makes about that number, and how close its samples come.
    Every number states how it was made. They are kept in the run's scores.json.
    """
    for name, value in (("-n", n), ("--examples", examples)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    from genlab.api import Engine
    from genlab.cli.keeping import write_pairs
    from genlab.cli.measuring import Protocol, how_many, measure, speed_of
    from genlab.cli.opening import reopened
    from genlab.features import features_for
    from genlab.measure import Reference
    from genlab.runs.files import write_json

    loaded = machine.load(run)
    options, seen = own_options(loaded.model(not raw, best).sample, option), loaded.reached().get("examples", 0)
    protocol = Protocol(split, n or how_many(loaded.space), seed, not raw, best, examples, options=options)
    with Progress() as progress:
        data = reopened(loaded, progress)
        with progress.task("features to compare in") as task:
            chosen = features_for(data, Engine(machine.device), task, features)
        speed = speed_of(loaded, protocol, progress, data)
        found = measure(loaded, Reference(data, split, chosen, Engine(machine.device)), protocol, progress)
    head = {"run": run, "split": split, "seed": seed, "weights": found.weights, "examples_seen": seen}
    record: dict[str, Any] = {**head, **found.to_json(), "speed": speed._asdict()}
    if json:
        print(_json.dumps(record, ensure_ascii=False))
    else:
        _say(loaded.recipe.name, found, speed)
    write_json(loaded.path / "scores.json", record)  # after it was said: it may lie where nothing can be written
    pairs = write_pairs(loaded.path, found, loaded.space)
    if pairs is not None and not json:
        print(f"the samples nearest to training examples, beside these and the nearest {split} examples: {pairs}")


def _say(name: str, found: Measured, speed: Speed) -> None:
    from genlab.cli.measuring import speed_line

    print(NONE.format(name=name) if found.likelihood is None else f"likelihood (-log p): {found.likelihood.line()}")
    for item in found.scores.values():
        print(item.line())
    print(f"drawing 100 takes {found.seconds_per_100:.3g} s; {found.weights} weights")
    print(speed_line(speed))
