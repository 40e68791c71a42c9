"""Results of a comparison, typed: a `Row` for each run, and the `Record` of all, which report.json holds.

Likelihoods are costs, -log p: lower is better. They are ranked only among equals: same unit, same claim, same conditions, same
note. A score is ranked only if it says which way is better, among those of the same protocol (except in measure.score.VARIES).
A number that is not finite is null in the JSON.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeGuard

from genlab.comparison.scored import table
from genlab.comparison.typed import parsed
from genlab.core.data import Split
from genlab.core.space import Space
from genlab.data.overview import Overview
from genlab.measure.alarms import Alarm, Checkup
from genlab.measure.likelihood import Likelihood
from genlab.measure.ruler import Ruler
from genlab.measure.score import Score, in_common, in_words
from genlab.measure.speed import Speed
from genlab.runs.files import read_json
from genlab.runs.shapes import sound

NO_LIKELIHOOD = "not defined, the model draws examples without knowing how probable one is"
FEATURES = re.compile(r" \([^()]* features\)")
Unit = Literal["", "seconds", "examples", "operations"]


@dataclass(frozen=True)
class Load:
    """Load of the machine while a model trained: its one-minute load averages, their mean and maximum."""

    mean: float
    max: float


@dataclass(frozen=True)
class Row:
    """One run: how it was trained, what it scored.

    name, family             of the model; several runs of one name are its seeds
    run                      path of its folder, as commands name it
    likelihood               of the test split; None where the model has none, or was not measured
    sample_seconds_per_100   seconds to draw all samples that were scored, scaled to 100 of them
    train_seconds            seconds of training, without measuring and waiting
    examples_seen            in training, an example counted each time it is seen
    train_operations         operations of training, where they are the budget
    checkups                 made during training; the first score of each is its quality
    error                    why the run failed; "" where it did not
    stopped                  whether the user stopped it, so that the same call goes on with it
    """

    name: str
    family: str
    run: str
    seed: int = 0
    likelihood: Likelihood | None = None
    scores: Mapping[str, Score] = field(default_factory=dict)
    sample_seconds_per_100: float | None = None
    speed: Speed | None = None
    parameters: int | None = None
    train_seconds: float | None = None
    examples_seen: int | None = None
    train_operations: float | None = None
    checkups: tuple[Checkup, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    load: Load | None = None
    error: str = ""
    stopped: bool = False

    @property
    def measured(self) -> bool:
        return bool(self.scores) or self.likelihood is not None

    @property
    def seconds_per_100(self) -> float | None:
        """Seconds to draw 100 samples, as measured or as the rate of sampling suggests."""
        if is_finite(self.sample_seconds_per_100):
            return self.sample_seconds_per_100
        rate = None if self.speed is None else self.speed.per_second
        return 100 / rate if is_finite(rate) and rate > 0 else None

    @property
    def samples(self) -> int | None:
        """How many samples its scores are of."""
        return next((score.protocol["generated"] for score in self.scores.values() if "generated" in score.protocol), None)

    def __repr__(self) -> str:
        return f"Row({self.short()}; {self.run})"

    def short(self) -> str:
        """The likelihood and the first scores in a line."""
        seed = f", seed {self.seed}" if self.seed else ""
        known = self.likelihood
        cost = [] if known is None else [f"-log p {known.sign}{known.value:.4g} {known.label}"]
        measured = {FEATURES.sub("", name): score.value for name, score in self.scores.items() if score.value is not None}
        scores = [f"{name} {value:.4g}" for name, value in measured.items() if "," not in name]
        numbers = ", ".join([*cost, *scores[:3]]) or "not measured"
        return f"{self.name}{seed}: {self.error or numbers}"

    def to_json(self) -> dict[str, Any]:
        plain = {
            "likelihood": None if self.likelihood is None else self.likelihood.to_json(),
            "scores": {name: score.to_json() for name, score in self.scores.items()},
            "speed": None if self.speed is None else self.speed._asdict(),
            "checkups": [checkup.to_json() for checkup in self.checkups],
            "alarms": [alarm.to_json() for alarm in self.alarms],
            "load": None if self.load is None else {"mean": self.load.mean, "max": self.load.max},
        }
        return {entry.name: plain.get(entry.name, getattr(self, entry.name)) for entry in fields(self)}

    @classmethod
    def from_json(cls, record: Any) -> Row:
        """The typed form of a JSON record; ValueError where a value has another type than its field."""
        return parsed(cls, record)


@dataclass(frozen=True)
class Results:
    """The scores of one run: the content of scores.json, and the result of `genlab.score`.

    weights   "averaged", "raw" or "best": those of the run that were measured
    """

    run: str
    split: Split
    seed: int
    weights: str
    examples_seen: int = 0
    likelihood: Likelihood | None = None
    scores: Mapping[str, Score] = field(default_factory=dict)
    sample_seconds_per_100: float | None = None
    speed: Speed | None = None

    def lines(self) -> list[str]:
        """Every number with how it was made, a line each; then what the protocols of many of them share."""
        shared = in_common(self.scores.values())
        of_features = shared | in_common(score for score in self.scores.values() if "features" in score.protocol)
        cost = NO_LIKELIHOOD if self.likelihood is None else self.likelihood.line()
        each = self.sample_seconds_per_100
        drawing = [] if each is None else [f"drawing 100 takes {each:.3g} s; {self.weights} weights"]
        speed = [] if self.speed is None else [self.speed.line()]
        scores = [score.line(of_features if "features" in score.protocol else shared) for score in self.scores.values()]
        rest = {key: value for key, value in of_features.items() if key not in shared}
        scores += [f"{what}: {in_words(how)}" for what, how in (("every score", shared), ("in these features", rest)) if how]
        return [f"likelihood (-log p): {cost}", *scores, *drawing, *speed]

    def __repr__(self) -> str:
        return "\n".join([self.run, *table(self)])

    def to_json(self) -> dict[str, Any]:
        plain = {
            "likelihood": None if self.likelihood is None else self.likelihood.to_json(),
            "scores": {name: score.to_json() for name, score in self.scores.items()},
            "speed": None if self.speed is None else self.speed._asdict(),
        }
        return {entry.name: plain.get(entry.name, getattr(self, entry.name)) for entry in fields(self)}

    @classmethod
    def read(cls, run: Path) -> Results | None:
        """scores.json of a run; None where it was not scored. ValueError names a damaged file."""
        file = run / "scores.json"
        return _read(cls, file) if file.exists() or file.is_symlink() else None


@dataclass(frozen=True)
class Baseline:
    """Scores of "real data" (the best possible) or "noise" (worthless), computed like those of a model's samples."""

    name: str
    what: str
    scores: Mapping[str, Score]


