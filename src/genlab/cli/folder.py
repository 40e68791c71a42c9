"""Which models, and the folder of a comparison: new, or one that goes on."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genlab.cli.ask import UNITS, Ask
from genlab.cli.progress import Progress
from genlab.compare.record import comparison
from genlab.core.kinds import kind_of
from genlab.core.space import Space
from genlab.recipes.index import DEFAULTS, MODELS, entry
from genlab.recipes.make import recipe_for
from genlab.runs.folder import Folder
from genlab.runs.lock import NAME as LOCK
from genlab.runs.lock import held

if TYPE_CHECKING:
    from genlab.features import Features


def chosen(models: str | None, space: Space, given: Mapping[str, Space]) -> tuple[list[str], list[str]]:
    """Names to train, and sentences about those that "all" and the default leave out.

    ValueError where a model that was asked for by name cannot learn these data.
    """
    kind = kind_of(space).name
    if models is None or models == "all":
        wanted = DEFAULTS[kind] if models is None else [row.name for row in MODELS if kind in row.kinds]
        names, left_out = [], []
        for name in wanted:
            try:
                recipe_for(name, space, given)
                names.append(name)
            except ValueError as reason:
                left_out.append(str(reason))
        return names, left_out
    names = list(dict.fromkeys(name.strip() for name in models.split(",") if name.strip()))
    if not names:
        raise ValueError("--models names no model; write names with commas between, or all")
    for name in names:
        recipe_for(entry(name).name, space, given)
    return names, []


def earlier(folder: Path, data: Any, ask: Ask) -> dict[str, Any] | None:
    """The record of a comparison in this folder that this call can go on with, or None where there is none.

    ValueError where it is one of other data, or of another budget.
    """
    file = folder / "report.json"
    if not file.is_file() and not file.is_symlink():
        return None
    try:
        record = comparison(file)
    except ValueError:
        raise ValueError(f"{file} is damaged; --force begins anew, or choose another --out") from None
    before, budget = record["data"]["fingerprint"], record["budget"]
    anew = f"choose another --out, or --force to replace the comparison in {folder}"
    if before != data.fingerprint:
        raise ValueError(f"{folder} holds a comparison on other data ({record['data'].get('source')}); {anew}")
    unit = next((unit for unit in UNITS if unit in budget), "budget")
    if ask.said and budget.get(ask.unit) != ask.amount:
        said = f"{budget.get(unit, 0):g} {unit}"
        raise ValueError(f"the comparison in {folder} gave every model {said}, not {ask.amount:g} {ask.unit}; {anew}")
    if ask.features is not None and ask.features != budget.get("features"):
        there = budget.get("features") or "the features that suit the data"
        raise ValueError(f"the comparison in {folder} was made in {there}, not in {ask.features}; {anew}")
    if ask.features is None and ".py:" in (budget.get("features") or ""):
        said = f"--features {budget['features']}"
        raise ValueError(
            f"the comparison in {folder} was made in features of a file of Python, which runs only if you say so: {said}"
        )
    if ask.samples and budget.get("samples") not in (None, ask.samples):
        raise ValueError(f"the comparison in {folder} drew {budget['samples']:,} samples, not {ask.samples:,}; {anew}")
    return record


def continued(ask: Ask, record: Mapping[str, Any] | None) -> Ask:
    """What is not said anew is as in the earlier call."""
    if record is None:
        return ask
    budget = record["budget"]
    unit = next((unit for unit in UNITS if unit in budget), ask.unit)
    return replace(ask, unit=unit, amount=budget.get(unit, ask.amount), features=budget.get("features"))


def compared_in(data: Any, ask: Ask, progress: Progress) -> Features | None:
    """The features that were asked for, or that suit the data; a classifier is trained on first use."""
    from genlab.features import features_for
    from genlab.runs.engine import Engine

    with progress.task("features to compare in") as task:
        return features_for(data, Engine(ask.machine.device), task, ask.features)


def claimed(folder: Path, force: bool, record: Mapping[str, Any] | None = None, used: Sequence[str] = ()) -> Path:
    """The report's folder: empty, or that of a record which goes on. An earlier comparison is replaced only by force,
    anything else never.

    used: what is compared, or compared on; nothing of it may lie in what is replaced
    """
    if record is not None:
        return folder
    if folder.exists() and (not folder.is_dir() or any(path.name != LOCK for path in folder.iterdir())):
        if not folder.is_dir() or not (folder / "report.json").is_file():
            raise ValueError(f"{folder} exists and holds no comparison of genlab; choose another --out")
        if not force:
            raise ValueError(f"{folder} already holds a comparison; choose another --out, or --force to replace it")
        for word in used:
            if Path(word).exists() and Path(word).resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"{word} lies in {folder}, which --force would replace; choose another --out")
        with held(folder):
            pass  # ValueError where another comparison is at work here
        for run in folder.glob("runs/*"):
            if (run / "recipe.json").is_file():
                with Folder(run).writing():
                    pass  # ValueError where somebody trains it
        shutil.rmtree(folder.resolve())
    folder.mkdir(parents=True, exist_ok=True)
    return folder
