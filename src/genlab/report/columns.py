"""The table: a row for each model and for what it is measured by, a column for each number, and how each was made.

Columns stand in groups by the question they answer. The first of each group are always shown, the others behind one switch.
A cell is the mean over a model's seeds; behind it lie every seed's value with its interval, and the whole protocol.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from genlab.compare import words
from genlab.compare.ranking import (
    CLAIMS,
    LIKELIHOOD,
    SIGNS,
    SPEED,
    Group,
    Row,
    best,
    condition,
    cost,
    finite,
    front,
    given,
    missing,
    names_of,
    numbers,
    question,
    seconds_per_100,
    span_of,
)
from genlab.measure.chance import Span, Value

HEADS = {
    "likelihood": "Likelihood",
    "quality": "Quality",
    "coverage": "Coverage",
    "copying": "Memory",
    "labels": "Labels",
    "other": "More",
    "speed": "Speed and cost",
}
SHOWN = {"quality": 2, "coverage": 1, "copying": 1}  # scores without the switch
TIMED = "drawing all samples that were compared, scaled to 100, on the machine named below"


class Detail(NamedTuple):
    """What a number opens."""

    title: str
    who: str
    value: str
    lines: tuple[str, ...] = ()  # what it means, its intervals
    runs: tuple[tuple[str, str, str], ...] = ()  # seed, value, interval
    protocol: tuple[tuple[str, str], ...] = ()


class Cell(NamedTuple):
    text: str
    order: float | None = None  # what a click on the column's head sorts by; None stays last
    tag: str = ""
    best: bool = False
    detail: Detail | None = None


class Column(NamedTuple):
    title: str
    question: str
    hint: str = ""
    more: bool = False  # behind the switch
    better: str = ""  # "lower", "higher" or "": which end a first click brings to the top


class Head(NamedTuple):
    """A group of columns: how many it has with and without the switch."""

    title: str
    shown: int
    all: int


class Line(NamedTuple):
    """One row of the table. hue None: it stands beside the models."""

    name: str
    slug: str
    hue: int | None
    cells: tuple[Cell, ...]
    tag: str = ""


class Table(NamedTuple):
    heads: list[Head]
    columns: list[Column]
    lines: list[Line]

    @property
    def folded(self) -> int:
        return sum(column.more for column in self.columns)


def table(record: Mapping[str, Any], found: Sequence[Group], hues: Mapping[str, int], slugs: Mapping[str, str]) -> Table:
    """Everything the table shows."""
    models, others = record["models"], record.get("beside") or ()
    units = list(dict.fromkeys(cost(row["likelihood"])[0] for row in models if row.get("likelihood")))
    asked: dict[str, str] = {}  # score -> question
    for row in (*models, *others):
        for name, score in (row.get("scores") or {}).items():
            asked.setdefault(name, question(name, score))
    plan = list(_plan(units, asked, models))
    columns = [column for column, _ in plan]
    lines = []
    for name in names_of(models):
        rows = [row for row in models if row["name"] == name]
        lines.append(Line(name, slugs[name], hues[name], tuple(cell(rows, found) for _, cell in plan), _seeds(rows, models)))
    for row in others:
        lines.append(Line(row["name"], "", None, tuple(cell([row], ()) for _, cell in plan), row.get("what") or ""))
    heads = [_head(asked_of, columns) for asked_of in HEADS if any(column.question == asked_of for column in columns)]
    return Table(heads, columns, lines)


def _head(asked: str, columns: Sequence[Column]) -> Head:
    own = [column for column in columns if column.question == asked]
    return Head(HEADS[asked], sum(not column.more for column in own), len(own))


def _seeds(rows: Sequence[Row], models: Sequence[Row]) -> str:
    """How many runs a line stands for, and whether all of them came to their end."""
    seeds = words.plural(len(rows), "seed") if len(models) > len(names_of(models)) else ""
    broken = sum(bool(row.get("error")) for row in rows)
    ended = "" if not broken else "not finished" if broken == len(rows) else f"{broken} not finished"
    return ", ".join(filter(None, (seeds, ended)))


def _plan(units: Sequence[str], asked: Mapping[str, str], models: Sequence[Row]) -> Iterator[tuple[Column, Any]]:
    """Columns in order, each with the function that makes its cells of (a model's rows, groups)."""
    for question_of in HEADS:
        place = 0
        if question_of == "likelihood":
            for unit in units:
                yield (
                    Column(f"Likelihood, {unit}", "likelihood", _likelihood_hint(unit, models)),
                    _likelihood_cell(unit, models),
                )
            place = 99
        known = [name for name, own in asked.items() if _head_of(own) == question_of]
        known.sort(key=lambda name: not _better(name, models))
        if question_of == "speed":
            yield from _speed(models)
            place = 99
        for name in known:
            more, better = place >= SHOWN.get(question_of, 0), _better(name, models)
            hint = f"{better} is better" if better else ""
            yield Column(words.capital(name), question_of, hint, more, better), _score_cell(name)
            place += 1


def _head_of(question_of: str) -> str:
    """Where a score's column stands: an estimate of a density beside the likelihoods, what nobody knows at the end."""
    return "likelihood" if question_of == "density" else question_of if question_of in HEADS else "other"


def _better(name: str, models: Sequence[Row]) -> str:
    return next((row["scores"][name].get("better") or "" for row in models if name in (row.get("scores") or {})), "")


def _likelihood_hint(unit: str, models: Sequence[Row]) -> str:
    kinds = {about for row in models for about in _kinds(row, models) if cost(row["likelihood"])[0] == unit}
    return "; ".join(["lower is better", *(kinds if len(kinds) == 1 else ())])


def _kinds(row: Row, models: Sequence[Row]) -> list[str]:
    return [said.qualifier for said in numbers(row, _spaced(models)) if said.title == LIKELIHOOD]


def _spaced(models: Sequence[Row]) -> bool:
    return len({str(row["space"]) for row in models if row.get("space")}) > 1


def _likelihood_cell(unit: str, models: Sequence[Row]) -> Any:
    def cell(rows: Sequence[Row], found: Sequence[Group]) -> Cell:
        row = next((row for row in rows if row.get("likelihood") and cost(row["likelihood"])[0] == unit), None)
        if row is None:
            lacks = all("likelihood" in r and r["likelihood"] is None and not r.get("error") for r in rows)
            return Cell("none" if lacks else words.NONE)
        likelihood, title = row["likelihood"], f"Likelihood, {unit}"
        protocol = tuple((key, words.entry(key, value)) for key, value in likelihood.items() if key not in _TOLD)
        read = partial(_cost_of, unit)
        value, kinds = _value(rows, read), _kinds(row, models)
        if value is None or not kinds:
            line = "−log p of the test data is not finite"
            return Cell(words.BROKEN, detail=Detail(title, row["name"], words.BROKEN, (line,), (), protocol))
        sign, place = SIGNS.get(likelihood["claim"], ""), _place(found, kinds[0])
        text = sign + words.number(value.mean)
        lines = (likelihood_words(likelihood), *_intervals(value))
        tag = kinds[0] if len({k for r in models if r.get("likelihood") for k in _kinds(r, models)}) > 1 else _range(value)
        detail = Detail(title, row["name"], text, lines, _runs(rows, read), protocol)
        return Cell(text, place * 1e9 + value.mean, tag, _leads(found, row["name"], LIKELIHOOD, kinds[0]), detail)

    return cell


_TOLD = ("claim", "how", "given", "split", "examples", "of", "note", "error", "low", "high")


def _place(found: Sequence[Group], kind: str) -> int:
    return [group.qualifier for group in found if group.title == LIKELIHOOD].index(kind)


def _cost_of(unit: str, row: Row) -> tuple[float, Span | None] | None:
    said = row.get("likelihood")
    if not said or cost(said)[0] != unit or not finite(cost(said)[1]):
        return None
    return cost(said)[1], span_of(said, cost(said)[1])


def _score_cell(name: str) -> Any:
    def cell(rows: Sequence[Row], found: Sequence[Group]) -> Cell:
        score = next((row["scores"][name] for row in rows if name in (row.get("scores") or {})), None)
        who = rows[0]["name"]
        if score is None:
            return Cell(words.NONE)
        read = partial(_score_of, name)
        protocol = (*flat(score.get("protocol") or ""), *flat(score.get("detail") or ""))
        value = _value(rows, read)
        if value is None:
            text = words.NONE if score.get("reason") else words.BROKEN
            said = Detail(words.capital(name), who, text, (words.capital(missing(score)),), (), protocol)
            return Cell(text, None, "not measured" if score.get("reason") else "", False, said)
        text = f"{words.number(value.mean)} {score.get('unit') or ''}".rstrip()
        lines = (*((f"{words.capital(score['better'])} is better",) if score.get("better") else ()), *_intervals(value))
        detail = Detail(words.capital(name), who, text, lines, _runs(rows, read), protocol)
        return Cell(text, value.mean, _range(value), _leads(found, who, name), detail)

    return cell


def _score_of(name: str, row: Row) -> tuple[float, Span | None] | None:
    score = (row.get("scores") or {}).get(name) or {}
    return (score["value"], span_of(score, score["value"])) if finite(score.get("value")) else None


def _speed(models: Sequence[Row]) -> Iterator[tuple[Column, Any]]:
    """Columns of speed and cost; those that no model has are left out."""
    said = [
        (SPEED, seconds_per_100, words.seconds, TIMED, False),
        ("First sample after", _of("speed", "first_seconds"), words.seconds, "seconds until the first sample is there", True),
        ("Samples a second, one at a time", _of("speed", "per_second_1"), words.number, "drawn in batches of 1", True),
        ("Samples a second, 64 at a time", _of("speed", "per_second_64"), words.number, "drawn in batches of 64", True),
        ("Memory at most", _of("speed", "peak_bytes"), words.memory, "the peak while it sampled", True),
        ("Operations a sample", _of("speed", "operations"), words.count, "counted, not timed", True),
        ("Training", _of("train_seconds"), words.seconds, "seconds inside training, without measuring and waiting", False),
        ("Training operations", _of("train_operations"), words.count, "counted, not timed", True),
        ("Examples seen", _of("examples_seen"), words.count, "of the training data, repeats counted", True),
        ("Parameters", _of("parameters"), words.count, "numbers that training changes", False),
    ]
    always = {SPEED, "Training", "Examples seen", "Parameters"}
    for title, read, write, meaning, more in said:
        if title in always or any(read(row) is not None for row in models):
            yield Column(title, "speed", "", more), _fact_cell(title, read, write, meaning)


def _of(*path: str) -> Any:
    def read(row: Row) -> float | None:
        found: Any = row
        for key in path:
            found = (found or {}).get(key)
        return found if finite(found) else None

    return read


def _fact_cell(title: str, read: Any, write: Any, meaning: str) -> Any:
    def cell(rows: Sequence[Row], found: Sequence[Group]) -> Cell:
        paired = partial(_pair, read)
        value = _value(rows, paired)
        if value is None:
            return Cell(words.NONE)
        who, exact = rows[0]["name"], (f"{value.mean:,.6g}",) if value.mean >= 1e6 else ()
        runs = _runs(rows, paired, write) if len(set(value.seeds)) > 1 else ()
        detail = Detail(title, who, write(value.mean), (words.capital(meaning), *exact, *_conditions(rows, title)), runs)
        return Cell(write(value.mean), value.mean, "", title == SPEED and _leads(found, who, SPEED), detail)

    return cell


def _pair(read: Any, row: Row) -> tuple[float, None] | None:
    return None if read(row) is None else (float(read(row)), None)


def _conditions(rows: Sequence[Row], title: str) -> Iterator[str]:
    """What the machine did beside, and what stopped a training."""
    for row in rows if title == "Training" else ():
        seed = f"Seed {row['seed']}: " if len(rows) > 1 and row.get("seed") is not None else ""
        load = row.get("load") or {}
        if finite(load.get("mean")):
            most = f", at most {load['max']:.1f}" if finite(load.get("max")) else ""
            yield f"{seed}load of the machine {load['mean']:.1f}{most}"
        for key in ("paused", "stopped"):
            if row.get(key):
                yield f"{seed}{key}" + (f": {row[key]}" if row[key] is not True else "")


def _value(rows: Sequence[Row], read: Any) -> Value | None:
    """A model's number over the rows that have one."""
    said = [pair for row in rows if (pair := read(row)) is not None]
    return Value(rows[0]["name"], [v for v, _ in said], [s for _, s in said]) if said else None


def _intervals(value: Value) -> Iterator[str]:
    span = value.interval()
    if span is not None and value.known:
        over = "over the seeds (Student's t)" if len(value.seeds) > 1 else "through the samples"
        yield f"95 % interval {words.number(span[0])} to {words.number(span[1])} {over}"


def _range(value: Value) -> str:
    """What stands under a number: the range of its seeds, or one seed's interval."""
    low, high = words.number(value.low), words.number(value.high)
    return f"{low} to {high}" if low != high else ""


def _runs(rows: Sequence[Row], read: Any, write: Any = words.number) -> tuple[tuple[str, str, str], ...]:
    """(seed, value, interval) of every run, where there are several."""
    said = [(str(row.get("seed", place)), *pair) for place, row in enumerate(rows) if (pair := read(row)) is not None]
    several = said if len(said) > 1 else []
    return tuple((seed, write(v), f"{write(span[0])} to {write(span[1])}" if span else "") for seed, v, span in several)


def _leads(found: Sequence[Group], name: str, title: str, qualifier: str | None = None) -> bool:
    """Whether a model is the best of a comparable group, or known not to be separated from it."""
    own = (group for group in found if group.title == title and qualifier in (None, group.qualifier) and group.ranked)
    return any(
        best(group, name) or any(group.apart(group.values[0], v) is False for v in front(group) if v.name == name)
        for group in own
    )


def flat(protocol: str | Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every entry of a protocol, those of its parts too."""
    if not isinstance(protocol, Mapping):
        if protocol:
            yield "how", str(protocol)
        return
    for key, value in protocol.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}: ")
        else:
            yield prefix + key, words.entry(key, value)


def likelihood_words(likelihood: Mapping[str, Any]) -> str:
    """Claim, how, and of what: "bound, IW-100, given label; 180 of the test split"."""
    claim, how = CLAIMS.get(likelihood["claim"], likelihood["claim"]), likelihood["how"]
    counted, whole, split = likelihood.get("examples"), likelihood.get("of"), likelihood.get("split")
    amount = "" if not counted else f"{counted:,} of {whole:,} of " if whole and counted < whole else f"all {counted:,} of "
    where = f"{amount}{'the ' if not amount else ''}{split} split" if split else ""
    head = ", ".join(part for part in (how if how.startswith(claim) else f"{claim}, {how}", given(likelihood)) if part)
    return "; ".join(part for part in (head, where, likelihood.get("note")) if part)


def protocols(models: Sequence[Row]) -> list[tuple[str, str]]:
    """(number, how it was made), each once; where models differ, whose."""
    said: dict[tuple[str, str], list[str]] = {}  # (number, what must agree) -> whose
    full: dict[tuple[str, str], str] = {}
    for row in models:
        for title, fixed, how in _made(row):
            said.setdefault((title, fixed), []).append(row["name"])
            full.setdefault((title, fixed), how)
    alone = {title: sum(other == title for other, _ in said) == 1 for title, _ in said}
    return [
        (key[0] if alone[key[0]] else f"{key[0]} ({words.joined(list(dict.fromkeys(names)))})", full[key])
        for key, names in said.items()
    ]


def _made(row: Row) -> Iterator[tuple[str, str, str]]:
    """(number, what must agree for it to compare, how it was made) of one run."""
    likelihood = row.get("likelihood")
    if likelihood:
        how = likelihood_words(likelihood)
        yield f"Likelihood, {cost(likelihood)[0]}", how, how
    for name, score in (row.get("scores") or {}).items():
        yield words.capital(name), condition(score), words.protocol(score.get("protocol") or "")