@dataclass(frozen=True)
class Terms:
    """The terms of a comparison, the same for all its models.

    unit, amount   the budget of training; unit "" for existing runs, each of which had its own
    samples        number of samples of each model that were scored
    features       as the user named them; "" where they were chosen by the data
    order          in which the models were trained, in words
    """

    unit: Unit
    amount: float
    seeds: int = 1
    samples: int | None = None
    features: str = ""
    order: str = ""

    @property
    def seconds(self) -> float | None:
        return self.amount if self.unit == "seconds" else None


@dataclass(frozen=True)
class Skipped:
    path: str
    reason: str


@dataclass(frozen=True)
class DataSummary:
    """The data of a comparison. source: as the call named them."""

    name: str
    source: str
    fingerprint: str
    space: Space
    given: Mapping[str, Space] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()
    overview: Overview = field(default_factory=Overview)

    @classmethod
    def of(cls, data: Any, source: str) -> DataSummary:
        return parsed(cls, {**data.describe(), "source": source})

    def to_json(self) -> dict[str, Any]:
        plain = {
            "space": self.space.to_json(),
            "given": {key: space.to_json() for key, space in self.given.items()},
            "skipped": [{"path": each.path, "reason": each.reason} for each in self.skipped],
            "overview": self.overview.to_json(),
        }
        return {entry.name: plain.get(entry.name, getattr(self, entry.name)) for entry in fields(self)}


@dataclass(frozen=True)
class Record:
    """A whole comparison.

    baselines  what real data and noise score
    pending    folders of runs that are not yet measured
    command    the command that repeats it
    ruler      the test of the features that pictures were compared in; refused: of those that were tried before and failed
    """

    data: DataSummary
    budget: Terms
    rows: tuple[Row, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    pending: tuple[str, ...] = ()
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    written: str = ""
    ruler: Ruler | None = None
    refused: tuple[Ruler, ...] = ()

    @property
    def space(self) -> Space:
        return self.data.space

    def to_json(self) -> dict[str, Any]:
        plain = {
            "data": self.data.to_json(),
            "budget": {entry.name: getattr(self.budget, entry.name) for entry in fields(self.budget)},
            "rows": [row.to_json() for row in self.rows],
            "baselines": [
                {"name": each.name, "what": each.what, "scores": {key: score.to_json() for key, score in each.scores.items()}}
                for each in self.baselines
            ],
            "ruler": None if self.ruler is None else self.ruler.to_json(),
            "refused": [ruler.to_json() for ruler in self.refused],
        }
        return {entry.name: plain.get(entry.name, getattr(self, entry.name)) for entry in fields(self)}

    @classmethod
    def from_json(cls, record: Any) -> Record:
        """The typed form of a JSON record; ValueError where a value has another type than its field."""
        return parsed(cls, record)

    @classmethod
    def read(cls, file: Path) -> Record:
        """report.json; ValueError names the file where it is no such record."""
        return _read(cls, file)


def _read(cls: Any, file: Path) -> Any:
    content = read_json(file)
    with sound(file):
        try:
            return parsed(cls, content)
        except ValueError as error:
            raise ValueError(f"it is not what genlab writes ({error}); restore it from a copy") from None


def is_finite(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def names_of(rows: Sequence[Row]) -> list[str]:
    """Models, each once, in order of appearance."""
    return list(dict.fromkeys(row.name for row in rows))
