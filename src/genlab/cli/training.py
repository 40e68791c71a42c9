"""Training that is watched: `genlab train`, and each model of `genlab compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genlab.cli.progress import Task
from genlab.cli.stop import Stop

if TYPE_CHECKING:
    from genlab.api import Session
    from genlab.cli.progress import Progress
    from genlab.watch import Watch


def watching(session: Session, progress: Progress) -> Watch | None:
    """A watch over one model, a tenth of the time at most: pictures in features that need no training, or in those that the
    run was looked at in before."""
    from genlab.watch import MARKS, Watch

    session.num_evals = MARKS
    if not session.engine.main:
        return None
    from genlab.features import features_for

    wanted = (session.folder.plan() or {}).get("features", "random")
    if ".py:" in wanted or "=" in wanted:  # a file is opened only for whoever names it
        progress.say(f"it was looked at in features of {wanted} and now is in random ones; its best weights stay as they are")
        wanted = "random"
    known = None if wanted == "auto" or not session.data.space.picture else wanted
    features = features_for(session.data, session.engine, choice=known)

    return Watch(session, features, lambda alarm: progress.say(alarm.line()), share=0.1, features_choice=known)


def follow(session: Session, task: Task, stop: Stop, watch: Watch | None = None) -> bool:
    """Train to the end, or to the first closed step after somebody asked to stop; whether the end was reached.

    Either way the run's folder holds its weights afterwards.
    """
    from genlab.comparison.training import note
    from genlab.runs.processes import on_any_rank

    latest: dict[str, Any] = {}
    finished = True
    task.before = session.folder.progress()

    def words() -> str:
        return note(latest, session.engine.examples, session.engine.seconds)

    for tick in session:
        latest.update({f"{tick.move}.{name}": value for name, value in tick.readings.items()})
        task(tick.progress, words)
        if watch is not None:
            watch.on_tick(tick)
        if tick.closes and on_any_rank(bool(stop.asked)):
            session.stop()
            on_any_rank(False)  # nobody leaves before it is written: launchers end those that outlive another
            finished = False
            break
    if watch is not None and finished:
        watch.close()
    return finished
