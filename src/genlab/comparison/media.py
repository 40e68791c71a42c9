"""Samples and curves that a report shows beside its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from genlab.runs.files import read_bytes, within

LARGEST_PICTURE = 2**24  # bytes of a PNG file, as alarms keep them
REAL = "real"  # the key of real examples among the media


class Neighbour(NamedTuple):
    """A sample beside the real examples nearest to it: one example each, in the data's units, or texts.

    ratio   distance to the nearest training example over that to the nearest test example: far below 1 where a model copies
    copied  whether the test of memorisation calls it a copy
    """

    sample: Any
    train: Any
    test: Any
    ratio: float
    copied: bool


@dataclass(frozen=True)
class Media:
    """One model's samples and readings, or real examples.

    samples     (n, *space.shape) array or tensor in the data's units; or n texts; or None.
                Uncurated: the first n of `seed`. 64 pictures, 1,000 points, 3 texts of 400 characters, 24 lines look well
    seed        seed with which `genlab sample` draws the same samples
    curves      (seconds spent training, name of the reading, value), in any order
    note        how the samples were drawn, where that is not the default: "guidance 1.5, averaged weights"
    neighbours  the samples closest to training examples, the closest first
    alarms      by kind of alarm, a PNG file of the samples behind it
    """

    samples: Any = None
    seed: int = 0
    curves: Sequence[tuple[float, str, float]] = ()
    note: str = ""
    neighbours: Sequence[Neighbour] = ()
    alarms: Mapping[str, bytes] = field(default_factory=dict)


def readings(rows: Iterable[Mapping[str, Any]]) -> list[tuple[float, str, float]]:
    """Points of the rows of a run's ticks.jsonl. The stage is named where there are several."""
    rows = list(rows)
    staged = len({row["name"] for row in rows}) > 1
    return [
        (row["seconds"], f"{row['name']}: {name}" if staged else name, value)
        for row in rows
        for name, value in row["readings"].items()
        if value is not None
    ]


def alarm_pictures(run: Path) -> Mapping[str, bytes]:
    """PNG files by kind of alarm, as a run's alarms/ holds them."""
    folder = within(run, "alarms/any.png").parent
    return {file.stem.replace("-", " "): read_bytes(file, LARGEST_PICTURE) for file in sorted(folder.glob("*.png"))}
