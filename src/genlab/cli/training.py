"""Training with progress and check-ups, for `genlab train` and `genlab resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genlab.cli.progress import Task
from genlab.cli.stop import Stop

if TYPE_CHECKING:
    from genlab.api import Session
    from genlab.cli.progress import Progress
    from genlab.watch import Watch


def watching(session: Session, progress: Progress) -> Watch | None:
    """The watch of one run; None on processes that do not write. Pictures are compared in
    features that need no training, or in those of the run's earlier check-ups."""
    from genlab.watch import MARKS, Watch

    session.num_evals = MARKS
    if not session.engine.main:
        return None
    from genlab.features import candidates, features_for

    usual = next(name for name in candidates(session.data) if name != "classifier") if session.data.space.picture else "auto"
    choice = (session.folder.plan() or {}).get("features", usual)
    if ".py:" in choice or "=" in choice:  # a file is run only where this call names it
        progress.say(f"check-ups were in features of {choice} and now are in {usual} ones; its best weights stay as they are")
        choice = usual
    known = None if choice == "auto" or not session.data.space.picture else choice
    features = features_for(session.data, session.engine, choice=known)

    return Watch(session, features, lambda alarm: progress.say(alarm.line()), features_choice=known)


def follow(session: Session, task: Task, stop: Stop, watch: Watch | None = None) -> bool:
    """Train to the end, or to the first closed step after a request to stop; whether the end was reached.

    Either way the run's folder then holds its weights.
    """
    from genlab.comparison.training import note
    from genlab.runs.processes import on_any_rank

    latest: dict[str, Any] = {}
    finished = True

    def words() -> str:
        return note(latest, session.engine.examples, session.engine.seconds)

    for tick in session:
        latest.update({f"{tick.move}.{name}": value for name, value in tick.readings.items()})
        task(tick.progress, words)
        if watch is not None:
            watch.on_tick(tick)
        if tick.closes and on_any_rank(bool(stop.asked)):
            session.stop()
            on_any_rank(False)  # all wait until it is written: launchers end the others once one has left
            finished = False
            break
    if watch is not None and finished:
        watch.close()
    return finished
