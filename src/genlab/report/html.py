"""The report of a comparison: one HTML file without a network, and the same numbers as JSON.

`view` turns the record and the media into what the template shows; the template holds all markup, `ranking`, `verdicts` and
`doubts` all judgement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from genlab.compare import words
from genlab.compare.courses import courses
from genlab.compare.doubts import beside, remarks
from genlab.compare.media import REAL, Media
from genlab.compare.ranking import groups, names_of
from genlab.compare.verdicts import Choice, Verdict, choice, verdicts
from genlab.core.space import Space
from genlab.report import columns, figures, pictures
from genlab.report.cards import alarms, card, sample_command, slugs
from genlab.report.forest import forest
from genlab.report.plane import beside_likelihood, beside_speed
from genlab.report.timeline import timelines

HUES = 9  # colours that the style sheet has for models


class Shown(NamedTuple):
    """A verdict and the picture of its intervals."""

    verdict: Verdict
    drawing: str


def write(folder: Path, record: Mapping[str, Any], media: Mapping[str, Media]) -> Path:
    """Write report.html and report.json into `folder`; each is whole or absent. Returns the page's path.

    record and media as the room's docstring says; report.json is the record with its "verdicts" and "remarks". OSError if
    the folder cannot be written.
    """
    from genlab.runs.files import write_atomic, write_json

    folder = Path(folder)
    said = verdicts(record)
    text = render("report.html.j2", view(record, media, said))
    judged = {"verdicts": [verdict.to_json() for verdict in said], "remarks": remarks(record)}
    write_json(folder / "report.json", {**record, **judged})
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
    environment.filters |= {"svg": Markup, "capital": words.capital, "number": words.number, "plural": words.plural}
    return environment.get_template(template).render(context)


def view(record: Mapping[str, Any], media: Mapping[str, Media], said: Sequence[Verdict] | None = None) -> dict[str, Any]:
    """Everything the template of a comparison shows."""
    data, models = record["data"], record["models"]
    space, real = Space.from_json(data["space"]), media.get(REAL)
    names = names_of(models)
    hues, slugged = {name: number % HUES for number, name in enumerate(names)}, slugs(names)
    found, said = groups(models), verdicts(record) if said is None else said
    chosen = choice(record, said)
    return {
        "data": data,
        "facts": facts_of_data(data, space),
        "thing": words.thing(space),
        "layout": pictures.drawing(space).layout,
        "strip": figures.strip(real, space),
        "real": figures.few(real, space, "the real data"),
        "budget": budget(record, names),
        "verdicts": [Shown(verdict, forest(verdict.group, hues, marks(record, verdict))) for verdict in said],
        "remarks": remarks(record),
        "choice": chosen,
        "draw": draw_command(chosen, models, media),
        "planes": [drawn for drawn in (beside_likelihood(found, hues), beside_speed(found, hues)) if drawn],
        "timelines": timelines(courses(models), hues),
        "seeds": record["budget"].get("seeds") or 1,
        "table": columns.table(record, found, hues, slugged),
        "timed": columns.TIMED,
        "protocols": columns.protocols(models),
        "cards": [card(name, record, found, media, hues[name], slugged[name]) for name in names],
        "alarms": alarms(models, media, hues),
        "watched": any("alarms" in row for row in models),
        "skipped": data.get("skipped") or [],
        **{key: record.get(key) or "" for key in ("command", "machine", "written")},
        "versions": record.get("versions") or {},
    }


def marks(record: Mapping[str, Any], verdict: Verdict) -> dict[str, float]:
    """What the rows beside the models score by a verdict's measure, where it compares."""
    known = {row["name"]: beside(record, row["name"], verdict.group.title, verdict.group) for row in record.get("beside") or ()}
    return {name: value for name, value in known.items() if value is not None}


def draw_command(chosen: Choice | None, models: Sequence[Mapping[str, Any]], media: Mapping[str, Media]) -> str:
    """How to draw from the model that was chosen."""
    if chosen is None:
        return ""
    row = next(row for row in models if (row.get("run") or "RUN") == chosen.run and row["name"] == chosen.name)
    return sample_command(row, media.get(chosen.run))


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
    """One or two sentences on what every model was given."""
    said = record["budget"]
    unit = next((unit for unit in ("seconds", "steps", "examples", "operations") if said.get(unit) is not None), None)
    written = {"seconds": words.seconds, "operations": words.count, "examples": words.count}.get(unit or "", words.number)
    amount = "" if unit is None else f"{written(said[unit])}{'' if unit == 'seconds' else f' {unit}'} of training"
    each = "" if len(names) == 1 else " each"
    seeds = said.get("seeds") or 1
    parts = [words.plural(len(names), "model"), f"{amount}{each}" if amount else "", "" if seeds == 1 else f"{seeds} seeds"]
    order = f" {words.capital(said['order'])}." if said.get("order") else ""
    return f"{', '.join([*filter(None, parts), 'the same splits'])}.{order}"
