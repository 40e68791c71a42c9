"""Models trained in turn: a slice of the budget each, round and round, so that a slow minute of the machine hits them all.

Every training is a generator whose clock stands still between two ticks, so taking turns costs none of them anything.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from genlab.api import Session
from genlab.cli.errors import debugging, explained
from genlab.cli.progress import Note
from genlab.cli.stop import Stop
from genlab.cli.training import note
from genlab.watch import Watch

SLICE = 0.02  # of a model's budget: one turn


class Turn:
    """One model among those that take turns. error: why it came to nothing; finished: its budget is spent."""

    def __init__(self, name: str, session: Session, watch: Watch):
        self.name, self.session, self.watch = name, session, watch
        self.share, self.error, self.finished, self.halted = session.folder.progress(), "", False, False
        self.loads: list[float] = []
        self._ticks = iter(session)
        self._latest: dict[str, Any] = {}
        self.begun = False  # whether it has taken a step

    def take(self, stop: Stop, show: Callable[[], None]) -> None:
        """Train for one slice, or to the end, or to the first closed step after somebody asked to stop."""
        target = self.share + SLICE
        try:
            for tick in self._ticks:
                self.begun = True
                self._latest.update({f"{tick.move}.{name}": value for name, value in tick.readings.items()})
                self.watch.hear(tick)
                self.share = tick.progress
                show()
                if tick.closes and (stop.asked or tick.progress >= target):
                    return
            self.watch.close()
            self.share, self.finished = 1.0, True
        except Exception as error:
            if debugging():
                traceback.print_exc()
            self.error = explained(error)[0]
        finally:
            self.loads.append(load())

    def halt(self) -> None:
        """Keep what was learnt, so that it can go on; whatever becomes of one, the others are kept too."""
        self.halted = True
        try:
            if self.begun:
                self.session.stop()
        except Exception as error:
            self.error = explained(error)[0]

    @property
    def live(self) -> bool:
        return not (self.finished or self.error or self.halted)

    def words(self) -> str:
        engine = self.session.engine
        return f"{self.name}: {note(self._latest, engine.examples, engine.seconds)}"


def train_in_turn(turns: Sequence[Turn], stop: Stop, task: Callable[[float, Note], None]) -> None:
    """Every model to the end of its budget; or, once somebody asks to stop, to a checkpoint."""

    def show(turn: Turn) -> Callable[[], None]:
        return lambda: task(sum(other.share for other in turns) / len(turns), turn.words)

    while live := [turn for turn in turns if turn.live]:
        for turn in live:
            turn.take(stop, show(turn))
            if stop.asked:
                for other in turns:
                    if other.live:
                        other.halt()
                return


def load() -> float:
    """Processes that wanted to run, averaged over the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
