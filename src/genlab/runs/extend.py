"""Extending a run by a longer budget, and forking it: a second run that continues from its last checkpoint."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from genlab.core.recipe import Budget, Recipe, to_json
from genlab.runs.files import json_writer, plain
from genlab.runs.folder import LOGS, Folder, stamped
from genlab.runs.lines import lines
from genlab.runs.shapes import sound


def extend(folder: Folder, recipe: Recipe, more: Budget) -> None:
    """Extend the budget of a run's current stage (of a finished run: its last) by `more`.

    Progress is then a share of a larger budget, so learning rates that fall with progress rise again. ValueError where the
    unit is not the run's own.
    """
    if more.unit != recipe.budget.unit:
        raise ValueError(
            f"the budget of {folder.path} is counted in {recipe.budget.unit}: extend it by --{recipe.budget.unit}, "
            f"not by --{more.unit}"
        )
    if folder.replay() is not None:
        raise ValueError(f"{folder.path} repeats the schedule of another run and ends with it; fork it with --out instead")
    with folder.writing():
        tensors, record = last_checkpoint(folder)
        folder.cut_logs(record)  # what came after it will be trained anew
        with sound(folder.path / "recipe.json"):
            longer = recipe.budget.extended(record["stage"], more.amount)
            scale = recipe.budget.total / longer.total
        head = folder.head()
        rows = {name: sum(1 for _ in lines(folder.path / name, dict)) for name in LOGS}
        head = {**head, "recipe": {**head["recipe"], "budget": to_json(longer)}}
        head["extended"] = [*folder.extended(), {"scale": scale, "rows": rows}]
        record = {**record, "overall": record["overall"] * scale}
        schedule = open_ended(folder.schedule() or [])
        folder.rewrite(head, {"schedule.json": json_writer(schedule)} if schedule else {}, (tensors, record))


def fork(folder: Folder, out: Folder, before: Recipe, recipe: Recipe, changes: Mapping[str, Any], force: bool = False) -> None:
    """Make a new run in `out` that continues from the last checkpoint of `folder`, which is not changed.

    before    the recipe of the old run
    recipe    of the new run; where its optimiser differs, the optimiser's state begins anew
    changes   the settings that differ, for the record
    """
    tensors, record = last_checkpoint(folder)
    head = folder.head()
    about = {"run": str(folder.path.resolve()), "progress": record["overall"], "examples": record["examples"]}
    head = {**head, "recipe": to_json(recipe), "forked": {**about, "changes": dict(changes)}}
    if not _same_rules(before, recipe):
        tensors = {name: value for name, value in tensors.items() if not name.startswith("optimiser.")}
        record = {**record, "optimisers": {}}
    if out.path.resolve() == folder.path.resolve():
        raise ValueError(f"--out {out.path} is the run itself; a fork goes on beside it: choose another folder")
    with out.claimed(force):
        for name in LOGS:
            if (folder.path / name).exists() and plain(folder.path / name):
                shutil.copyfile(folder.path / name, out.path / name)
        out.cut_logs(record)
        copied = [name for name in ("tokenizer.json", "checkups.json", "best.safetensors") if _worth(folder, name, record)]
        out.rewrite(stamped(head), {name: _copier(folder.path / name) for name in copied}, (tensors, record))


def _worth(folder: Folder, name: str, record: Mapping[str, Any]) -> bool:
    """Whether a fork copies this file: it must be whole, and best weights no newer than the checkpoint."""
    file = folder.path / name
    if not (file.exists() and folder.manifest.intact(name)):
        return False
    if file.suffix == ".json":
        return True
    about = folder.best_about()
    return about is not None and about["examples"] <= record["examples"]


def _copier(file: Path) -> Callable[[Path], object]:
    return lambda beside: shutil.copyfile(file, beside)


def last_checkpoint(folder: Folder) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The last checkpoint; ValueError where the run has none."""
    found = folder.state()
    if found is None:
        raise ValueError(f"{folder.path} has no checkpoint to go on from; train it again with --force")
    return found


def open_ended(schedule: list[list[int]]) -> list[list[int]]:
    """The schedule without the row that ended its last stage."""
    return schedule[:-1] if schedule and schedule[-1][2] == 1000 else schedule


def _same_rules(one: Recipe, other: Recipe) -> bool:
    """Whether every move descends by the same update rule in both."""
    moves = {*one.moves, *other.moves}
    return one.optim.name == other.optim.name and all(one.optim_of(name).name == other.optim_of(name).name for name in moves)
