"""The page of one run: its data, its settings, its last samples, its curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from genlab.comparison import words
from genlab.comparison.courses import courses_of
from genlab.comparison.media import Media
from genlab.comparison.options import command
from genlab.comparison.ranking import grouped
from genlab.comparison.rows import Row
from genlab.comparison.typed import parsed
from genlab.core.space import Space
from genlab.data.overview import Overview
from genlab.recipes.index import MODELS, OWN
from genlab.report import curves, figures, pictures
from genlab.report.cards import alarms, facts, sample_command
from genlab.report.html import facts_of_data, render
from genlab.report.readings import glossary
from genlab.report.timeline import timelines

PAGE = "show.html"
BESIDE = 4  # curves beside the samples of a run that has no scores to stand there


def write(folder: Path, head: Mapping[str, Any], media: Media, row: Row, older: str = "", real: Media | None = None) -> Path:
    """Write show.html into the folder of a run, whole or not at all. Returns its path.

    head    recipe.json
    media   samples and curves of the run
    row     its scores, check-ups and alarms
    older   a note that it has learnt since it was scored, or ""
    real    points only: real ones, drawn behind the samples
    """
    from genlab.runs.files import write_atomic

    text = render("run.html.j2", view(folder, head, media, row, older, real))
    write_atomic(folder / PAGE, lambda beside: beside.write_text(text, encoding="utf-8"))
    return folder / PAGE


def view(
    folder: Path, head: Mapping[str, Any], media: Media, row: Row, older: str = "", real: Media | None = None
) -> dict[str, Any]:
    """Everything the template of a run shows."""
    recipe, space, data = head["recipe"], Space.from_json(head["space"]), head.get("data") or {}
    name = recipe["name"]
    listed = next((entry for entry in (*MODELS, *OWN.values()) if entry.name == name), None)
    course, hues = courses_of([row]), {name: 0}
    lines = curves.panels(media.curves)
    beside = 0 if row.measured else BESIDE
    return {
        "name": name,
        "family": listed.family if listed else "",
        "idea": listed.idea if listed else "",
        "paper": listed.paper if listed else recipe.get("paper", ""),
        "data": data.get("name") or data.get("source") or "",
        "data_facts": facts_of_data(space, {key: Space.from_json(record) for key, record in head["given"].items()}, {}),
        "overview": words.overview_lines(parsed(Overview, data.get("overview", {})), space),
        "layout": pictures.drawing(space).layout,
        "samples": figures.many(media, space, name, real),
        "seed": media.seed,
        "note": media.note,
        "older": older,
        "facts": [fact for fact in facts([row], grouped([row])) if fact.value != words.NONE],
        "timelines": timelines(course, hues) if course else [],
        "alarms": alarms([row], {str(folder): media}, hues),
        "beside": lines[:beside],
        "curves": lines[beside:],
        "glossary": glossary(name for _, name, _ in media.curves),
        "score": "" if row.measured else command("score", folder, name),
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
