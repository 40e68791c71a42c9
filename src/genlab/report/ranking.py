"""What may be said about the models of a report, and no more.

A Measure is one number of every model that has it; a Group of it holds those that may be compared: of a likelihood the same
unit, claim, condition and data, of a score the same protocol. Models are ranked inside a group only, by the mean over their
seeds. A difference is *clear* unless the ranges of the seeds, or two standard errors, overlap; with one seed and no error
nobody knows, and the report says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genlab.report import words

Row = Mapping[str, Any]
UNITS = {"bits_per_dim": "bits/dim", "nats_per_character": "nats/character", "nats": "nats"}
CLAIMS = {"exact": "exact", "lower": "bound", "estimate": "estimate"}
SIGNS = {"exact": "", "lower": "≤ ", "estimate": "≈ "}  # of -log p, where the claim is about log p
SPEED = "Time to sample 100"
VARIES = ("seed", "weights", "shares")  # parts of a protocol that may differ between scores that are ranked
FLOOR, NOISE = "train examples themselves", "pixels drawn independently"  # parts of a protocol that say what a score is worth
LEADING = 2  # scores among the verdicts; the table has all


@dataclass(frozen=True)
class Value:
    """One model's number in a group: over its seeds, in the order of the rows."""

    name: str
    seeds: Sequence[float]
    error: float = 0.0  # standard error, where one is known

    @property
    def mean(self) -> float:
        return sum(self.seeds) / len(self.seeds) if len(self.seeds) > 1 else self.seeds[0]

    @property
    def low(self) -> float:
        return min(*self.seeds, self.mean - self.error)

    @property
    def high(self) -> float:
        return max(*self.seeds, self.mean + self.error)


@dataclass(frozen=True)
class Group:
    """Comparable values, best first where one way is better."""

    title: str  # of the measure: "Likelihood", "Fréchet distance", ...
    qualifier: str  # what sets this group apart: "exact, given label"
    unit: str
    better: str  # "lower", "higher" or "", where neither is
    values: tuple[Value, ...]

    @property
    def ranked(self) -> bool:
        return bool(self.better) and len(self.values) > 1

    def clear(self, a: Value, b: Value) -> bool:
        """Whether two values differ by more than their seeds and errors."""
        apart = abs(a.mean - b.mean) > 2 * math.hypot(a.error, b.error)
        return apart and (a.high < b.low or b.high < a.low)

    def rank(self, name: str) -> int | None:
        """0 is the best; None if the model has no place here."""
        return next((place for place, value in enumerate(self.values) if value.name == name), None)

    def write(self, value: float, bare: bool = False) -> str:
        """The value as a reader meets it, with its unit unless bare."""
        text = words.seconds(value) if self.title == SPEED else words.number(value)
        return text if bare else f"{text} {'per 100' if self.title == SPEED else self.unit}".rstrip()


@dataclass(frozen=True)
class Verdict:
    """One plain statement of what was measured here."""

    what: str  # "Lowest Fréchet distance"
    who: str  # "ddpm"
    value: str  # "2.31"
    rest: str  # "Next is gan with 3.80; ..."


def groups(models: Sequence[Row]) -> list[Group]:
    """Every measure's groups: likelihoods, scores in order of appearance, speed."""
    found: dict[tuple[str, str, str, str], dict[str, list[tuple[float, float]]]] = {}
    for row in models:
        for key, value, error in _numbers(row):
            found.setdefault(key, {}).setdefault(row["name"], []).append((value, error))
    result = []
    for (title, qualifier, unit, better), by_name in found.items():
        values = [
            Value(name, tuple(v for v, _ in pairs), math.sqrt(sum(e * e for _, e in pairs)) / len(pairs))
            for name, pairs in by_name.items()
        ]
        values.sort(key=lambda value: -value.mean if better == "higher" else value.mean)
        result.append(
            Group(title, qualifier, unit, "lower" if better == "lower" else "higher" if better else "", tuple(values))
        )
    order = {"Likelihood": 0, SPEED: 2}
    return sorted(result, key=lambda group: order.get(group.title, 1))


