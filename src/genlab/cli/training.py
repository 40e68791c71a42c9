"""Training that is watched: `genlab train`, and each model of `genlab compare`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from genlab.cli.progress import Task
from genlab.cli.stop import Stop

if TYPE_CHECKING:
    from genlab.api import Session
    from genlab.cli.progress import Progress
    from genlab.measure.alarms import Alarm
    from genlab.watch import Watch

SHOWN = 3  # readings beside a bar


def watching(session: Session, progress: Progress) -> Watch | None:
    """A watch over one model, a tenth of the time at most: pictures in features that need no training, or in those that the
    run was looked at in before."""
    from genlab.watch import MARKS, Watch

    session.looks = MARKS
    if not session.engine.main:
        return None
    from genlab.cli.keeping import write_alarms
    from genlab.features import features_for

    wanted = (session.folder.plan() or {}).get("features", "random")
    if ".py:" in wanted or "=" in wanted:  # a file is opened only for whoever names it
        progress.say(f"it was looked at in features of {wanted} and now is in random ones; its best weights stay as they are")
        wanted = "random"
    known = None if wanted == "auto" or not session.data.space.picture else wanted
    features = features_for(session.data, session.engine, wanted=known)

    def tell(alarm: Alarm) -> None:
        write_alarms(session.folder.path, watch, session.data.space)
        progress.say(alarm.line())

    watch = Watch(session, features, tell, share=0.1, wanted=known)
    return watch


def follow(session: Session, task: Task, stop: Stop, watch: Watch | None = None) -> bool:
    """Train to the end, or to the first closed step after somebody asked to stop; whether the end was reached.

    Either way the run's folder holds its weights afterwards.
    """
    from genlab.runs.processes import anywhere

    latest: dict[str, Any] = {}
    finished = True
    task.before = session.folder.progress()

    def words() -> str:
        return note(latest, session.engine.examples, session.engine.seconds)

    for tick in session:
        latest.update({f"{tick.move}.{name}": value for name, value in tick.readings.items()})
        task(tick.progress, words)
        if watch is not None:
            watch.hear(tick)
        if tick.closes and anywhere(bool(stop.asked)):
            session.stop()
            anywhere(False)  # nobody leaves before it is written: launchers end those that outlive another
            finished = False
            break
    if watch is not None and finished:
        watch.close()
    return finished


def note(latest: Mapping[str, Any], examples: int, seconds: float) -> str:
    """The latest readings and the speed: "loss 2.31, kl 0.4, 1,900 examples/s"."""
    moves = {name.split(".", 1)[0] for name in latest}
    shown = [f"{_short(name, len(moves) == 1)} {float(value):.4g}" for name, value in list(latest.items())[:SHOWN]]
    speed = [f"{examples / seconds:,.0f} examples/s"] if seconds > 0 else []
    return ", ".join(shown + speed)


def _short(name: str, alone: bool) -> str:
    move, reading = name.split(".", 1)
    return reading if alone else f"{move} {reading}"
