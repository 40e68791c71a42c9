"""A verdict for each of a reader's questions, only where the data separate the models.

The questions: which model finds the test data most probable, draws the best samples, covers the data most widely, is the
fastest to sample, the cheapest to train. The leader of a question must differ from every other model beyond chance
(`chance`); those it does not differ from share its verdict, "too close to call", with how many seeds or seconds would probably
separate them. What speaks against a leader (copies, noise, alarms) stands beside its verdict.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from genlab.comparison import words
from genlab.comparison.courses import Courses, cost_to_reach, courses_of, still_improving
from genlab.comparison.doubts import caveats, copying
from genlab.comparison.learnt import unlearnt
from genlab.comparison.ranking import COST, LIKELIHOOD, SPEED, Group, front, grouped, provable, sign_of
from genlab.comparison.rows import Record, Row, names_of
from genlab.core.kinds import kind_of
from genlab.core.space import Space
from genlab.core.words import plural, word_list
from genlab.measure.chance import MOST_SEEDS, Value, samples_factor, seeds_needed, several

TITLES = {
    "likelihood": "Best likelihood",
    "coverage": "Widest coverage",
    "speed": "Fastest to sample",
    "cost": "Cheapest to train",
}
CLAIMED = {
    "likelihood": "finds the test data most probable",
    "coverage": "covers the data best",
    "speed": "is the fastest to sample",
    "cost": "is the cheapest to train",
}
UNKNOWN = "One run per model is not enough to rule out chance: run with --seeds 3."
Outcome = Literal["leader", "tied", "unknown"]


@dataclass(frozen=True)
class Verdict:
    """One question answered, or why it is not."""

    question: str  # "likelihood", "quality", "coverage", "speed", "cost"
    title: str  # "Best pictures"
    outcome: Outcome  # unknown: one run each and no interval
    models: tuple[str, ...]  # the leader, or the first and all that are not separated from it
    sentence: str  # "ddpm draws the best pictures."
    detail: str  # the numbers
    advice: str  # what would probably separate those that are not
    caveats: tuple[str, ...]  # what speaks against these models
    group: Group

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, with the numbers that the verdict rests on."""
        fields = {key: getattr(self, key) for key in ("question", "title", "outcome", "sentence", "detail", "advice")}
        group = {"measure": self.group.title, "condition": self.group.qualifier, "unit": self.group.unit}
        values = [{"name": v.name, "mean": v.mean, "interval": v.interval(), "runs": len(v.seeds)} for v in self.group.values]
        return {
            **fields,
            "models": list(self.models),
            "caveats": list(self.caveats),
            **group,
            "better": self.group.better,
            "values": values,
        }


def verdicts(record: Record) -> list[Verdict]:
    """The verdicts on all questions that two models or more can answer, the one that matters most for the data first."""
    space, courses = record.space, courses_of(record.rows)
    asked = questions(record)
    first = "likelihood" if space.text else "quality"
    asked.sort(key=lambda group: group.question != first)
    return [verdict(group, record, space, courses) for group in asked]


def questions(record: Record) -> list[Group]:
    """The groups that answer the questions: every ranked likelihood, the first ranked measure of quality and of coverage,
    time to sample, cost of training."""
    groups = grouped(record.rows)
    ranked = [group for group in groups if group.ranked]
    asked = [group for group in provable(groups) if group.ranked]
    for question in ("quality", "coverage"):
        titles = [group.title for group in ranked if group.question == question]
        asked += [group for group in ranked if group.question == question and group.title == titles[0]]
    asked += [group for group in ranked if group.title == SPEED]
    reached = cost_of(record)
    return [kept for group in ([*asked, reached[0]] if reached else asked) if (kept := _judged(group, record))]


def _judged(group: Group, record: Record) -> Group | None:
    """The group without the models that have learnt too little to be ranked by what they draw; None where nothing is left to
    say."""
    if group.title == LIKELIHOOD:
        return group
    if group.question in ("quality", "coverage") and record.ruler is not None and not record.ruler.passed:
        return None
    out = unlearnt(record)
    values = tuple(value for value in group.values if value.name not in out)
    enough = 1 if group.question == "quality" else 2
    return replace(group, values=values) if len(values) >= enough else None


