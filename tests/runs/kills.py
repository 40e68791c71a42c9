"""Kill training at random events, resume it, and hold what it leaves against a run that was never stopped.

    python -m tests.runs.kills --kills 1000

Events are what training consists of: ticks, batches, steps of an optimiser, beginnings and ends of stages, and every write,
flush, rename and removal of a file; also a write of which only half arrives. One process imports torch; every run is a child
of it that dies by SIGKILL at its event. A third of the resumed ones are killed again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tests.runs.small import SMALL, Small

from genlab import api
from genlab.core.recipe import Budget
from genlab.runs import files, folder, manifest
from genlab.runs.engine import Engine
from genlab.runs.files import write_tensors
from genlab.runs.folder import Folder
from genlab.watch import Plan, Watch

STEPS = 40
SAVE_EVERY = 3
AGAIN = 1 / 3  # of the resumed runs are killed too
FILES = ("weights.safetensors", "average.safetensors", "best.safetensors", "drawn.safetensors")
LOGS = ("ticks.jsonl", "checkups.jsonl", "alarms.jsonl")


class Events:
    """Counts what happens, and dies at one of them."""

    def __init__(self, target: int | None):
        self.target, self.kinds = target, []

    def happen(self, kind: str, last_words: Callable[[], object] = lambda: None) -> None:
        self.kinds.append(kind)
        if len(self.kinds) - 1 == self.target:
            last_words()
            os.kill(os.getpid(), signal.SIGKILL)


def hook(events: Events) -> None:
    """Every write and every step of this process is an event from here on; children only."""

    def around(owner: Any, name: str, kind: str) -> None:
        inner = getattr(owner, name)

        def outer(*arguments: Any, **more: Any) -> Any:
            events.happen(f"before {kind}")
            found = inner(*arguments, **more)
            events.happen(f"after {kind}")
            return found

        setattr(owner, name, outer)

    def half(path: Path, write: Callable[[Path], object]) -> Path:
        def writer(beside: Path) -> None:
            events.happen("before write")
            write(beside)
            events.happen("half a write", lambda: os.truncate(beside, beside.stat().st_size // 2))

        return beside_of(path, writer)

    def line(file: Path, row: Any) -> None:
        before = file.stat().st_size if file.exists() else 0
        appended(file, row)
        events.happen("half a line", lambda: os.truncate(file, (before + file.stat().st_size) // 2))
        events.happen("after a line")

    beside_of, appended = files.write_beside, folder.append
    files.write_beside = manifest.write_beside = half
    folder.append = line
    around(os, "fsync", "flush")
    around(Path, "replace", "rename")
    around(Path, "unlink", "removal")
    for name, kind in (("fetch", "batch"), ("descend", "step"), ("enter", "stage"), ("leave", "end of stage")):
        around(Engine, name, kind)


def work(small: Small, path: Path, data: Any, budget: Budget, target: int | None, resume: bool) -> None:
    """One run to its end or its death; a whole one draws samples and leaves the kinds of its events."""
    made = (
        api.resume(path, "cpu", data=data, save_every=SAVE_EVERY)
        if resume
        else small.session(path, STEPS, data, budget=budget, save_every=SAVE_EVERY)
    )
    watch = Watch(made, None, plan=Plan(4, 64)) if data.space.axes == "D" else None
    events = Events(target)
    hook(events)
    for tick in made:
        if watch is not None:
            watch.on_tick(tick)
        events.happen("tick")
    if watch is not None:
        watch.close()
    events.target = None
    write_tensors(path / "drawn.safetensors", {"x": made.run().sample(3, seed=7).contiguous()}, {})
    (path.parent / f"{path.name}.events.json").write_text(json.dumps(events.kinds))


def import_once() -> None:
    """What torch imports at the first step of an optimiser, more than a second, is there before children are made."""
    parameter = torch.nn.Parameter(torch.ones(1))
    parameter.sum().backward()
    torch.optim.AdamW([parameter]).step()


def child(task: Callable[[], None]) -> int:
    """Run in a fork; its exit status as `waitpid` gives it."""
    sys.stdout.flush()
    number = os.fork()
    if number:
        return os.waitpid(number, 0)[1]
    code = 1
    try:
        task()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def left(path: Path) -> dict[str, Any]:
    """What a run has left: bytes of its weights and samples, its logs without times."""
    found: dict[str, Any] = {name: (path / name).read_bytes() for name in FILES if (path / name).exists()}
    for name in LOGS:
        rows = [json.loads(line) for line in (path / name).read_text().splitlines()] if (path / name).exists() else []
        found[name] = [{key: value for key, value in row.items() if key != "seconds"} for row in rows]
    return found


def kept(path: Path) -> set[str]:
    return {entry["file"] for entry in Folder(path).manifest.read()["checkpoints"]}


def trial(small: Small, data: Any, whole: Path, path: Path, chance: random.Random) -> dict[str, Any]:
    """One run that is killed, perhaps twice, and then carried to its end."""
    kinds = json.loads((whole.parent / f"{whole.name}.events.json").read_text())
    budget = Budget(steps=STEPS)
    target = chance.randrange(len(kinds))
    status = child(partial(work, small, path, data, budget, target, False))
    at = Folder(path).manifest.read()["checkpoints"]
    landed = any(entry["examples"] for entry in at) and at[-1]["progress"] < 1
    row = {"model": small.model, "event": kinds[target], "number": target, "of": len(kinds), "landed": landed}
    row["killed"] = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if chance.random() < AGAIN:
        again = chance.randrange(len(kinds))
        child(partial(work, small, path, data, budget, again, True))
    row["resumed"] = child(partial(work, small, path, data, budget, None, True)) == 0
    one, two = left(whole), left(path)
    row["litter"] = [str(file) for file in path.rglob("*.part")] + [
        file.name for file in (path / "state").iterdir() if f"state/{file.name}" not in kept(path)
    ]
    row["differs"] = sorted(name for name in {*one, *two} if one.get(name) != two.get(name))
    return row


def kill(kills: int, seed: int, place: Path, models: Sequence[Small] = tuple(SMALL)) -> list[dict[str, Any]]:
    """Rows of trials, spread over the models in turn."""
    torch.set_num_threads(1)
    import_once()
    chance, rows, budget = random.Random(seed), [], Budget(steps=STEPS)
    data = {small.model: small.data() for small in models}
    for small in models:
        whole = place / f"{small.model}-whole"
        assert child(partial(work, small, whole, data[small.model], budget, None, False)) == 0
    for number in range(kills):
        small = models[number % len(models)]
        path = place / f"{small.model}-{number}"
        rows.append(trial(small, data[small.model], place / f"{small.model}-whole", path, chance))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="write every trial here")
    said = parser.parse_args()
    began = time.monotonic()
    memory = Path("/dev/shm")  # where nothing waits for a disk
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        rows = kill(said.kills, said.seed, Path(place))
    if said.json:
        Path(said.json).write_text(json.dumps(rows))
    for kind, count in Counter(row["event"] for row in rows).most_common():
        print(f"{count:5} {kind}")
    landed, wrong = (
        sum(row["landed"] for row in rows),
        [row for row in rows if row["differs"] or row["litter"] or not row["resumed"]],
    )
    print(f"{len(rows)} kills in {time.monotonic() - began:.0f} s, {sum(row['killed'] for row in rows)} by the signal, "
          f"{landed / len(rows):.0%} after a checkpoint and before the end; {len(wrong)} differ")  # fmt: skip
    for row in wrong[:20]:
        print(row)
    sys.exit(bool(wrong) or landed < 0.8 * len(rows))


if __name__ == "__main__":
    main()
