"""`genlab compare RUN RUN ...`: runs that exist, measured under one protocol. Nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genlab.api import Run, load
from genlab.cli.ask import Ask
from genlab.cli.comparison import Comparison, Job
from genlab.cli.opening import reopened
from genlab.cli.progress import Progress
from genlab.compare.eta import Outlook
from genlab.core.recipe import to_json
from genlab.features import Features
from genlab.recipes.index import entry


def common_data(paths: Sequence[str], progress: Progress) -> Any:
    """The data that all runs learnt from; ValueError where they learnt from different ones, or are named twice."""
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
    return reopened(runs[0], progress)


class Existing(Comparison):
    """Rows of runs; those that differ in nothing but the seed are seeds of one model."""

    def __init__(self, ask: Ask, data: Any, paths: Sequence[str], folder: Path, features: Features | None):
        super().__init__(ask, data, [], folder, features)
        self.paths = list(paths)
        names = named([load(path) for path in paths])
        self.jobs = list(names)
        self.rows = {job: self._row_of(job, run) for job, run in names.items()}

    def run(self, progress: Progress) -> int:
        outlook = Outlook([len(self.jobs)], None)
        outlook.trained(len(self.jobs))
        with progress.task(f"measuring {len(self.jobs)} runs", chapter=True, forecast=outlook):
            stopped = self._measure(self.jobs, progress, outlook)
        self.write()
        return stopped

    def record(self) -> dict[str, Any]:
        budget = {"order": "runs that exist, each with its own budget", "samples": self.samples}
        seeds = max(sum(job.name == other.name for other in self.jobs) for job in self.jobs)
        return {**super().record(), "budget": {**budget, "seeds": seeds}, "command": self.command()}

    def _row_of(self, job: Job, run: Run) -> dict[str, Any]:
        reached = run.reached()
        parameters = sum(parameter.numel() for parameter in run.model().parameters())
        return {
            "name": job.name,
            "family": entry(run.recipe.name).family,
            "likelihood": None,
            "sample_seconds_per_100": None,
            "parameters": parameters,
            "train_seconds": reached.get("seconds"),
            "examples_seen": reached.get("examples"),
            "quality": run.folder.checkups(),
            "alarms": run.folder.alarms(),
            "scores": {},
            "run": str(run.path),
            "seed": job.seed,
        }

    def command(self) -> str:
        from genlab.cli.options import option_words

        words = [word for name in ("samples", "features") for word in option_words(name, getattr(self.ask, name))]
        return " ".join(["genlab compare", *self.paths, *words, "--out", str(self.folder)])


def named(runs: Sequence[Run]) -> dict[Job, Run]:
    """A job for each run: the model's name, or the folder's where settings differ, and the seed."""
    settings = [{key: value for key, value in to_json(run.recipe).items() if key != "seed"} for run in runs]
    found: dict[Job, Run] = {}
    for run, mine in zip(runs, settings, strict=True):
        rivals = [other for other, theirs in zip(runs, settings, strict=True)
                  if other.recipe.name == run.recipe.name and theirs != mine]  # fmt: skip
        name = run.path.name if rivals else run.recipe.name
        job = Job(name, run.recipe.seed)
        found[job if job not in found else Job(run.path.name, run.recipe.seed)] = run
    return found
