"""A number that says how it was made.

A score without its protocol compares with nothing: a Fréchet distance moves by whole units with the number of samples, the
features, the split. Every measure of this room therefore returns a `Score`, and a measure that cannot be taken returns one
without a value and with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Literal

from genlab.core.data import Split


@dataclass(frozen=True)
class Score:
    """value (None where `reason` says why not), its unit and standard error, which way is better, and how it was made."""

    name: str
    value: float | None
    protocol: Mapping[str, Any]
    better: Literal["lower", "higher"] | None = None
    unit: str = ""
    error: float | None = None
    reason: str = ""

    def line(self) -> str:
        """The score in one readable line."""
        how = ", ".join(_words(key, value) for key, value in self.protocol.items() if not isinstance(value, Mapping))
        if self.value is None:
            return f"{self.name}: not measured, {self.reason}"
        error = f" ± {self.error:.2g}" if self.error is not None else ""
        unit = f" {self.unit}" if self.unit else ""
        better = f" ({self.better} is better)" if self.better else ""
        return f"{self.name} {self.value:.4g}{error}{unit}{better}: {how}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; what is empty is left out, but `value` and `protocol` always stand."""
        record = {"value": self.value, "protocol": dict(self.protocol)}
        extra = {"better": self.better, "unit": self.unit, "error": self.error, "reason": self.reason}
        return record | {key: value for key, value in extra.items() if value not in (None, "")}


def _words(key: str, value: Any) -> str:
    return f"{value:,} {key}" if isinstance(value, int) and key in ("real", "generated", "tokens") else f"{key} {value}"


@dataclass(frozen=True)
class Protocol:
    """What every score of one sitting has in common."""

    split: Split
    real: int  # examples of the split that were used
    generated: int
    seed: int  # of the samples
    weights: str = "averaged"  # or "raw"
    note: str = ""  # the space's: how the data were changed on the way in

    def score(self, name: str, value: float | None, how: Mapping[str, Any] | None = None, **options: Any) -> Score:
        """A score under this protocol. how: what else belongs to it; options: the other fields of a Score."""
        if value is not None and not math.isfinite(value):
            value, options = None, {**options, "reason": f"the result was {value}"}
        said = {key: entry for key, entry in asdict(self).items() if entry != ""}
        return Score(name, value, {**said, **(how or {}), "version": version("genlab")}, **options)
