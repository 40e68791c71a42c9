"""Quality against speed: every model a point in the plane of one score and the time its samples take."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from genlab.report import words
from genlab.report.curves import Axis
from genlab.report.ranking import SPEED, Group

WIDTH, HEIGHT = 480, 340
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 26, 48  # margins
LABEL = 110  # room for a name


class Dot(NamedTuple):
    name: str
    x: float
    y: float


def plane(groups: list[Group], hues: dict[str, int]) -> str:
    """SVG of the first ranked score of at least three models against seconds per 100 samples; "" if there is none."""
    speed = next((group for group in groups if group.title == SPEED), None)
    score = next((group for group in groups if group.title not in (SPEED, "Likelihood") and group.ranked), None)
    if speed is None or score is None:
        return ""
    time = {value.name: value.mean for value in speed.values if value.mean > 0}
    points = [(value.name, time[value.name], value.mean) for value in score.values if value.name in time]
    if len(points) < 3:
        return ""
    across = spread([x for _, x, _ in points], LEFT, WIDTH - RIGHT, positive=True)
    up = spread([y for _, _, y in points], HEIGHT - BOTTOM, TOP, positive=score.better == "lower")
    dots = [Dot(name, float(across(x)), float(up(y))) for name, x, y in points]
    corner = "lower" if score.better == "lower" else "upper"
    label = f"{score.title} against time to sample; the {corner} left is better. "
    label += "; ".join(f"{name}: {score.write(y)}, {words.seconds(x)}" for name, x, y in points)
    axis = f"{score.title[:1].upper()}{score.title[1:]}"
    parts = [
        f'<svg class="plane" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">',
        *_axes(across, up),
        f'<text x="{LEFT}" y="{HEIGHT - 6}" class="plane-axis">Seconds to sample 100 →</text>',
        f'<text x="{LEFT}" y="{TOP - 11}" class="plane-axis">↑ {escape(axis)} '
        f"({score.better} is better{', log' if up.logarithmic else ''})</text>",
        *_marks(dots, hues),
        "</svg>",
    ]
    return "".join(parts)


def spread(values: list[float], start: float, stop: float, positive: bool) -> Axis:
    """An axis with room around the values: logarithmic if they are positive and span more than a factor of eight."""
    low, high = min(values), max(values)
    if positive and low > 0 and high / low > 8:
        room = (high / low) ** 0.12
        return Axis(low / room, high * room, start, stop, logarithmic=True)
    room = 0.15 * (high - low) or 0.5 * abs(high) or 1.0
    return Axis(max(0.0, low - room) if low >= 0 else low - room, high + room, start, stop)


def _axes(across: Axis, up: Axis) -> list[str]:
    parts = []
    for tick in up.ticks():
        y = float(up(tick))
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" class="curve-grid"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" class="plane-tick">{tick:g}</text>')
    for tick in across.ticks():
        x = float(across(tick))
        parts.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" class="curve-grid"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle" class="plane-tick">{tick:g}</text>')
    return parts


def _marks(dots: list[Dot], hues: dict[str, int]) -> list[str]:
    """Dots with their names beside, towards the middle, pushed down where they would lie on one another."""
    parts, placed = [], []
    for dot in sorted(dots, key=lambda dot: dot.y):
        y, left = dot.y, dot.x > WIDTH - RIGHT - LABEL
        middle = dot.x + (-LABEL / 2 if left else LABEL / 2)
        while any(abs(y - other.y) < 16 and abs(middle - other.x) < LABEL for other in placed):
            y += 1
        placed.append(Dot(dot.name, middle, y))
        x, anchor = (dot.x - 10, ' text-anchor="end"') if left else (dot.x + 10, "")
        parts.append(f'<circle cx="{dot.x:.1f}" cy="{dot.y:.1f}" r="5.5" class="plane-dot hue-{hues.get(dot.name, 0)}"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + 4.5:.1f}"{anchor} class="plane-name">{escape(dot.name)}</text>')
    return parts
