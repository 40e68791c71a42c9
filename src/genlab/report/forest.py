"""A verdict's numbers as intervals under one another, which show what is separated and what is not.

Each model is a line: the dot is its mean, the bar reaches over the 95% intervals of its runs, and each of several seeds is a
tick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from genlab.comparison.ranking import SPEED, Group, sign_of
from genlab.measure.chance import Value
from genlab.report.curves import Axis

WIDTH, ROW, TOP = 360, 24, 8
NAME, NUMBER = 112, 74  # room for a name, for a number
MOST = 12  # models that are drawn; the table has all


def forest(group: Group, hues: Mapping[str, int], marks: Mapping[str, float] | None = None) -> str:
    """SVG of a group. marks: values marked by a dashed line ("noise"), where they are within the picture."""
    values = group.values[:MOST]
    height = TOP + ROW * len(values) + (18 if marks else 6)
    across = interval_axis(values, group.by_factors)
    label = "; ".join(f"{value.name} {group.write(value.mean)}" for value in values)
    parts = [
        f'<svg class="forest" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(group.title)}: {escape(label)}">'
    ]
    parts += _marks(across, marks or {}, height)
    for row, value in enumerate(values):
        parts += _line(group, value, across, TOP + ROW * (row + 0.5), hues.get(value.name, 0))
    return "".join([*parts, "</svg>"])


def interval_axis(values: Sequence[Value], by_factors: bool) -> Axis:
    """An axis that holds every interval, with a little room."""
    ends = [end for value in values for end in (*value.reach, value.mean)]
    low, high = min(ends), max(ends)
    start, stop = NAME, WIDTH - NUMBER - 10
    if by_factors and low > 0 and high > low:
        room = (high / low) ** 0.05
        return Axis(low / room, high * room, start, stop, logarithmic=True)
    room = 0.05 * (high - low) or 0.5 * abs(high) or 0.5
    return Axis(low - room, high + room, start, stop)


def _line(group: Group, value: Value, across: Axis, y: float, hue: int) -> list[str]:
    low, high = value.reach
    x, start, stop = (float(across(end)) for end in (value.mean, low, high))
    ticks = value.seeds if len(value.seeds) > 1 else ()
    number = sign_of(group, value.name) + group.write(value.mean, bare=group.title == SPEED or len(group.unit) > 4)
    return [
        f'<g class="hue-{hue}">',
        f'<text x="{NAME - 12}" y="{y + 4:.1f}" text-anchor="end" class="forest-name">{escape(_short(value.name))}</text>',
        f'<path d="M{start:.1f} {y:.1f}H{max(stop, start + 0.5):.1f}" class="forest-bar"/>',
        *(f'<path d="M{float(across(tick)):.1f} {y - 4:.1f}v8" class="forest-tick"/>' for tick in ticks),
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" class="forest-dot"/>',
        f'<text x="{WIDTH}" y="{y + 4:.1f}" text-anchor="end" class="forest-number">{escape(number)}</text></g>',
    ]


def _short(name: str) -> str:
    return name if len(name) <= 15 else f"{name[:14]}…"


def _marks(across: Axis, marks: Mapping[str, float], height: float) -> list[str]:
    parts, last = [], -1e9
    for name, value in sorted(marks.items(), key=lambda item: item[1]):
        if across.low <= value <= across.high:
            x = float(across(value))
            parts.append(f'<path d="M{x:.1f} {TOP - 4}V{height - 16}" class="forest-mark"/>')
            if x - last > 60:
                parts.append(
                    f'<text x="{x:.1f}" y="{height - 4}" text-anchor="middle" class="forest-tick-name">{escape(name)}</text>'
                )
                last = x
    return parts