def cost_of(record: Record) -> tuple[Group, float] | None:
    """The cost of training to the quality that all reach, and that quality; None without check-ups."""
    done = [row for row in record.rows if not row.error]
    courses = courses_of(done)
    return cost_to_reach(courses, done, by_work=record.budget.seconds is None) if courses else None


def verdict(group: Group, record: Record, space: Space, courses: Courses | None) -> Verdict:
    """The verdict that the values of a group allow. courses: of all runs, None without check-ups."""
    first, *others = group.values
    apart = {other.name: group.differ(first, other) for other in others}
    tied = front(group)[1:]
    rest = [other for other in others if apart[other.name]]
    open_ = [other.name for other in others if other not in tied and other not in rest]
    models = tuple(value.name for value in (first, *tied))
    outcome: Outcome = "leader" if not tied else "unknown" if all(apart[v.name] is None for v in tied) else "tied"
    title = title_of(group, space)
    sentence = {"leader": _leads, "tied": _tied, "unknown": _unknown}[outcome](group, [first, *tied], rest, space)
    detail = " ".join(
        filter(
            None,
            (
                _numbers(group),
                _on_scale(group, record),
                _reached(group, record),
                _scope(group),
                _unplaced(open_),
                _others(group, models, record),
            ),
        )
    )
    advice = _advice(group, first, tied) if outcome == "tied" else UNKNOWN if outcome == "unknown" else ""
    longer = _longer(group, models, courses, record) if outcome == "tied" else ""
    against = (*caveats(models, record), *_unproven(group, models))
    return Verdict(
        group.question, title, outcome, models, sentence, detail, " ".join(filter(None, (advice, longer))), against, group
    )


def said_once(judged: Sequence[Verdict]) -> list[tuple[str, ...]]:
    """The caveats of each verdict that no verdict before it has."""
    seen: set[str] = set()
    found: list[tuple[str, ...]] = []
    for verdict in judged:
        found.append(tuple(caveat for caveat in verdict.caveats if caveat not in seen))
        seen.update(verdict.caveats)
    return found


def title_of(group: Group, space: Space) -> str:
    """ "Best pictures", "Best likelihood (bound, given label)"."""
    if group.question == "quality":
        return f"Best {samples_name(space)}"
    of = f" ({group.qualifier})" if group.title == LIKELIHOOD and group.qualifier else ""
    return TITLES.get(group.question, words.capital(group.title)) + of


def samples_name(space: Space) -> str:
    """The name of samples: pictures, points, lines, text."""
    return kind_of(space).examples


def _claimed(group: Group, space: Space) -> str:
    if group.question == "quality":
        return f"{'writes' if space.text else 'draws'} the best {samples_name(space)}"
    return CLAIMED.get(group.question, f"leads by {group.title}")


def _leads(group: Group, top: Sequence[Value], rest: Sequence[Value], space: Space) -> str:
    alone = "" if len(group.values) > 1 else ": no other learnt enough to be ranked"
    return f"{top[0].name} {_claimed(group, space)}{alone}."


def _unknown(group: Group, top: Sequence[Value], rest: Sequence[Value], space: Space) -> str:
    return f"{top[0].name} scored best, perhaps by chance."


def _tied(group: Group, top: Sequence[Value], rest: Sequence[Value], space: Space) -> str:
    names = word_list([value.name for value in top])
    sentence = f"{names} are too close to call"
    if not rest:
        return f"{sentence}."
    behind = word_list([value.name for value in rest])
    if all(group.surely_differ(one, other) for one in top for other in rest):
        return f"{sentence}; {'both' if len(top) == 2 else 'all'} are ahead of {behind}."
    return f"{sentence}; {top[0].name} is ahead of {behind}."


