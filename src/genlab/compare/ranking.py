"""Which numbers of a report may be compared, and who leads among them.

A measure is one number of every model that has it; a `Group` of it holds those that compare: of a likelihood the same unit,
claim, condition and data, of a score the same protocol (but for what may vary), of anything the same space. Models are ranked
inside a group only, by the mean over their seeds. What chance may have done is in `chance`, what follows in `verdicts`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, NamedTuple, TypeGuard

from genlab.compare import words
from genlab.core.space import Space
from genlab.measure.chance import Span, Value, Z, separated
from genlab.measure.score import fixed

Row = Mapping[str, Any]
UNITS = {"bits_per_dim": "bits/dim", "nats_per_character": "nats/character", "nats": "nats"}
CLAIMS = {"exact": "exact", "lower": "bound", "estimate": "estimate"}
SIGNS = {"exact": "", "lower": "≤ ", "estimate": "≈ "}  # of -log p, where the claim is about log p
LIKELIHOOD, SPEED, COST = "Likelihood", "Time to sample 100", "Training needed"
TIMING = 1.2  # a repeated timing lies within this factor: other work comes and goes
GUESSES = (  # questions of scores that do not say theirs
    ("copying", r"\bcop(y|ied|ies)"),
    ("labels", r"class asked|trained on|per.class|conditional"),
    ("coverage", r"recall|coverage|covered|distinct|MS-SSIM|class share"),
)


@dataclass(frozen=True)
class Group:
    """Comparable values, best first where one way is better."""

    title: str  # of the measure: "Likelihood", "Fréchet distance", ...
    qualifier: str  # what sets this group apart: "exact, given label"
    unit: str
    better: str  # "lower", "higher" or "", where neither is
    values: tuple[Value, ...]
    question: str = ""  # "likelihood", "quality", "coverage", "copying", "labels", "speed", "cost"

    @property
    def ranked(self) -> bool:
        return bool(self.better) and len(self.values) > 1

    @property
    def by_factors(self) -> bool:
        """Times differ by factors, everything else by differences."""
        return self.question in ("speed", "cost") and all(min(value.seeds) > 0 for value in self.values)

    def scaled(self, value: Value) -> Value:
        return value.logarithm() if self.by_factors else value

    def apart(self, a: Value, b: Value) -> bool | None:
        """Whether two values differ beyond chance; None where nobody knows."""
        return separated(self.scaled(a), self.scaled(b))

    def clear(self, a: Value, b: Value) -> bool:
        """Whether it is known that two values differ beyond chance."""
        return bool(self.apart(a, b))

    def rank(self, name: str) -> int | None:
        """0 is the best; None if the model has no place here."""
        return next((place for place, value in enumerate(self.values) if value.name == name), None)

    def write(self, value: float, bare: bool = False) -> str:
        """The value as a reader meets it, with its unit unless bare."""
        timed = self.title == SPEED or self.unit == "s"
        text = words.seconds(value) if timed else words.count(value) if self.question == "cost" else words.number(value)
        return text if bare else f"{text} {'per 100' if self.title == SPEED else '' if timed else self.unit}".rstrip()

    def ends(self, value: Value) -> str:
        """ "2.23 to 2.39": the range of the seeds, or one seed's interval; "" where it is too narrow to be seen."""
        low, high = (self.write(end, bare=True) for end in (value.low, value.high))
        return f"{low} to {high}" if low != high else ""


class Number(NamedTuple):
    """One finite number of one run, and what must agree with another's for both to be ranked."""

    title: str
    qualifier: str
    unit: str
    better: str
    question: str
    value: float
    span: Span | None


def groups(models: Sequence[Row]) -> list[Group]:
    """Every measure's groups: likelihoods, scores in order of appearance, speed."""
    found: dict[tuple[str, ...], dict[str, list[Number]]] = {}
    spaces = {json.dumps(row["space"], sort_keys=True) for row in models if row.get("space")}
    for row in models:
        for said in numbers(row, len(spaces) > 1):
            found.setdefault(said[:5], {}).setdefault(row["name"], []).append(said)
    made = [_group(key, by_name) for key, by_name in found.items()]
    order = {LIKELIHOOD: 0, SPEED: 2}
    return sorted(made, key=lambda group: order.get(group.title, 1))


def _group(key: tuple[str, ...], by_name: Mapping[str, Sequence[Number]]) -> Group:
    title, qualifier, unit, better, question = key
    values = [Value(name, [n.value for n in own], [n.span for n in own]) for name, own in by_name.items()]
    values.sort(key=lambda value: (-value.mean if better == "higher" else value.mean, value.name))
    return Group(title, qualifier, unit, better, tuple(values), question)


