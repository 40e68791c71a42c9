"""Groups of numbers in a report that may be compared, and the leader of each.

A measure is one number of every model that has it. A `Group` holds values that compare: likelihoods of the same unit, claim,
conditions and data, or scores of the same protocol (except in what may vary). Models are ranked within a group only, by the
mean over their seeds. Statistics are in `measure.chance`, conclusions in `verdicts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import NamedTuple

from genlab.comparison import words
from genlab.comparison.rows import Row, is_finite
from genlab.core.model import CLAIMS
from genlab.core.words import word_list
from genlab.measure.catalogue import measure_of
from genlab.measure.chance import Span, Value, separated
from genlab.measure.likelihood import SIGNS, Likelihood
from genlab.measure.score import Score, fixed

LIKELIHOOD, SPEED, COST = "Likelihood", "Time to sample 100", "Training needed"
GLOSSES = {
    LIKELIHOOD: "how improbable the model finds unseen examples, −log p: the less, the better it knows such data",
    SPEED: "how long it takes to draw 100 samples, many at once",
    COST: "how much training it took to become as good as every model became",
}
TIMING = 1.2  # a repeated timing lies within this factor: other work comes and goes


@dataclass(frozen=True)
class Group:
    """Comparable values, best first where one way is better."""

    title: str  # of the measure: "Likelihood", "Fréchet distance", ...
    qualifier: str  # what sets this group apart: "exact, given label"
    unit: str
    better: str  # "lower", "higher" or "", where neither is
    values: tuple[Value, ...]
    question: str = ""  # "likelihood", "quality", "coverage", "copying", "labels", "speed", "cost"
    bounds: tuple[str, ...] = ()  # of likelihoods of both kinds: the models of which only a bound is known

    @property
    def ranked(self) -> bool:
        return bool(self.better) and len(self.values) > 1

    @property
    def by_factors(self) -> bool:
        """Times differ by factors, everything else by differences."""
        return self.question in ("speed", "cost") and all(min(value.seeds) > 0 for value in self.values)

    def scaled(self, value: Value) -> Value:
        return value.logarithm() if self.by_factors else value

    def differ(self, a: Value, b: Value) -> bool | None:
        """Whether two values differ beyond chance; None where that is not known."""
        return separated(self.scaled(a), self.scaled(b))

    def surely_differ(self, a: Value, b: Value) -> bool:
        """Whether it is known that two values differ beyond chance."""
        return bool(self.differ(a, b))

    def rank(self, name: str) -> int | None:
        """The rank of a model, 0 for the best; None if it is not in this group."""
        return next((rank for rank, value in enumerate(self.values) if value.name == name), None)

    def write(self, value: float, bare: bool = False) -> str:
        """The value in words, with its unit unless bare."""
        timed = self.title == SPEED or self.unit == "s"
        text = words.seconds(value) if timed else words.count(value) if self.question == "cost" else words.number(value)
        return text if bare else f"{text} {'per 100' if self.title == SPEED else '' if timed else self.unit}".rstrip()

    def ends(self, value: Value) -> str:
        """ "2.23 to 2.39": the range of the seeds, or one seed's interval; "" where it is too narrow to be seen."""
        low, high = (self.write(end, bare=True) for end in (value.low, value.high))
        return f"{low} to {high}" if low != high else ""


class Number(NamedTuple):
    """One finite number of one run, with everything that must agree for two of them to be ranked."""

    title: str
    qualifier: str
    unit: str
    better: str
    question: str
    value: float
    span: Span | None
    effects: tuple[float, ...] = ()


def grouped(rows: Sequence[Row]) -> list[Group]:
    """The groups of every measure: likelihoods, scores in order of appearance, speed."""
    found: dict[tuple[str, ...], dict[str, list[Number]]] = {}
    for row in rows:
        for number in numbers(row):
            found.setdefault(number[:5], {}).setdefault(row.name, []).append(number)
    made = [_group(key, by_name) for key, by_name in found.items()]
    order = {LIKELIHOOD: 0, SPEED: 2}
    return sorted(made, key=lambda group: order.get(group.title, 1))


def _group(key: tuple[str, ...], by_name: Mapping[str, Sequence[Number]]) -> Group:
    title, qualifier, unit, better, question = key
    values = [
        Value(name, [n.value for n in own], [n.span for n in own], own[0].effects if len(own) == 1 else ())
        for name, own in by_name.items()
    ]
    values.sort(key=lambda value: (-value.mean if better == "higher" else value.mean, value.name))
    return Group(title, qualifier, unit, better, tuple(values), question)


