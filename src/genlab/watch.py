"""Monitoring of a training run: check-ups at fractions of the run, alarms, the best weights so far.

`Watch.on_tick` is called with every tick of a session. The run's clock stands still between two ticks, so check-ups take
nothing from the budget. How often they are made and of how many samples is decided before the first one, from the time that
drawing takes, and saved in the run's folder, so that a resumed run is checked in the same way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlab.api import Session
from genlab.core.moves import Tick
from genlab.features import Features
from genlab.measure.alarms import Alarm, Checkup, History
from genlab.measure.checkup import checkup_reference, checkup_scores
from genlab.measure.evaluation import Reference
from genlab.measure.likelihood import likelihood_of
from genlab.measure.score import Score
from genlab.runs.files import within, write_atomic
from genlab.trained import drawn

MARKS = 20  # fractions of a run at which a check-up may be due
STRIDES = (1, 2, 4, 5, 10, 20)  # marks from one check-up to the next
SIZES, FEWER = (256, 128, 64), (32, 16)  # samples drawn; of a sampler that is too slow for more than a single check-up
NEVER = MARKS + 1  # the stride of no check-up at all
SHARE, LEAST = 0.1, 1.0  # of the training time that check-ups may take; seconds that they may take however short it is
PROBES = (16, 4, 2)  # samples drawn to time sampling
FEWEST = 30  # steps before which no alarm is raised
SCORED = 200  # validation examples of a likelihood
SEED = 1  # of the samples, the same at every check-up


class Plan(NamedTuple):
    """A check-up at every `stride`-th of the marks, of n samples; none where that is beyond them."""

    stride: int
    n: int


class Watch:
    """Monitors one session. In a stage whose samples mean nothing yet, or without a validation split to compare them with, it
    follows the readings alone.

    features          what pictures are compared in; without them, of a model of pictures the readings alone are followed
    tell              called with each alarm as it is raised
    plan              how often to check and how many samples to draw, whatever that takes; by default what comes in a tenth of
                      the training time
    reference         the real examples, where several models share them
    features_choice   name of the features, for the record: a resumed run uses the same ones
    """

    def __init__(
        self,
        session: Session,
        features: Features | None,
        tell: Callable[[Alarm], object] | None = None,
        plan: Plan | None = None,
        reference: Reference | None = None,
        features_choice: str | None = None,
    ):
        self.session, self.tell, self.features_choice = session, tell, features_choice
        self.reference = reference or checkup_reference(session.data, features)
        self._measures = session.data.count("validation") > 0
        self.history = History()
        self.alarms: list[Alarm] = []
        self.plan = plan or self._saved_plan()
        self._mark, self._best = -1, ("", float("inf"))  # the best weights' score and its cost
        self._row: dict[str, Any] | None = None  # the last row of ticks.jsonl that was read
        self._rollbacks = 0

    def on_tick(self, tick: Tick) -> None:
        """Follow the readings, and make a check-up where one is due; to be called between two ticks."""
        if not (tick.closes and self.session.engine.main):
            return
        if self.session.recorder.rollbacks != self._rollbacks:
            self._restore()
        seconds, row = self.session.engine.seconds, self.session.folder.latest
        if row is not None and row is not self._row:
            self._row = row
            self._read(row)
            self._raise()
        mark = int(tick.progress * MARKS + 1e-9)
        if mark != self._mark and mark > 0:
            self._mark = mark
            if self._measures and self.session.engine.samples and mark % self._planned(tick.progress, seconds).stride == 0:
                self._check_up(tick.progress, seconds)

    def close(self) -> None:
        """Make the last check-up, after the end of the run."""
        engine = self.session.engine
        if engine.main and self.session.recorder.rollbacks != self._rollbacks:
            self._restore()
        if engine.main and self._measures and engine.samples and self._mark < MARKS:
            self._mark = MARKS
            if self._planned(1.0, engine.seconds).stride < NEVER:
                self._check_up(1.0, engine.seconds)

    def _restore(self) -> None:
        """Restore the history up to the checkpoint from which the run continues; later rows will be written again."""
        folder, recorder = self.session.folder, self.session.recorder
        self._rollbacks, self.history = recorder.rollbacks, History()
        latest = folder.latest or {}
        for row in folder.ticks():
            if (row["stage"], row["step"]) != (latest.get("stage"), latest.get("step")):  # `on_tick` reads this one next
                self._read(row)
        for row in folder.checkups():
            self.history.add_checkup(Checkup.from_json(row))
        self.alarms = [Alarm.from_json(row) for row in folder.alarms()]
        self.history.raised = {alarm.kind for alarm in self.alarms}
        self._best = self._saved_best()
        self._mark = int(self.history.progress * MARKS + 1e-9)

    def _read(self, row: Mapping[str, Any]) -> None:
        """Add a line of ticks.jsonl to the history. Only logged readings count, so that a resumed run sees the same."""
        readings = {name: value for name, value in row["readings"].items() if value is not None}
        self.history.add_readings(row["progress"], row["seconds"], readings)

    # --- a check-up --------------------------------------------------------------------------------------------------

    def _check_up(self, progress: float, seconds: float) -> None:
        assert self.plan is not None
        with self.session.engine.averaged() as model:
            given = self.session.conditions(self.plan.n, SEED).given
            samples = self._draw(model, given, self.plan.n)
            likelihood = self._likelihood(model)
        scores = checkup_scores(self.reference, samples, given, SEED, likelihood)
        checkup = Checkup(progress, seconds, self.session.engine.examples, self.plan.n, scores)
        self.history.add_checkup(checkup)
        self._keep_best(checkup.quality)
        self._raise(samples)
        self.session.folder.log_checkup(checkup.to_json())  # last: a check-up that is in the log is not repeated after a crash

    def _draw(self, model: Any, given: Mapping[str, Tensor], n: int) -> Tensor:
        *_, last = drawn(model, range(n), SEED, {key: value[:n] for key, value in given.items()}, {})
        return last

    def _one(self, model: Any, given: Mapping[str, Tensor], patience: float) -> Tensor | None:
        """One sample; None, and no more is drawn, once its frames show that it takes longer than `patience` seconds."""
        began, frames = time.perf_counter(), []
        for frame in drawn(model, range(1), SEED, {key: value[:1] for key, value in given.items()}, {}):
            if time.perf_counter() - began > patience:
                return None
            frames = [frame]
        return frames[0]

    def _likelihood(self, model: Any) -> Any:
        """The likelihood of validation examples of text; None for other data, where it may take longer than the training."""
        data = self.session.data
        if not data.space.text:
            return None
        return likelihood_of(model, data, "validation", SEED, min(SCORED, data.count("validation")))

    def _keep_best(self, score: Score | None) -> None:
        """Save the weights if this score is the best so far; a score of another name than the saved one's does not compare."""
        if score is not None and self._best[0] in ("", score.name) and cost(score) < self._best[1]:
            self._best = score.name, cost(score)
            about = {"progress": self.history.progress, "examples": self.session.engine.examples}
            self.session.keep_best({**about, "score": score.name, "value": score.value, "cost": cost(score)})

    def _saved_best(self) -> tuple[str, float]:
        """(name, cost) of the saved best weights' score, which may be newer than the checkpoint; else of the best check-up."""
        saved = self.session.folder.best_about()
        if saved is not None:
            return saved["score"], saved["cost"]
        scores = [checkup.quality for checkup in self.history.checkups if checkup.quality is not None]
        return min(((score.name, cost(score)) for score in scores), key=lambda pair: pair[1], default=("", float("inf")))

    def _raise(self, samples: Tensor | None = None) -> None:
        for alarm in self.history.alarms() if self.session.engine.steps >= FEWEST else ():
            self.alarms.append(alarm)
            if samples is not None:
                self._draw_alarm(alarm, samples[:64])
            self.session.folder.log_alarm(alarm.to_json())
            if self.tell is not None:
                self.tell(alarm)

    def _draw_alarm(self, alarm: Alarm, samples: Tensor) -> None:
        """Save the samples behind an alarm as a picture in the run's alarms/."""
        from genlab.report import pictures

        made = pictures.png(pictures.picture(samples, self.session.data.space))
        file = within(self.session.folder.path, f"alarms/{alarm.kind.replace(' ', '-')}.png")
        write_atomic(file, lambda beside: beside.write_bytes(made))

    # --- how often ---------------------------------------------------------------------------------------------------

    def _planned(self, progress: float, seconds: float) -> Plan:
        if self.plan is None:
            allowed = max(LEAST, SHARE * seconds / max(progress, 1e-9))
            costs, took = timed(lambda: self._costs(allowed / 2))
            self.plan = Plan(NEVER, 1) if costs is None else affordable(costs[0], costs[1], max(allowed - took, allowed / 2))
            self.session.folder.write_plan({**self.plan._asdict(), "features": self.features_choice or "auto"})
        return self.plan

    def _costs(self, patience: float) -> tuple[float, float] | None:
        """(seconds for each sample, seconds for the rest of a check-up); None where `patience` seconds do not draw one.

        One sample is drawn first, and several at once where they will not take more than `patience` seconds.
        """
        given = self.session.conditions(PROBES[0], SEED).given
        with self.session.engine.averaged() as model:
            samples, first = timed(lambda: self._one(model, given, patience))
            if samples is None:
                return None
            if first <= patience:
                samples, first = timed(lambda: self._draw(model, given, 1))  # the first call builds caches
            each, beside = first, 0.0
            many = next((n for n in PROBES if n * first <= patience), 1)
            if many > 1:
                samples, together = timed(lambda: self._draw(model, given, many))
                each = max((together - first) / (many - 1), 0.0)
                beside = max(first - each, 0.0)
            _, likelihood = timed(lambda: self._likelihood(model))
        rows = torch.arange(SIZES[0]) % len(samples)
        whole = {key: value[rows.to(value.device)] for key, value in given.items()}
        few = {key: value[: len(samples)] for key, value in given.items()}
        checkup_scores(self.reference, samples, few, SEED)  # the first call builds caches
        _, scoring = timed(lambda: checkup_scores(self.reference, samples[rows], whole, SEED))
        return each, beside + likelihood + scoring

    def _saved_plan(self) -> Plan | None:
        saved = self.session.folder.plan()
        if saved is None or not (1 <= saved["stride"] <= NEVER and 1 <= saved["n"] <= SIZES[0]):
            return None
        return Plan(saved["stride"], saved["n"])


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """(result of a call, seconds it took)."""
    began = time.perf_counter()
    result = call()
    return result, time.perf_counter() - began


def cost(score: Score | None) -> float:
    """A score's value with the sign that makes lower better; infinite where nothing was measured."""
    if score is None or score.value is None:
        return float("inf")
    return score.value if score.better == "lower" else -score.value


def affordable(each: float, rest: float, allowed: float) -> Plan:
    """The most frequent check-ups that take at most `allowed` seconds; a single one at the end if none does, and none at
    all if even its samples take longer.

    each   seconds for one sample
    rest   seconds for everything else in a check-up
    """
    plans = [*(Plan(stride, n) for stride in STRIDES for n in SIZES), *(Plan(MARKS, n) for n in FEWER)]
    fitting = (plan for plan in plans if (each * plan.n + rest) * (MARKS // plan.stride) <= allowed)
    least = FEWER[-1]
    return next(fitting, Plan(MARKS if each * least <= allowed else NEVER, least))
