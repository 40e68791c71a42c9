"""A comparison of existing runs, evaluated under one protocol. Nothing is trained."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from genlab.api import Run, load
from genlab.comparison.comparison import Comparison, RunKey
from genlab.comparison.events import Event
from genlab.comparison.options import CompareOptions, option_words
from genlab.comparison.rows import Record, Row, Terms
from genlab.core.program import called
from genlab.core.recipe import to_json
from genlab.core.words import plural
from genlab.measure import Instruments
from genlab.measure.alarms import Alarm, Checkup
from genlab.own import spelled
from genlab.recipes.index import entry


def are_runs(data: Sequence[str]) -> bool:
    """Whether the words name folders of runs; ValueError where only some do."""
    found = [(Path(word) / "recipe.json").is_file() for word in data]
    if any(found) != all(found) or (len(data) > 1 and not any(found)):
        odd = next(word for word, is_run in zip(data, found, strict=True) if not is_run)
        raise ValueError(f"{odd} is no run of genlab: compare one source of data, or runs that exist")
    return all(found)


def common_data(paths: Sequence[str], moved: str | None = None, **options: Any) -> Any:
    """The data that all runs learnt from; ValueError where they learnt from different ones, or are named twice.

    moved     their path, if they were moved
    options   of `Run.data`
    """
    runs = [load(path) for path in paths]
    if len({run.path.resolve() for run in runs}) < len(runs):
        raise ValueError("a run is named twice: name each once")
    first = runs[0].head["data"]
    for run in runs[1:]:
        other = run.head["data"]
        if other["fingerprint"] != first["fingerprint"]:
            raise ValueError(
                f"{runs[0].path} learnt from {first['source']} and {run.path} from {other['source']}"
                f"{'' if other['source'] != first['source'] else ' in another state or with other options'}: "
                "scores on different data do not compare"
            )
    return runs[0].data(moved, **options)


class Existing(Comparison):
    """A comparison of existing runs; those that differ in nothing but the seed are seeds of one model."""

    def __init__(self, options: CompareOptions, data: Any, paths: Sequence[str], folder: Path, tools: Instruments):
        super().__init__(options, data, [], folder, tools)
        self.paths = list(paths)
        runs = named([load(path) for path in paths])
        self.keys = list(runs)
        self._rows = {key: replace(row_of(key, run), parameters=parameters_of(run)) for key, run in runs.items()}

    @property
    def title(self) -> str:
        return f"measuring {plural(len(self.keys), 'run')}"

    def _train(self, keys: Sequence[RunKey]) -> Iterator[Event]:
        self.eta.trained(len(keys))
        yield from ()

    def record(self) -> Record:
        seeds = max(sum(key.name == other.name for other in self.keys) for key in self.keys)
        order = "runs that exist, each with its own budget"
        terms = Terms("", 0.0, seeds, self.samples, self.options.features or "", order)
        return replace(super().record(), budget=terms)

    def command(self) -> str:
        own = dict.fromkeys(load(path).recipe.name for path in self.paths)
        models = ",".join(spelled(name) for name in own if spelled(name) != name)
        source = self.data.source
        options = {
            "data": None if load(self.paths[0]).head["data"]["source"] == source else source,
            "models": models or None,
            "samples": self.options.samples,
            "features": self.options.features,
            "out": self.folder,
        }
        return f"{called()} {shlex.join(['compare', *self.paths, *option_words(options)])}"


def parameters_of(run: Run) -> int:
    return sum(parameter.numel() for parameter in run.model().parameters())


def row_of(key: RunKey, run: Run) -> Row:
    """The row of a run without scores: how far it is trained, its check-ups and alarms."""
    reached = run.reached()
    return Row(
        key.name,
        entry(run.recipe.name).family,
        str(run.path),
        key.seed,
        train_seconds=reached.get("seconds"),
        examples_seen=reached.get("examples"),
        checkups=tuple(map(Checkup.from_json, run.folder.checkups())),
        alarms=tuple(map(Alarm.from_json, run.folder.alarms())),
    )


def named(runs: Sequence[Run]) -> dict[RunKey, Run]:
    """A key for each run: the seed, and the model's name, or the folder's where settings differ.

    Its path stands for the name where another run has that already.
    """
    settings = [{key: value for key, value in to_json(run.recipe).items() if key != "seed"} for run in runs]
    found: dict[RunKey, Run] = {}
    for run, mine in zip(runs, settings, strict=True):
        rivals = [other for other, theirs in zip(runs, settings, strict=True)
                  if other.recipe.name == run.recipe.name and theirs != mine]  # fmt: skip
        names = (*(() if rivals else (run.recipe.name,)), run.path.name, str(run.path))
        keys = (RunKey(name, run.recipe.seed) for name in names)
        found[next((key for key in keys if key not in found), RunKey(str(run.path.resolve()), run.recipe.seed))] = run
    return found
