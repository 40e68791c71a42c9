"""How a comparison stands, on a terminal: the table, and who leads by what."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.table import Table

from genlab.core.space import Space
from genlab.report import words
from genlab.report.ranking import SIGNS, SPEED, Group, best, cost, groups, superlative

WIDE, HEAD = 100, 14  # columns of a terminal that shows three scores rather than two; characters of a head
Row = Mapping[str, Any]


class Leader(NamedTuple):
    why: str  # "lowest Fréchet distance (classifier features), ddpm"
    run: str


def table(rows: Sequence[Row], width: int) -> Table:
    """A row a model, means over its seeds; the best of each ranked column is bold. width: of the terminal."""
    found = groups(rows)
    units = {cost(row["likelihood"])[0] for row in rows if row.get("likelihood")}
    unit = units.pop() if len(units) == 1 else ""
    titles = list(dict.fromkeys(group.title for group in found if group.better and group.title not in ("Likelihood", SPEED)))
    shown = Table(box=None, pad_edge=False, header_style="bold", show_footer=False)
    scores = titles[: 3 if width >= WIDE else 2]
    shown.add_column("model", no_wrap=True)
    for title in (f"-log p, {unit}".removesuffix(", "), *scores, "to draw 100", "parameters"):
        shown.add_column("\n".join(textwrap.wrap(title, HEAD)), justify="right", no_wrap=True)
    for name in dict.fromkeys(row["name"] for row in rows):
        row = next(row for row in rows if row["name"] == name)
        cells = [_likelihood(name, row, found, not unit), *(_cell(name, title, found) for title in scores)]
        shown.add_row(name, *cells, _cell(name, SPEED, found), words.count(row["parameters"]))
    return shown


def leader(rows: Sequence[Row], space: Space) -> Leader | None:
    """The best model by the measure that matters most: of text how probable it finds it, otherwise how close its samples."""
    done = [row for row in rows if not row.get("error")]
    ranked = [group for group in groups(done) if group.ranked]
    ranked.sort(key=lambda group: (group.title == SPEED, (group.title == "Likelihood") != (space.axes == "T")))
    if not ranked:
        return Leader("draw from it", done[0]["run"]) if done else None
    first = ranked[0].values[0].name
    what = superlative(ranked[0])
    return Leader(f"{what[:1].lower()}{what[1:]}, {first}", next(row["run"] for row in done if row["name"] == first))


def _cell(name: str, title: str, found: Sequence[Group]) -> str:
    """A model's value under a title: the mean, with the range of its seeds."""
    for group in found:
        place = group.rank(name)
        if group.title == title and place is not None:
            value = group.values[place]
            ranged = f" ({words.number(value.low)} to {words.number(value.high)})" if len(value.seeds) > 1 else ""
            text = words.seconds(value.mean) if title == SPEED else f"{words.number(value.mean)}{ranged}"
            return f"[bold]{text}[/bold]" if best(group, name) else text
    return words.NONE


def _likelihood(name: str, row: Row, found: Sequence[Group], with_unit: bool) -> str:
    if row.get("likelihood") is None:
        return "none" if not row.get("error") else words.NONE
    sign = SIGNS.get(row["likelihood"]["claim"], "")
    unit = f" {cost(row['likelihood'])[0]}" if with_unit else ""
    return f"{sign}{_cell(name, 'Likelihood', found)}{unit}"
