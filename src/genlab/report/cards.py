"""What the page says of one model: its strengths, its numbers, its samples, its curves, its alarms."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from genlab.compare import words
from genlab.compare.media import REAL, Media
from genlab.compare.ranking import LIKELIHOOD, SIGNS, SPEED, Group, Row, finite
from genlab.compare.strengths import leading, measured
from genlab.core.space import Space
from genlab.recipes.index import MODELS
from genlab.report import curves, figures
from genlab.report.columns import likelihood_words

CURVES = 6  # of a card; the rest is folded away


class Fact(NamedTuple):
    what: str
    value: str
    detail: str = ""
    how: str = ""


class Alarm(NamedTuple):
    """One alarm with what proves it."""

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
    folded: list[str]
    triples: list[figures.Triple]
    run: str
    sample: str
    score: str
    scored: bool


def card(name: str, record: Mapping[str, Any], found: Sequence[Group], media: Mapping[str, Media], hue: int, slug: str) -> Card:
    """One model's part of the page; its samples and curves are those of its first run that has some."""
    models = record["models"]
    rows = sorted((row for row in models if row["name"] == name), key=lambda row: bool(row.get("error")))
    row = next((row for row in rows if media.get(row.get("run") or "")), rows[0])
    space = Space.from_json(row.get("space") or record["data"]["space"])
    own = media.get(row.get("run") or "")
    strong, weak = measured(row, models)
    listed = next((entry for entry in MODELS if entry.name == name), None)
    lines = curves.panels(own.curves) if own else []
    run = row.get("run") or ""
    return Card(
        name, slug, hue, row.get("family", ""),
        idea=listed.idea if listed else "",
        paper=listed.paper if listed else "",
        error=_stopped(rows),
        done=any(not row.get("error") for row in rows),
        few=figures.few(own, space, name, media.get(REAL)),
        many=figures.many(own, space, name, media.get(REAL)),
        seed=own.seed if own else 0,
        note=own.note if own else "",
        strong=strong, weak=weak,
        facts=facts(rows, shown(found)),
        curves=lines[:CURVES], folded=lines[CURVES:],
        triples=figures.triples(own, space),
        run=run, sample=sample_command(row, own), score=f"genlab score {shlex.quote(run or 'RUN')}",
        scored=row.get("likelihood") is not None,
    )  # fmt: skip


def _stopped(rows: Sequence[Row]) -> str:
    """Why runs did not come to their end, and which, where it is not all."""
    broken = [row for row in rows if row.get("error")]
    seeds = [f" (seed {row['seed']})" if len(rows) > len(broken) and row.get("seed") is not None else "" for row in broken]
    return "; ".join(dict.fromkeys(f"{row['error']}{seed}" for row, seed in zip(broken, seeds, strict=True)))


def shown(found: Sequence[Group]) -> list[Group]:
    """The groups that a card names: every likelihood, the leading scores, speed. The table has all."""
    titles = {group.title for group in leading(found)} | {LIKELIHOOD, SPEED}
    few = len({group.title for group in found}) <= 6
    return [group for group in found if few or group.title in titles]


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
    seeds = group.ends(value) if len(value.seeds) > 1 else ""
    if group.title != LIKELIHOOD or likelihood is None:
        ends = seeds or (f"95 %: {group.ends(value)}" if group.title != SPEED and group.ends(value) else "")
        text = group.write(value.mean, bare=group.title == SPEED)
        return Fact(words.capital(group.title), text, ends, group.qualifier)
    error = f" ± {words.number(value.error, 2)}" if value.error else ""
    text = f"{SIGNS.get(likelihood['claim'], '')}{words.number(value.mean)}{error} {group.unit}"
    detail = likelihood_words(likelihood)
    return Fact("Likelihood", text, f"{detail}; {seeds}" if seeds else detail)


def alarms(models: Sequence[Row], media: Mapping[str, Media], hues: Mapping[str, int]) -> list[Alarm]:
    """Every alarm of every run."""
    return [alarm for row in models for alarm in _alarms(row, models, media.get(row.get("run") or ""), hues[row["name"]])]


def _alarms(row: Row, models: Sequence[Row], own: Media | None, hue: int) -> Iterator[Alarm]:
    several = sum(other["name"] == row["name"] for other in models) > 1 and row.get("seed") is not None
    who = row["name"] + (f", seed {row['seed']}" if several else "")
    for said in row.get("alarms") or ():
        kind = said.get("kind", "alarm")
        share = words.percent(said["progress"]) + " of its training" if finite(said.get("progress")) else ""
        when = ", ".join(
            part for part in (share, words.seconds(said["seconds"]) if finite(said.get("seconds")) else "") if part
        )
        picture = figures.stored(own.alarms.get(kind) if own else None, f"what raised the alarm: {kind} of {row['name']}")
        yield Alarm(kind, who, hue, when, said.get("sentence", ""), said.get("remedy", ""), _proof(said, row, own), picture)


def _proof(said: Mapping[str, Any], row: Row, own: Media | None) -> str:
    """The curve an alarm names, of a reading or of a check-up's score, with a line where it was raised."""
    wanted = said.get("curve")
    checked = [
        (e["seconds"], wanted, e["scores"][wanted].get("value"))
        for e in row.get("quality") or ()
        if wanted in (e.get("scores") or {})
    ]
    points = [(s, v) for s, name, v in (*checked, *(own.curves if own else ())) if name == wanted and finite(v) and finite(s)]
    if not wanted or len(points) < 2:
        return ""
    end = max(s for s, _ in points)
    at = said["seconds"] if finite(said.get("seconds")) and 0 <= said["seconds"] <= end else None
    return curves.panel(curves.short([wanted])[0], sorted(points), end, at)


def sample_command(row: Row, media: Media | None) -> str:
    count = len(media.samples) if media is not None and media.samples is not None else 64
    return f"genlab sample {shlex.quote(row.get('run') or 'RUN')} -n {count} --seed {media.seed if media else 0}"


def slugs(names: Sequence[str]) -> dict[str, str]:
    """Names as addresses within the page, each another."""
    made: dict[str, str] = {}
    for name in names:
        slug = "model-" + (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "x")
        made[name] = slug if slug not in made.values() else f"{slug}-{len(made)}"
    return made
