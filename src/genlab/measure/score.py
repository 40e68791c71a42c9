"""A number that says how it was made.

A score without its protocol compares with nothing: a Fréchet distance moves by whole units with the number of samples, the
features, the split. Every measure therefore becomes a `Score`: a value with its 95% interval and its protocol.
A measure that cannot be trusted becomes one without a value and with the reason, and two scores whose protocols differ
refuse to be compared and say in what.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import version
from typing import Any, Literal

from genlab.core.data import Split
from genlab.measure.estimate import Estimate, Z

Better = Literal["lower", "higher"]
VARIES = ("seed", "weights", "interval")  # entries of a protocol in which scores may differ and still be compared
FAIR: dict[str, Any] = {"other numbers of samples": "compare"}  # in the protocol of an unbiased measure


@dataclass(frozen=True)
class Score:
    """A value, or None with a `reason`, and its 95% interval low..high where one is known.

    better      "lower", "higher", or None where neither is better
    question    what it answers: "quality", "coverage", "copying", "labels", "density"
    detail      results beside the value: by class, by level, a threshold
    effects     of each real example on the value, see `Estimate`
    """

    name: str
    value: float | None
    protocol: Mapping[str, Any]
    better: Better | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    reason: str = ""
    question: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    effects: tuple[float, ...] = ()

    @property
    def error(self) -> float | None:
        """The standard error that a normal interval of this width has."""
        return None if self.low is None or self.high is None else (self.high - self.low) / (2 * Z)

    def line(self, known: Mapping[str, Any] | None = None) -> str:
        """The score in one readable line. known: the part of its protocol that need not be said."""
        how = in_words({key: value for key, value in self.protocol.items() if (known or {}).get(key) != value})
        if self.value is None:
            return f"{self.name}: not measured, {self.reason}"
        interval = f" [{self.low:.4g}, {self.high:.4g}]" if self.low is not None and self.high is not None else ""
        unit = f" {self.unit}" if self.unit else ""
        better = f" ({self.better} is better)" if self.better else ""
        return f"{self.name} {self.value:.4g}{interval}{unit}{better}" + (f": {how}" if how else "")

    @classmethod
    def from_json(cls, name: str, record: Mapping[str, Any]) -> Score:
        known = {field.name for field in fields(cls) if field.init} - {"name"}
        return cls(name, **{key: value for key, value in record.items() if key in known})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; what is empty is left out, but `value` and `protocol` always stand."""
        record = {"value": self.value, "protocol": dict(self.protocol)}
        names = ("better", "unit", "low", "high", "error", "reason", "question", "detail")
        record |= {name: value for name in names if (value := getattr(self, name)) not in (None, "", {})}
        return record | ({"effects": [float(f"{effect:.4g}") for effect in self.effects]} if self.effects else {})


def in_words(protocol: Mapping[str, Any]) -> str:
    """A protocol, or a part of one, to be read."""
    return ", ".join(_words(key, value) for key, value in protocol.items() if not isinstance(value, Mapping))


def in_common(scores: Iterable[Score]) -> dict[str, Any]:
    """The entries that the protocols of all measured scores share; {} where there are not two of them."""
    first, *others = [score.protocol for score in scores if score.value is not None] or [{}]
    shared = {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}
    return shared if others else {}


class Incomparable(ValueError):
    """Two scores whose protocols differ."""


def better_of(a: Score, b: Score) -> Score | None:
    """The better of two scores where their intervals separate, else None.

    Incomparable, a ValueError, where they are not the same measure under the same protocol: it says what differs.
    """
    unlike = [] if a.name == b.name else [f"{a.name} is another measure than {b.name}"]
    unlike += differences(a.protocol, b.protocol)
    if unlike:
        raise Incomparable(f"these scores cannot be compared: {'; '.join(unlike)}")
    if a.better is None or None in (a.low, a.high, b.low, b.high):
        return None
    assert a.low is not None and a.high is not None and b.low is not None and b.high is not None  # noqa: PT018
    if a.high < b.low:
        return a if a.better == "lower" else b
    if b.high < a.low:
        return b if a.better == "lower" else a
    return None


def differences(a: str | Mapping[str, Any], b: str | Mapping[str, Any]) -> list[str]:
    """The differences of two protocols, except in what may vary: "real 10,000 against 5,000"; [] where they compare."""
    a, b = fixed(a), fixed(b)
    if isinstance(a, str) or isinstance(b, str):
        return [] if a == b else [f"{_said(a)} against {_said(b)}"]
    found = []
    for key in dict.fromkeys((*a, *b)):
        one, other = a.get(key), b.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            found += [f"{key}: {part}" for part in differences(one, other)]
        elif one != other:
            found.append(f"{key} {_said(one)} against {_said(other)}")
    return found


def fixed(protocol: Any) -> Any:
    """A protocol without what may vary: the number of samples too, where the measure is unbiased or thins them to a number."""
    if not isinstance(protocol, Mapping):
        return protocol
    varies = (*VARIES, "generated") if FAIR.items() <= protocol.items() else VARIES
    return {k: v for k, v in protocol.items() if k not in varies}


def _said(value: Any) -> str:
    return "nothing" if value in (None, "") else f"{value:,}" if type(value) is int else str(value)


def _words(key: str, value: Any) -> str:
    return f"{value:,} {key}" if isinstance(value, int) and key in ("real", "generated", "tokens") else f"{key} {value}"


@dataclass(frozen=True)
class ScoreProtocol:
    """The protocol that all scores of one evaluation share."""

    split: Split
    real: int  # examples of the split that were used
    generated: int
    seed: int  # of the samples
    weights: str = "averaged"  # or "raw"
    note: str = ""  # the space's: how the data were changed on the way in

    def score(self, name: str, value: float | Estimate | None, how: Mapping[str, Any] | None = None, **options: Any) -> Score:
        """A score under this protocol. how: further entries of it; options: the other fields of a Score."""
        protocol = {key: entry for key, entry in asdict(self).items() if entry != ""} | dict(how or {})
        if isinstance(value, Estimate):
            if math.isfinite(value.low) and math.isfinite(value.high):
                options = {"low": value.low, "high": value.high, "effects": value.effects, **options}
                protocol["interval"] = f"95%, {value.over}"
            value = value.value
        if value is not None and not math.isfinite(value):
            rest = {key: entry for key, entry in options.items() if key not in ("low", "high", "effects")}
            value, options = None, {**rest, "reason": f"the result was {value}"}
        return Score(name, value, {**protocol, "version": version("genlab")}, **options)
