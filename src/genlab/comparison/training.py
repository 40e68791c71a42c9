"""Models trained in turn, a slice of the budget each in every round, so that a slow minute of the machine affects all alike.

Every training is a generator whose clock stands still between two ticks, so that waiting for the others costs no budget.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from genlab.api import Session
from genlab.runs.errors import explained
from genlab.watch import Watch

SLICE = 0.02  # share of a model's budget that it trains at once
SHOWN = 3  # readings that are named


class Job:
    """One of several trainings that take turns.

    share      of its budget that is spent, 0..1
    begun      whether it has taken a step
    failure    the error that ended it
    halted     whether a request to stop ended it
    """

    def __init__(self, name: str, session: Session, watch: Watch):
        self.name, self.session, self.watch = name, session, watch
        self.share, self.begun, self.finished, self.halted = session.folder.progress(), False, False, False
        self.failure: Exception | None = None
        self.loads: list[float] = []
        self._ticks = session.__iter__()
        self._latest: dict[str, Any] = {}

    def take(self, stopping: Callable[[], bool]) -> Iterator[None]:
        """Train for one slice, or to the end, or to the first closed step after a request to stop; yields after each step."""
        target = self.share + SLICE
        try:
            for tick in self._ticks:
                self.begun = True
                self._latest.update({f"{tick.move}.{name}": value for name, value in tick.readings.items()})
                self.watch.on_tick(tick)
                self.share = tick.progress
                if tick.closes:
                    yield
                    if stopping() or tick.progress >= target:
                        return
            self.watch.close()
            self.share, self.finished = 1.0, True
            yield
        except Exception as error:
            self.failure = error
        finally:
            self.loads.append(load())

    def halt(self) -> None:
        """Save what was learnt, so that it can go on. An error is noted and not raised, so that other jobs are saved too."""
        self.halted = True
        try:
            if self.begun:
                self.session.stop()
        except Exception as error:
            self.failure = error

    def close(self) -> None:
        """Release the run's folder; nothing can be trained afterwards."""
        self._ticks.close()

    @property
    def error(self) -> str:
        """Why it failed, in a sentence; "" where it did not."""
        return "" if self.failure is None else explained(self.failure)[0]

    @property
    def live(self) -> bool:
        return not (self.finished or self.failure or self.halted)

    def note(self) -> str:
        engine = self.session.engine
        return f"{self.name}: {note(self._latest, engine.examples, engine.seconds)}"


def in_turn(jobs: Sequence[Job], stopping: Callable[[], bool]) -> Iterator[Job]:
    """Train every job to the end of its budget, or to a checkpoint once `stopping` is true. Yields the current job after each
    of its steps; closing the generator stops the jobs too."""
    try:
        while live := [job for job in jobs if job.live]:
            for job in live:
                for _ in job.take(stopping):
                    yield job
                if stopping():
                    _halt(jobs)
                    return
    except GeneratorExit:  # between two steps; an interrupt may come within one, of which only the checkpoint before is whole
        _halt(jobs)
        raise


def _halt(jobs: Sequence[Job]) -> None:
    for job in jobs:
        if job.live:
            job.halt()


def note(latest: Mapping[str, Any], examples: int, seconds: float) -> str:
    """The latest readings and the speed: "loss 2.31, kl 0.4, 1,900 examples/s"."""
    moves = {name.split(".", 1)[0] for name in latest}
    shown = [f"{_short(name, len(moves) == 1)} {float(value):.4g}" for name, value in list(latest.items())[:SHOWN]]
    speed = [f"{examples / seconds:,.0f} examples/s"] if seconds > 0 else []
    return ", ".join(shown + speed)


def _short(name: str, alone: bool) -> str:
    move, reading = name.split(".", 1)
    return reading if alone else f"{move} {reading}"


def load() -> float:
    """The load of the machine: runnable processes, averaged over the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
