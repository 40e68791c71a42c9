"""Quality against seconds: all models in one picture, the check-ups made while they trained.

The strong line is the mean over a model's seeds, thin lines are the seeds, the band covers their 95% intervals. Names are at
the lines' ends. Two sizes are drawn, for wide and for narrow pages, since a shrunk picture could not be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from genlab.comparison import words
from genlab.comparison.courses import Course, Courses, crossing
from genlab.report.curves import Axis, margin, plain, rungs

LEFT, TOP, BOTTOM = 52, 46, 44  # margins
POINTS = 40  # of a mean line


class Size(NamedTuple):
    name: str
    width: int
    height: int


SIZES = (Size("broad", 880, 400), Size("slim", 420, 380))
LETTER = 8.8  # width of one in a name


class Band(NamedTuple):
    """One model: its mean over seconds, and the range of its intervals."""

    name: str
    seconds: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def timelines(courses: Courses | None, hues: Mapping[str, int]) -> list[str]:
    """SVGs of the same picture, broad and slim; [] where nothing was checked up."""
    return [timeline(courses, hues, size) for size in SIZES] if courses else []


def timeline(courses: Courses, hues: Mapping[str, int], size: Size) -> str:
    """The picture in one size."""
    bands = [band(courses.of(name)) for name in dict.fromkeys(run.name for run in courses.runs)]
    right = size.width - 16 - LETTER * max(len(b.name) for b in bands)
    across, up = _axes(bands, courses.runs, size, right)
    left = across.start
    log = ", log" if across.logarithmic else ""
    ends = "; ".join(f"{b.name} {words.number(float(b.mean[-1]))} after {words.seconds(float(b.seconds[-1]))}" for b in bands)
    better = f"{courses.better} is better{', log' if up.logarithmic else ''}"
    parts = [
        f'<svg class="timeline {size.name}" viewBox="0 0 {size.width} {size.height}" role="img" '
        f'aria-label="{escape(courses.title)} against seconds of training. {escape(ends)}">',
        f'<text x="{left}" y="14" class="plane-axis">↑ {escape(words.capital(courses.title))}</text>',
        f'<text x="{left + 14}" y="31" class="plane-axis">{better}</text>',
        f'<text x="{left}" y="{size.height - 4}" class="plane-axis">Seconds of training{log} →</text>',
        *_grid(across, up, size),
    ]
    for b in bands:
        parts += _drawn(b, courses.of(b.name), across, up, hues.get(b.name, 0))
    return "".join([*parts, *_names(bands, across, up, hues), "</svg>"])


def band(runs: Sequence[Course]) -> Band:
    """Mean and range of one model's runs, over the seconds that all of them have."""
    start, stop = max(run.checks[0].seconds for run in runs), min(run.last.seconds for run in runs)
    if len(runs) == 1 or stop <= start:
        checks = runs[0].checks
        columns = (np.array([getattr(check, key) for check in checks]) for key in ("seconds", "value", "low", "high"))
        return Band(runs[0].name, *columns)
    places = np.linspace(start, stop, POINTS)
    lines = {key: np.array([_along(run, key, places) for run in runs]) for key in ("value", "low", "high")}
    return Band(runs[0].name, places, lines["value"].mean(0), lines["low"].min(0), lines["high"].max(0))


def _along(run: Course, key: str, seconds: np.ndarray) -> list[float]:
    points = [(getattr(check, key), check.seconds) for check in run.checks]
    return [crossing(points, float(at)) for at in seconds]


def _axes(bands: Sequence[Band], runs: Sequence[Course], size: Size, right: float) -> tuple[Axis, Axis]:
    seconds = [check.seconds for run in runs for check in run.checks]
    values = [check.value for run in runs for check in run.checks] + [float(v) for b in bands for v in b.mean]
    first, last = min(seconds), max(seconds)
    slow = first > 0 and last / first > 30
    low, high = min(values), max(values)
    wide = low > 0 and high / low > 8
    room = (high / low) ** 0.06 if wide else 0.08 * (high - low) or 0.5 * abs(high) or 0.5
    bottom, top = (low / room, high * room) if wide else (max(0.0, low - room) if low >= 0 else low - room, high + room)
    up = Axis(bottom, top, size.height - BOTTOM, TOP, logarithmic=wide)
    return Axis(first if slow else 0.0, max(last, 1e-9), margin(up, LEFT), right, logarithmic=slow), up


def _grid(across: Axis, up: Axis, size: Size) -> list[str]:
    parts = rungs(up, across.start, across.stop)
    for tick in across.ticks():
        x = float(across(tick))
        parts.append(
            f'<text x="{x:.1f}" y="{size.height - BOTTOM + 18}" text-anchor="middle" class="plane-tick">{plain(tick)}</text>'
        )
    return parts


def _drawn(b: Band, runs: Sequence[Course], across: Axis, up: Axis, hue: int) -> list[str]:
    there = _places(across(b.seconds), up(b.high))
    back = _places(across(b.seconds[::-1]), up(b.low[::-1]))
    parts = [f'<g class="hue-{hue}">', f'<path d="M{there}L{back}Z" class="timeline-band"/>']
    for run in runs if len(runs) > 1 else ():
        seconds, values = np.array([(check.seconds, check.value) for check in run.checks]).T
        parts.append(f'<path d="M{_places(across(seconds), up(values))}" class="timeline-seed"/>')
    parts.append(f'<path d="M{_places(across(b.seconds), up(b.mean))}" class="timeline-mean"/>')
    return [
        *parts,
        f'<circle cx="{float(across(b.seconds[-1])):.1f}" cy="{float(up(b.mean[-1])):.1f}" r="4" class="plane-dot"/></g>',
    ]


def _places(x: np.ndarray, y: np.ndarray) -> str:
    return "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))


def _names(bands: Sequence[Band], across: Axis, up: Axis, hues: Mapping[str, int]) -> list[str]:
    """Names at the lines' ends, moved apart where they would overlap."""
    ends = sorted((float(up(b.mean[-1])), b.name, float(across(b.seconds[-1]))) for b in bands)
    placed = spaced_out([y for y, _, _ in ends], 17, up.start)
    return [
        f'<text x="{x + 10:.1f}" y="{y + 4.5:.1f}" class="plane-name named hue-{hues.get(name, 0)}">{escape(name)}</text>'
        for y, (_, name, x) in zip(placed, ends, strict=True)
    ]


def spaced_out(heights: Sequence[float], least: float, bottom: float) -> list[float]:
    """Heights in ascending order, moved as little as possible to be `least` apart and none below the bottom."""
    moved: list[float] = []
    for height in heights:
        moved.append(max(height, moved[-1] + least) if moved else height)
    for i in reversed(range(len(moved))):
        moved[i] = min(moved[i], bottom if i == len(moved) - 1 else moved[i + 1] - least)
    return moved
