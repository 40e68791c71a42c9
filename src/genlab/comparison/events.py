"""The events that an iterated comparison yields. `str` of an event is a line to read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from genlab.comparison.rows import Row
from genlab.measure.alarms import Alarm


@dataclass(frozen=True)
class Training:
    """Models of one seed are being trained, in turn.

    title    names them
    share    share of their budgets that is spent, 0..1
    before   share that an earlier call had spent
    note     makes a line of the latest readings and the speed of the model in training; called only where it is shown
    """

    title: str
    share: float
    before: float = 0.0
    note: Callable[[], str] = field(default=str, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.title}: {self.share:.0%}"


@dataclass(frozen=True)
class Measuring:
    """A part of the measuring begins or goes on. share: 0..1 where it is known."""

    title: str
    share: float | None = None

    def __str__(self) -> str:
        return self.title if self.share is None else f"{self.title}: {self.share:.0%}"


@dataclass(frozen=True)
class Alarmed:
    """A check-up of a run raised an alarm. run: its folder's name."""

    run: str
    alarm: Alarm

    def __str__(self) -> str:
        return f"{self.run}: {self.alarm.line()}"


@dataclass(frozen=True)
class Failed:
    """A run has failed; the others go on. run: its folder's name."""

    run: str
    sentence: str
    error: Exception = field(compare=False)

    def __str__(self) -> str:
        return f"{self.run}: {self.sentence}"


@dataclass(frozen=True)
class Measured:
    """A run has all its scores."""

    row: Row

    def __str__(self) -> str:
        return f"measured: {self.row.short()}"


@dataclass(frozen=True)
class Remark:
    """Something a reader should know, as a sentence."""

    sentence: str

    def __str__(self) -> str:
        return self.sentence


Event = Training | Measuring | Alarmed | Failed | Measured | Remark
