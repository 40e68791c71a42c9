"""The work of a comparison: which models, one job after another, the record and the media of the report."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from genlab.api import Engine, Run, Session, session
from genlab.cli.compare import Ask
from genlab.cli.errors import debugging, explained
from genlab.cli.measuring import Measured, Protocol, how_many, measure
from genlab.cli.progress import Note, Progress, Task
from genlab.cli.stop import Stop
from genlab.cli.training import follow
from genlab.core.recipe import Budget
from genlab.core.space import Space
from genlab.features import Features, features_for
from genlab.recipes.index import DEFAULTS, MODELS, entry
from genlab.recipes.make import kind_of, recipe_for
from genlab.report import REAL, Media, write
from genlab.report.curves import readings
from genlab.report.words import plural

SHOWN = {"CHW": 64, "D": 1000}  # samples on the page; of text, all that are drawn
PATIENCE = 0.4, 5.0  # a likelihood may take this share of the training time, or so many seconds


class Job(NamedTuple):
    """One training; its run stands in runs/NAME, those of later seeds in runs/NAME-seed-N."""

    name: str
    seed: int

    @property
    def folder(self) -> str:
        return self.name if self.seed == 0 else f"{self.name}-seed-{self.seed}"


def chosen(models: str | None, space: Space, given: Mapping[str, Space]) -> tuple[list[str], list[str]]:
    """Names to train, and sentences about those that "all" and the default leave out.

    ValueError where a model that was asked for by name cannot learn these data.
    """
    kind = kind_of(space)
    if models is None or models == "all":
        wanted = DEFAULTS[kind] if models is None else [row.name for row in MODELS if kind in row.kinds]
        names, left_out = [], []
        for name in wanted:
            try:
                recipe_for(name, space, given)
                names.append(name)
            except ValueError as reason:
                left_out.append(str(reason))
        return names, left_out
    names = list(dict.fromkeys(name.strip() for name in models.split(",") if name.strip()))
    if not names:
        raise ValueError("--models names no model; write names with commas between, or all")
    for name in names:
        recipe_for(entry(name).name, space, given)
    return names, []


def claimed(folder: Path, force: bool) -> Path:
    """The report's folder, empty. An earlier comparison is replaced only by force, anything else never."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if not folder.is_dir() or not (folder / "report.json").is_file():
            raise ValueError(f"{folder} exists and holds no comparison of genlab; choose another --out")
        if not force:
            raise ValueError(f"{folder} already holds a comparison; choose another --out, or --force to replace it")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Outlook:
    """How long it still takes: what the jobs train, and what measuring one has cost so far (a guess before the first)."""

    def __init__(self, jobs: int, seconds: float):
        self.jobs, self.seconds = jobs, seconds
        self.began = self.since = time.monotonic()
        self.spent: list[float] = []  # measuring, of each job done
        self.share, self.training = 0.0, True

    @property
    def measuring(self) -> float:
        return sum(self.spent) / len(self.spent) if self.spent else 5 + 0.3 * self.seconds

    def trained(self) -> None:
        self.training, self.since = False, time.monotonic()

    def measured(self) -> None:
        self.spent.append(time.monotonic() - self.since)
        self.share, self.training = 0.0, True

    def left(self) -> float:
        waiting = self.jobs - len(self.spent) - 1
        train = (1 - self.share) * self.seconds if self.training else 0.0
        measuring = self.measuring - (0.0 if self.training else time.monotonic() - self.since)
        return max(0, waiting) * (self.seconds + self.measuring) + train + max(0.0, measuring)

    def done(self) -> float:
        past = time.monotonic() - self.began
        return past / max(past + self.left(), 1e-9)

    def note(self) -> str:
        return f"{min(len(self.spent) + 1, self.jobs)} of {self.jobs}"

    def watching(self, task: Task) -> Callable[[float, Note], None]:
        """The task of a training, observed."""

        def show(share: float, note: Note) -> None:
            self.share = share
            task(share, note)

        return show


