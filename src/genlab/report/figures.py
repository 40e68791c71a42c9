"""Samples placed on a page: a picture inside the file, or texts, with a description for those who cannot see it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image

from genlab.core.space import Space
from genlab.report import pictures, words
from genlab.report.media import Media
from genlab.report.scatter import frame_of

STRIP, FEW, MANY = 24, 16, 64  # pictures in the header, beside the other models, on a model's card
POINTS = 2000
EXCERPT = 500  # characters of a text beside other models


class Figure(NamedTuple):
    """Either `src` with its size in pixels, or `texts`."""

    alt: str
    src: str = ""
    width: int = 0
    height: int = 0
    texts: tuple[str, ...] = ()
    note: str = ""


def strip(media: Media | None, space: Space) -> Figure | None:
    """Real pictures in one row."""
    if media is None or media.samples is None or not space.picture:
        return None
    shown = media.samples[:STRIP]
    image = pictures.picture(shown, space, columns=len(shown), paper=None)
    return _placed(image, f"{words.plural(len(shown), 'real picture')} in a row")


def few(media: Media | None, space: Space, what: str, real: Media | None = None) -> Figure | None:
    """A handful of samples, to stand beside those of others."""
    if media is None or media.samples is None:
        return None
    if space.axes == "T":
        return Figure(f"texts of {what}", texts=_texts(media, space, 1 if space.end is None else 10, EXCERPT))
    return _drawn(media, space, what, FEW, real)


def many(media: Media | None, space: Space, what: str, real: Media | None = None) -> Figure | None:
    """All that was handed in, up to what one can take in."""
    if media is None or media.samples is None:
        return None
    if space.axes == "T":
        return Figure(f"texts of {what}", texts=_texts(media, space, 3 if space.end is None else 24, 2000))
    return _drawn(media, space, what, MANY, real)


def _drawn(media: Media, space: Space, what: str, most: int, real: Media | None) -> Figure:
    if space.axes != "D":
        shown = media.samples[:most]
        kind = f"{words.plural(len(shown), words.thing(space))} of {what}"
        return _placed(pictures.picture(shown, space, paper=None), kind)
    x = pictures.numbers(media.samples)[:POINTS]
    behind = None if real is None or real is media or real.samples is None else pictures.numbers(real.samples)
    frame = frame_of(x if behind is None else behind, space)
    image = pictures.picture(x, space, real=behind, paper=None)
    words_of = f"{words.plural(len(x), 'point')} of {what}" + (
        ", the density of real ones behind" if behind is not None else ""
    )
    outside = frame.outside(x)
    lost = f"{outside:,} of {words.plural(len(x), 'point')} lie beyond the frame" if outside else ""
    first = "the first two coordinates" if space.shape[0] > 2 else ""
    return _placed(image, words_of, "; ".join(part for part in (first, lost) if part))


def _placed(image: Image.Image, alt: str, note: str = "") -> Figure:
    src = "data:image/png;base64," + base64.b64encode(pictures.png(image)).decode()
    return Figure(alt, src, *image.size, note=note)


def _texts(media: Media, space: Space, most: int, longest: int) -> tuple[str, ...]:
    samples = media.samples
    texts: Sequence[str] = samples if pictures.is_texts(samples) else pictures.texts(samples, space)
    texts = [pictures.visible(text) for text in texts[:most]]
    return tuple(text if len(text) <= longest else text[:longest].rstrip() + " …" for text in texts)
