"""Words that a picture says of itself: a title above it, and what each of its rows is."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from PIL import Image, ImageDraw

from genlab.report import pictures
from genlab.report.fonts import fixed_pitch

LETTERS, GAP = 13, 6  # pixels: of letters, and around them
NARROWEST = 300  # pixels of a picture with a title


def labelled(image: Image.Image, rows: Sequence[str] = (), title: str = "") -> Image.Image:
    """The picture, on white, under its title and beside the names of its rows, which are equally high."""
    if not rows and not title:
        return image
    font, ink = fixed_pitch(LETTERS), pictures.INK[:3]
    left = max((round(font.getlength(row)) + 2 * GAP for row in rows), default=0)
    width = max(left + image.width, NARROWEST if title else 0)
    lines = textwrap.wrap(title, max(20, int((width - 2 * GAP) / font.getlength("0"))))
    top = len(lines) * (LETTERS + GAP) + GAP * bool(lines)
    canvas = Image.new("RGB", (width, top + image.height), "white")
    canvas.paste(pictures.over(image.convert("RGBA"), pictures.PAPER).convert("RGB"), (left, top))
    pen = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        pen.text((GAP, GAP + number * (LETTERS + GAP)), line, ink, font)
    high = (image.height + pictures.GUTTER) / max(1, len(rows))
    for number, row in enumerate(rows):
        pen.text((left - GAP, top + (number + 0.5) * high - pictures.GUTTER / 2), row, ink, font, anchor="rm")
    return canvas