class Comparison:
    """Models of one data set under one protocol. `rows` and `media` are what the report shows."""

    def __init__(self, ask: Ask, data: Any, names: Sequence[str], folder: Path):
        self.ask, self.data, self.folder = ask, data, folder
        self.jobs = [Job(name, seed) for seed in range(ask.seeds) for name in names]
        patience = max(PATIENCE[0] * ask.seconds, PATIENCE[1])
        self.protocol = Protocol(n=ask.samples or how_many(data.space), patience=patience)
        self.rows: list[dict[str, Any]] = []
        self.media: dict[str, Media] = {REAL: Media(self._real())}

    def run(self, progress: Progress) -> int:
        """Every job, until one is stopped: the signal's number, or 0."""
        self.write()
        features = self._features(progress)
        outlook = Outlook(len(self.jobs), self.ask.seconds)
        with progress.task(f"comparing {plural(len(self.jobs), 'model')}", chapter=True, forecast=outlook):
            for job in self.jobs:
                stopped = self._job(job, features, progress, outlook)
                self.write()
                if stopped:
                    return stopped
        return 0

    def write(self) -> Path:
        return write(self.folder, self.record(), self.media)

    def record(self) -> dict[str, Any]:
        """What report.json holds."""
        data, ask = self.data, self.ask
        return {
            "data": {**data.describe(), "source": ask.data},
            "budget": {"seconds": ask.seconds, "seeds": ask.seeds},
            "models": self.rows,
            "command": ask.command(self.folder),
            "versions": {name: version(name) for name in ("genlab", "torch")},
            "machine": machine(ask.machine.device),
            "written": f"{datetime.now():%Y-%m-%d %H:%M}",
        }

    def _job(self, job: Job, features: Features | None, progress: Progress, outlook: Outlook) -> int:
        """Train and measure one model; a failure becomes its row's error. Returns the signal that stopped it, or 0."""
        row = self._row(job)
        self.rows.append(row)
        try:
            made = self._session(job)
            row |= {"parameters": made.parameters}
            with Stop() as stop, progress.task(f"training {job.folder}", chapter=True) as task:
                finished = follow(made, outlook.watching(task), stop)
                task.halted = not finished
            row |= _counted(made)
            if not finished:
                row["error"] = f"stopped at {made.engine.overall():.0%} of its training; its run can be sampled and resumed"
                row["stopped"] = True
                return stop.asked
            outlook.trained()
            run = made.run()
            found = measure(run, self.data, features, self.protocol, progress)
            row |= found.to_json()
            self.media[row["run"]] = self._media(run, found)
        except KeyboardInterrupt:
            row["error"] = "stopped while it was measured"
            return signal.SIGINT
        except Exception as error:
            if debugging():
                traceback.print_exc()
            row["error"] = explained(error)[0]
            progress.say(f"{job.folder}: {row['error']}")
        outlook.measured()
        return 0

    def _session(self, job: Job) -> Session:
        return session(
            job.name,
            self.data,
            self.folder / "runs" / job.folder,
            budget=Budget(seconds=self.ask.seconds),
            seed=job.seed,
            device=self.ask.machine.device,
            precision=self.ask.machine.precision,
        )

    def _row(self, job: Job) -> dict[str, Any]:
        nothing = dict.fromkeys(("parameters", "train_seconds", "examples_seen", "likelihood", "sample_seconds_per_100"))
        place = {"scores": {}, "run": str(self.folder / "runs" / job.folder), "seed": job.seed}
        return {"name": job.name, "family": entry(job.name).family, **nothing, **place}

    def _media(self, run: Run, found: Measured) -> Media:
        shown = found.samples[: SHOWN.get(self.data.space.axes, len(found.samples))]
        return Media(self._read(shown), self.protocol.seed, readings(run.ticks()), f"{found.weights} weights")

    def _read(self, x: Any) -> Any:
        """Texts as they read, everything else as it is."""
        return list(self.data.decode(x)) if self.data.space.axes == "T" else x

    def _real(self) -> Any:
        axes = self.data.space.axes
        return self._read(self.data.once("test", 0, {"T": 24, "D": 2000}.get(axes, SHOWN["CHW"])).x)

    def _features(self, progress: Progress) -> Features | None:
        with progress.task("features to compare in") as task:
            return features_for(self.data, Engine(self.ask.machine.device), task)


def _counted(made: Session) -> dict[str, Any]:
    engine = made.engine
    return {"train_seconds": round(engine.seconds, 3), "examples_seen": engine.examples}


def machine(device: str) -> str:
    """What the seconds were spent on."""
    import torch

    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() and device != "cpu" else "no GPU"
    return f"{count} cores ({platform.machine()}, {torch.get_num_threads()} threads), {gpu}"
