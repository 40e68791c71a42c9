"""Reasons to doubt a model or a ranking: copies, noise, alarms, numbers that do not compare, a busy machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from genlab.comparison import words
from genlab.comparison.learnt import NOISE, unlearnt
from genlab.comparison.ranking import Group, claim_of, condition, grouped, provable, question, sign_of
from genlab.comparison.rows import Record, Row, is_finite, names_of
from genlab.core.words import word_list
from genlab.measure.copies import USUAL
from genlab.measure.score import Score, differences

COPIES = 0.01  # the share of samples that held-out examples would have called copies at most
COPIED = {  # by how a measure's name begins, what its samples are
    "copied": "are copies of training examples",
    "share of lines": "stand word for word in the training set",
}
MEASURES = 2  # measures of quality by which noise is a yardstick: of all, one or the other is blind to it
CLAIMED = {"exact": "an exact likelihood", "lower": "a bound on the likelihood", "estimate": "an estimated likelihood"}
BUSY = 1.5  # a factor between loads that is worth a word


def caveats(who: Sequence[str], record: Record) -> Iterator[str]:
    """What a reader must know about the models that a verdict names."""
    models = record.rows
    for name in who:
        copies, alarms = copying(name, models), alarmed(name, models)
        if copies:
            yield f"but {copies}"
        if alarms:
            yield f"but {name}'s training raised an alarm: {word_list(alarms)}"
    yield from (f"but {sentence}" for sentence in _worthless(record, who))


def copying(name: str, models: Sequence[Row]) -> str:
    """ "41% of a's samples stand word for word in the training set, of real ones not learnt from 3% at most"; "" where they
    are no more than chance has it."""
    for start, what in COPIED.items():
        scores = [
            score
            for row in models
            for title, score in (row.scores.items() if row.name == name else ())
            if title.startswith(start) and question(score) == "copying" and is_finite(score.value) and not score.unit
        ]
        usual = max([COPIES, *(float(score.detail.get(USUAL, 0.0)) for score in scores)])
        if scores and sum(score.low if is_finite(score.low) else score.value or 0.0 for score in scores) / len(scores) > usual:
            share = sum(score.value or 0.0 for score in scores) / len(scores)
            beside = f", of real ones not learnt from {words.percent(usual)} at most" if usual > COPIES else ""
            return f"{words.percent(share)} of {name}'s samples {what}{beside}"
    return ""


def alarmed(name: str, models: Sequence[Row]) -> list[str]:
    """ "collapse at 40%", for each kind of alarm; the earliest, and in how many runs, where it is not in all."""
    rows = [row for row in models if row.name == name]
    kinds: dict[str, list[float]] = {}
    for row in rows:
        first = {alarm.kind: alarm.progress for alarm in reversed(row.alarms)}
        for kind, progress in first.items():
            kinds.setdefault(kind, []).append(progress)
    return [_alarm(kind, places, len(rows)) for kind, places in kinds.items()]


def _alarm(kind: str, places: Sequence[float], runs: int) -> str:
    in_some = f" (in {len(places)} of {runs} runs)" if len(places) < runs else ""
    return f"{kind} at {words.percent(min(places))}{in_some}"


def baseline_value(record: Record, name: str, title: str, group: Group | None = None) -> float | None:
    """The score of a baseline ("real data", "noise"); with a group, None unless it may be compared with that group."""
    for row in record.baselines:
        score = row.scores.get(title)
        if row.name == name and score is not None and is_finite(score.value):
            return score.value if group is None or group.qualifier == condition(score) else None
    return None


def no_better_than_noise(record: Record) -> Iterator[tuple[str, list[str], float]]:
    """(measure, the models that noise equals or beats, noise's value) of the leading measures of quality."""
    found = [group for group in grouped(record.rows) if group.question == "quality" and group.better]
    titles = list(dict.fromkeys(group.title for group in found))[:MEASURES]
    for group in found:
        noise = baseline_value(record, NOISE, group.title, group)
        if noise is not None and group.title in titles:
            sign = -1 if group.better == "higher" else 1
            names = [value.name for value in group.values if sign * value.mean >= sign * noise]
            if names:
                yield group.title, names, noise


def remarks(record: Record) -> list[str]:
    """Remarks on what the verdicts leave out."""
    models, pending = record.rows, _pending(record)
    if not models:
        return ["No model has been measured yet.", *pending]
    if len(names_of(models)) < 2:
        return ["One model: nothing to compare it with.", *pending, *_worst(record), *_copies(models)]
    sentences = [
        *pending,
        *_seeds(models),
        *_alone(models),
        *_unlike(models),
        *_worst(record),
        *_copies(models),
        *_busy(models),
    ]
    without = names_of([row for row in models if row.likelihood is None and not row.error])
    if without:
        has = "has" if len(without) == 1 else "have"
        sentences.append(f"{word_list(without)} {has} no likelihood and cannot say how probable an example is.")
    return sentences


def _pending(record: Record) -> list[str]:
    return [f"Not measured yet: {word_list(record.pending)}."] if record.pending else []


def _seeds(models: Sequence[Row]) -> Iterator[str]:
    measured = [row.name for row in models if row.measured]
    counts = [measured.count(name) for name in dict.fromkeys(measured)]
    fewest, most = min(counts, default=1), max(counts, default=1)
    if most == 1:
        yield "One run per model: another random start may give another order (--seeds 3)."
    elif fewest == 1:
        yield "Some models have one run: another random start may give them another place."
    else:
        yield f"Means over {fewest} seeds{'' if fewest == most else ' or more'}."


def _alone(models: Sequence[Row]) -> Iterator[str]:
    for group in provable(grouped(models)):
        if not group.ranked:
            value = sign_of(group) + group.write(group.values[0].mean)
            name, given = group.values[0].name, group.qualifier.partition(", ")[2]
            about = ", ".join(filter(None, (value, given)))
            yield f"Only {name} has {CLAIMED[claim_of(group)]} ({about}); it cannot be ranked against those of another kind."


def _unlike(models: Sequence[Row]) -> Iterator[str]:
    """Scores of one name that were made in different ways, and which."""
    first: dict[str, tuple[str, Score]] = {}
    differing: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for row in models:
        for title, score in row.scores.items():
            if not is_finite(score.value) or not score.better:
                continue
            name, other = first.setdefault(title, (row.name, score))
            differs = differences(other.protocol, score.protocol)
            if differs:
                differing.setdefault((f"{name} and {row.name}", tuple(differs)), []).append(title)
    for (who, differs), titles in differing.items():
        yield f"{words.capital(word_list(titles))} of {who} cannot be compared: {'; '.join(differs)}."


def _worst(record: Record) -> list[str]:
    return [f"{sentence}." for sentence in _worthless(record, names_of(record.rows))]


def _worthless(record: Record, who: Sequence[str]) -> Iterator[str]:
    """ "a and b are no better than noise by d (0.400)", for each set of measures."""
    measures: dict[str, list[str]] = {}
    said = unlearnt(record)  # before any verdict
    for title, names, noise in no_better_than_noise(record):
        for name in names:
            if name in said:
                continue
            measures.setdefault(name, []).append(f"{title} ({words.number(noise)})")
    sets = dict.fromkeys(tuple(measures[name]) for name in who if name in measures)
    for titles in sets:
        named = [name for name in who if tuple(measures.get(name, ())) == titles]
        yield f"{word_list(named)} {'is' if len(named) == 1 else 'are'} no better than noise by {word_list(titles)}"


def _copies(models: Sequence[Row]) -> Iterator[str]:
    for name in names_of(models):
        copies = copying(name, models)
        if copies:
            yield f"{copies}."


def _busy(models: Sequence[Row]) -> Iterator[str]:
    loads: dict[str, list[float]] = {}
    for row in models:
        if row.load is not None and is_finite(row.load.mean):
            loads.setdefault(row.name, []).append(row.load.mean)
    means = sorted((sum(values) / len(values), name) for name, values in loads.items())
    if len(means) > 1 and means[-1][0] > BUSY * max(means[0][0], 0.5):
        (low, free), (high, busy) = means[0], means[-1]
        yield f"The machine was not equally free: its load was {high:.1f} while {busy} trained, {low:.1f} while {free} did."
