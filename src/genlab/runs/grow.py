"""More of a run: a longer budget, or a second run that goes on from where the first one stands."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from genlab.core.recipe import Budget, Recipe, to_json
from genlab.runs.files import json_writer
from genlab.runs.folder import LOGS, Folder
from genlab.runs.lines import lines

COPIED = (*LOGS, "checkups.json", "best.safetensors")


def extend(folder: Folder, recipe: Recipe, more: Budget) -> None:
    """Give the stage that a run is in, the last one of a finished run, so much more.

    Rates that fall with progress rise again, since progress is now a share of more. ValueError for another unit than the
    run's own.
    """
    if more.unit != recipe.budget.unit:
        raise ValueError(
            f"{folder.path} was given {recipe.budget.total:g} {recipe.budget.unit}: extend it by --{recipe.budget.unit}, "
            f"not by --{more.unit}"
        )
    if folder.replay() is not None:
        raise ValueError(f"{folder.path} repeats the schedule of another run and ends with it; fork it with --out instead")
    with folder.writing():
        tensors, record = standing(folder)
        longer = recipe.budget.extended(record["stage"], more.amount)
        scale = recipe.budget.total / longer.total
        head = folder.head()
        rows = {name: sum(1 for _ in lines(folder.path / name, dict)) for name in LOGS}
        head = {**head, "recipe": {**head["recipe"], "budget": to_json(longer)}}
        head["extended"] = [*head.get("extended", []), {"scale": scale, "rows": rows}]
        record = {**record, "overall": record["overall"] * scale}
        schedule = open_ended(folder.schedule() or [])
        folder.rewrite(head, {"schedule.json": json_writer(schedule)} if schedule else {}, (tensors, record))


def fork(folder: Folder, out: Folder, recipe: Recipe, changes: Mapping[str, Any], force: bool = False) -> None:
    """A new run in `out` that goes on from the last checkpoint of another, which stays as it is.

    recipe    of the new run, with its changes; where another optimiser was chosen, its state begins anew
    changes   what was changed, for the record
    """
    tensors, record = standing(folder)
    head = folder.head()
    about = {"run": str(folder.path.resolve()), "progress": record["overall"], "examples": record["examples"]}
    before = head["recipe"]
    head = {**head, "recipe": to_json(recipe), "forked": {**about, "changes": dict(changes)}}
    if _optimisers(before) != _optimisers(head["recipe"]):
        tensors = {name: value for name, value in tensors.items() if not name.startswith("optimiser.")}
        record = {**record, "optimisers": {}}
    out.create({key: value for key, value in head.items() if key not in ("format", "genlab")}, force)
    with out.writing():
        for name in COPIED:
            if (folder.path / name).is_file():
                shutil.copyfile(folder.path / name, out.path / name)
        out.cut_logs(record)
        out.write_state(tensors, record)


def standing(folder: Folder) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The last checkpoint; ValueError where the run has none."""
    found = folder.state()
    if found is None:
        raise ValueError(f"{folder.path} has no checkpoint to go on from; train it again with --force")
    return found


def open_ended(schedule: list[list[int]]) -> list[list[int]]:
    """Without the row that ended its last stage."""
    return schedule[:-1] if schedule and schedule[-1][2] == 1000 else schedule


def _optimisers(recipe: Mapping[str, Any]) -> Any:
    return recipe["optim"]["name"], {move: optim["name"] for move, optim in recipe.get("moves", {}).items()}
