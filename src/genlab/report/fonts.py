"""The font of drawn texts: one of the system's with a fixed pitch, or Pillow's own where there is none."""

from __future__ import annotations

import functools

from PIL import ImageFont

FIXED_PITCH = (  # Linux, macOS, Windows; by file name, as Pillow looks them up in the system's folders
    "DejaVuSansMono.ttf",
    "LiberationMono-Regular.ttf",
    "NotoSansMono-Regular.ttf",
    "Menlo.ttc",
    "consola.ttf",
    "cour.ttf",
)


@functools.cache
def fixed_pitch(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font of `size` pixels.

    Those of the system hold Latin, Greek and Cyrillic letters. Pillow's own has no fixed pitch and holds the letters of
    English; it draws a box for any other.
    """
    for name in FIXED_PITCH:
        try:
            return ImageFont.truetype(name, size, layout_engine=ImageFont.Layout.BASIC)
        except OSError:
            continue
    return ImageFont.load_default(size)
