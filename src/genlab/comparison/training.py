"""Models trained in turn: a slice of the budget each, round and round, so that a slow minute of the machine hits them all.

Every training is a generator whose clock stands still between two ticks, so taking turns costs none of them anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from genlab.api import Session
from genlab.runs.errors import explained
from genlab.watch import Watch

SLICE = 0.02  # of a model's budget: one turn
SHOWN = 3  # readings that are named


class Job:
    """One training among those that take turns.

    share      of its budget that is spent, 0..1
    begun      whether it has taken a step
    failure    why it came to nothing
    halted     by somebody who asked for it, before its end
    """

    def __init__(self, name: str, session: Session, watch: Watch):
        self.name, self.session, self.watch = name, session, watch
        self.share, self.begun, self.finished, self.halted = session.folder.progress(), False, False, False
        self.failure: Exception | None = None
        self.loads: list[float] = []
        self._ticks = session.__iter__()
        self._latest: dict[str, Any] = {}

    def take(self, stopping: Callable[[], bool]) -> Iterator[None]:
        """Train for one slice, or to the end, or to the first closed step after somebody asked to stop; yields at each."""
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
        """Keep what was learnt, so that it can go on; whatever becomes of one, the others are kept too."""
        self.halted = True
        try:
            if self.begun:
                self.session.stop()
        except Exception as error:
            self.failure = error

    def close(self) -> None:
        """Let go of the run's folder; nothing can be trained afterwards."""
        self._ticks.close()

    @property
    def error(self) -> str:
        """Why it came to nothing, in a sentence; "" where it did not."""
        return "" if self.failure is None else explained(self.failure)[0]

    @property
    def live(self) -> bool:
        return not (self.finished or self.failure or self.halted)

    def note(self) -> str:
        engine = self.session.engine
        return f"{self.name}: {note(self._latest, engine.examples, engine.seconds)}"


def in_turn(jobs: Sequence[Job], stopping: Callable[[], bool]) -> Iterator[Job]:
    """Every job to the end of its budget; or, once somebody asks to stop, to a checkpoint. Yields the job whose turn it is
    after each of its steps; who leaves there stops them too."""
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
    """Processes that wanted to run, averaged over the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
