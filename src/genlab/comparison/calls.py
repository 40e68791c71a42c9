"""The functions of Python users to compare models and to score runs."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

from genlab.comparison.comparison import Comparison
from genlab.comparison.evaluate import EvaluationProtocol, evaluate, how_many
from genlab.comparison.existing import Existing, common_data
from genlab.comparison.options import CompareOptions, listed
from genlab.comparison.proposal import plan
from genlab.comparison.rows import Results, names_of
from genlab.comparison.setup import check_free, chosen, claimed, continued, earlier, reopened
from genlab.core.data import Split, size_of
from genlab.core.model import Model
from genlab.core.options import own_options
from genlab.data import open
from genlab.data.options import Options
from genlab.measure import instruments
from genlab.own import all_registered
from genlab.recipes.index import OWN
from genlab.runs.engine import Engine
from genlab.trained import Run


def compare(
    data: Any,
    *,
    models: Sequence[str | type[Model]] | str | None = None,
    seconds: float | None = None,
    examples: int | None = None,
    operations: float | None = None,
    seeds: int = 1,
    samples: int | None = None,
    features: str | None = None,
    out: str | Path | None = None,
    force: bool = False,
    device: str = "auto",
    precision: str = "auto",
    **opening: Any,
) -> Comparison:
    """A comparison of models on the same data for the same budget. It trains when it is iterated or asked for its rows.

        comparison = genlab.compare("digits", models=["vae", "gan"], seconds=30)
        for event in comparison:   # or at once: comparison.rows
            print(event)
        print(comparison.best())
        comparison.report("digits.html")

    data      what `genlab.open` takes, or opened already; or a list of existing runs, which are scored and not trained
    models    names, classes of your own, "all", or None for a few that suit the data
    seconds, examples, operations   the budget of each model, one of them; by default seconds that suit the data
    seeds     runs of each model; several are needed to tell differences from chance
    samples   number of samples that are scored; by default as many as a model draws in good time
    features  what pictures are compared in; by default chosen by the data
    out       folder of the runs and the record, by default reports/DATA. An earlier comparison in it is continued: nothing is
              done twice, other models and more seeds are added; `Comparison.more` gives it a longer budget
    force     replace an earlier comparison in the folder
    opening   options of `genlab.open`
    ValueError where data, models or budget do not fit, or the folder holds something else.
    """
    unit, amount, own = _budget(seconds=seconds, examples=examples, operations=operations)
    _at_least_1(seeds=seeds, samples=samples)
    if opening and not isinstance(data, str | Path):
        raise ValueError(f"{', '.join(opening)}: options of genlab.open, and these data are open already; leave them out")
    for name in opening:
        near = difflib.get_close_matches(name, signature(compare).parameters, 1)
        if near and not hasattr(Options, name):
            raise ValueError(f"compare has no option {name!r}; did you mean {near[0]}?")
    names = listed(models) if isinstance(models, str) else models
    runs = [str(run.path if isinstance(run, Run) else run) for run in data] if isinstance(data, list | tuple) else []
    if isinstance(data, list | tuple) and not runs:
        raise ValueError("the list of runs is empty: name those to compare, or data to train models on")
    source: Any = common_data(runs) if runs else open(data, **opening) if isinstance(data, str | Path) else data
    where = str(data) if isinstance(data, str | Path) else source.source
    chosen_models = None if names is None else tuple(all_registered(names))
    opened = opening if runs or isinstance(data, str | Path) else source.options
    rest = (opened, device, precision, own)
    options = CompareOptions(where, chosen_models, unit, amount, seeds, samples, features, *rest)
    folder = None if out is None else Path(out)
    return compare_runs(options, source, runs, folder, force) if runs else compare_models(options, source, folder, force)


def compare_models(
    options: CompareOptions,
    data: Any,
    out: Path | None,
    force: bool,
    progress: Callable[[float], Any] | None = None,
    say: Callable[[str], Any] | None = None,
) -> Comparison:
    """A comparison of models that are trained on opened data.

    progress   called with the share done, 0..1, while a classifier for the features is trained
    say        called with what will be done and how long that takes, before anything is
    """
    folder = out or Path("reports") / data.name.replace("/", "-")
    size_of(data, "test")
    record = None if force else earlier(folder, data, options)
    there = list(names_of(record.rows)) if record is not None and options.more and options.models is None else None
    names, left_out = chosen(options.models, data) if there is None else (there, [])
    options = continued(options, record, data)
    if record is None:
        check_free(folder, force, [options.data])  # before features are trained in vain
    record = reopened(record) if record is not None and options.more else record
    if say is not None:
        say(plan(options, data.space, names, record))
    tools = instruments(data, Engine(options.device), progress, options.features)
    return Comparison(options, data, names, claimed(folder, force, record, [options.data]), tools, record, left_out)


def compare_runs(
    options: CompareOptions,
    data: Any,
    runs: Sequence[str],
    out: Path | None,
    force: bool,
    progress: Callable[[float], Any] | None = None,
) -> Comparison:
    """A comparison of existing runs, on the data that all of them learnt from."""
    if options.own_budget or options.more or options.seeds > 1:
        raise ValueError("runs that exist are measured, none is trained: leave out the budget and the number of seeds")
    if options.opening:
        raise ValueError(f"{', '.join(options.opening)}: runs are measured on the data that they learnt from; leave it out")
    for name in options.models or ():
        if ".py:" not in name and name not in OWN:
            raise ValueError(
                f"--models {name}: runs that exist are measured, none is trained; leave it out, or name the classes of your "
                "own that they were trained with, FILE.py:NAME"
            )
    size_of(data, "test")
    folder = out or Path("reports") / f"{data.name.replace('/', '-')}-runs"
    check_free(folder, force, runs)  # before features are trained in vain
    tools = instruments(data, Engine(options.device), progress, options.features)
    return Existing(options, data, runs, claimed(folder, force, used=runs), tools)


def _budget(**amounts: float | None) -> tuple[Any, float, bool]:
    """(unit, amount, whether the caller set them); ValueError for two budgets, or for one that is not above 0."""
    given = {unit: amount for unit, amount in amounts.items() if amount is not None}
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} are two budgets: leave one out")
    unit, amount = next(iter(given.items()), ("seconds", 0.0))
    if given and not 0 < amount < float("inf"):
        raise ValueError(f"{unit} must be more than 0, got {amount}")
    return unit, amount, bool(given)


def _at_least_1(**counts: int | None) -> None:
    for name, value in counts.items():
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")


def score(
    run: str | Path | Run,
    *,
    split: Split = "test",
    n: int | None = None,
    examples: int | None = None,
    seed: int = 0,
    averaged: bool = True,
    best: bool = False,
    features: str | None = None,
    data: Any = None,
    device: str = "auto",
    model: str | type[Model] | None = None,
    **options: Any,
) -> Results:
    """Evaluate a run: how probable it finds data it has not seen, how close its samples come, how fast it draws them.

    n          samples to score; by default chosen by the kind of data
    examples   examples of the split for the likelihood; by default all
    averaged, best   which weights: averaged ones where the run has them, or those of its best check-up
    features   what pictures are compared in; by default chosen by the data
    data       those it was trained on, open already, or the path they were moved to
    device, model   for a run that is a path: its device; its class, or FILE.py:NAME, if it is none of genlab's
    options    options of the model's own sampling (sampling_steps=50, ...)
    """
    _at_least_1(n=n, examples=examples)
    loaded = run if isinstance(run, Run) else Run(run, device, model=model)
    options = own_options(loaded.model(averaged, best).sample, options)  # what is refused costs nothing
    protocol = EvaluationProtocol(split, n or how_many(loaded.space), seed, averaged, best, examples, options=options)
    moved = data is None or isinstance(data, str | Path)
    opened: Any = loaded.data(data) if moved else loaded.same(data, "these")
    size_of(opened, split)
    engine = Engine(loaded.device)
    reference = instruments(opened, engine, choice=features).reference(opened, split, engine)
    steps = evaluate(loaded, reference, protocol)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value.results
