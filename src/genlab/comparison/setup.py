"""The models that a comparison trains, and its folder: a new one, or that of an earlier comparison."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from genlab.api import Run, extensible, suits
from genlab.comparison.options import CompareOptions
from genlab.comparison.proposal import seconds_for
from genlab.comparison.rows import Record, Row
from genlab.comparison.words import exact
from genlab.core.kinds import kind_of
from genlab.core.model import Model
from genlab.own import all_registered
from genlab.recipes.index import DEFAULTS, MODELS, entry
from genlab.runs.folder import Folder
from genlab.runs.lock import NAME as LOCK
from genlab.runs.lock import locked


def chosen(models: Sequence[str | type[Model]] | None, data: Any) -> tuple[list[str], list[str]]:
    """(names of the models to train, a sentence about each model that is left out).

    ValueError where a model that was asked for by name cannot learn these data, or none can.
    """
    kind = kind_of(data.space).name
    if models is None or list(models) == ["all"]:
        candidates = DEFAULTS[kind] if models is None else [row.name for row in MODELS if kind in row.kinds]
        names, left_out = [], []
        for name in candidates:
            try:
                suits(name, data)
                names.append(name)
            except ValueError as reason:
                left_out.append(str(reason))
        if not names:
            raise ValueError(f"no model can learn these data: {'; '.join(left_out)}")
        return names, left_out
    names = all_registered(models)
    if not names:
        raise ValueError("--models names no model; write names with commas between, or all")
    for name in names:
        suits(entry(name).name, data)
    return names, []


def earlier(folder: Path, data: Any, options: CompareOptions) -> Record | None:
    """The record of an earlier comparison in this folder, which this call continues; None where there is none.

    ValueError where it is one of other data, or of another budget.
    """
    file = folder / "report.json"
    if not file.is_file() and not file.is_symlink():
        return None
    try:
        record = Record.read(file)
    except ValueError:
        raise ValueError(f"{file} is damaged; --force begins anew, or choose another --out") from None
    before = record.budget
    remedy = f"choose another --out, or --force to replace the comparison in {folder}"
    if record.data.fingerprint != data.fingerprint:
        raise ValueError(f"{folder} holds a comparison on other data ({record.data.source}); {remedy}")
    if not before.unit:
        raise ValueError(f"{folder} holds a comparison of runs that were there; {remedy}")
    if options.own_budget and (before.unit, before.amount) != (options.unit, options.amount):
        differs = f"{exact(before.amount)} {before.unit}, not {exact(options.amount)} {options.unit}"
        missing = options.amount - before.amount if before.unit == options.unit else 0.0
        longer = f"--more {exact(missing)} trains them on to that, or " if missing > 0 else ""
        raise ValueError(f"the comparison in {folder} gave every model {differs}; {longer}{remedy}")
    if options.more and (record.pending or any(row.stopped for row in record.rows)):
        raise ValueError(
            f"the comparison in {folder} is not finished, and --more adds to one that is; without --more, the same command "
            f"goes on to {exact(before.amount)} {before.unit} for each model"
        )
    if options.features is not None and options.features != before.features:
        there = before.features or "the features that suit the data"
        raise ValueError(f"the comparison in {folder} was made in {there}, not in {options.features}; {remedy}")
    if options.features is None and ".py:" in before.features:
        raise ValueError(
            f"the comparison in {folder} was made in features of a file of Python, which runs only if you say so: "
            f"--features {before.features}"
        )
    if options.samples and before.samples not in (None, options.samples):
        raise ValueError(f"the comparison in {folder} drew {before.samples:,} samples, not {options.samples:,}; {remedy}")
    return record


def continued(options: CompareOptions, record: Record | None, data: Any) -> CompareOptions:
    """The options with the budget and the features of the earlier call, whose agreement `earlier` has checked; without one,
    with the budget that suits the data, unless the user set one."""
    if record is None:
        if options.more:
            raise ValueError("--more adds to a comparison that is there, and there is none in this folder; give --seconds")
        return options if options.own_budget else replace(options, amount=seconds_for(data.space))
    before = record.budget
    return replace(options, unit=before.unit, amount=before.amount + options.more, features=before.features or None)


def reopened(record: Record) -> Record:
    """The record of a comparison whose models are trained on: their scores are taken again, but for those of a model that has
    nothing more to learn."""
    rows = (
        row if row.error or not extensible(Run(row.run)) else Row(row.name, row.family, row.run, row.seed)
        for row in record.rows
    )
    return replace(record, rows=tuple(rows))


def claimed(folder: Path, force: bool, record: Record | None = None, used: Sequence[str] = ()) -> Path:
    """The folder of a comparison, emptied unless an earlier record goes on in it.

    force   replace an earlier comparison; anything else in the folder is never replaced
    record  of the earlier comparison that goes on
    used    runs and data of the comparison, none of which may be inside a folder that is replaced
    ValueError where the folder holds something else, or another process works in it.
    """
    if record is not None:
        return folder
    check_free(folder, force, used)
    if _holds_anything(folder):
        with locked(folder):
            pass  # ValueError where another comparison is at work here
        for run in folder.glob("runs/*"):
            if (run / "recipe.json").is_file():
                with Folder(run).writing():
                    pass  # ValueError where somebody trains it
        shutil.rmtree(folder.resolve())
    folder.resolve().mkdir(parents=True, exist_ok=True)  # also where a link leads to it
    return folder


def check_free(folder: Path, force: bool, used: Sequence[str] = ()) -> None:
    """ValueError where the folder of a new comparison holds something that stays; see `claimed`."""
    if not _holds_anything(folder):
        return
    if not folder.is_dir() or not (folder / "report.json").is_file():
        raise ValueError(f"{folder} exists and holds no comparison of genlab; choose another --out")
    if not force:
        raise ValueError(f"{folder} already holds a comparison; choose another --out, or --force to replace it")
    for word in used:
        if Path(word).exists() and Path(word).resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{word} lies in {folder}, which --force would replace; choose another --out")


def _holds_anything(folder: Path) -> bool:
    return folder.exists() and (not folder.is_dir() or any(path.name != LOCK for path in folder.iterdir()))