def _unproven(group: Group, first: Sequence[str]) -> Iterator[str]:
    """What an exact likelihood in front does not prove of models of which a bound is known."""
    bounds = [value.name for value in group.values if value.name in group.bounds and value.name not in first]
    if bounds and not set(first) & set(group.bounds):
        own = "likelihood" if len(bounds) == 1 else "likelihoods"
        yield f"but only a bound is known of {word_list(bounds)}, whose own {own} may be better"


def _unplaced(names: Sequence[str]) -> str:
    """A sentence on models ranked behind one that is separated from the first, but not separated from it themselves."""
    return f"{word_list(names)} var{'ies' if len(names) == 1 else 'y'} too much between runs to be placed." if names else ""


def _numbers(group: Group) -> str:
    """The leader's number, the next one's, and the last's."""
    first, *others = group.values
    title = words.capital(group.title) if group.title != SPEED else "100 samples in"
    leading = f"{title} {_written(group, first)}"
    if not others:
        return f"{leading}."
    second = others[0]
    parts = [leading, f"next is {second.name} with {_written(group, second)}{_factor(group, second, first)}"]
    if others[1:]:
        last = others[-1]
        shown = sign_of(group, last.name) + group.write(last.mean, bare=group.title == SPEED)
        parts.append(f"last {last.name} with {shown}{_factor(group, last, first)}")
    return f"{parts[0]}; {', '.join(parts[1:])}."


def _written(group: Group, value: Value) -> str:
    """A value with its interval, or with the range of its seeds."""
    ends = "" if group.title == SPEED and len(value.seeds) == 1 else group.ends(value)
    of = "" if len(value.seeds) > 1 else "95%: "
    shown = sign_of(group, value.name) + group.write(value.mean, bare=group.title == SPEED)
    return shown + (f" ({of}{ends})" if ends else "")


def _factor(group: Group, slow: Value, fast: Value) -> str:
    """ ", 3 times as long", where the values are times and differ by half or more."""
    if not group.by_factors or slow.mean / fast.mean < 1.5:
        return ""
    return f", {words.times(slow.mean / fast.mean)} as {'long' if group.title == SPEED or group.unit == 's' else 'many'}"


def _on_scale(group: Group, record: Record) -> str:
    """The first model's distance in pixels of blur, where the group's is the distance that the scale is in."""
    if record.ruler is None or group.question != "quality" or not group.title.startswith("kernel distance"):
        return ""
    return f"{group.values[0].name}'s pictures are {record.ruler.beside(group.values[0].mean)}."


def _reached(group: Group, record: Record) -> str:
    """The quality up to which the cost of training is counted, where that is the group's measure."""
    if group.title != COST:
        return ""
    reached, courses = cost_of(record), courses_of(record.rows)
    return (
        f"Counted until {courses.title} {words.number(reached[1])}, which every model reached." if reached and courses else ""
    )


def _scope(group: Group) -> str:
    """Whether the verdict holds for these runs only, or for means over seeds."""
    counts = [len(value.seeds) for value in group.values]
    if min(counts) > 1:
        return (
            f"Means over {min(counts)} seeds each."
            if min(counts) == max(counts)
            else f"Means over {min(counts)} seeds or more."
        )
    return "(This run only.)" if max(counts) == 1 else "(Some have one seed: these runs only.)"


def _others(group: Group, models: Sequence[str], record: Record) -> str:
    """Whether other measures of quality agree about the leader, which they do less often than papers suggest."""
    if group.question != "quality" or len(models) == len(group.values):
        return ""
    rivals = [other for other in grouped(record.rows) if other.ranked and other.question == "quality" and other is not group]
    rivals = [other for other in rivals if other.title != group.title and len(other.values) == len(group.values)]
    against = [other for other in rivals if other.values[0].name not in models]
    if not rivals:
        return ""
    put = "puts" if len(against or rivals) == 1 else "put"
    if not against:
        who = "it" if len(models) == 1 else "one of them"
        return f"{plural(len(rivals), 'other measure')} of quality {put} {who} in front too."
    by_name: dict[str, list[str]] = {}
    for other in against:
        by_name.setdefault(other.values[0].name, []).append(other.title)
    leaders = "; ".join(f"{name} by {word_list(titles)}" for name, titles in by_name.items())
    which = "The other measure of quality" if len(rivals) == 1 else f"Of {len(rivals)} other measures of quality {len(against)}"
    return f"{which} {put} another in front: {leaders}."