def numbers(row: Row, spaced: bool = False) -> Iterator[Number]:
    """Every finite number of a row that may be ranked. spaced: the models are of several spaces, which never compare."""
    space = words.described(Space.from_json(row["space"])) if spaced and row.get("space") else ""

    def within(qualifier: str) -> str:
        return ", ".join(part for part in (qualifier, space) if part)

    likelihood = row.get("likelihood")
    if likelihood:
        unit, value = cost(likelihood)
        if finite(value):
            about = within(comparable(likelihood))
            yield Number(LIKELIHOOD, about, unit, "lower", "likelihood", value, span_of(likelihood, value))
    for name, score in (row.get("scores") or {}).items():
        if finite(score.get("value")):
            better = score.get("better") if score.get("better") in ("lower", "higher") else ""
            about, unit, value = within(condition(score)), score.get("unit") or "", score["value"]
            yield Number(name, about, unit, better or "", question(name, score), value, span_of(score, value))
    each = seconds_per_100(row)
    if each is not None:
        yield Number(SPEED, within(""), "", "lower", "speed", each, (each / TIMING, each * TIMING))


def span_of(said: Mapping[str, Any], value: float) -> Span | None:
    """The 95 % interval of a number through its samples."""
    if finite(said.get("low")) and finite(said.get("high")):
        return min(said["low"], value), max(said["high"], value)
    error = said.get("error")
    return (value - Z * error, value + Z * error) if finite(error) and error else None


def seconds_per_100(row: Row) -> float | None:
    """Seconds to draw 100 samples."""
    if finite(row.get("sample_seconds_per_100")):
        return row["sample_seconds_per_100"]
    rate = (row.get("speed") or {}).get("per_second_64")
    return 100 / rate if finite(rate) and rate > 0 else None


def question(name: str, score: Mapping[str, Any]) -> str:
    """What a score answers; by its name, where it does not say."""
    guessed = (asked for asked, pattern in GUESSES if re.search(pattern, name, re.IGNORECASE))
    return score.get("question") or next(guessed, "quality")


def finite(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)


def cost(likelihood: Mapping[str, Any]) -> tuple[str, Any]:
    """Unit and value of -log p."""
    key = next((key for key in UNITS if key in likelihood), "nats")
    return UNITS[key], likelihood.get(key)


def comparable(likelihood: Mapping[str, Any]) -> str:
    """What two likelihoods must share to be ranked: claim, condition, data."""
    parts = [CLAIMS.get(likelihood["claim"], likelihood["claim"]), given(likelihood), likelihood.get("note") or ""]
    return ", ".join(part for part in parts if part)


def given(likelihood: Mapping[str, Any]) -> str:
    """ "given label and text"; "" of a likelihood that was given nothing."""
    names = [str(name) for name in likelihood.get("given") or ()]
    return f"given {words.joined(names)}" if names else ""


def condition(score: Mapping[str, Any]) -> str:
    """What two scores of a name must share to be ranked: the protocol but for what may vary."""
    return words.protocol(fixed(score.get("protocol") or ""))


def best(group: Group, name: str) -> bool:
    """Whether a model leads a ranked group (ties share the lead)."""
    place = group.rank(name)
    return group.ranked and place is not None and group.values[place].mean == group.values[0].mean


def front(group: Group) -> list[Value]:
    """The first and those after it that chance may have put there: up to the first that differs from it for sure. Where
    nobody knows, all of them."""
    first, *others = group.values
    return [first, *takewhile(lambda other: not group.clear(first, other), others)]


def claim_of(group: Group) -> str:
    word = group.qualifier.split(",")[0]
    return next((claim for claim, name in CLAIMS.items() if group.title == LIKELIHOOD and name == word), "")


def sign_of(group: Group) -> str:
    return SIGNS.get(claim_of(group), "")


def superlative(group: Group, worst: bool = False) -> str:
    """ "Lowest Fréchet distance", "Best likelihood (exact, given label)", "Fastest to sample"."""
    if group.title == SPEED:
        return "Slowest to sample" if worst else "Fastest to sample"
    if group.title == LIKELIHOOD:
        return f"{'Worst' if worst else 'Best'} likelihood ({group.qualifier})"
    low = (group.better == "lower") != worst
    return f"{'Lowest' if low else 'Highest'} {group.title}"


def missing(score: Mapping[str, Any]) -> str:
    """Why a score has no value."""
    return f"not measured, {score['reason']}" if score.get("reason") else words.BROKEN


def names_of(rows: Any) -> list[str]:
    return list(dict.fromkeys(row["name"] for row in rows))
