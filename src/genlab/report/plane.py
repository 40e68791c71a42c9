"""Two numbers of every model against each other: sample quality beside likelihood, and beside the time to sample.

A dot is a mean, its cross the intervals. A bound of a likelihood is a ring with an arrow towards the
true value, an estimate a ring. Models without a likelihood have a lane of their own, so that none is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from genlab.comparison import words
from genlab.comparison.ranking import LIKELIHOOD, SPEED, Group, claim_of
from genlab.measure.chance import Span, Value
from genlab.report.curves import Axis, margin, plain, rungs

WIDTH, HEIGHT = 480, 364
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 44, 50  # margins
LANE = 104  # of those that have no number across
LABEL = 110  # room for a name
FEWEST = 3  # models that are worth a picture


class Spot(NamedTuple):
    """One model; x None: in the lane."""

    name: str
    x: float | None
    y: float
    across: Span | None = None
    up: Span | None = None
    claim: str = "exact"


class Dot(NamedTuple):
    """A dot with its name, to its left or to its right, `room` pixels away."""

    name: str
    x: float
    y: float
    left: bool
    room: float = 11


def beside_speed(groups: Sequence[Group], hues: Mapping[str, int]) -> str:
    """SVG of the first ranked quality against seconds to sample 100; "" if fewer than three models have both."""
    speed, score = next((group for group in groups if group.title == SPEED), None), quality_of(groups)
    if speed is None or score is None:
        return ""
    time = {value.name: value.mean for value in speed.values if value.mean > 0}
    spots = [Spot(v.name, time[v.name], v.mean, None, v.reach) for v in score.values if v.name in time]
    return plane(spots, "Seconds to sample 100", score, hues) if len(spots) >= FEWEST else ""


def beside_likelihood(groups: Sequence[Group], hues: Mapping[str, int]) -> str:
    """SVG of the first ranked quality against the likelihood, in the unit that most models have it in; "" if no model has
    both, or fewer than three have the quality."""
    score, likelihoods = quality_of(groups), [group for group in groups if group.title == LIKELIHOOD]
    if score is None or not likelihoods:
        return ""
    unit = Counter(group.unit for group in likelihoods for _ in group.values).most_common(1)[0][0]
    known = {value.name: (value, claim_of(group)) for group in likelihoods if group.unit == unit for value in group.values}
    spots = [_likely(value, known.get(value.name)) for value in score.values]
    enough = len(spots) >= FEWEST and any(spot.x is not None for spot in spots)
    return plane(spots, f"−log p of the test data, {unit} (lower is better)", score, hues, "no likelihood") if enough else ""


def quality_of(groups: Sequence[Group]) -> Group | None:
    return next((group for group in groups if group.question == "quality" and group.ranked), None)


def _likely(value: Value, likelihood: tuple[Value, str] | None) -> Spot:
    if likelihood is None:
        return Spot(value.name, None, value.mean, None, value.reach)
    return Spot(value.name, likelihood[0].mean, value.mean, likelihood[0].reach, value.reach, likelihood[1] or "exact")


def plane(spots: Sequence[Spot], title: str, score: Group, hues: Mapping[str, int], lane: str = "") -> str:
    """SVG of all spots, the score upwards."""
    laned = any(spot.x is None for spot in spots)
    right = WIDTH - RIGHT - (LANE if laned else 0)
    up = value_axis(
        [end for s in spots for end in (s.y, *(s.up or ()))], HEIGHT - BOTTOM, TOP, positive=score.better == "lower"
    )
    left = margin(up, LEFT)
    across = value_axis([end for s in spots if s.x is not None for end in (s.x, *(s.across or ()))], left, right, positive=True)
    places = [(spot, right + 16 if spot.x is None else float(across(spot.x)), float(up(spot.y))) for spot in spots]
    label = "; ".join(f"{s.name}: {score.write(s.y)}, {lane if s.x is None else f'{s.x:.4g}'}" for s in spots)
    better = f"{score.better} is better{', log' if up.logarithmic else ''}"
    parts = [
        f'<svg class="plane" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(score.title)} beside {escape(title)}. {escape(label)}">',
        *_axes(across, up, right),
        f'<text x="{left}" y="{HEIGHT - 6}" class="plane-axis">{escape(title)} →</text>',
        f'<text x="{left}" y="14" class="plane-axis">↑ {escape(words.capital(score.title))}</text>',
        f'<text x="{left + 14}" y="31" class="plane-axis">{better}</text>',
        *(_lane(lane) if laned else ()),
        *(part for spot, x, y in places for part in _mark(spot, x, y, across, up, hues.get(spot.name, 0))),
        *_names([_dot(spot, x, y, right) for spot, x, y in places]),
        "</svg>",
    ]
    return "".join(parts)


def value_axis(values: Sequence[float], start: float, stop: float, positive: bool) -> Axis:
    """An axis with room around the values: logarithmic if they are positive and span more than a factor of eight."""
    low, high = min(values), max(values)
    if positive and low > 0 and high / low > 8:
        room = (high / low) ** 0.12
        return Axis(low / room, high * room, start, stop, logarithmic=True)
    room = 0.15 * (high - low) or 0.5 * abs(high) or 1.0
    return Axis(max(0.0, low - room) if low >= 0 else low - room, high + room, start, stop)


def _axes(across: Axis, up: Axis, right: float) -> list[str]:
    parts = rungs(up, across.start, WIDTH - RIGHT)
    for tick in across.ticks():
        x = float(across(tick))
        parts.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" class="curve-grid"/>')
        if x < right - 6:
            parts.append(
                f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle" class="plane-tick">{plain(tick)}</text>'
            )
    return parts


def _lane(lane: str) -> list[str]:
    x = WIDTH - RIGHT - LANE
    return [
        f'<rect x="{x}" y="{TOP}" width="{LANE}" height="{HEIGHT - BOTTOM - TOP}" class="plane-lane"/>',
        f'<text x="{x + LANE / 2}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle" class="plane-tick">{escape(lane)}</text>',
    ]


def _mark(spot: Spot, x: float, y: float, across: Axis, up: Axis, hue: int) -> list[str]:
    parts = [f'<g class="hue-{hue}">']
    if spot.up and spot.up[1] > spot.up[0]:
        parts.append(f'<path d="M{x:.1f} {float(up(spot.up[0])):.1f}V{float(up(spot.up[1])):.1f}" class="plane-cross"/>')
    if spot.across and spot.across[1] > spot.across[0]:
        parts.append(
            f'<path d="M{float(across(spot.across[0])):.1f} {y:.1f}H{float(across(spot.across[1])):.1f}" class="plane-cross"/>'
        )
    if spot.claim == "lower":
        parts.append(f'<path d="M{x - 6:.1f} {y:.1f}h-12m4 -4l-4 4l4 4" class="plane-arrow"/>')
    kind = "plane-dot" if spot.claim == "exact" else "plane-ring"
    return [*parts, f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5.5" class="{kind}"/></g>']


def _dot(spot: Spot, x: float, y: float, right: float) -> Dot:
    left = spot.x is not None and x > right - LABEL
    return Dot(spot.name, x, y, left, 24 if left and spot.claim == "lower" else 11)


def _names(dots: Sequence[Dot]) -> list[str]:
    """Names beside the dots, towards the middle, moved down where they would overlap."""
    parts, placed = [], []
    for dot in sorted(dots, key=lambda dot: dot.y):
        y, middle = dot.y, dot.x + (-LABEL / 2 if dot.left else LABEL / 2)
        while any(abs(y - other.y) < 16 and abs(middle - other.x) < LABEL for other in placed):
            y += 1
        placed.append(Dot(dot.name, middle, y, dot.left))
        x, anchor = (dot.x - dot.room, ' text-anchor="end"') if dot.left else (dot.x + dot.room, "")
        parts.append(f'<text x="{x:.1f}" y="{y + 4.5:.1f}"{anchor} class="plane-name">{escape(dot.name)}</text>')
    return parts