def _advice(group: Group, first: Value, tied: Sequence[Value]) -> str:
    """A sentence on what would probably separate the first model from the closest of those it is tied with."""
    others = [value for value in tied if value.mean != first.mean]
    if not others:
        return "Their numbers are equal."
    a, rivals = group.scaled(first), [group.scaled(value) for value in others]
    if all(several(a, rival) for rival in rivals):
        return _more_seeds(first.name, {rival.name: seeds_needed(a, rival) for rival in rivals})
    known = [rival for rival in rivals if rival.known]
    if not known:
        return UNKNOWN
    factor = max(samples_factor(a, rival) for rival in known)
    return f"{_more(group, factor)}; run with --seeds 3 to see whether this holds for other random starts."


def _more_seeds(first: str, needed: Mapping[str, int | None]) -> str:
    """A sentence on the number of seeds that would probably separate the first model from the others."""
    counts = [count for count in needed.values() if count]
    names, alike = ([name for name, count in needed.items() if bool(count) == enough] for enough in (True, False))
    if not counts:
        return f"It would take more than {MOST_SEEDS} seeds each to tell: treat as equal."
    whom = f" {word_list(names)} from {first}, more than {MOST_SEEDS} for {word_list(alike)}" if alike else ""
    return f"It would take about {max(counts)} seeds each to tell{whom}."


def _more(group: Group, factor: float) -> str:
    if group.question in ("speed", "cost"):
        return (
            "A single timing is accurate to about 20%"
            if group.question == "speed"
            else "One run per model is not enough to rule out chance"
        )
    if not math.isfinite(factor) or factor > 100:
        return "Even 100 times as many samples would probably not separate these runs"
    return f"About {words.times(max(1.5, factor))} as many samples would probably separate these runs"


def _longer(group: Group, models: Sequence[str], courses: Courses | None, record: Record) -> str:
    """The remark that longer training may separate models that still improve."""
    if courses is None or group.question not in ("quality", "coverage", "likelihood"):
        return ""
    better = still_improving(courses, [name for name in models if courses.of(name)])
    if not better:
        return ""
    amount = record.budget.seconds
    twice = f"training twice as long ({words.exact_seconds(2 * amount)} each)" if amount else "training twice as long"
    return f"{word_list(better)} still improve{'s' if len(better) == 1 else ''}: {twice} may separate them too."


@dataclass(frozen=True)
class Recommendation:
    """The model to use, and why."""

    name: str
    run: str
    why: str  # "it draws the best pictures"
    ties: tuple[str, ...] = ()  # those it is not separated from


def recommendation(record: Record, judged: Sequence[Verdict] | None = None) -> Recommendation | None:
    """The model to use: the first of the first verdict, which is by likelihood for text and by quality otherwise. None where no
    model has learnt enough to be ranked."""
    judged = verdicts(record) if judged is None else judged
    out = unlearnt(record)
    done = [row for row in record.rows if not row.error and row.name not in out]
    measured = names_of(done)
    for verdict in judged:
        named = [name for name in verdict.models if name in measured]
        if named:
            claim = _claimed(verdict.group, record.space)
            shared = f"best score, tied with {word_list(named[1:])}" if named[1:] else f"it {claim}"
            why = "best score, perhaps by chance" if verdict.outcome == "unknown" else shared
            copies = copying(named[0], done)
            return Recommendation(
                named[0], _run(done, named[0]), f"{why}{f', but {copies}' if copies else ''}", tuple(named[1:])
            )
    return Recommendation(done[0].name, done[0].run, "it alone was measured") if done else None


def _run(rows: Sequence[Row], name: str) -> str:
    return next(row.run for row in rows if row.name == name)