def numbers(row: Row) -> Iterator[Number]:
    """Every finite number of a row that may be ranked."""
    cost = row.likelihood
    if cost is not None and is_finite(cost.value):
        span = (cost.low, cost.high) if cost.error and is_finite(cost.error) else None
        yield Number(LIKELIHOOD, comparable(cost), cost.label, "lower", "likelihood", cost.value, span, cost.effects)
    for name, score in row.scores.items():
        if is_finite(score.value):
            about, value = condition(score), score.value
            yield Number(
                name, about, score.unit, score.better or "", question(score), value, span_of(score, value), score.effects
            )
    each = row.seconds_per_100
    if each is not None:
        yield Number(SPEED, "", "", "lower", "speed", each, (each / TIMING, each * TIMING))


def span_of(score: Score, value: float) -> Span | None:
    """The 95% interval of a score through its samples."""
    if is_finite(score.low) and is_finite(score.high):
        return min(score.low, value), max(score.high, value)
    return None


def question(score: Score) -> str:
    """The question that a score answers; "quality" where it names none."""
    return score.question or "quality"


def comparable(likelihood: Likelihood) -> str:
    """What two likelihoods must share to be ranked: claim, conditions, data."""
    return ", ".join(part for part in (CLAIMS[likelihood.claim], given(likelihood), likelihood.note) if part)


def given(likelihood: Likelihood) -> str:
    """ "given label and text"; "" of a likelihood that was given nothing."""
    return f"given {word_list(likelihood.given)}" if likelihood.given else ""


def condition(score: Score) -> str:
    """What two scores of a name must share to be ranked: the protocol, except in what may vary."""
    return words.protocol(fixed(score.protocol))


def best(group: Group, name: str) -> bool:
    """Whether a model leads a ranked group (ties share the lead)."""
    rank = group.rank(name)
    return group.ranked and rank is not None and group.values[rank].mean == group.values[0].mean


def front(group: Group) -> list[Value]:
    """The first value and those that follow, up to the first one known to differ from it beyond chance; all, where none is
    known to."""
    first, *others = group.values
    return [first, *takewhile(lambda other: not group.surely_differ(first, other), others)]


def claim_of(group: Group) -> str:
    word = group.qualifier.split(",")[0]
    return next((claim for claim, name in CLAIMS.items() if group.title == LIKELIHOOD and name == word), "")


def sign_of(group: Group, name: str = "") -> str:
    """What stands before a model's value in a group: ≤ before a bound."""
    return SIGNS["lower"] if name in group.bounds else SIGNS.get(claim_of(group), "")


def provable(groups: Sequence[Group]) -> list[Group]:
    """The groups of likelihoods, exact ones and bounds together where they are of the same data, given the same: a bound that
    lies below an exact cost proves that its model is better."""
    found: dict[tuple[str, str, bool], list[Group]] = {}
    for group in groups:
        if group.title == LIKELIHOOD:
            _, _, rest = group.qualifier.partition(", ")
            found.setdefault((rest, group.unit, claim_of(group) == "estimate"), []).append(group)
    return [_together(parts, rest) if len(parts) > 1 else parts[0] for (rest, _, _), parts in found.items()]


def _together(parts: Sequence[Group], rest: str) -> Group:
    values = sorted((value for part in parts for value in part.values), key=lambda value: (value.mean, value.name))
    bounds = tuple(value.name for part in parts if claim_of(part) == "lower" for value in part.values)
    return replace(parts[0], qualifier=rest, values=tuple(values), bounds=bounds)


def superlative(group: Group, worst: bool = False) -> str:
    """ "Lowest Fréchet distance", "Best likelihood (exact, given label)", "Fastest to sample"."""
    if group.title == SPEED:
        return "Slowest to sample" if worst else "Fastest to sample"
    if group.title == LIKELIHOOD:
        return f"{'Worst' if worst else 'Best'} likelihood" + (f" ({group.qualifier})" if group.qualifier else "")
    return f"{'Worst' if worst else 'Best'} {group.title}"


def gloss(title: str) -> str:
    """What a number says, for somebody to whom it is new; "" where that is not known."""
    measure = measure_of(title)
    return GLOSSES.get(title) or (measure.says if measure else "")


def missing(score: Score) -> str:
    """Why a score has no value."""
    return f"not measured, {score.reason}" if score.reason else words.BROKEN
