"""The results of one run as a table in plain text: a line for each measure, the headline first."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from genlab.comparison import words
from genlab.core.words import word_list
from genlab.measure.catalogue import measure_of
from genlab.measure.likelihood import Likelihood
from genlab.measure.score import Score, in_common

if TYPE_CHECKING:
    from genlab.comparison.rows import Results

ORDER = ("quality", "coverage", "labels", "copying", "density")  # questions, the headline's first


class Line(NamedTuple):
    title: str
    value: str
    interval: str = ""
    better: str = ""
    says: str = ""


HEAD = Line("", "value", "95% interval", "better", "what it says")


def table(results: Results, width: int = 160) -> list[str]:
    """A line for each number that was measured, then what was not and why, and what all have in common.

    width   of a line of the table; where there is no room for it, the column that says what each number means is left out
    """
    usual, scores = usual_features(results.scores), ordered(results.scores.values())
    lines = [_score(score, usual) for score in scores if score.value is not None]
    cost = results.likelihood
    if cost is not None:
        lines.insert(0 if cost.unit == "nats_per_character" else 1, _likelihood(cost))
    lines += _speed(results)
    shown = aligned([HEAD, *lines])
    if max(map(len, shown)) > width:
        shown = aligned([line._replace(says="") for line in (HEAD, *lines)])
    return [*shown, *_missing(scores, usual), *_common(results, usual)]


def ordered(scores: Iterable[Score]) -> list[Score]:
    """By question; within one as they are."""
    return sorted(scores, key=lambda score: ORDER.index(score.question) if score.question in ORDER else len(ORDER))


def usual_features(names: Iterable[str]) -> str:
    """The brackets that most names of scores have, " (classifier features)"; "" where none has any."""
    found = Counter(part for name in names for part in re.findall(r" \([^()]* features\)", name))
    return found.most_common(1)[0][0] if found else ""


def aligned(lines: Sequence[Line]) -> list[str]:
    """The lines with their columns under one another, values to the right."""
    wide = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    sides = "<><<<"
    return ["  ".join(f"{text:{side}{w}}" for text, side, w in zip(line, sides, wide, strict=True)).rstrip() for line in lines]


def _score(score: Score, usual: str) -> Line:
    value = f"{words.number(score.value)} {score.unit}".rstrip()
    measure = measure_of(score.name)
    interval = _interval(score.low, score.high)
    return Line(score.name.replace(usual, ""), value, interval, score.better or "", measure.says if measure else "")


def _interval(low: float | None, high: float | None) -> str:
    known = low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
    return f"{words.number(low)} to {words.number(high)}" if known else ""


def _likelihood(cost: Likelihood) -> Line:
    how = {"exact": "", "lower": "; a bound", "estimate": "; an estimate"}[cost.claim]
    given = f", given their {word_list(cost.given)}" if cost.given else ""
    value = f"{cost.sign}{words.number(cost.value)} {cost.label}"
    says = f"how improbable the model finds unseen examples{given}{how}"
    return Line("likelihood (−log p)", value, _interval(cost.low, cost.high), "lower", says)


def _speed(results: Results) -> Iterator[Line]:
    each, speed = results.sample_seconds_per_100, results.speed
    if each is not None:
        yield Line("time to sample 100", words.seconds(each), better="lower", says="when many are drawn at once")
    if speed is not None:
        yield Line("memory for sampling", words.memory(speed.peak_bytes), says=f"when {speed.peak_batch} are drawn at once")


def _missing(scores: Sequence[Score], usual: str) -> Iterator[str]:
    """What was not measured, once for each reason."""
    reasons: dict[str, list[str]] = {}
    for score in scores:
        if score.value is None:
            reasons.setdefault(score.reason or words.BROKEN, []).append(score.name.replace(usual, ""))
    for reason, names in reasons.items():
        yield f"not measured: {word_list(names)} ({reason})"


def _common(results: Results, usual: str) -> Iterator[str]:
    if results.likelihood is None:
        yield "no likelihood: this model draws examples without knowing how probable one is"
    shared = in_common(results.scores.values())
    counts = [
        f"{shared[what]:,} {called}" for what, called in (("real", "real examples"), ("generated", "samples")) if what in shared
    ]
    features = [f"in {usual.strip(' ()')} unless said otherwise"] if usual else []
    yield ", ".join([f"{results.split} split", *counts, f"{results.weights} weights", f"seed {results.seed}", *features])