def _numbers(row: Row) -> Iterator[tuple[tuple[str, str, str, str], float, float]]:
    """(title, what must agree, unit, better), value, error of every finite number of a row."""
    likelihood = row.get("likelihood")
    if likelihood:
        unit, value = cost(likelihood)
        if finite(value):
            yield ("Likelihood", comparable(likelihood), unit, "lower"), value, likelihood.get("error") or 0.0
    for name, score in (row.get("scores") or {}).items():
        if finite(score.get("value")):
            key = name, condition(score), score.get("unit") or "", score.get("better") or ""
            yield key, score["value"], score.get("error") or 0.0
    if finite(row.get("sample_seconds_per_100")):
        yield (SPEED, "", "", "lower"), row["sample_seconds_per_100"], 0.0


def finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def cost(likelihood: Mapping[str, Any]) -> tuple[str, Any]:
    """Unit and value of -log p."""
    key = next((key for key in UNITS if key in likelihood), "nats")
    return UNITS[key], likelihood.get(key)


def comparable(likelihood: Mapping[str, Any]) -> str:
    """What two likelihoods must share to be ranked: claim, condition, data."""
    given = re.search(r"given [\w ]+$", likelihood.get("how", ""))
    parts = [CLAIMS.get(likelihood["claim"], likelihood["claim"]), given.group() if given else "", likelihood.get("note") or ""]
    return ", ".join(part for part in parts if part)


def condition(score: Mapping[str, Any]) -> str:
    """What two scores of a name must share to be ranked: the protocol but for what may vary."""
    protocol = score.get("protocol") or ""
    if isinstance(protocol, Mapping):
        protocol = {key: value for key, value in protocol.items() if key not in VARIES}
    return words.protocol(protocol)


def best(group: Group, name: str) -> bool:
    """Whether a model leads a ranked group (ties share the lead)."""
    place = group.rank(name)
    return group.ranked and place is not None and group.values[place].mean == group.values[0].mean


def verdicts(models: Sequence[Row]) -> list[Verdict]:
    """Who leads each group of at least two, of likelihood, the first scores and speed."""
    ranked = [group for group in groups(models) if group.ranked]
    scores = list(dict.fromkeys(group.title for group in ranked if group.title not in ("Likelihood", SPEED)))
    return [_leader(group) for group in ranked if group.title not in scores[LEADING:]]


def remarks(models: Sequence[Row]) -> list[str]:
    """What the verdicts leave out: what chance may have done, likelihoods that nothing compares with, and none at all."""
    seeds = [sum(row["name"] == name for row in models) for name in _names(models)]
    if not seeds:
        return ["No model has been measured yet."]
    if len(seeds) < 2:
        return ["One model: nothing to compare it with."]
    said = ["One seed: differences may be chance." if min(seeds) == 1 else f"Means over {min(seeds)} seeds."]
    for group in groups(models):
        if group.title == "Likelihood" and not group.ranked:
            value = SIGNS.get(_claim(group), "") + group.write(group.values[0].mean)
            said.append(f"{group.values[0].name} alone has a likelihood of its kind ({group.qualifier}), {value}: not ranked.")
    said += _no_better_than_noise(models)
    without = _names(row for row in models if row.get("likelihood") is None and not row.get("error"))
    if without:
        has = "has" if len(without) == 1 else "have"
        said.append(f"{words.joined(without)} {has} no likelihood and cannot say how probable an example is.")
    return said


def beside(name: str, part: str, models: Sequence[Row]) -> float | None:
    """What FLOOR or NOISE stands at in a score's protocol, where all models agree on it."""
    protocols = [score.get("protocol") for row in models if (score := (row.get("scores") or {}).get(name))]
    found = {said.get(part) for said in protocols if isinstance(said, Mapping)} - {None}
    return found.pop() if len(found) == 1 else None


def _no_better_than_noise(models: Sequence[Row]) -> Iterator[str]:
    for group in groups(models):
        noise = beside(group.title, NOISE, models)
        behind = [value.name for value in group.values if noise is not None and value.mean >= noise]
        if noise is not None and behind:
            verb, value = "is" if len(behind) == 1 else "are", words.number(noise)
            yield f"{words.joined(behind)} {verb} no nearer to the data than {NOISE} ({value}), by {group.title}."


