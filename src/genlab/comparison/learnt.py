"""Models that have learnt too little to be ranked by their samples, and pictures that no ruler can rank."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from genlab.comparison import words
from genlab.comparison.ranking import Group, condition, grouped, span_of
from genlab.comparison.rows import Record, Row, is_finite, names_of
from genlab.core.kinds import kind_of
from genlab.measure.chance import Value, separated
from genlab.measure.ruler import Ruler

NOISE = "noise"  # the baseline that is worthless by construction
PASS = 5_000  # examples that count as a pass over the data, where these have more
PASSES, LONGER = 10, 4  # passes over the data, and times the training, without which nothing is to be expected


def quality(record: Record) -> Group | None:
    """The leading measure of quality."""
    return next((group for group in grouped(record.rows) if group.question == "quality" and group.better), None)


def unlearnt(record: Record) -> Mapping[str, str]:
    """Why a model's pictures are not ranked, for those that are not, by name: it did not see enough of the data, or what it
    draws is no nearer to them than pixels drawn independently are."""
    if record.ruler is None or not record.ruler.passed:
        return {}
    group, found = quality(record), {}
    worthless = not_beyond_noise(record, group) if group is not None else ()
    for name in names_of(record.rows):
        rows = [row for row in record.rows if row.name == name and row.scores]
        passes = [row.examples_seen / _pass(record) for row in rows if row.examples_seen is not None]
        if passes and sum(passes) / len(passes) < 1:
            found[name] = f"it saw {words.percent(sum(passes) / len(passes))} of {_enough(record)}{_needs(record, rows)}"
        elif name in worthless:
            found[name] = f"what it draws is no better than noise{_needs(record, rows)}"
    return found


def not_beyond_noise(record: Record, group: Group) -> list[str]:
    """Names of the models that do not differ from independent pixels beyond chance, or are worse, by a measure."""
    for baseline in record.baselines:
        score = baseline.scores.get(group.title)
        if baseline.name == NOISE and score is not None and is_finite(score.value) and condition(score) == group.qualifier:
            noise = Value(NOISE, [score.value], [span_of(score, score.value)], score.effects)
            better = 1 if group.better == "higher" else -1
            return [
                value.name
                for value in group.values
                if better * (value.mean - noise.mean) <= 0 or separated(value, noise) is False
            ]
    return []


def notices(record: Record) -> Iterator[str]:
    """What has to be said before any verdict."""
    for name, reason in unlearnt(record).items():
        yield f"{name} was not trained long enough to be ranked: {reason}."
    if record.ruler is not None and not record.ruler.passed and any(row.scores for row in record.rows):
        yield _no_ruler(record.ruler, len(record.refused) + 1, record)


def _no_ruler(ruler: Ruler, tried: int, record: Record) -> str:
    there, enough = sum(count for split, count in record.data.counts.items() if split != "test"), float(f"{ruler.wanted:.2g}")
    which = f"none of the {tried} rulers that were tried does" if tried > 1 else "the ruler does not"
    more = f" With about {enough:,.0f} pictures instead of {there:,} it might." if ruler.wanted > there else ""
    return (
        f"These pictures cannot be ranked yet. A ruler has to tell damaged pictures from good ones, and {which}: "
        f"{ruler.features} put {ruler.faults[0]}.{more} Look at the samples."
    )


def _pass(record: Record) -> int:
    return max(1, min(PASS, record.data.counts.get("train", PASS)))


def _enough(record: Record) -> str:
    count = record.data.counts.get("train", PASS)
    examples = kind_of(record.space).examples
    return f"the {count:,} {examples} to learn from" if count <= PASS else f"{PASS:,} {examples}, the least to judge it by"


def _needs(record: Record, rows: Sequence[Row]) -> str:
    """ "; it needs at least about 6 min here", from what it did in its time."""
    seconds = [row.train_seconds for row in rows if row.train_seconds]
    seen = [row.examples_seen for row in rows if row.examples_seen]
    if not seconds or not seen or len(seconds) != len(seen):
        return ""
    spent, each = max(seconds), sum(seconds) / sum(seen)
    return f"; it needs at least about {words.seconds(max(LONGER * spent, PASSES * _pass(record) * each))} here"
