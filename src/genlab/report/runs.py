"""The page of one run: what it learnt from, how, its last samples, its curves, every setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from genlab.compare import words
from genlab.compare.courses import courses
from genlab.compare.media import Media
from genlab.compare.ranking import groups
from genlab.core.space import Space
from genlab.recipes.index import MODELS
from genlab.report import curves, figures, pictures
from genlab.report.cards import alarms, facts, sample_command
from genlab.report.html import facts_of_data, render
from genlab.report.timeline import timelines

PAGE = "show.html"


def write(
    folder: Path, head: Mapping[str, Any], media: Media, row: Mapping[str, Any] | None = None, real: Media | None = None
) -> Path:
    """Write show.html into the folder of a run, whole or not at all. Returns its path.

    head    recipe.json
    media   samples and curves of the run
    row     what was measured of it, check-ups and alarms, as a model's row of a report's record; keys may be missing
    real    points only: real ones, to lie behind
    """
    from genlab.runs.files import write_atomic

    text = render("run.html.j2", view(folder, head, media, row or {}, real))
    write_atomic(folder / PAGE, lambda beside: beside.write_text(text, encoding="utf-8"))
    return folder / PAGE


def view(folder: Path, head: Mapping[str, Any], media: Media, row: Mapping[str, Any], real: Media | None) -> dict[str, Any]:
    """Everything the template of a run shows."""
    recipe, space, data = head["recipe"], Space.from_json(head["space"]), head.get("data") or {}
    name = recipe["name"]
    listed = next((entry for entry in MODELS if entry.name == name), None)
    row = {"likelihood": {}, **row, "name": name, "run": str(folder)}
    course, hues = courses([row]), {name: 0}
    lines = curves.panels(media.curves)
    return {
        "name": name,
        "family": listed.family if listed else "",
        "idea": listed.idea if listed else "",
        "paper": listed.paper if listed else recipe.get("paper", ""),
        "data": data.get("name") or data.get("source") or "",
        "data_facts": facts_of_data({"given": head.get("given")}, space),
        "layout": pictures.drawing(space).layout,
        "samples": figures.many(media, space, name, real),
        "seed": media.seed,
        "note": media.note,
        "older": row.get("older", ""),
        "facts": [fact for fact in facts([row], groups([row])) if fact.value != words.NONE],
        "timelines": timelines(course, hues) if course else [],
        "alarms": alarms([row], {str(folder): media}, hues),
        "curves": lines,
        "settings": list(settings(recipe)),
        "expected": recipe.get("expected", ""),
        "command": sample_command(row, media),
        "genlab": head.get("genlab", ""),
    }


def settings(recipe: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(dotted name, value) of everything `--set` can change, and the budget."""
    for key, value in recipe.items():
        if isinstance(value, Mapping):
            yield from settings(value, f"{prefix}{key}.")
        elif value is not None and (prefix or key not in ("name", "paper", "expected")):
            yield prefix + key, str(value)
