"""The report of a comparison: one HTML file without a network, and the same numbers as JSON.

`view` turns the record and the media into what the template shows; the template holds all markup, `ranking` all judgement.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from genlab.core.space import Space
from genlab.recipes.index import MODELS
from genlab.report import curves, figures, words
from genlab.report.media import REAL, Media
from genlab.report.plane import plane
from genlab.report.ranking import (
    CLAIMS,
    FLOOR,
    NOISE,
    SIGNS,
    SPEED,
    Group,
    Row,
    beside,
    best,
    comparable,
    condition,
    cost,
    finite,
    groups,
    measured,
    missing,
    remarks,
    verdicts,
)

HUES = 9  # colours that the style sheet has for models
SHOWN = 6  # curves of a card; the rest is folded away


class Cell(NamedTuple):
    text: str
    order: float | None = None  # what a click on the column's head sorts by; None stays last
    how: str = ""
    tag: str = ""
    best: bool = False


class Column(NamedTuple):
    title: str
    hint: str = ""


class Fact(NamedTuple):
    what: str
    value: str
    detail: str = ""
    how: str = ""


def write(folder: Path, record: Mapping[str, Any], media: Mapping[str, Media]) -> Path:
    """Write report.html and report.json into `folder`; each is whole or absent. Returns the page's path.

    record and media as the room's docstring says. OSError if the folder cannot be written.
    """
    from genlab.runs.files import write_atomic, write_json

    folder = Path(folder)
    text = render("report.html.j2", view(record, media))
    write_json(folder / "report.json", record)
    write_atomic(folder / "report.html", lambda beside: beside.write_text(text, encoding="utf-8"))
    return folder / "report.html"


def render(template: str, context: Mapping[str, Any]) -> str:
    """A page; every value is escaped unless it is an SVG made here."""
    import jinja2
    from markupsafe import Markup

    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"svg": Markup, "seconds": words.seconds, "number": words.number, "count": words.count}
    return environment.get_template(template).render(context)


def view(record: Mapping[str, Any], media: Mapping[str, Media]) -> dict[str, Any]:
    """Everything the template of a comparison shows."""
    data, models = record["data"], record["models"]
    space, real = Space.from_json(data["space"]), media.get(REAL)
    names = list(dict.fromkeys(row["name"] for row in models))
    hues = {name: number % HUES for number, name in enumerate(names)}
    found = groups(models)
    columns, rows = table(models, found, hues)
    return {
        "data": data,
        "facts": facts_of_data(data, space),
        "thing": words.thing(space),
        "axes": space.axes,
        "lines": space.end is not None,
        "strip": figures.strip(real, space),
        "real": figures.few(real, space, "the real data"),
        "budget": budget(record, names),
        "verdicts": verdicts(models),
        "remarks": remarks(models),
        "plane": plane(found, hues),
        "columns": columns,
        "rows": rows,
        "protocols": protocols(models),
        "cards": [card(name, models, found, media, space, hues[name]) for name in names],
        "skipped": data.get("skipped") or [],
        "command": record.get("command", ""),
        "versions": record.get("versions") or {},
        "machine": record.get("machine", ""),
        "written": record.get("written", ""),
    }


def facts_of_data(data: Mapping[str, Any], space: Space) -> list[str]:
    """What the data are, in a few phrases."""
    counts = data.get("counts") or {}
    label = (data.get("given") or {}).get("label") or {}
    facts = [words.described(space)]
    if label.get("levels"):
        facts.append(words.plural(label["levels"], "class").replace("classs", "classes"))
    if counts:
        facts.append(", ".join(f"{number:,} {split}" for split, number in counts.items()))
    return facts


def budget(record: Mapping[str, Any], names: Sequence[str]) -> str:
    """One sentence on what every model was given."""
    said = record["budget"]
    unit = next((unit for unit in ("seconds", "steps", "examples") if said.get(unit) is not None), None)
    amount = "" if unit is None else words.seconds(said[unit]) if unit == "seconds" else f"{words.number(said[unit])} {unit}"
    each = "" if len(names) == 1 else " each"
    seeds = said.get("seeds") or 1
    runs = "" if seeds == 1 else f", {seeds} seeds"
    return f"{words.plural(len(names), 'model')}, {amount} of training{each}{runs}, the same splits."


def table(models: Sequence[Row], found: Sequence[Group], hues: Mapping[str, int]) -> tuple[list[Column], list[dict[str, Any]]]:
    """The columns, and for every run its name and cells."""
    units = list(dict.fromkeys(cost(row["likelihood"])[0] for row in models if row.get("likelihood")))
    scores = {name: score.get("better") for row in models for name, score in (row.get("scores") or {}).items()}
    columns = [Column(f"Likelihood, {unit}", "lower is better") for unit in units]
    columns += [Column(name[:1].upper() + name[1:], hint(name, better, models)) for name, better in scores.items()]
    columns += [Column(title) for title in (SPEED, "Training", "Examples seen", "Parameters")]
    several = len({row["name"] for row in models}) < len(models)
    rows = []
    for row in models:
        cells = [_likelihood_cell(row, unit, found) for unit in units] + [_score_cell(row, name, found) for name in scores]
        speed, leads = row.get("sample_seconds_per_100"), _leads(found, row["name"], SPEED)
        cells.append(Cell(words.seconds(speed), _order(speed), best=leads))
        cells.append(Cell(words.seconds(row.get("train_seconds")), _order(row.get("train_seconds"))))
        for key in ("examples_seen", "parameters"):
            value = row.get(key)
            cells.append(Cell(words.count(value), _order(value), f"{value:,}" if value else ""))
        seed = f"seed {row['seed']}" if several and row.get("seed") is not None else ""
        rows.append({"name": row["name"], "slug": slug(row["name"]), "seed": seed, "hue": hues[row["name"]], "cells": cells})
    return columns, rows


def hint(name: str, better: str | None, models: Sequence[Row]) -> str:
    """Which way is better, and what real examples and noise score where that was measured."""
    marks = {"real data": FLOOR, NOISE: NOISE}
    values = {said: beside(name, part, models) for said, part in marks.items()}
    known = [f"{said} {words.number(value)}" for said, value in values.items() if value is not None]
    return "; ".join([f"{better} is better"] * bool(better) + known)


def _likelihood_cell(row: Row, unit: str, found: Sequence[Group]) -> Cell:
    likelihood = row.get("likelihood")
    if not likelihood or cost(likelihood)[0] != unit:
        return Cell("none" if likelihood is None and not row.get("error") else words.NONE)
    value, qualifier = cost(likelihood)[1], comparable(likelihood)
    if not finite(value):
        return Cell(words.BROKEN, None, likelihood["how"], qualifier)
    place = [group.qualifier for group in found if group.title == "Likelihood"].index(qualifier)
    text = SIGNS.get(likelihood["claim"], "") + words.number(value)
    return Cell(text, place * 1e9 + value, likelihood["how"], qualifier, _leads(found, row["name"], "Likelihood", qualifier))


def _score_cell(row: Row, name: str, found: Sequence[Group]) -> Cell:
    score = (row.get("scores") or {}).get(name)
    if score is None:
        return Cell(words.NONE)
    how = words.protocol(score.get("protocol") or "")
    if not finite(score.get("value")):
        return Cell(words.NONE if score.get("reason") else words.BROKEN, None, f"{missing(score)}; {how}")
    unit = f" {score['unit']}" if score.get("unit") else ""
    leads = _leads(found, row["name"], name, condition(score))
    return Cell(words.number(score["value"]) + unit, score["value"], how, best=leads)


def _leads(found: Sequence[Group], name: str, title: str, qualifier: str = "") -> bool:
    return any(best(group, name) for group in found if (group.title, group.qualifier) == (title, qualifier))


def _order(value: Any) -> float | None:
    return float(value) if finite(value) else None


def protocols(models: Sequence[Row]) -> list[tuple[str, str]]:
    """(number, how it was made), each once; where models differ, whose."""
    said: dict[tuple[str, str], list[str]] = {}
    for row in models:
        likelihood = row.get("likelihood")
        if likelihood:
            said.setdefault((f"Likelihood, {cost(likelihood)[0]}", likelihood_words(likelihood)), []).append(row["name"])
        for name, score in (row.get("scores") or {}).items():
            how = words.protocol(score.get("protocol") or "")
            said.setdefault((name[:1].upper() + name[1:], how), []).append(row["name"])
    alone = {title: sum(other == title for other, _ in said) == 1 for title, _ in said}
    return [
        (title if alone[title] else f"{title} ({words.joined(list(dict.fromkeys(names)))})", how)
        for (title, how), names in said.items()
    ]


def likelihood_words(likelihood: Mapping[str, Any]) -> str:
    """Claim, how, and of what: "bound, IW-100, given label; 180 of the test split"."""
    claim, how = CLAIMS.get(likelihood["claim"], likelihood["claim"]), likelihood["how"]
    counted, whole, split = likelihood.get("examples"), likelihood.get("of"), likelihood.get("split")
    amount = "" if not counted else f"{counted:,} of {whole:,} of " if whole and counted < whole else f"all {counted:,} of "
    where = f"{amount}{'the ' if not amount else ''}{split} split" if split else ""
    head = how if how.startswith(claim) else f"{claim}, {how}"
    return "; ".join(part for part in (head, where, likelihood.get("note")) if part)


def card(
    name: str, models: Sequence[Row], found: Sequence[Group], media: Mapping[str, Media], space: Space, hue: int
) -> dict[str, Any]:
    """One model's part of the page."""
    rows = [row for row in models if row["name"] == name]
    row = rows[0]
    own = media.get(row.get("run") or "")
    strong, weak = measured(row, models)
    listed = next((entry for entry in MODELS if entry.name == name), None)
    lines = curves.panels(own.curves) if own else []
    return {
        "name": name,
        "slug": slug(name),
        "hue": hue,
        "family": row.get("family", ""),
        "idea": listed.idea if listed else "",
        "paper": listed.paper if listed else "",
        "error": row.get("error", ""),
        "few": figures.few(own, space, name, media.get(REAL)),
        "many": figures.many(own, space, name, media.get(REAL)),
        "seed": own.seed if own else 0,
        "note": own.note if own else "",
        "strong": strong,
        "weak": weak,
        "middle": len({row["name"] for row in models}) > 1,
        "facts": facts(rows, found),
        "curves": lines[:SHOWN],
        "folded": lines[SHOWN:],
        "run": row.get("run") or "",
        "sample": sample_command(row, own),
        "score": f"genlab score {shlex.quote(row.get('run') or 'RUN')}",
        "scored": row.get("likelihood") is not None,
    }


