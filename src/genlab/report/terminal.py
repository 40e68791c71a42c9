"""The results of a comparison on a terminal, as tables."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.table import Table

from genlab.comparison import words
from genlab.comparison.ranking import LIKELIHOOD, SPEED, Group, best, grouped
from genlab.comparison.rows import Baseline, Record, Row, names_of
from genlab.measure.likelihood import SIGNS

WIDE = 160  # columns of a table that no terminal folds
THREE, HEAD = 100, 14  # columns of a terminal that shows three scores rather than two; characters of a head


def short(rows: Sequence[Row], width: int) -> Table:
    """A row for each model, means over its seeds; the best of each ranked column is bold. width: of the terminal."""
    groups = grouped(rows)
    units = {row.likelihood.label for row in rows if row.likelihood is not None}
    unit = units.pop() if len(units) == 1 else ""
    shown = Table(box=None, pad_edge=False, header_style="bold", show_footer=False)
    scores = _first_of_each_question(groups)[: 3 if width >= THREE else 2]
    shown.add_column("model", no_wrap=True)
    for title in (f"-log p, {unit}".removesuffix(", "), *scores, "to draw 100", "parameters"):
        shown.add_column("\n".join(textwrap.wrap(title, HEAD)), justify="right", no_wrap=True)
    for name in names_of(rows):
        row = min((row for row in rows if row.name == name), key=lambda row: bool(row.error))  # one that did not fail
        cells = [_likelihood(name, row, groups, not unit), *(_cell(name, title, groups) for title in scores)]
        shown.add_row(name, *cells, _cell(name, SPEED, groups), words.count(row.parameters))
    return shown


def scores(record: Record) -> Table:
    """Every number: a row for each measure, a column for each model, with intervals or ranges of seeds; then the baselines."""
    groups, names = grouped(record.rows), names_of(record.rows)
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("", overflow="fold")
    for name in (*names, *(each.name for each in record.baselines)):
        shown.add_column(name, justify="right", no_wrap=True)
    titles = dict.fromkeys(group.title for group in groups)
    for title in titles:
        cells = [_cell(name, title, groups, spans=True) for name in names]
        shown.add_row(title, *cells, *(_baseline(each, title) for each in record.baselines))
    return shown


def _first_of_each_question(groups: Sequence[Group]) -> list[str]:
    """Titles of scores, one of each question first."""
    ranked = [group for group in groups if group.better and group.title not in (LIKELIHOOD, SPEED)]
    leading = {group.question: group.title for group in reversed(ranked)}
    order = [leading[question] for question in ("quality", "coverage", "labels", "copying") if question in leading]
    return list(dict.fromkeys([*order, *(group.title for group in ranked)]))


def _cell(name: str, title: str, groups: Sequence[Group], spans: bool = False) -> str:
    """A model's value under a title: the mean, with the range of its seeds, or its interval."""
    for group in groups:
        rank = group.rank(name)
        if group.title == title and rank is not None:
            value = group.values[rank]
            ranged = f" ({words.number(value.low)} to {words.number(value.high)})"
            wide = title != SPEED and value.high > value.low and (spans or len(value.seeds) > 1)
            text = words.seconds(value.mean) if title == SPEED else words.number(value.mean) + (ranged if wide else "")
            return f"[bold]{text}[/bold]" if best(group, name) else text
    return words.NONE


def _baseline(each: Baseline, title: str) -> str:
    score = each.scores.get(title)
    return words.NONE if score is None or score.value is None else words.number(score.value)


def _likelihood(name: str, row: Row, groups: Sequence[Group], with_unit: bool) -> str:
    if row.likelihood is None:
        return words.NONE if row.error else "none"
    unit, cell = f" {row.likelihood.label}" if with_unit else "", _cell(name, LIKELIHOOD, groups)
    return words.BROKEN if cell == words.NONE else f"{SIGNS[row.likelihood.claim]}{cell}{unit}"
