"""The work of a comparison: train in turn, measure under one protocol, write the report again after every step.

Everything that is done lies in the folder: runs with their checkpoints, and the record, report.json. A comparison that was
stopped, or gets another model or seed, is therefore the same work with less of it left.
"""

from __future__ import annotations

import os
import platform
import signal
import traceback
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from genlab.api import Session, load, resume, session
from genlab.cli.ask import Ask
from genlab.cli.errors import debugging, explained
from genlab.cli.folder import chosen
from genlab.cli.keeping import Kept, media_of, real_media, write_alarms
from genlab.cli.measuring import Protocol, how_many, measure, speed_of
from genlab.cli.progress import Progress
from genlab.cli.stop import Stop
from genlab.cli.turns import SLICE, Turn, train_in_turn
from genlab.compare.costs import operations_of_a_step
from genlab.compare.eta import Outlook
from genlab.compare.media import REAL, Media
from genlab.compare.words import plural
from genlab.features import Features
from genlab.measure import Reference, Speed, independent, scores_of, sitting_of
from genlab.measure.alarms import Alarm
from genlab.measure.checkup import looking_at
from genlab.recipes.index import entry
from genlab.report import write
from genlab.runs.engine import Engine
from genlab.runs.files import within
from genlab.runs.folder import Folder
from genlab.watch import Watch

LIKELIHOOD = 0.4, 5.0  # seconds it may take: a share of the training time, and no less than
SAMPLES = 1.0, 15.0  # the same, of the slowest model's samples
ORDER = f"models of one seed in turn, {SLICE:.0%} of the budget each"
NOTHING = ("parameters", "train_seconds", "examples_seen", "likelihood", "sample_seconds_per_100")


class Job(NamedTuple):
    """One training; its run stands in runs/NAME, those of later seeds in runs/NAME-seed-N."""

    name: str
    seed: int

    @property
    def folder(self) -> str:
        return self.name if self.seed == 0 else f"{self.name}-seed-{self.seed}"


