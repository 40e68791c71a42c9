"""Alarms: training problems that are recognised from readings and check-ups while a model learns.

A `History` collects readings (numbers a move reports) and check-ups (scores of a few samples at fractions of the run). Each
rule below reads it and raises at most one alarm in a run: a sentence with the numbers, what to try, and the curve that shows
it. Rules depend on the names of readings and scores, which models share, and never on a model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from genlab.core.kinds import KINDS
from genlab.measure.copies import USUAL
from genlab.measure.score import Score

COLLAPSE = "collapse"
WHAT = {"share of modes covered": "the modes", "coverage": "the held-out data"}
COVERED, THIRDS, HALF = 0.4, 0.67, 0.5  # coverage that can be lost; shares of the best check-up's that mean it is
KNOWN = "share of modes covered", 0.7, "share of good samples"  # what little variety is, and what passes for real
UNKNOWN = "coverage", 0.25, "precision"
RISING = 0.03  # by which coverage or spread must grow over three check-ups to count as still growing
LIKE = 0.15  # spread of the samples beside that of real examples below which they are all alike
REAL_ENOUGH = 0.5  # share of samples that pass for examples, from which it matters which they are
EMPTY = 0.02  # nats a latent vector tells, below which it tells nothing
CODES = 0.03  # share of a codebook in use
ACCURATE = 0.998  # share of real and generated examples that a discriminator classifies rightly
COPIED = tuple(f"copied training {kind.examples}" for kind in KINDS)
COPIES = 0.01  # share of samples that may lie on a training example
WORSE = 1.5  # times the best check-up's cost
EXPLODES, VANISHES = 100.0, 1e-7  # times the usual norm of a gradient; norm
DIVERGED = 3.0  # ranges by which a loss must lie above all its earlier values to have diverged
SETTLED = 0.2  # share of the run before which no alarm is raised about what is still being learnt
RECENT = 0.1  # share of the run that is looked back over


@dataclass(frozen=True)
class Alarm:
    """A training problem. curve: name of the reading or score that shows it."""

    kind: str
    progress: float
    seconds: float
    sentence: str
    remedy: str
    curve: str = ""

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Alarm:
        return cls(**{field.name: row[field.name] for field in fields(cls)})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def line(self) -> str:
        return f"{self.sentence} {self.remedy}"


@dataclass(frozen=True)
class Checkup:
    """Scores of a few samples drawn during a run; "spread" is the mean distance of samples over that of real examples."""

    progress: float
    seconds: float
    examples: int
    n: int
    scores: Mapping[str, Score]

    def score(self, name: str) -> Score | None:
        """The score of this name; None without a value."""
        score = self.scores.get(name)
        return score if score is not None and score.value is not None else None

    def value(self, name: str) -> float | None:
        score = self.score(name)
        return None if score is None else score.value

    @property
    def quality(self) -> Score | None:
        """The first score, which the curve of the run shows and the best weights are chosen by."""
        return next((score for score in self.scores.values() if score.better and score.value is not None), None)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Checkup:
        scores = {name: Score.from_json(name, score) for name, score in row["scores"].items()}
        return cls(row["progress"], row["seconds"], row["examples"], row["n"], scores)

    def to_json(self) -> dict[str, Any]:
        when = {"progress": round(self.progress, 6), "seconds": round(self.seconds, 3), "examples": self.examples}
        return {**when, "n": self.n, "scores": {name: score.to_json() for name, score in self.scores.items()}}


@dataclass
class History:
    """Readings as name -> [(progress, value)], and check-ups in order."""

    readings: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    checkups: list[Checkup] = field(default_factory=list)
    progress: float = 0.0
    seconds: float = 0.0
    raised: set[str] = field(default_factory=set)

    def add_readings(self, progress: float, seconds: float, readings: Mapping[str, float]) -> None:
        self.progress, self.seconds = progress, seconds
        for name, value in readings.items():
            self.readings.setdefault(name, []).append((progress, value))

    def add_checkup(self, checkup: Checkup) -> None:
        self.progress, self.seconds = checkup.progress, checkup.seconds
        self.checkups.append(checkup)

    def lately(self, name: str) -> tuple[str, list[float]]:
        """The first reading called `name`, of any move, and its values in the last tenth of the run; none while it has hardly
        begun."""
        key = next((key for key in self.readings if key.rsplit(".", 1)[-1] == name), "")
        return key, self.recent(self.readings[key]) if key and self.progress >= SETTLED else []

    def recent(self, line: Sequence[tuple[float, float]]) -> list[float]:
        """The values of a reading in the last tenth of the run; empty before a tenth of it is over."""
        since = self.progress - RECENT
        return [value for progress, value in line if progress > since] if line and line[0][0] <= since else []

    def alarms(self) -> list[Alarm]:
        """The alarms that have arisen since the last call."""
        found = [alarm for rule in RULES if (alarm := rule(self)) is not None and alarm.kind not in self.raised]
        self.raised |= {alarm.kind for alarm in found}
        return found

    def alarm(self, kind: str, sentence: str, remedy: str, curve: str = "") -> Alarm:
        return Alarm(kind, round(self.progress, 6), round(self.seconds, 3), sentence, remedy, curve)


# --- from check-ups --------------------------------------------------------------------------------------------------


def lost_kinds(history: History) -> Alarm | None:
    """Mode collapse: coverage has fallen beyond chance, by a third in two check-ups in a row or by half in one."""
    for name in WHAT:
        scores = [score for checkup in history.checkups if (score := checkup.score(name)) is not None]
        if len(scores) < 3:
            continue
        best, last = max(scores[:-1], key=lambda score: score.low or 0.0), scores[-2:]
        had, has = best.value or 0.0, [score.value or 0.0 for score in last]
        lost = has[-1] < HALF * had or max(has) < THIRDS * had
        if had >= COVERED and lost and (last[-1].high or 0.0) < (best.low or 0.0):
            return history.alarm(
                COLLAPSE,
                f"The samples have lost much of their variety: they cover {has[-1]:.0%} of {WHAT[name]}, "
                f"after {had:.0%} earlier.",
                "Use the best weights so far (--best), lower the generator's learning rate, or strengthen the penalty.",
                name,
            )
    return None


def never_spread(history: History) -> Alarm | None:
    """Samples that look like real ones, but of a few kinds only, and coverage is not growing."""
    if history.progress < SETTLED or len(history.checkups) < 3 or COLLAPSE in history.raised:
        return None
    known = history.checkups[-1].value("share of modes covered") is not None
    for name, few, like in [KNOWN] if known else [UNKNOWN]:
        pairs = [(checkup.value(name), checkup.value(like)) for checkup in history.checkups[-3:]]
        stuck = (pairs[-1][0] or 0.0) < (pairs[0][0] or 0.0) + RISING  # what still grows is still being learnt
        if stuck and all(part is not None and part < few and (real or 0.0) >= REAL_ENOUGH for part, real in pairs):
            return history.alarm(
                "little variety",
                f"The samples look real but cover {pairs[-1][0]:.0%} of {WHAT[name]}: the model misses part of the data.",
                "Train longer, use a larger batch or a lower learning rate, or another family of models.",
                name,
            )
    return None


def all_alike(history: History) -> Alarm | None:
    if history.progress < SETTLED or len(history.checkups) < 3 or COLLAPSE in history.raised:
        return None
    spread = [checkup.value("spread") for checkup in history.checkups[-3:]]
    if any(value is None or value >= LIKE for value in spread) or (spread[-1] or 0.0) >= (spread[0] or 0.0) + RISING:
        return None
    return history.alarm(
        "all alike",
        f"The samples are all alike: they differ from one another {spread[-1]:.0%} as much as real examples do.",
        "Restart with a lower learning rate, or a model whose latent vector is not ignored.",
        "spread",
    )


def copied(history: History) -> Alarm | None:
    """Copies in the last two check-ups, where there are two, since one in twenty exceeds its interval by chance."""
    scores = [score for checkup in history.checkups[-2:] for name in COPIED if (score := checkup.score(name))]
    # Small pictures coincide by themselves: held-out ones do too.
    if not scores or any((score.low or 0.0) <= max(COPIES, score.detail.get(USUAL, 0.0)) for score in scores):
        return None
    score = scores[-1]
    return history.alarm(
        "copies",
        f"{score.value:.0%} of the samples are copies of training examples.",
        "Stop earlier (--best), use more data, a smaller model, or --set flip=true for pictures that may be mirrored.",
        score.name,
    )


def got_worse(history: History) -> Alarm | None:
    """Two check-ups in a row that are clearly worse than the best one, after the beginning of the run."""
    settled = [checkup for checkup in history.checkups if checkup.progress >= SETTLED]
    scores = [score for checkup in settled if (score := checkup.quality) is not None and score.low is not None]
    lower = [score for score in scores if score.better == "lower" and score.value is not None]
    if len(lower) < 3 or len(lower) != len(scores):
        return None
    best, last = min(lower[:-2], key=lambda score: score.value or 0.0), lower[-2:]
    assert best.value is not None
    if all((score.low or 0.0) > (best.high or 0.0) and (score.value or 0.0) > WORSE * max(best.value, 0.0) for score in last):
        where = next(checkup for checkup in history.checkups if checkup.quality is best)
        return history.alarm(
            "worse",
            f"Getting worse: {best.name} was {best.value:.3g} at {where.progress:.0%} of the run, {last[-1].value:.3g} now.",
            "The best weights so far are kept: use --best, train for less, or lower the learning rate.",
            best.name,
        )
    return None


# --- from readings ---------------------------------------------------------------------------------------------------


def empty_latent(history: History) -> Alarm | None:
    name, values = history.lately("kl")
    if not values or max(values) >= EMPTY:
        return None
    sentence = f"The latent vector tells nothing: its KL divergence from the prior is {values[-1]:.2g} nats an example."
    remedy = (
        "Let the KL count later (--set model.kl_warmup=0.3), give free bits (--set model.free_bits=0.1), or weaken the decoder."
    )
    return history.alarm("posterior collapse", sentence, remedy, name)


def unused_codes(history: History) -> Alarm | None:
    name, values = history.lately("codebook usage")
    if not values or max(values) >= CODES:
        return None
    sentence = f"Only {values[-1]:.1%} of the codebook is in use."
    remedy = "Use fewer codes (--set model.codebook_size=...), or a lower learning rate for the encoder."
    return history.alarm("codebook collapse", sentence, remedy, name)


def saturated(history: History) -> Alarm | None:
    """A discriminator that is hardly ever wrong gives the generator little gradient.

    Only scores that classify have that accuracy. A Wasserstein critic has none: it is meant to rank every example rightly.
    """
    name, values = history.lately("real-vs-fake accuracy")
    if not values or sum(values) / len(values) < ACCURATE:
        return None
    sentence = (
        f"The discriminator classifies {sum(values) / len(values):.1%} of real and generated examples rightly: "
        "the generator learns little from it."
    )
    remedy = "Strengthen its penalty (--set model.r1=10), slow it down, or blur what it sees (--set model.instance_noise=0.1)."
    return history.alarm("discriminator saturated", sentence, remedy, name)


def diverged(history: History) -> Alarm | None:
    """A loss far above where it ever was, once it has settled: three ranges higher, and staying there."""
    for name, line in history.readings.items():
        if not name.endswith("loss"):
            continue
        values = history.recent(line)
        before = [value for progress, value in line if SETTLED / 2 < progress <= history.progress - RECENT]
        if len(values) < 3 or len(before) < 10:
            continue
        low, high = min(before), max(before)
        if min(values) > high + DIVERGED * max(high - low, 0.1 * abs(high)):
            return history.alarm(
                "diverged",
                f"The loss of {name.rsplit('.', 1)[0]} left its range: {values[-1]:.3g} now, {low:.3g} to {high:.3g} before.",
                "Use the best weights so far (--best), lower the learning rate (--set optim.rate=...), or clip gradients "
                "(--set optim.clip=1).",
                name,
            )
    return None


def gradients(history: History) -> Alarm | None:
    """A gradient far above its usual size for a while, or none at all."""
    for name, line in history.readings.items():
        if not name.endswith("gradient"):
            continue
        values, before = history.recent(line), [value for progress, value in line if progress <= history.progress - RECENT]
        if len(values) < 3 or len(before) < 3:
            continue
        usual, now = sorted(before)[len(before) // 2], sorted(values)[len(values) // 2]
        if now > EXPLODES * usual > 0:
            return history.alarm(
                "exploding gradient",
                f"The gradient of {name.rsplit('.', 1)[0]} has grown to {now:.2g}, {now / usual:,.0f} times its usual size.",
                "Lower the learning rate (--set optim.rate=...) or clip gradients (--set optim.clip=1).",
                name,
            )
        if now < VANISHES:
            return history.alarm(
                "vanishing gradient",
                f"The gradient of {name.rsplit('.', 1)[0]} has vanished ({now:.2g}): it no longer learns.",
                "Lower the learning rate, or start again with another seed.",
                name,
            )
    return None


RULES: tuple[Callable[[History], Alarm | None], ...] = (
    lost_kinds,
    never_spread,
    all_alike,
    copied,
    got_worse,
    empty_latent,
    unused_codes,
    saturated,
    diverged,
    gradients,
)
