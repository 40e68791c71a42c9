"""The report of a comparison: one HTML file without a network.

`view` turns the record and the media into the values that the template shows. The template holds all markup; `ranking`,
`verdicts` and `doubts` draw all conclusions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from genlab.comparison import words
from genlab.comparison.courses import courses_of
from genlab.comparison.doubts import baseline_value, remarks
from genlab.comparison.learnt import notices
from genlab.comparison.media import REAL, Media
from genlab.comparison.ranking import gloss, grouped
from genlab.comparison.rows import Record, Row, names_of
from genlab.comparison.verdicts import Recommendation, Verdict, recommendation, said_once, samples_name, verdicts
from genlab.core.space import Space, label_of
from genlab.core.words import plural
from genlab.report import columns, figures, pictures
from genlab.report.cards import alarms, card, sample_command, slugs
from genlab.report.forest import forest
from genlab.report.plane import beside_likelihood, beside_speed
from genlab.report.scale import scale, trial
from genlab.report.timeline import timelines

HUES = 9  # colours that the style sheet has for models


class Shown(NamedTuple):
    """A verdict, the picture of its intervals, the doubts that no earlier one named, and what its number says."""

    verdict: Verdict
    drawing: str
    caveats: tuple[str, ...]
    says: str


def write(file: Path, record: Record, media: Mapping[str, Media]) -> Path:
    """Write the page into a file, which is whole or absent, and return its path. OSError if it cannot be written.

    `media[row.run]` has a run's samples and curves, `media[REAL]` real examples of the test split. A missing entry is left out
    of the page. Of several seeds the first with media is shown.
    """
    from genlab.runs.files import write_atomic

    text = render("report.html.j2", view(record, media))
    write_atomic(file, lambda beside: beside.write_text(text, encoding="utf-8"))
    return file


def render(template: str, context: Mapping[str, Any]) -> str:
    """A page; every value is escaped unless it is an SVG made here."""
    import jinja2
    from markupsafe import Markup

    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"svg": Markup, "capital": words.capital, "percent": words.percent, "plural": plural}
    return environment.get_template(template).render(context)


def view(record: Record, media: Mapping[str, Media]) -> dict[str, Any]:
    """Everything the template of a comparison shows."""
    data, rows, space, real = record.data, record.rows, record.space, media.get(REAL)
    names = names_of(rows)
    hues, slugged = {name: number % HUES for number, name in enumerate(names)}, slugs(names)
    groups, judged = grouped(rows), verdicts(record)
    chosen = recommendation(record, judged)
    return {
        "data": data,
        "facts": facts_of_data(space, data.given, data.counts),
        "example": words.example_name(space),
        "layout": pictures.drawing(space).layout,
        "real": figures.few(real, space, "the real data"),
        "budget": budget(record, names),
        "verdicts": answers(record, judged, hues),
        "samples_name": samples_name(space),
        "notices": list(notices(record)),
        "remarks": remarks(record),
        "scale": scale(record, hues),
        "trial": trial(record),
        "recommendation": chosen,
        "draw": draw_command(chosen, rows, media),
        "planes": [drawn for drawn in (beside_likelihood(groups, hues), beside_speed(groups, hues)) if drawn],
        "timelines": timelines(courses_of(rows), hues),
        "seeds": record.budget.seeds,
        "table": columns.table(record, groups, hues, slugged),
        "timed": columns.TIMED,
        "protocols": columns.protocols(rows),
        "cards": [card(name, record, groups, media, hues[name], slugged[name]) for name in names],
        "alarms": alarms(rows, media, hues),
        "watched": any(row.checkups or row.alarms for row in rows),
        "overview": words.overview_lines(data.overview, space),
        "skipped": data.skipped,
        "command": record.command,
        "machine": record.machine,
        "written": record.written,
        "versions": record.versions,
    }


def answers(record: Record, judged: Sequence[Verdict], hues: Mapping[str, int]) -> list[Shown]:
    """Every verdict as it is shown."""
    return [
        Shown(verdict, forest(verdict.group, hues, marks(record, verdict)), caveats, gloss(verdict.group.title))
        for verdict, caveats in zip(judged, said_once(judged), strict=True)
    ]


def marks(record: Record, verdict: Verdict) -> dict[str, float]:
    """Values of the baselines by the measure of a verdict, where they may be compared with the models'."""
    known = {row.name: baseline_value(record, row.name, verdict.group.title, verdict.group) for row in record.baselines}
    return {name: value for name, value in known.items() if value is not None}


def draw_command(chosen: Recommendation | None, rows: Sequence[Row], media: Mapping[str, Media]) -> str:
    """The command that draws samples from the recommended model."""
    if chosen is None:
        return ""
    row = next(row for row in rows if row.run == chosen.run)
    return sample_command(row, media.get(chosen.run))


def facts_of_data(space: Space, given: Mapping[str, Space], counts: Mapping[str, int]) -> list[str]:
    """The data in a few phrases."""
    facts = [words.describe_space(space)]
    if label := label_of(given):
        facts.append(plural(given[label].levels, "class"))
    if counts:
        facts.append(", ".join(f"{number:,} {split}" for split, number in counts.items()))
    return facts


def budget(record: Record, names: Sequence[str]) -> str:
    """One or two sentences on what every model was given."""
    terms = record.budget
    written = words.exact_seconds(terms.amount) if terms.unit == "seconds" else f"{words.count(terms.amount)} {terms.unit}"
    amount = f"{written} of training{'' if len(names) == 1 else ' each'}" if terms.unit else ""
    parts = [plural(len(names), "model"), amount, "" if terms.seeds == 1 else f"{terms.seeds} seeds"]
    order = f" {words.capital(terms.order)}." if terms.order else ""
    return f"{', '.join([*filter(None, parts), 'the same splits'])}.{order}"
