"""The table of scores: a row for each model and each baseline, a column for each number, with how each was made.

Columns are grouped by the question they answer. The first of each group are always shown, the others on request.
A cell is the mean over a model's seeds; it opens every seed's value with its interval, and the whole protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from genlab.comparison import words
from genlab.comparison.ranking import (
    LIKELIHOOD,
    SPEED,
    Group,
    best,
    comparable,
    condition,
    front,
    given,
    gloss,
    missing,
    provable,
    question,
    span_of,
)
from genlab.comparison.rows import Record, Row, is_finite, names_of
from genlab.core.model import CLAIMS
from genlab.core.words import plural, word_list
from genlab.measure.chance import Span, Value
from genlab.measure.likelihood import SIGNS, Likelihood

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


Read = Callable[[Row], tuple[float, Span | None] | None]  # a number of a row with its interval
MakeCell = Callable[[Sequence[Row], Sequence[Group]], "Cell"]  # of a model's rows, among all groups


class Detail(NamedTuple):
    """The details that a number opens."""

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


class ColumnGroup(NamedTuple):
    """A group of columns: how many are always shown, and how many there are."""

    title: str
    shown: int
    all: int


class TableRow(NamedTuple):
    """One row of the table. hue None: a baseline, not a model."""

    name: str
    slug: str
    hue: int | None
    cells: tuple[Cell, ...]
    tag: str = ""


class ScoreTable(NamedTuple):
    heads: list[ColumnGroup]
    columns: list[Column]
    lines: list[TableRow]

    @property
    def folded(self) -> int:
        return sum(column.more for column in self.columns)


def table(record: Record, groups: Sequence[Group], hues: Mapping[str, int], slugs: Mapping[str, str]) -> ScoreTable:
    """Everything the table shows."""
    others = [Row(each.name, "", "", scores=each.scores) for each in record.baselines]
    units = list(dict.fromkeys(row.likelihood.label for row in record.rows if row.likelihood is not None))
    asked: dict[str, str] = {}  # score -> question
    for row in (*record.rows, *others):
        for name, score in row.scores.items():
            asked.setdefault(name, question(score))
    plan = list(_plan(units, asked, record.rows))
    columns = [column for column, _ in plan]
    lines = []
    for name in names_of(record.rows):
        rows = [row for row in record.rows if row.name == name]
        cells = tuple(cell(rows, groups) for _, cell in plan)
        lines.append(TableRow(name, slugs[name], hues[name], cells, _seeds(rows, record.rows)))
    for row, baseline in zip(others, record.baselines, strict=True):
        lines.append(TableRow(row.name, "", None, tuple(cell([row], ()) for _, cell in plan), baseline.what))
    heads = [_head(asked_of, columns) for asked_of in HEADS if any(column.question == asked_of for column in columns)]
    return ScoreTable(heads, columns, lines)


def _head(asked: str, columns: Sequence[Column]) -> ColumnGroup:
    own = [column for column in columns if column.question == asked]
    return ColumnGroup(HEADS[asked], sum(not column.more for column in own), len(own))


def _seeds(rows: Sequence[Row], models: Sequence[Row]) -> str:
    """The number of runs of a row, and how many of them did not finish."""
    seeds = plural(len(rows), "seed") if len(models) > len(names_of(models)) else ""
    broken = sum(bool(row.error) for row in rows)
    ended = "" if not broken else "not finished" if broken == len(rows) else f"{broken} not finished"
    return ", ".join(filter(None, (seeds, ended)))


def _plan(units: Sequence[str], asked: Mapping[str, str], models: Sequence[Row]) -> Iterator[tuple[Column, MakeCell]]:
    """Columns in order, each with the function that makes its cells of (a model's rows, groups)."""
    for question_of in HEADS:
        position = 0
        if question_of == "likelihood":
            for unit in units:
                hint = _likelihood_hint(unit, models)
                yield Column(f"Likelihood, {unit}", "likelihood", hint), _likelihood_cell(unit, models)
            position = 99
        known = [name for name, own in asked.items() if _head_of(own) == question_of]
        known.sort(key=lambda name: (not _better(name, models), not _measured(name, models)))
        if question_of == "speed":
            yield from _speed(models)
            position = 99
        for name in known:
            more, better = position >= SHOWN.get(question_of, 0), _better(name, models)
            hint = f"{better} is better" if better else ""
            yield Column(words.capital(name), question_of, hint, more, better), _score_cell(name)
            position += 1


def _head_of(question_of: str) -> str:
    """The group of a score's column: an estimated density is with the likelihoods, an unknown question in the last one."""
    return "likelihood" if question_of == "density" else question_of if question_of in HEADS else "other"


def _measured(name: str, models: Sequence[Row]) -> bool:
    return any(name in row.scores and is_finite(row.scores[name].value) for row in models)


def _better(name: str, models: Sequence[Row]) -> str:
    return next((row.scores[name].better or "" for row in models if name in row.scores), "")


def _likelihood_hint(unit: str, models: Sequence[Row]) -> str:
    kinds = {comparable(cost) for cost in _costs(models) if cost.label == unit and is_finite(cost.value)}
    return "; ".join(["lower is better", *(kinds if len(kinds) == 1 else ())])


def _costs(models: Sequence[Row]) -> list[Likelihood]:
    return [row.likelihood for row in models if row.likelihood is not None]


def _likelihood_cell(unit: str, models: Sequence[Row]) -> MakeCell:
    kinds = {comparable(cost) for cost in _costs(models) if is_finite(cost.value)}

    def cell(rows: Sequence[Row], groups: Sequence[Group]) -> Cell:
        who, title = rows[0].name, f"Likelihood, {unit}"
        cost = next((cost for cost in _costs(rows) if cost.label == unit), None)
        if cost is None:
            lacks = all(row.run and row.likelihood is None and not row.error for row in rows)
            return Cell("none" if lacks else words.NONE)
        protocol = (("seed", str(cost.seed)), ("nats an example", words.number(cost.nats)))
        read = partial(_cost_of, unit)
        value, kind = _value(rows, read), comparable(cost)
        if value is None:
            line = "−log p of the test data is not finite"
            return Cell(words.BROKEN, detail=Detail(title, who, words.BROKEN, (line,), (), protocol))
        text = SIGNS[cost.claim] + words.number(value.mean)
        lines = (likelihood_words(cost), *_intervals(value))
        tag = kind if len(kinds) > 1 else _range(value)
        detail = Detail(title, who, text, lines, _runs(rows, read), protocol)
        return Cell(text, _place(groups, kind) * 1e9 + value.mean, tag, _leads(provable(groups), who, LIKELIHOOD), detail)

    return cell


def _place(groups: Sequence[Group], kind: str) -> int:
    return [group.qualifier for group in groups if group.title == LIKELIHOOD].index(kind)


def _cost_of(unit: str, row: Row) -> tuple[float, Span | None] | None:
    cost = row.likelihood
    if cost is None or cost.label != unit or not is_finite(cost.value):
        return None
    return cost.value, (cost.low, cost.high) if is_finite(cost.error) else None


def _score_cell(name: str) -> MakeCell:
    def cell(rows: Sequence[Row], groups: Sequence[Group]) -> Cell:
        score, who = next((row.scores[name] for row in rows if name in row.scores), None), rows[0].name
        if score is None:
            return Cell(words.NONE)
        read = partial(_score_of, name)
        protocol = (*flat(score.protocol), *flat(score.detail))
        value = _value(rows, read)
        if value is None:
            text = words.NONE if score.reason else words.BROKEN
            missed = Detail(words.capital(name), who, text, (words.capital(missing(score)),), (), protocol)
            return Cell(text, None, "not measured" if score.reason else "", False, missed)
        text = f"{words.number(value.mean)} {score.unit}".rstrip()
        says = (f"{words.capital(gloss(name))}.",) if gloss(name) else ()
        lines = (*says, *((f"{words.capital(score.better)} is better",) if score.better else ()), *_intervals(value))
        detail = Detail(words.capital(name), who, text, lines, _runs(rows, read), protocol)
        return Cell(text, value.mean, _range(value), _leads(groups, who, name), detail)

    return cell


def _score_of(name: str, row: Row) -> tuple[float, Span | None] | None:
    value = row.scores[name].value if name in row.scores else None
    return (value, span_of(row.scores[name], value)) if is_finite(value) else None


class Quantity(NamedTuple):
    """A column of speed or cost. of: its value in a row; write: the value in words; meaning: explains it."""

    title: str
    of: Callable[[Row], float | None]
    write: Callable[[float], str]
    meaning: str
    more: bool = False


QUANTITIES = (
    Quantity(SPEED, lambda row: row.seconds_per_100, words.seconds, TIMED),
    Quantity("Samples compared", lambda row: row.samples, words.count,
             "as many as came in the time that measuring may take", more=True),
    Quantity("Memory at most", lambda row: row.speed and row.speed.peak_bytes, words.memory,
             "the peak while it sampled", more=True),
    Quantity("Operations a sample", lambda row: row.speed and row.speed.operations, words.count,
             "counted, not timed", more=True),
    Quantity("Training", lambda row: row.train_seconds, words.seconds,
             "seconds inside training, without measuring and waiting"),
    Quantity("Training operations", lambda row: row.train_operations, words.count, "counted, not timed", more=True),
    Quantity("Examples seen", lambda row: row.examples_seen, words.count,
             "of the training data, repeats counted", more=True),
    Quantity("Parameters", lambda row: row.parameters, words.count, "numbers that training changes"),
)  # fmt: skip
ALWAYS = (SPEED, "Training", "Examples seen", "Parameters")


def _speed(models: Sequence[Row]) -> Iterator[tuple[Column, MakeCell]]:
    """Columns of speed and cost; those that no model has are left out."""
    for quantity in QUANTITIES:
        if quantity.title in ALWAYS or any(quantity.of(row) is not None for row in models):
            yield Column(quantity.title, "speed", "", quantity.more), _quantity_cell(quantity)


def _quantity_cell(quantity: Quantity) -> MakeCell:
    title, write = quantity.title, quantity.write

    def read(row: Row) -> tuple[float, None] | None:
        amount = quantity.of(row)
        return (float(amount), None) if is_finite(amount) else None

    def cell(rows: Sequence[Row], groups: Sequence[Group]) -> Cell:
        value = _value(rows, read)
        if value is None:
            return Cell(words.NONE)
        who, exact = rows[0].name, (f"{value.mean:,.6g}",) if value.mean >= 1e6 else ()
        runs = _runs(rows, read, write) if len(set(value.seeds)) > 1 else ()
        lines = (words.capital(quantity.meaning), *exact, *(_conditions(rows) if title == "Training" else ()))
        detail = Detail(title, who, write(value.mean), lines, runs)
        return Cell(write(value.mean), value.mean, "", title == SPEED and _leads(groups, who, SPEED), detail)

    return cell


def _conditions(rows: Sequence[Row]) -> Iterator[str]:
    """The load of the machine during training, and whether the training was stopped."""
    for row in rows:
        seed = f"Seed {row.seed}: " if len(rows) > 1 else ""
        if row.load is not None and is_finite(row.load.mean):
            most = f", at most {row.load.max:.1f}" if is_finite(row.load.max) else ""
            yield f"{seed}load of the machine {row.load.mean:.1f}{most}"
        if row.stopped:
            yield f"{seed}stopped"


def _value(rows: Sequence[Row], read: Read) -> Value | None:
    """A model's number over the rows that have one."""
    numbers = [pair for row in rows if (pair := read(row)) is not None]
    return Value(rows[0].name, [v for v, _ in numbers], [s for _, s in numbers]) if numbers else None


def _intervals(value: Value) -> Iterator[str]:
    span = value.interval()
    if span is not None and value.known:
        over = "over the seeds (Student's t)" if len(value.seeds) > 1 else "through the samples"
        yield f"95% interval {words.number(span[0])} to {words.number(span[1])} {over}"


def _range(value: Value) -> str:
    """The line under a number: the range of its seeds, or one seed's interval."""
    low, high = words.number(value.low), words.number(value.high)
    return f"{low} to {high}" if low != high else ""


def _runs(rows: Sequence[Row], read: Read, write: Callable[[float], str] = words.number) -> tuple[tuple[str, str, str], ...]:
    """(seed, value, interval) of every run, where there are several."""
    runs = [(str(row.seed), *pair) for row in rows if (pair := read(row)) is not None]
    several = runs if len(runs) > 1 else []
    return tuple((seed, write(v), f"{write(span[0])} to {write(span[1])}" if span else "") for seed, v, span in several)


def _leads(groups: Sequence[Group], name: str, title: str) -> bool:
    """Whether a model is the best of a comparable group, or known not to be separated from it."""
    own = (group for group in groups if group.title == title and group.ranked)
    return any(
        best(group, name) or any(group.differ(group.values[0], v) is False for v in front(group) if v.name == name)
        for group in own
    )


def flat(protocol: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every entry of a protocol, nested ones too."""
    for key, value in protocol.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}: ")
        else:
            yield prefix + key, words.entry(key, value)


def likelihood_words(cost: Likelihood) -> str:
    """Claim, how, and of what: "bound, IW-100, given label; 180 of the test split"."""
    claim = CLAIMS[cost.claim]
    amount = f"{cost.examples:,} of {cost.of:,} of" if cost.examples < cost.of else f"all {cost.examples:,} of"
    how = cost.how if cost.how.startswith(claim) else f"{claim}, {cost.how}"
    head = ", ".join(part for part in (how, given(cost)) if part)
    return "; ".join(part for part in (head, f"{amount} {cost.split} split", cost.note) if part)


def protocols(models: Sequence[Row]) -> list[tuple[str, str]]:
    """(number, how it was made), each once; where models differ, whose."""
    who: dict[tuple[str, str], list[str]] = {}  # (number, what must agree) -> whose
    full: dict[tuple[str, str], str] = {}
    for row in models:
        for title, fixed, how in _made(row):
            who.setdefault((title, fixed), []).append(row.name)
            full.setdefault((title, fixed), how)
    alone = {title: sum(other == title for other, _ in who) == 1 for title, _ in who}
    return [
        (key[0] if alone[key[0]] else f"{key[0]} ({word_list(list(dict.fromkeys(names)))})", full[key])
        for key, names in who.items()
    ]


def _made(row: Row) -> Iterator[tuple[str, str, str]]:
    """(number, what must agree for it to compare, how it was made) of one run."""
    if row.likelihood is not None:
        how = likelihood_words(row.likelihood)
        yield f"Likelihood, {row.likelihood.label}", how, how
    for name, score in row.scores.items():
        yield words.capital(name), condition(score), words.protocol(score.protocol)
