"""The page's part on one model: its strengths, numbers, samples, curves and alarms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from genlab.comparison import words
from genlab.comparison.media import REAL, Media
from genlab.comparison.options import command
from genlab.comparison.ranking import LIKELIHOOD, SPEED, Group, sign_of
from genlab.comparison.rows import Record, Row, is_finite
from genlab.comparison.strengths import leading, measured
from genlab.measure.alarms import Alarm
from genlab.measure.catalogue import without_features
from genlab.recipes.index import MODELS, OWN
from genlab.report import curves, figures
from genlab.report.columns import likelihood_words
from genlab.report.readings import glossary


class Fact(NamedTuple):
    what: str
    value: str
    detail: str = ""
    how: str = ""


class AlarmPanel(NamedTuple):
    """One alarm, with the curve and the samples behind it."""

    kind: str
    who: str
    hue: int
    when: str
    sentence: str
    remedy: str
    curve: str
    picture: figures.Figure | None


class Card(NamedTuple):
    """Everything the template needs of one model."""

    name: str
    slug: str
    hue: int
    family: str
    idea: str
    paper: str
    error: str
    done: bool
    few: list[figures.Figure]
    many: figures.Figure | None
    seed: int
    note: str
    strong: list[str]
    weak: list[str]
    facts: list[Fact]
    curves: list[str]
    glossary: str
    triples: list[figures.Triple]
    run: str
    sample: str
    score: str
    scored: bool


def card(name: str, record: Record, groups: Sequence[Group], media: Mapping[str, Media], hue: int, slug: str) -> Card:
    """One model's part of the page; its samples and curves are those of its first run that has some."""
    rows = sorted((row for row in record.rows if row.name == name), key=lambda row: bool(row.error))
    row = next((row for row in rows if row.run in media), rows[0])
    space, own = record.space, media.get(row.run)
    strong, weak = measured(row, record.rows)
    listed = next((entry for entry in (*MODELS, *OWN.values()) if entry.name == name), None)
    lines = curves.panels(own.curves) if own else []
    return Card(
        name, slug, hue, row.family,
        idea=listed.idea if listed else "",
        paper=listed.paper if listed else "",
        error=_stopped(rows),
        done=any(not row.error for row in rows),
        few=figures.few(own, space, name, media.get(REAL)),
        many=figures.many(own, space, name, media.get(REAL)),
        seed=own.seed if own else 0,
        note=own.note if own else "",
        strong=strong, weak=weak,
        facts=facts(rows, shown(groups)),
        curves=lines, glossary=glossary(name for _, name, _ in own.curves) if own else "",
        triples=figures.triples(own, space),
        run=row.run, sample=sample_command(row, own), score=command("score", row.run, row.name),
        scored=row.likelihood is not None,
    )  # fmt: skip


def _stopped(rows: Sequence[Row]) -> str:
    """Why runs failed, with their seeds where not all did."""
    broken = [row for row in rows if row.error]
    some = len(rows) > len(broken)
    return "; ".join(dict.fromkeys(f"{row.error} (seed {row.seed})" if some else row.error for row in broken))


def shown(groups: Sequence[Group]) -> list[Group]:
    """The groups that a card shows: every likelihood, the leading scores, speed. The table has all."""
    titles = {group.title for group in leading(groups)} | {LIKELIHOOD, SPEED}
    few = len({group.title for group in groups}) <= 6
    return [group for group in groups if few or group.title in titles]


def facts(rows: Sequence[Row], groups: Sequence[Group]) -> list[Fact]:
    """The numbers of one model, means over its seeds with their range."""
    row = rows[0]
    listed = [_measured_fact(group, row) for group in groups if group.rank(row.name) is not None]
    if row.measured and row.likelihood is None and not row.error:
        listed.insert(0, Fact("Likelihood", "none", "not defined for this model"))
    seen = f"{words.count(row.examples_seen)} examples seen" if row.examples_seen else ""
    listed.append(Fact("Training", words.seconds(row.train_seconds), seen))
    listed.append(Fact("Parameters", words.count(row.parameters)))
    return listed


def _measured_fact(group: Group, row: Row) -> Fact:
    value, cost = group.values[group.rank(row.name) or 0], row.likelihood
    seeds = group.ends(value) if len(value.seeds) > 1 else ""
    if group.title != LIKELIHOOD or cost is None:
        ends = seeds or (f"95%: {group.ends(value)}" if group.title != SPEED and group.ends(value) else "")
        text = group.write(value.mean, bare=group.title == SPEED)
        return Fact(words.capital(group.title), text, ends, group.qualifier)
    error = f" ± {words.number(value.error, 2)}" if value.error else ""
    text = f"{sign_of(group)}{words.number(value.mean)}{error} {group.unit}"
    detail = likelihood_words(cost)
    return Fact("Likelihood", text, f"{detail}; {seeds}" if seeds else detail)


def alarms(models: Sequence[Row], media: Mapping[str, Media], hues: Mapping[str, int]) -> list[AlarmPanel]:
    """Every alarm of every run."""
    return [alarm for row in models for alarm in _alarms(row, models, media.get(row.run), hues[row.name])]


def _alarms(row: Row, models: Sequence[Row], own: Media | None, hue: int) -> Iterator[AlarmPanel]:
    several = sum(other.name == row.name for other in models) > 1
    who = f"{row.name}, seed {row.seed}" if several else row.name
    for alarm in row.alarms:
        when = f"{words.percent(alarm.progress)} of its training, {words.seconds(alarm.seconds)}"
        stored = own.alarms.get(alarm.kind) if own else None
        picture = figures.stored(stored, f"what raised the alarm: {alarm.kind} of {row.name}")
        yield AlarmPanel(alarm.kind, who, hue, when, alarm.sentence, alarm.remedy, _proof(alarm, row, own), picture)


def _proof(alarm: Alarm, row: Row, own: Media | None) -> str:
    """The curve an alarm names, of a reading or of a check-up's score, with a line where it was raised."""
    curve = alarm.curve
    checked = [(checkup.seconds, curve, checkup.value(curve)) for checkup in row.checkups]
    points = [
        (s, v) for s, name, v in (*checked, *(own.curves if own else ())) if name == curve and is_finite(v) and is_finite(s)
    ]
    if not curve or len(points) < 2:
        return ""
    end = max(s for s, _ in points)
    at = alarm.seconds if 0 <= alarm.seconds <= end else None
    return curves.panel(without_features(curves.short([curve])[0]), sorted(points), end, at)


def sample_command(row: Row, media: Media | None) -> str:
    count = len(media.samples) if media is not None and media.samples is not None else 64
    return f"{command('sample', row.run, row.name)} -n {count} --seed {media.seed if media else 0}"


def slugs(names: Sequence[str]) -> dict[str, str]:
    """Unique anchors within the page, by name."""
    made: dict[str, str] = {}
    for name in names:
        slug = "model-" + (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "x")
        made[name] = slug if slug not in made.values() else f"{slug}-{len(made)}"
    return made