def _leader(group: Group) -> Verdict:
    first, *others = group.values
    tied = [value.name for value in group.values if value.mean == first.mean]
    value = SIGNS.get(_claim(group), "") + group.write(first.mean)
    if len(tied) > 1:
        return Verdict(superlative(group), words.joined(tied), value, "Equal here.")
    second, last = others[0], others[-1]
    rest = [f"Next is {second.name} with {group.write(second.mean)}{_factor(group, second, first)}"]
    if len(others) > 1:
        rest.append(f"last {last.name} with {group.write(last.mean)}{_factor(group, last, first)}")
    sentence = ", ".join(rest) + "."
    if _known(first, second) and not group.clear(first, second):
        sentence += " The first two overlap: no difference was shown."
    return Verdict(superlative(group), first.name, value, sentence)


def _factor(group: Group, slow: Value, fast: Value) -> str:
    """How many times as long, where it is a matter of time and worth saying."""
    if group.title != SPEED or fast.mean <= 0 or slow.mean / fast.mean < 1.5:
        return ""
    return f", {words.times(slow.mean / fast.mean)} as long"


def _known(a: Value, b: Value) -> bool:
    """Whether anything is known about chance: several seeds, or an error."""
    return bool(a.error or b.error) or min(len(a.seeds), len(b.seeds)) > 1


def _claim(group: Group) -> str:
    word = group.qualifier.split(",")[0]
    return next((claim for claim, name in CLAIMS.items() if group.title == "Likelihood" and name == word), "")


def superlative(group: Group, worst: bool = False) -> str:
    """ "Lowest Fréchet distance", "Best likelihood (exact, given label)", "Fastest to sample"."""
    if group.title == SPEED:
        return "Slowest to sample" if worst else "Fastest to sample"
    if group.title == "Likelihood":
        return f"{'Worst' if worst else 'Best'} likelihood ({group.qualifier})"
    low = (group.better == "lower") != worst
    return f"{'Lowest' if low else 'Highest'} {group.title}"


def measured(row: Row, models: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Strengths and weaknesses of one model among the models of this report, each with its number."""
    strong: list[str] = []
    weak: list[str] = []
    for group in groups(models):
        place = group.rank(row["name"])
        if place is None or not group.ranked or _all_equal(group):
            continue
        value, number = group.values[place], len(group.values)
        of = f" of {number}" if number > 2 else ""
        end = {group.values[0].mean: (strong, group.values[1:]), group.values[-1].mean: (weak, group.values[:-1])}
        if value.mean not in end:
            continue
        side, rivals = end[value.mean]
        nearest = min(rivals, key=lambda rival: abs(rival.mean - value.mean))
        if not _known(value, nearest) or group.clear(value, nearest):
            sign = SIGNS.get(_claim(group), "")
            shared = ", shared" if nearest.mean == value.mean else ""
            side.append(f"{superlative(group, worst=side is weak)}{of}{shared}: {sign}{group.write(value.mean)}")
    _likelihood_words(row, models, strong, weak)
    return strong, weak


def _likelihood_words(row: Row, models: Sequence[Row], strong: list[str], weak: list[str]) -> None:
    likelihood = row.get("likelihood")
    claims = [other["likelihood"]["claim"] for other in models if other.get("likelihood")]
    if row.get("error"):
        return
    if likelihood is None:
        weak.append("No likelihood: it cannot say how probable an example is")
    elif not finite(cost(likelihood)[1]):
        weak.append("Its likelihood on the test data is not finite")
    elif likelihood["claim"] == "exact" and set(claims) != {"exact"}:
        strong.append("Its likelihood is exact, not a bound or an estimate")
    scores = (row.get("scores") or {}).items()
    weak.extend(f"{name[:1].upper()}{name[1:]}: {missing(score)}" for name, score in scores if not finite(score.get("value")))


def missing(score: Mapping[str, Any]) -> str:
    """Why a score has no value."""
    return f"not measured, {score['reason']}" if score.get("reason") else words.BROKEN


def _all_equal(group: Group) -> bool:
    return group.values[0].mean == group.values[-1].mean


def _names(rows: Any) -> list[str]:
    return list(dict.fromkeys(row["name"] for row in rows))
