"""Training that is watched: `genlab train`, and each model of `genlab compare`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from genlab.cli.progress import Note
from genlab.cli.stop import Stop

if TYPE_CHECKING:
    from genlab.api import Session

SHOWN = 3  # readings beside a bar


def follow(session: Session, task: Callable[[float, Note], None], stop: Stop) -> bool:
    """Train to the end, or to the first closed step after somebody asked to stop; whether the end was reached.

    Either way the run's folder holds its weights afterwards.
    """
    latest: dict[str, Any] = {}

    def words() -> str:
        return note(latest, session.engine.examples, session.engine.seconds)

    for tick in session:
        latest.update({f"{tick.move}.{name}": value for name, value in tick.readings.items()})
        task(tick.progress, words)
        if stop.asked and tick.closes:
            session.stop()
            return False
    return True


def note(latest: Mapping[str, Any], examples: int, seconds: float) -> str:
    """The latest readings and the speed: "loss 2.31, kl 0.4, 1,900 examples/s"."""
    moves = {name.split(".", 1)[0] for name in latest}
    shown = [f"{_short(name, len(moves) == 1)} {float(value):.4g}" for name, value in list(latest.items())[:SHOWN]]
    speed = [f"{examples / seconds:,.0f} examples/s"] if seconds > 0 else []
    return ", ".join(shown + speed)


def _short(name: str, alone: bool) -> str:
    move, reading = name.split(".", 1)
    return reading if alone else f"{move} {reading}"
