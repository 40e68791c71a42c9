"""Strengths and weaknesses of one model among those of a report, each with its number."""

from __future__ import annotations

from collections.abc import Sequence

from genlab.comparison.ranking import LIKELIHOOD, Group, grouped, provable, sign_of, superlative
from genlab.comparison.rows import Row, is_finite

MEASURES = 2  # measures of each question that count as a strength or a weakness; the table has all


def measured(row: Row, models: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Strengths and weaknesses of one model: where it is first or last of the leading measures of each question."""
    strong: list[str] = []
    weak: list[str] = []
    groups = grouped(models)
    for group in leading([*provable(groups), *(group for group in groups if group.title != LIKELIHOOD)]):
        rank = group.rank(row.name)
        if rank is None or group.values[0].mean == group.values[-1].mean:
            continue
        value, number = group.values[rank], len(group.values)
        ends = {group.values[0].mean: (strong, group.values[1:]), group.values[-1].mean: (weak, group.values[:-1])}
        if value.mean not in ends:
            continue
        side, rivals = ends[value.mean]
        if side is weak and row.name in group.bounds:
            continue  # its own likelihood may be better than the bound
        nearest = min(rivals, key=lambda rival: abs(rival.mean - value.mean))
        if group.differ(value, nearest) is not False or nearest.mean == value.mean:
            of, shared = f" of {number}" if number > 2 else "", ", shared" if nearest.mean == value.mean else ""
            text = sign_of(group, row.name) + group.write(value.mean)
            side.append(f"{superlative(group, worst=side is weak)}{of}{shared}: {text}")
    _likelihood_words(row, models, strong, weak)
    return strong, weak


def leading(groups: Sequence[Group]) -> list[Group]:
    """The ranked groups of the first measures of each question."""
    titles: dict[str, list[str]] = {}
    for group in groups:
        if group.ranked and group.title not in titles.setdefault(group.question, []):
            titles[group.question].append(group.title)
    return [group for group in groups if group.ranked and group.title in titles[group.question][:MEASURES]]


def _likelihood_words(row: Row, models: Sequence[Row], strong: list[str], weak: list[str]) -> None:
    cost = row.likelihood
    claims = {other.likelihood.claim for other in models if other.likelihood is not None}
    if row.error:
        return
    if cost is None:
        weak.append("No likelihood: it cannot say how probable an example is")
    elif not is_finite(cost.value):
        weak.append("Its likelihood on the test data is not finite")
    elif cost.claim == "exact" and claims != {"exact"}:
        strong.append("Its likelihood is exact, not a bound or an estimate")