class Comparison:
    """Models of one data set under one protocol.

    record     of an earlier call with the same data and budget, which this one goes on with
    `rows`, by the folder of a run, and `media` are what the report shows
    """

    def __init__(
        self,
        ask: Ask,
        data: Any,
        names: Sequence[str],
        folder: Path,
        features: Features | None,
        record: dict[str, Any] | None = None,
    ):
        self.ask, self.data, self.folder, self.features = ask, data, folder, features
        before = record or {}
        asked = [Job(name, seed) for seed in range(ask.seeds) for name in names]
        kept = [Job(row["name"], row["seed"]) for row in before.get("models", [])]
        self.jobs = sorted(dict.fromkeys([*kept, *asked]), key=lambda job: job.seed)
        self.looks = looking_at(data, features)
        self.rows = {job: self._row(job) for job in self.jobs}
        done = [row for row in before.get("models", []) if row.get("scores")]
        self.rows |= {(job := Job(row["name"], row["seed"])): {**row, "run": self._place(job)} for row in done}
        self._costs: dict[str, float] = {}
        self.beside: list[dict[str, Any]] = before.get("beside", [])
        self.samples: int | None = ask.samples or before.get("budget", {}).get("samples")
        self.media: dict[str, Media] = {REAL: real_media(data)}
        self.media |= {row["run"]: media_of(load(row["run"]), data) for row in self.rows.values() if row.get("scores")}

    @cached_property
    def reference(self) -> Reference:
        """What all samples are held against, worked out once."""
        return Reference(self.data, "test", self.features, Engine(self.ask.machine.device))

    # --- the work ----------------------------------------------------------------------------------------------------

    def run(self, progress: Progress) -> int:
        """Every job that is not done, until one is stopped: the signal's number, or 0."""
        todo = [job for job in self.jobs if not self.rows[job].get("scores")]
        rounds = [[job for job in todo if job.seed == seed] for seed in sorted({job.seed for job in todo})]
        if not rounds:
            progress.say(f"nothing is left to do: {plural(len(self.jobs), 'run')} of this comparison stand in {self.folder}")
            self.write()
            return 0
        self.write()
        outlook = Outlook([len(jobs) for jobs in rounds], self.ask.amount if self.ask.unit == "seconds" else None)
        title = f"comparing {plural(len({job.name for job in todo}), 'model')}"
        with progress.task(title, chapter=True, forecast=outlook):
            for jobs in rounds:
                stopped = self._train(jobs, progress, outlook) or self._measure(jobs, progress, outlook)
                self.write()
                if stopped:
                    return stopped
        return 0

    def _train(self, jobs: Sequence[Job], progress: Progress, outlook: Outlook) -> int:
        """All models of a seed, in turn. A failure becomes its row's error. Returns the signal that stopped it, or 0."""
        turns: dict[Job, Turn] = {}
        for job in jobs:
            try:
                turns[job] = self._turn(job, progress)
            except Exception as error:
                self._failed(job, error, progress)
        before = sum(turn.share for turn in turns.values()) / max(len(turns), 1)
        outlook.train(before)
        with Stop() as stop, progress.task(f"training {self._names(jobs)} in turn", chapter=True) as task:
            task.before = before
            train_in_turn(list(turns.values()), stop, outlook.watching(task))
            task.halted = bool(stop.asked)
        for job, turn in turns.items():
            self._trained(job, turn, progress)
        outlook.trained(len(jobs))
        return stop.asked

    def _measure(self, jobs: Sequence[Job], progress: Progress, outlook: Outlook) -> int:
        done = [job for job in jobs if not self.rows[job].get("error")]
        try:
            speeds = self._speeds(done, progress)
            if self.samples is None:
                self.samples = how_many(self.data.space, list(speeds.values()), self._patience(*SAMPLES))
            if not self.beside:
                self._score_beside(progress)
            for job in done:
                self._measured(job, progress)
                outlook.measured()
                self.write()
        except KeyboardInterrupt:
            return signal.SIGINT
        return 0

    def _measured(self, job: Job, progress: Progress) -> None:
        row = self.rows[job]
        try:
            run = load(row["run"], self.ask.machine.device)
            found = measure(run, self.reference, self._protocol(), progress)
            row |= found.to_json()
            Kept(run).write(found, self.data.space)
            self.media[row["run"]] = media_of(run, self.data)
        except Exception as error:
            self._failed(job, error, progress)

    # --- one model ---------------------------------------------------------------------------------------------------

    def _turn(self, job: Job, progress: Progress) -> Turn:
        """A new training, or one that goes on from its checkpoint."""
        made, folder = self._session(job), job.folder
        self.rows[job] = self._row(job) | {"parameters": made.parameters}

        def tell(alarm: Alarm) -> None:
            write_alarms(made.folder.path, watch, self.data.space)
            progress.say(f"{folder}: {alarm.line()}")

        watch = Watch(made, self.features, tell, reference=self.looks, wanted=self.ask.features)
        return Turn(folder, made, watch)

    def _session(self, job: Job) -> Session:
        machine, path = self.ask.machine, Path(self._place(job))
        if Folder(path).begun():
            return self._checked(resume(path, machine.device, machine.precision, data=self.data), job)
        budget = self.ask.budget_for(job.name, self._operations(job.name))
        options: Any = {"device": machine.device, "precision": machine.precision, "force": True}
        return session(job.name, self.data, path, budget=budget, seed=job.seed, **options)

    def _checked(self, made: Session, job: Job) -> Session:
        """ValueError for a run that was given something else meanwhile: it would be compared as if it had not."""
        budget, recipe = self.ask.budget_for(job.name, self._operations(job.name)), made.recipe
        if (recipe.name, recipe.seed, recipe.budget) != (job.name, job.seed, budget):
            said = f"{recipe.name}, seed {recipe.seed}, {recipe.budget.total:g} {recipe.budget.unit}"
            asked = f"{job.name}, seed {job.seed}, {budget.total:g} {budget.unit}"
            raise ValueError(f"{made.folder.path} is {said} and not {asked}, as this comparison has it; move it elsewhere")
        return made

    def _operations(self, name: str) -> float:
        """Of a step, where they are the budget: counted once for each model."""
        if self.ask.unit != "operations":
            return 0.0
        if name not in self._costs:
            self._costs[name] = operations_of_a_step(name, self.data, self.ask.machine.device)
        return self._costs[name]

    def _trained(self, job: Job, turn: Turn, progress: Progress) -> None:
        row, engine = self.rows[job], turn.session.engine
        if not turn.begun:
            row |= {"error": turn.error or "stopped before its training began; the same command goes on", "stopped": True}
            return
        loads = turn.loads or [0.0]
        row |= {"train_seconds": round(engine.seconds, 3), "examples_seen": engine.examples}
        if self.ask.unit == "operations":
            row["train_operations"] = self._operations(job.name) * engine.examples / turn.session.recipe.batch
        row |= {"load": {"mean": round(sum(loads) / len(loads), 2), "max": round(max(loads), 2)}}
        row |= {"quality": turn.session.folder.checkups(), "alarms": turn.session.folder.alarms()}
        if turn.error:
            row["error"] = turn.error
            progress.say(f"{turn.name}: {turn.error}")
        elif turn.halted:
            row["error"] = f"stopped at {turn.share:.0%} of its training; the same command goes on"
            row["stopped"] = True

    def _failed(self, job: Job, error: Exception, progress: Progress) -> None:
        if debugging():
            traceback.print_exc()
        self.rows[job]["error"] = explained(error)[0]
        progress.say(f"{job.folder}: {self.rows[job]['error']}")

    def _speeds(self, jobs: Sequence[Job], progress: Progress) -> dict[Job, Speed]:
        found: dict[Job, Speed] = {}
        for job in jobs:
            try:
                run = load(self.rows[job]["run"], self.ask.machine.device)
                found[job] = speed_of(run, self._protocol(), progress, self.data)
                self.rows[job]["speed"] = found[job]._asdict()
            except Exception as error:
                self._failed(job, error, progress)
        return found

    # --- what is shared ----------------------------------------------------------------------------------------------

    def _score_beside(self, progress: Progress) -> None:
        """What real examples score, and what noise does: between the two lies all that a model can be."""
        assert self.samples is not None
        what, x, given = self.reference.examples(self.samples)
        sides = [("real data", what, x, given)]
        if not self.data.space.text:
            sides.append(("noise", "every entry drawn by itself from its own distribution", independent(x), {}))
        for name, about, samples, labels in sides:
            with progress.task(f"{name}, for comparison"):
                scores = scores_of(sitting_of(self.reference, samples, labels, 0, ""))
            known = {key: score.to_json() for key, score in scores.items() if not _trivial(name, about, score.question)}
            self.beside.append({"name": name, "what": about, "scores": known})

    def _protocol(self) -> Protocol:
        return Protocol(n=self.samples or 1, patience=self._patience(*LIKELIHOOD))

    def _patience(self, share: float, fewest: float) -> float:
        spent = [row["train_seconds"] for row in self.rows.values() if row.get("train_seconds")]
        return max(fewest, share * max(spent, default=0.0))

    def _names(self, jobs: Sequence[Job]) -> str:
        return ", ".join(job.folder for job in jobs)

    # --- the record --------------------------------------------------------------------------------------------------

    def write(self) -> Path:
        return write(self.folder, self.record(), self.media)

    def record(self) -> dict[str, Any]:
        """What report.json holds."""
        ask = self.ask
        seeds = len({job.seed for job in self.jobs})
        budget = {ask.unit: ask.amount, "seeds": seeds, "order": ORDER, "samples": self.samples}
        budget |= {"features": ask.features} if ask.features else {}
        return {
            "data": {**self.data.describe(), "source": ask.data},
            "budget": budget,
            "models": [self.rows[job] for job in self.jobs if self._shown(job)],
            "pending": [job.folder for job in self.jobs if not self._shown(job)],
            "beside": self.beside,
            "command": self.command(),
            "versions": {name: version(name) for name in ("genlab", "torch")},
            "machine": machine(ask.machine.device),
            "written": f"{datetime.now():%Y-%m-%d %H:%M}",
        }

    def command(self) -> str:
        """The call that repeats all of it, whatever calls it was made by."""
        names = list(dict.fromkeys(job.name for job in self.jobs))
        usual = self.ask.models is None and sorted(names) == sorted(chosen(None, self.data.space, self.data.given)[0])
        seeds = max((job.seed + 1 for job in self.jobs), default=1)
        return replace(self.ask, models=None if usual else ",".join(names), seeds=seeds).command(self.folder)

    def _shown(self, job: Job) -> bool:
        """Whether there is anything to say of it."""
        row = self.rows[job]
        return bool(row["scores"] or row["likelihood"] or row.get("error"))

    def _row(self, job: Job) -> dict[str, Any]:
        place = {"scores": {}, "run": self._place(job), "seed": job.seed}
        return {"name": job.name, "family": entry(job.name).family, **dict.fromkeys(NOTHING), **place}

    def _place(self, job: Job) -> str:
        """Of its run: where the comparison lies now, wherever it was written."""
        return str(within(self.folder, f"runs/{job.folder}/recipe.json").parent)


def _trivial(name: str, about: str, question: str) -> bool:
    """That training examples are training examples says nothing."""
    return question == "copying" and name == "real data" and about.startswith("train")


def machine(device: str) -> str:
    """What the seconds were spent on."""
    import torch

    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() and device != "cpu" else "no GPU"
    return f"{count} cores ({platform.machine()}, {torch.get_num_threads()} threads), {gpu}"
