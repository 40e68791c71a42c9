"""Training curves as small pictures, one for each reading, all over the same seconds.

A panel is an SVG of its own: no script, no font, no fixed colour but the line's (`--hue` where a page sets it), so it reads
on light and on dark paper. The thin line is what was read, the strong one its smooth mean. Readings that span more than a
decade and a half are drawn on a logarithmic axis, and the axis says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np

from genlab.comparison.words import number

WIDTH, HEIGHT = 320, 150
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 30, 24  # margins
MOST = 240  # points of a line
LETTER = 7.2  # width of one in a title
Point = tuple[float, str, float]


class Axis(NamedTuple):
    """From values to pixels; `low` and `high` are values, `logarithmic` says how they are spaced."""

    low: float
    high: float
    start: float
    stop: float
    logarithmic: bool = False

    def __call__(self, values: Any) -> Any:
        values = np.clip(values, self.low, self.high)
        low, high, values = (np.log10(v) if self.logarithmic else v for v in (self.low, self.high, values))
        return self.start + (values - low) / (high - low) * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """A few round values inside the axis."""
        if self.logarithmic:
            decades = range(math.floor(math.log10(self.low)), math.floor(math.log10(self.high) + 1e-9) + 1)
            factors = (1, 2, 5) if self.high < 50 * self.low else (1,)
            inside = [factor * 10.0**d for d in decades for factor in factors if self.low <= factor * 10.0**d <= self.high]
            return inside[:: max(1, math.ceil(len(inside) / 4))]
        raw = (self.high - self.low) / 4
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [round(step * i, 12) for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def panels(points: Sequence[Point]) -> list[str]:
    """An SVG for each reading, losses first, then in order of appearance."""
    by_name: dict[str, list[tuple[float, float]]] = {}
    for seconds, name, value in points:
        if math.isfinite(value):
            by_name.setdefault(name, []).append((seconds, value))
    end = max((seconds for seconds, _, _ in points), default=0.0)
    names = sorted(by_name, key=lambda name: name.rsplit(".", 1)[-1] != "loss")
    return [panel(title, sorted(by_name[name]), end) for name, title in zip(names, short(names), strict=True)]


def short(names: Sequence[str]) -> list[str]:
    """Names of readings without the move's, where one move took them all: "vae.kl" -> "kl"."""
    moves = {name.rsplit(".", 1)[0] for name in names}
    return [name.rsplit(".", 1)[-1] if len(moves) == 1 else name.replace(".", " · ") for name in names]


def panel(title: str, line: Sequence[tuple[float, float]], end: float, mark: float | None = None) -> str:
    """One reading, [(seconds, value)] in order of time, from 0 to `end` seconds. mark: seconds of something to point at."""
    seconds, values = np.array(line, np.float64).T
    mean = smooth(values)
    up = vertical(values, mean)
    left = margin(up, LEFT, 6.3)
    across = Axis(0.0, max(end, 1e-9), left, WIDTH - RIGHT)
    last = number(float(mean[-1]))
    label = f"{title}: {number(float(mean[0]))} at {number(seconds[0])} s, {last} at {number(seconds[-1])} s"
    parts = [
        f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">',
        f'<text x="{left}" y="16" class="curve-title">{escape(_fitting(title, up, left, last))}</text>',
        f'<text x="{WIDTH - RIGHT}" y="16" text-anchor="end" class="curve-last">{last}</text>',
    ]
    for tick in up.ticks():
        y = float(up(tick))
        parts.append(f'<path d="M{left} {y:.1f}H{WIDTH - RIGHT}" class="curve-grid"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 3.5:.1f}" text-anchor="end" class="curve-tick">{plain(tick)}</text>')
    *earlier, final = across.ticks()
    for tick, text in [*((tick, plain(tick)) for tick in earlier), (final, f"{plain(final)} s")]:
        x = float(across(tick))
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="middle" class="curve-tick">{text}</text>')
    if mark is not None:
        parts.append(f'<path d="M{float(across(mark)):.1f} {TOP - 4}V{HEIGHT - BOTTOM}" class="curve-mark"/>')
    parts += [f'<path d="{path(across, up, seconds, values)}" class="curve-raw"/>'] if len(values) > 2 else []
    parts += [f'<path d="{path(across, up, seconds, mean)}" class="curve-mean"/>', "</svg>"]
    return "".join(parts)


def _fitting(title: str, up: Axis, left: float, last: str) -> str:
    """The title with what kind of axis it is, cut where it would run into the last value."""
    log = " (log)" if up.logarithmic else ""
    room = int((WIDTH - RIGHT - left - 16) / LETTER) - len(last) - len(log)
    return f"{title if len(title) <= room else f'{title[: room - 1].rstrip()}…'}{log}"


def margin(up: Axis, least: int, letter: float = 7.5) -> int:
    """The width of the longest number beside an axis, with letters so wide, and no less than `least`."""
    return max(least, 10 + math.ceil(letter * max((len(plain(tick)) for tick in up.ticks()), default=0)))


def rungs(up: Axis, left: float, right: float) -> list[str]:
    """A line across for each round value, with the value to its left."""
    lines = [(float(up(tick)), plain(tick)) for tick in up.ticks()]
    return [
        f'<path d="M{left} {y:.1f}H{right:.1f}" class="curve-grid"/>'
        f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end" class="plane-tick">{text}</text>'
        for y, text in lines
    ]


def plain(tick: float) -> str:
    """A round number, short: 0.5, −20, 500k."""
    value, unit = (tick / 1e6, "M") if abs(tick) >= 1e6 else (tick / 1e3, "k") if abs(tick) >= 1e4 else (tick, "")
    return f"{value:g}{unit}".replace("-", "−")


def vertical(values: np.ndarray, mean: np.ndarray) -> Axis:
    """The axis of values: all of the mean after its first twentieth, and 96% of what was read."""
    settled = mean[len(mean) // 20 :]
    low = min(float(np.quantile(values, 0.02)), float(settled.min()))
    high = max(float(np.quantile(values, 0.98)), float(settled.max()))
    if low > 0 and high / low > 30:
        return Axis(low / 1.1, high * 1.1, HEIGHT - BOTTOM, TOP, logarithmic=True)
    room = 0.06 * (high - low) or 0.5 * abs(high) or 0.5
    return Axis(low - room, high + room, HEIGHT - BOTTOM, TOP)


def smooth(values: np.ndarray) -> np.ndarray:
    """Mean under a Gaussian of a fortieth of the points, centred so that it does not lag, within the ends."""
    width = max(len(values) / 40, 1e-3)
    reach = min(int(3 * width), len(values) // 2)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    total, weight = (np.convolve(line, kernel)[reach : reach + len(values)] for line in (values, np.ones_like(values)))
    return total / weight


def path(across: Axis, up: Axis, seconds: np.ndarray, values: np.ndarray) -> str:
    """The `d` of a line through at most `MOST` of the points."""
    chosen = np.unique(np.linspace(0, len(values) - 1, min(MOST, len(values))).round().astype(int))
    places = zip(across(seconds[chosen]), up(values[chosen]), strict=True)
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
