"""The ruler's scale: how far damaged real pictures are from real ones, with the models between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from genlab.comparison import words
from genlab.comparison.learnt import quality
from genlab.comparison.rows import Record


class Line(NamedTuple):
    """A line of the scale; hue: of a model, None for damaged pictures. share: 0..1, of the farthest."""

    name: str
    value: str
    share: float
    hue: int | None


def scale(record: Record, hues: Mapping[str, int]) -> list[Line]:
    """From near to far; [] without a ruler that passed, or where the pictures are ranked by something else."""
    group = quality(record)
    if record.ruler is None or not record.ruler.passed or group is None or not group.title.startswith("kernel distance"):
        return []
    found = [(value.mean, value.name, hues.get(value.name)) for value in group.values]
    found += [(mark.value, mark.words, None) for mark in record.ruler.marks]
    most = max(value for value, *_ in found) or 1.0
    return [Line(name, words.number(value), max(0.0, value / most), hue) for value, name, hue in sorted(found)]


def trial(record: Record) -> list[str]:
    """Sentences on the test of the features."""
    ruler = record.ruler
    if ruler is None:
        return []
    said = [
        f"{other.features} were tried and not used: they put {other.faults[0]}." for other in record.refused if other.faults
    ]
    said += [f"Too near to real pictures to be seen with so few: {each}." for each in ruler.unseen]
    return said
