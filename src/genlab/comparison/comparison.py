"""The work of a comparison: train in turn, evaluate under one protocol, write the record again after every step.

The folder holds everything that is done: runs with their checkpoints, and the record, report.json. To go on with a comparison
that was stopped, or to add a model or a seed, is therefore the same work with less of it left.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from genlab.api import load
from genlab.comparison.eta import ETA
from genlab.comparison.evaluate import (
    Allowance,
    EvaluationProtocol,
    Prepared,
    asked_of_all,
    evaluate,
    evaluate_baselines,
    prepare,
)
from genlab.comparison.events import Alarmed, Event, Failed, Measured, Measuring, Remark, Training
from genlab.comparison.learnt import notices
from genlab.comparison.media import REAL, Media
from genlab.comparison.options import CompareOptions, added
from genlab.comparison.rows import Baseline, DataSummary, Load, Record, Row, Terms
from genlab.comparison.samples import SavedSamples, media_of, real_media
from genlab.comparison.sessions import Sessions
from genlab.comparison.setup import chosen
from genlab.comparison.summary import machine, write_record
from genlab.comparison.training import SLICE, Job, in_turn
from genlab.comparison.verdicts import recommendation
from genlab.core.words import plural
from genlab.measure import Instruments, Reference
from genlab.measure.alarms import Alarm, Checkup
from genlab.measure.checkup import checkup_reference
from genlab.own import spelled
from genlab.recipes.index import entry
from genlab.runs.engine import Engine
from genlab.runs.errors import explained
from genlab.runs.files import within
from genlab.runs.folder import Folder
from genlab.runs.lock import locked
from genlab.trained import Run
from genlab.watch import Watch

ORDER = f"models take turns, {SLICE:.0%} of the budget at a go"
DRAWING = 0.05  # the share of the time that drawing the page anew may take


class RunKey(NamedTuple):
    """A run of a comparison. Its folder is runs/NAME, of later seeds runs/NAME-seed-N."""

    name: str
    seed: int

    @property
    def folder(self) -> str:
        return self.name if self.seed == 0 else f"{self.name}-seed-{self.seed}"


class Comparison:
    """Models of one data set under one protocol. Iterating it does the work in steps; `rows`, `best` and `report` do all of it.

    To leave the loop stops the work. Runs then keep what they learnt; iterating again, or the same call, goes on.
    record     of an earlier call with the same data and budget, which this one continues
    left_out   a sentence about each model that is left out, with the reason
    eta        estimate of the time left, while it is iterated
    """

    def __init__(
        self,
        options: CompareOptions,
        data: Any,
        names: Sequence[str],
        folder: Path,
        tools: Instruments,
        record: Record | None = None,
        left_out: Sequence[str] = (),
    ):
        self.options, self.data, self.folder, self.tools = options, data, folder, tools
        before = () if record is None else record.rows
        asked = [RunKey(name, seed) for seed in range(options.seeds) for name in names]
        earlier = [RunKey(row.name, row.seed) for row in before]
        self.keys = sorted(dict.fromkeys([*earlier, *asked]), key=lambda key: key.seed)
        done = {key: row for key, row in zip(earlier, before, strict=True) if row.scores and Folder(self._path(key)).is_run()}
        self._rows = {key: replace(done[key], run=self._path(key)) if key in done else self._row(key) for key in self.keys}
        self.baselines: list[Baseline] = list(record.baselines) if record else []
        self.samples = options.samples or (None if record is None else record.budget.samples)
        self._media: dict[str, Media] = {REAL: real_media(data)}
        self._media |= {row.run: media_of(load(row.run), data) for row in self._rows.values() if row.scores}
        self._summary = DataSummary.of(data, options.data)
        self._sessions = Sessions(options, data)
        self._runs: dict[RunKey, Run] = {}
        self._pending_events: list[Event] = [Remark(f"left out: {reason}") for reason in left_out]
        self._begun = self._stopping = False
        self._drawn = self._drawing = 0.0  # when the page was drawn last, and how long that took
        self.eta = ETA()

    # --- what users ask for ------------------------------------------------------------------------------------------

    @property
    def rows(self) -> tuple[Row, ...]:
        """The results, one row for each run; does the work first where it has not begun."""
        if not self._begun:
            self.run()
        return self.record().rows

    def best(self) -> Row:
        """The row of the recommended model, the first of the first verdict. ValueError where none was measured, or none has
        learnt enough to be recommended."""
        rows, found = self.rows, recommendation(self.record())
        if found is None:
            reasons = [f"{row.name}: {row.error}" for row in rows if row.error] or notices(self.record())
            raise ValueError(f"there is no best model in {self.folder}: {' '.join(reasons) or 'not begun'}")
        return next(row for row in rows if row.run == found.run)

    def report(self, path: str | Path | None = None) -> Path:
        """Write the page, one file that needs no network, to a path or into the comparison's folder; its path."""
        if not self._begun:
            self.run()
        return self._draw(self.folder / "report.html" if path is None else Path(path))

    def run(self) -> Comparison:
        """Do everything that is left."""
        for _ in self.events():
            pass
        return self

    def more(self, amount: float) -> Comparison:
        """The same comparison with so much more of its budget for every model, which learns on from where it stands and is
        measured again. ValueError where this one is not finished."""
        from genlab.comparison.calls import compare_models

        options = replace(self.options, models=None, own_budget=False, more=added(amount, False))
        return compare_models(options, self.data, self.folder, False)

    def stop(self) -> None:
        """End the loop after the current step; runs keep what they learnt."""
        self._stopping = True

    def __repr__(self) -> str:
        if not self._begun:
            return (
                f"Comparison of {plural(len(self.keys), 'run')} on {self.data.name}: not begun; iterate it, or ask for its rows"
            )
        return "\n".join([f"Comparison on {self.data.name}", *map(repr, self.record().rows), f"in {self.folder}"])

    # --- the work ----------------------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        """A title of the work, for its progress bar."""
        return f"comparing {plural(len({key.name for key in self.todo()}), 'model')}"

    def todo(self) -> list[RunKey]:
        """The runs that have no scores yet."""
        return [key for key in self.keys if not self._rows[key].scores]

    def __iter__(self) -> Iterator[Event]:
        """Does what is left until the loop is left or stopped; yields `events`, the first of those in a row that read alike."""
        last = ""
        with closing(self.events()) as events:
            for event in events:
                before, last = last, str(event)
                if last != before:
                    yield event

    def events(self) -> Generator[Event, None, None]:
        """All events of the same work, one after every step of a training."""
        with locked(self.folder):
            self._begun, self._stopping = True, False
            todo = self.todo()
            rounds = [[key for key in todo if key.seed == seed] for seed in sorted({key.seed for key in todo})]
            seconds = self.options.amount if self.options.unit == "seconds" else None
            self.eta.begin([len(keys) for keys in rounds], seconds, not self.baselines)
            yield from self._take_events()
            if not rounds:
                count = plural(len(self.keys), "run")
                yield Remark(f"nothing is left to do; {self.folder} has the scores of {count}")
            try:
                self.write()
                for keys in rounds:
                    yield from self._train(keys)
                    if not self._stopping:
                        yield from self._measure([key for key in keys if not self._rows[key].error])
                    if self._stopping:
                        return
            finally:
                self.write()

    def _train(self, keys: Sequence[RunKey]) -> Iterator[Event]:
        """Train all models of a seed in turn. A failure becomes the error of its row."""
        jobs: dict[RunKey, Job] = {}
        for key in keys:
            try:
                jobs[key] = self._job(key)
            except Exception as error:
                yield self._failed(key, error)
        all_jobs, title = list(jobs.values()), f"training {', '.join(key.folder for key in keys)} in turn"
        before = sum(job.share for job in all_jobs) / max(len(all_jobs), 1)
        self.eta.train(before)
        yield Training(title, before, before)
        try:
            for job in in_turn(all_jobs, lambda: self._stopping):
                share = sum(other.share for other in all_jobs) / len(all_jobs)
                self.eta.reached(share)
                yield from self._take_events()
                yield Training(title, share, before, job.note)
        finally:
            for key, job in jobs.items():
                job.close()
                self._trained(key, job)
            self.eta.trained(len(keys))
        yield from self._take_events()

    def _measure(self, keys: Sequence[RunKey]) -> Iterator[Event]:
        if self.samples is None:
            self.samples = asked_of_all(self.reference, self._allowance().comparing / 3)
        if not self.baselines:
            self.baselines = yield from evaluate_baselines(self.reference, self.samples)
        self.eta.compared()
        prepared: dict[RunKey, Prepared] = {}
        for key in keys:
            yield Measuring(f"{key.name}: first samples")
            try:
                prepared[key] = prepare(self._run(key), self.data, self._protocol(key))
            except Exception as error:
                yield self._failed(key, error)
        self.eta.expect([prepared[key].seconds if key in prepared else 0.0 for key in keys])
        for key in keys:
            if not self._rows[key].error:
                yield from self._evaluate(key, prepared.pop(key))
            self.eta.measured()
            self._runs.pop(key, None)
            if self._stopping:
                return
            self.write(page=time.monotonic() - self._drawn > self._drawing / DRAWING)

    def _evaluate(self, key: RunKey, prepared: Prepared) -> Iterator[Event]:
        try:
            run = self._run(key)
            evaluated = yield from evaluate(run, self.reference, self._protocol(key), prepared)
            SavedSamples(run).write(evaluated, self.data.space)
            done = evaluated.results
            self._rows[key] = replace(
                self._rows[key],
                likelihood=done.likelihood,
                scores=done.scores,
                sample_seconds_per_100=done.sample_seconds_per_100,
                speed=done.speed,
            )
            self._media[self._rows[key].run] = media_of(run, self.data)
        except Exception as error:
            yield self._failed(key, error)
            return
        yield Measured(self._rows[key])

    # --- one model ---------------------------------------------------------------------------------------------------

    def _run(self, key: RunKey) -> Run:
        """A trained run, loaded once for all that is measured of it."""
        if key not in self._runs:
            self._runs[key] = load(self._rows[key].run, self.options.device)
        return self._runs[key]

    def _job(self, key: RunKey) -> Job:
        """A new training, or one that goes on from its checkpoint."""
        others = [self._path(other) for other in self.keys if other.name == key.name]
        made, folder = self._sessions.make(key.name, key.seed, Path(self._path(key)), others), key.folder
        self._rows[key] = replace(self._row(key), parameters=made.parameters)
        self._pending_events += [Remark(f"{folder}: {note}") for note in made.notes if not key.seed]

        def tell(alarm: Alarm) -> None:
            self._pending_events.append(Alarmed(folder, alarm))

        return Job(
            folder,
            made,
            Watch(made, self.tools.features, tell, reference=self._checkup_reference, features_choice=self.options.features),
        )

    def _trained(self, key: RunKey, job: Job) -> None:
        """Put the results of a training into its row."""
        row, engine, folder = self._rows[key], job.session.engine, job.session.folder
        if job.failure is not None:
            self._pending_events.append(Failed(key.folder, job.error, job.failure))
        if not job.begun and not job.finished:
            error = job.error or "stopped before its training began; the same command goes on"
            self._rows[key] = replace(row, error=error, stopped=job.failure is None)
            return
        operations = self._sessions.sizes.operations(key.name) * engine.steps
        loads, stopped = job.loads or [0.0], not job.finished and not job.failure
        row = replace(
            row,
            train_seconds=round(engine.seconds, 3),
            examples_seen=engine.examples,
            train_operations=operations if self.options.unit == "operations" else None,
            load=Load(round(sum(loads) / len(loads), 2), round(max(loads), 2)),
            checkups=tuple(map(Checkup.from_json, folder.checkups())),
            alarms=tuple(map(Alarm.from_json, folder.alarms())),
            error=f"stopped at {folder.progress():.0%} of its training; the same command goes on" if stopped else job.error,
            stopped=stopped,
        )
        self._rows[key] = row

    def _failed(self, key: RunKey, error: Exception) -> Failed:
        self._rows[key] = replace(self._rows[key], error=explained(error)[0])
        return Failed(key.folder, self._rows[key].error, error)

    def _take_events(self) -> Iterator[Event]:
        """The events collected since the last call."""
        events, self._pending_events = self._pending_events, []
        yield from events

    # --- what is shared ----------------------------------------------------------------------------------------------

    @cached_property
    def reference(self) -> Reference:
        """The reference that all samples are compared with, prepared once."""
        return self.tools.reference(self.data, "test", Engine(self.options.device), self._allowance().comparing / 4)

    @cached_property
    def _checkup_reference(self) -> Reference:
        """The reference that samples of check-ups are compared with."""
        return checkup_reference(self.data, self.tools.features, self.tools.classifier)

    def _protocol(self, key: RunKey) -> EvaluationProtocol:
        allowed = Allowance.of(self._rows[key].train_seconds or 0.0)
        allowed = allowed._replace(drawing=None) if self.options.samples else allowed  # as many as were asked for
        return EvaluationProtocol(n=self.samples or 1, allowance=allowed)

    def _allowance(self) -> Allowance:
        """That of the model that trained longest."""
        return Allowance.of(max((row.train_seconds or 0.0 for row in self._rows.values()), default=0.0))

    # --- the record --------------------------------------------------------------------------------------------------

    def write(self, page: bool = True) -> None:
        """Write report.json, and the page too unless that can wait."""
        write_record(self.folder, self.record())
        if page:
            self._draw(self.folder / "report.html")

    def _draw(self, file: Path) -> Path:
        from genlab.report.html import write

        began = time.monotonic()
        write(file, self.record(), self.media)
        self._drawn = time.monotonic()
        self._drawing = self._drawn - began
        return file

    @property
    def media(self) -> Mapping[str, Media]:
        """Samples and curves of each run, by the run's folder, and real examples."""
        return self._media

    def record(self) -> Record:
        """The record that report.json holds."""
        options = self.options
        seeds = len({key.seed for key in self.keys})
        shown = [key for key in self.keys if self._rows[key].measured or self._rows[key].error]
        return Record(
            self._summary,
            Terms(options.unit, options.amount, seeds, self.samples, options.features or "", ORDER),
            tuple(self._rows[key] for key in shown),
            tuple(self.baselines),
            tuple(key.folder for key in self.keys if key not in shown),
            self.command(),
            {name: version(name) for name in ("genlab", "torch")},
            machine(options.device),
            f"{datetime.now():%Y-%m-%d %H:%M}",
            self.tools.ruler,
            self.tools.refused,
        )

    def command(self) -> str:
        """The command that repeats the whole comparison, whatever calls made it."""
        names = tuple(dict.fromkeys(key.name for key in self.keys))
        usual = self.options.models is None and sorted(names) == sorted(chosen(None, self.data)[0])
        seeds = max((key.seed + 1 for key in self.keys), default=1)
        return replace(self.options, models=None if usual else tuple(map(spelled, names)), seeds=seeds).command(self.folder)

    def _row(self, key: RunKey) -> Row:
        return Row(key.name, entry(key.name).family, self._path(key), key.seed)

    def _path(self, key: RunKey) -> str:
        """The path of its run, in the folder where the comparison is now."""
        return str(within(self.folder, f"runs/{key.folder}/recipe.json").parent)
