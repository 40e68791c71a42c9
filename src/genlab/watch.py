"""Monitoring a training run: check-ups at fractions of the run, alarms, the best weights so far.

`Watch.on_tick` is called with every tick of a session. The run's clock is stopped between two ticks, so check-ups cost nothing
of the budget. Their frequency and number of samples are decided before the first one, from the time that drawing takes, and
saved in the run's folder: a resumed run is checked as before.
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
STRIDES = (1, 2, 4, 5, 10, 20)  # every so many of them
SIZES = (256, 128, 64)  # samples drawn
SHARE = 0.3  # of the training time that check-ups may take
PROBES = (16, 4, 2)  # samples drawn to time sampling
FEWEST = 30  # steps before which no alarm is raised
SCORED = 200  # validation examples of a likelihood
SEED = 1  # of the samples: the same at every check-up


class Plan(NamedTuple):
    """A check-up at every `stride`-th of the marks, of n samples."""

    stride: int
    n: int


class Watch:
    """Monitors one session. In a stage whose samples mean nothing yet, and without a validation split to measure them on, it
    only reads the readings.

    features          of pictures, for their scores; without them only the readings of a model of pictures are monitored
    tell              called with each alarm as it is raised
    share             of the training time that check-ups may take
    reference         the real examples, where several models share them
    plan              how often to check, and how many samples to draw, whatever it costs
    features_choice   the name that `features_for` was given, for the record: a resumed run uses the same features
    """

    def __init__(
        self,
        session: Session,
        features: Features | None,
        tell: Callable[[Alarm], object] | None = None,
        plan: Plan | None = None,
        share: float = SHARE,
        reference: Reference | None = None,
        features_choice: str | None = None,
    ):
        self.session, self.tell, self.share, self.features_choice = session, tell, share, features_choice
        self.reference = reference or checkup_reference(session.data, features)
        self._measures = session.data.count("validation") > 0
        self.history = History()
        self.alarms: list[Alarm] = []
        self.plan = plan or self._kept_plan()
        self._mark, self._best = -1, ("", float("inf"))  # the best weights' score and its cost
        self._row: dict[str, Any] | None = None  # of ticks.jsonl, the last that was read
        self._rollbacks = 0

    def on_tick(self, tick: Tick) -> None:
        """Check the model, where a check-up is due; to be called between two ticks."""
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
        """The last check-up, after the end of the run."""
        engine = self.session.engine
        if engine.main and self.session.recorder.rollbacks != self._rollbacks:
            self._restore()
        if engine.main and self._measures and engine.samples and self._mark < MARKS:
            self._mark = MARKS
            self._planned(1.0, engine.seconds)
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
        self._best = self._kept_best()
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

    def _likelihood(self, model: Any) -> Any:
        """The likelihood of validation examples of text, or None for other data, where it may take longer than the training."""
        data = self.session.data
        if not data.space.text:
            return None
        return likelihood_of(model, data, "validation", SEED, min(SCORED, data.count("validation")))

    def _keep_best(self, score: Score | None) -> None:
        """Save the weights if this score is the best so far; a score of another name than the saved one's is ignored."""
        if score is not None and self._best[0] in ("", score.name) and cost(score) < self._best[1]:
            self._best = score.name, cost(score)
            about = {"progress": self.history.progress, "examples": self.session.engine.examples}
            self.session.keep_best({**about, "score": score.name, "value": score.value, "cost": cost(score)})

    def _kept_best(self) -> tuple[str, float]:
        """(score name, cost) of the saved best weights, which may be newer than the checkpoint; else of the best check-up."""
        kept = self.session.folder.best_about()
        if kept is not None:
            return kept["score"], kept["cost"]
        found = [checkup.quality for checkup in self.history.checkups if checkup.quality is not None]
        return min(((score.name, cost(score)) for score in found), key=lambda pair: pair[1], default=("", float("inf")))

    def _raise(self, samples: Tensor | None = None) -> None:
        for alarm in self.history.alarms() if self.session.engine.steps >= FEWEST else ():
            self.alarms.append(alarm)
            if samples is not None:
                self._draw_alarm(alarm, samples[:64])
            self.session.folder.log_alarm(alarm.to_json())
            if self.tell is not None:
                self.tell(alarm)

    def _draw_alarm(self, alarm: Alarm, samples: Tensor) -> None:
        """Save the samples that raised an alarm as a picture in the run's alarms/."""
        from genlab.report import pictures

        made = pictures.png(pictures.picture(samples, self.session.data.space))
        file = within(self.session.folder.path, f"alarms/{alarm.kind.replace(' ', '-')}.png")
        write_atomic(file, lambda beside: beside.write_bytes(made))

    # --- how often ---------------------------------------------------------------------------------------------------

    def _planned(self, progress: float, seconds: float) -> Plan:
        if self.plan is None:
            training = seconds / max(progress, 1e-9)
            self.plan = affordable(*self._costs(self.share * training), training, self.share)
            self.session.folder.write_plan({**self.plan._asdict(), "features": self.features_choice or "auto"})
        return self.plan

    def _costs(self, patience: float) -> tuple[float, float]:
        """(seconds for each sample, seconds for the rest of a check-up).

        One sample is drawn first; more at once only where they cannot take more than `patience` seconds.
        """
        given = self.session.conditions(PROBES[0], SEED).given
        with self.session.engine.averaged() as model:
            samples, first = timed(lambda: self._draw(model, given, 1))
            if first <= patience:
                samples, first = timed(lambda: self._draw(model, given, 1))  # the first call builds caches
            each, beside = first, 0.0
            many = next((n for n in PROBES if n * first <= patience), 1)
            if many > 1:
                samples, together = timed(lambda: self._draw(model, given, many))
                each = max((together - first) / (many - 1), 0.0)
                beside = max(first - each, 0.0)
            _, scored = timed(lambda: self._likelihood(model))
        rows = torch.arange(SIZES[0]) % len(samples)
        whole = {key: value[rows.to(value.device)] for key, value in given.items()}
        few = {key: value[: len(samples)] for key, value in given.items()}
        checkup_scores(self.reference, samples, few, SEED)  # the first call builds caches
        _, looked = timed(lambda: checkup_scores(self.reference, samples[rows], whole, SEED))
        return each, beside + scored + looked

    def _kept_plan(self) -> Plan | None:
        kept = self.session.folder.plan()
        if kept is None or not (1 <= kept["stride"] <= MARKS and 1 <= kept["n"] <= SIZES[0]):
            return None
        return Plan(kept["stride"], kept["n"])


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """(result of a call, seconds that it took)."""
    began = time.perf_counter()
    found = call()
    return found, time.perf_counter() - began


def cost(score: Score | None) -> float:
    """A score's value with the sign that makes lower better; infinite where nothing was measured."""
    if score is None or score.value is None:
        return float("inf")
    return score.value if score.better == "lower" else -score.value


def affordable(each: float, rest: float, training: float, share: float = SHARE) -> Plan:
    """The most frequent check-ups that take at most `share` of the training time; a single one at the end if none fit.

    each: seconds for a sample; look: seconds for the rest of a check-up; training: seconds of the whole run.
    """
    for stride in STRIDES:
        for n in SIZES:
            if (each * n + rest) * (MARKS // stride) <= share * training:
                return Plan(stride, n)
    return Plan(MARKS, SIZES[-1])