def facts(rows: Sequence[Row], found: Sequence[Group]) -> list[Fact]:
    """What was measured of one model, means over its seeds with their range."""
    row = rows[0]
    likelihood = row.get("likelihood")
    said = [_measured_fact(group, row, likelihood) for group in found if group.rank(row["name"]) is not None]
    if likelihood is None and not row.get("error"):
        said.insert(0, Fact("Likelihood", "none", "not defined for this model"))
    steps = f"{row['steps']:,} steps" if row.get("steps") else ""
    seen = f"{words.count(row['examples_seen'])} examples seen" if row.get("examples_seen") else ""
    said.append(Fact("Training", words.seconds(row.get("train_seconds")), ", ".join(part for part in (steps, seen) if part)))
    said.append(Fact("Parameters", words.count(row.get("parameters"))))
    return said


def _measured_fact(group: Group, row: Row, likelihood: Mapping[str, Any] | None) -> Fact:
    value = group.values[group.rank(row["name"]) or 0]
    ranged = f"{group.write(value.low, bare=True)} to {group.write(value.high)}" if len(value.seeds) > 1 else ""
    if group.title != "Likelihood" or likelihood is None:
        text = group.write(value.mean, bare=group.title == SPEED)
        return Fact(group.title[:1].upper() + group.title[1:], text, ranged, group.qualifier)
    error = f" ± {words.number(value.error, 2)}" if value.error else ""
    text = f"{SIGNS.get(likelihood['claim'], '')}{words.number(value.mean)}{error} {group.unit}"
    detail = likelihood_words(likelihood)
    return Fact("Likelihood", text, f"{detail}; {ranged}" if ranged else detail)


def sample_command(row: Row, media: Media | None) -> str:
    count = len(media.samples) if media is not None and media.samples is not None else 64
    return f"genlab sample {shlex.quote(row.get('run') or 'RUN')} -n {count} --seed {media.seed if media else 0}"


def slug(name: str) -> str:
    return "model-" + (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "x")
