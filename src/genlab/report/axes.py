"""Points as a chart: axes with the names of the columns and a few ticks in the data's units, and what is drawn said above."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw

from genlab.core.space import Space
from genlab.report import pictures
from genlab.report.curves import Axis, plain
from genlab.report.fonts import fixed_pitch
from genlab.report.labels import labelled
from genlab.report.scatter import Frame, frame_of, scatter
from genlab.report.tiles import numbers

LETTERS, GAP = 12, 5  # pixels: of ticks and names, and between them and the axes
LONGEST = 40  # letters of a column's name
LINE = (190, 188, 184)


def chart(
    x: Any, space: Space, names: Sequence[str] = (), real: Any = None, title: str = "", frame: Frame | None = None
) -> Image.Image:
    """Points (n, D): the first two coordinates as a plane, or the histogram of the only one.

    names   of the coordinates
    real    real points, drawn in grey behind
    title   what is drawn; which coordinates, where there are more than two, is added
    frame   what of the plane is shown; by default that of the real points, or of all
    """
    points, behind = numbers(x), None if real is None else numbers(real)
    frame = frame or frame_of(points if behind is None else behind, space)
    called = [name[:LONGEST] for name in names] or [f"x{column + 1}" for column in range(points.shape[1])]
    drawn = pictures.over(scatter(points, frame, real=behind), pictures.PAPER)
    axes = [
        Axis(float(low), float(high), 0, side - 1) for low, high, side in zip(frame.low, frame.high, drawn.size, strict=False)
    ]
    made = _with_axes(drawn, axes, called)
    more = f"{called[0]} and {called[1]}, the first two of {len(called)} columns" if len(called) > 2 else ""
    outside = frame.outside(points)
    lost = f"{outside:,} of {len(points):,} lie beyond the frame" if outside else ""
    return labelled(made, title="; ".join(part for part in (title, more, lost) if part))


def _with_axes(drawn: Image.Image, axes: Sequence[Axis], names: Sequence[str]) -> Image.Image:
    """The picture with a scale below it and, for two coordinates, one at its left, each with a name."""
    font, ink, (width, height) = fixed_pitch(LETTERS), pictures.INK[:3], drawn.size
    marks = [
        [(float(axis(tick)), words) for tick, words in zip(axis.ticks(), _written(axis.ticks()), strict=True)] for axis in axes
    ]
    left = max([0, *(round(font.getlength(words)) for _, words in (marks[1] if len(axes) > 1 else ()))]) + 2 * GAP
    top = LETTERS + 2 * GAP if len(axes) > 1 else GAP
    right = round(max(font.getlength(words) for _, words in marks[0])) // 2 if marks[0] else 0
    canvas = Image.new("RGB", (left + width + right + GAP, top + height + 2 * LETTERS + 4 * GAP), "white")
    canvas.paste(drawn.convert("RGB"), (left, top))
    pen = ImageDraw.Draw(canvas)
    pen.rectangle((left - 1, top - 1, left + width, top + height), outline=LINE)
    for place, words in marks[0]:
        pen.line((left + place, top + height, left + place, top + height + GAP), LINE)
        pen.text((left + place, top + height + GAP), words, ink, font, anchor="ma")
    pen.text((left + width / 2, top + height + LETTERS + 2 * GAP), names[0], ink, font, anchor="ma")
    for place, words in marks[1] if len(axes) > 1 else ():
        y = top + height - 1 - place
        pen.line((left - GAP, y, left, y), LINE)
        pen.text((left - GAP - 1, y), words, ink, font, anchor="rm")
    if len(axes) > 1:
        pen.text((left, GAP // 2), names[1], ink, font)
    return canvas


def _written(ticks: Sequence[float]) -> list[str]:
    """Ticks in letters, short where they then still differ."""
    short = [plain(tick) for tick in ticks]
    return short if len(set(short)) == len(short) else [f"{tick:.12g}" for tick in ticks]
