"""Progress of a stage in the unit of its budget, and the schedule with which a run with a budget of seconds is repeated.

Progress in steps is exact. Progress in seconds is the time spent inside `fit` divided by the stage's part of the budget,
rounded down to thousandths. The steps at which it changed are the schedule; a run that replays the schedule takes the same
steps, byte for byte.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from genlab.core.recipe import Budget


class Clock:
    """A stopwatch: counts seconds between `resume` and `pause`."""

    def __init__(self) -> None:
        self.elapsed, self._since = 0.0, None

    def resume(self) -> None:
        self._since = time.perf_counter()

    def pause(self) -> None:
        self.elapsed, self._since = self.now(), None

    def now(self) -> float:
        """Seconds counted so far."""
        return self.elapsed + (time.perf_counter() - self._since if self._since is not None else 0.0)


class ProgressTracker:
    """Progress of the stages of one run.

    schedule   rows [stage, step, thousandths] at which progress in seconds changed, to be replayed; None measures time
    agree      turns the thousandths that this process has measured into one number for all processes
    """

    def __init__(
        self,
        budget: Budget,
        schedule: list[list[int]] | None = None,
        agree: Callable[[int], int] = lambda mark: mark,
    ):
        self.budget, self._agree = budget, agree
        self.replayed = {(stage, step): mark for stage, step, mark in schedule} if schedule is not None else None
        self.schedule: list[list[int]] = []
        self.clock = Clock()
        self.amount, self.passed, self.began, self.mark = 0.0, 0.0, 0.0, 0  # passed: what earlier stages had
        self.limit: int | None = None  # steps of this stage, where they are known

    def enter(self, number: int, share: float, passes: int | None, count: int, batch: int) -> None:
        """Begin a stage that is worth `share` of the budget, or `passes` over `count` examples, `batch` of them a step."""
        self.passed += self.amount
        self.amount, self.began, self.mark = self.budget.of_stage(number, share), self.clock.now(), 0
        if passes is not None:
            self.limit = passes * math.ceil(count / batch)
        elif self.budget.unit == "steps":
            self.limit = max(1, round(self.amount))
        elif self.budget.unit == "examples":
            self.limit = max(1, math.ceil(self.amount / batch))
        else:
            self.limit = None

    def at(self, stage: int, step: int) -> float:
        """Progress 0..1 of a stage at the start of a step; 1 ends the stage."""
        if self.limit is not None:
            return min(1.0, step / self.limit)
        mark = self._replay(stage, step) if self.replayed is not None else self._measure()
        if mark != self.mark or step == 0:
            self.schedule.append([stage, step, mark])
        self.mark = mark
        return mark / 1000

    def _replay(self, stage: int, step: int) -> int:
        assert self.replayed is not None
        if (stage, step) > max(self.replayed, default=(-1, 0)):
            raise ValueError(f"the schedule ends before step {step} of stage {stage}; it was written by a run that was stopped")
        return self.replayed.get((stage, step), self.mark)

    def _measure(self) -> int:
        spent = self.clock.now() - self.began
        return self._agree(min(1000, math.floor(1000 * spent / self.amount)))

    def overall(self, stage: int, step: int) -> float:
        """Progress 0..1 of the whole run."""
        inside = min(1.0, step / self.limit) if self.limit is not None else self.mark / 1000
        return min(1.0, (self.passed + self.amount * inside) / self.budget.total)

    def state(self) -> dict[str, Any]:
        record = {"passed": self.passed, "mark": self.mark, "schedule": self.schedule}
        return {**record, "elapsed": self.clock.now(), "spent": self.clock.now() - self.began}

    def load(self, record: dict[str, Any]) -> None:
        """Restore what `state` gave; to be called after `enter`."""
        self.passed, self.mark = record["passed"], record["mark"]
        self.schedule = [list(row) for row in record["schedule"]]
        self.clock.elapsed = record["elapsed"]
        self.began = self.clock.now() - record["spent"]
