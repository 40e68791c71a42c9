"""What `open` is asked for. No torch here."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

Binarise = Literal["threshold", "static", "dynamic"]
Progress = Callable[[int, int, str], object]  # (done, total, what)
SHARES = (0.8, 0.1, 0.1)  # of train, validation, test
LARGEST = 1024  # pixels a side


def silent(done: int, total: int, what: str) -> None:
    """Nobody is watching."""


@dataclass(frozen=True)
class Options:
    """Everything that decides which data a source becomes; `genlab.data.open.open` says what each means."""

    size: int | None = None
    length: int | None = None
    lines: bool = False
    vocabulary: int | None = None
    binarise: Binarise | None = None
    labels: bool = True
    allow_bad: bool = False
    seed: int = 0
    shares: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        _within("size", self.size, 2, LARGEST, "pixels")
        _within("length", self.length, 2, 1_000_000, "tokens")
        _within("vocabulary", self.vocabulary, 256, 1_000_000, "tokens")
        _within("seed", self.seed, 0, 2**62, "")
        if self.binarise is not None and self.binarise not in get_args(Binarise):
            raise ValueError(f"binarise must be {', '.join(get_args(Binarise))}; got {str(self.binarise)[:60]!r}")
        if self.shares is not None:
            object.__setattr__(self, "shares", tuple(float(share) for share in self.shares))
            right = len(self.shares) == 3 and self.shares[0] > 0 and min(self.shares) >= 0 and abs(sum(self.shares) - 1) < 1e-6
            if not right:
                raise ValueError(
                    "shares are those of train, validation and test, train's above 0, together 1, as (0.8, 0.1, 0.1); "
                    f"got {str(self.shares)[:60]}"
                )

    def record(self) -> dict[str, Any]:
        """What differs from the defaults, as plain JSON values: `open` takes it back."""
        said = {entry.name: getattr(self, entry.name) for entry in fields(self) if getattr(self, entry.name) != entry.default}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}

    def refuse(self, name: str, kind: str, *unsuitable: str) -> None:
        """ValueError if one of these options was asked for of data that do not have it."""
        for option in unsuitable:
            if option in self.record():
                raise ValueError(f"--{option.replace('_', '-')} does not suit {name}: it holds {kind}; leave it out")


def _within(name: str, value: int | None, low: int, high: int, unit: str) -> None:
    if value is None:
        return
    if isinstance(value, bool) or int(value) != value or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low:,} to {high:,}{f' {unit}' if unit else ''}; got {value}")


def cache_root(chosen: str | Path | None = None) -> Path:
    """Where decoded data are kept: what was asked for, $GENLAB_CACHE, or ~/.cache/genlab."""
    return Path(chosen or os.environ.get("GENLAB_CACHE") or Path.home() / ".cache" / "genlab")


@dataclass(frozen=True)
class Request:
    """A source with its options, as readers get it. path is empty for what is not a file."""

    source: str
    name: str  # short, for titles and folders
    options: Options
    path: Path = Path()
    cache: Path = field(default_factory=cache_root)
    progress: Progress = silent
