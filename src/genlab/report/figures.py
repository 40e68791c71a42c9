"""Samples on a page: a picture inside the file, or texts, with a description for readers who cannot see it."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from genlab.comparison import words
from genlab.comparison.media import Media, Neighbour
from genlab.core.kinds import kind_of
from genlab.core.space import Space
from genlab.core.words import plural
from genlab.data.tokenizer import texts
from genlab.report import pictures, saving, tiles
from genlab.report.scatter import frame_of

HALF = 8  # pictures of half a row beside the other models; on a narrow page the second half stands below the first
EXCERPT, LONGEST = 500, 2000  # characters of a text beside other models, on a model's card
AUDIBLE = 30  # seconds of sound with a figure, pauses among them
SLOWEST = 4000  # Hz; browsers play nothing below 3,000


class Figure(NamedTuple):
    """Either a picture `src` with its size in pixels, or `texts`. audio: the recordings that `src` shows."""

    alt: str
    src: str = ""
    width: int = 0
    height: int = 0
    texts: tuple[str, ...] = ()
    note: str = ""
    audio: str = ""


def few(media: Media | None, space: Space, what: str, real: Media | None = None) -> list[Figure]:
    """A handful of samples, to stand beside those of others: pictures as two halves of one row, anything else as one."""
    if media is None or media.samples is None:
        return []
    drawing = pictures.drawing(space)
    if space.text:
        return [Figure(f"texts of {what}", texts=_texts(media, space, drawing.few, EXCERPT))]
    if drawing.layout != "rows":
        return [_drawn(media, space, what, drawing.few, real)]
    halves = (media.samples[:HALF], media.samples[HALF : 2 * HALF])
    return [_row(half, space, what) for half in halves if len(half)]


def _row(x: Any, space: Space, what: str) -> Figure:
    """Pictures in one row of HALF columns, so that those of all models are aligned."""
    image = pictures.picture(x, space, columns=len(x), paper=None)
    tile = (image.width + pictures.GUTTER) // len(x)
    canvas = Image.new("RGBA", (tile * HALF - pictures.GUTTER, image.height))
    canvas.paste(image, (0, 0))
    return _placed(canvas, f"{plural(len(x), words.example_name(space))} of {what}")


class Triple(NamedTuple):
    """A sample, the nearest training and the nearest test example: one picture of three, or three texts."""

    figure: Figure
    ratio: float
    copied: bool


def triples(media: Media | None, space: Space, most: int = 4) -> list[Triple]:
    """The samples closest to training examples."""
    return [_triple(neighbour, space) for neighbour in (media.neighbours if media else ())[:most]]


def _triple(neighbour: Neighbour, space: Space) -> Triple:
    three, alt = (
        (neighbour.sample, neighbour.train, neighbour.test),
        "a sample, its nearest training and its nearest test example",
    )
    if isinstance(neighbour.sample, str):
        return Triple(_text_figure(three, alt), neighbour.ratio, neighbour.copied)
    rows = np.stack([pictures.numbers(x) for x in three])
    if space.text:
        figure = _text_figure(texts(rows, space), alt)
    elif pictures.drawing(space).layout == "framed":
        figure = Figure(alt, texts=tuple(", ".join(words.number(float(v)) for v in row.ravel()[:6]) for row in rows))
    else:
        figure = _placed(pictures.picture(rows, space, columns=3, paper=None), alt)
    return Triple(figure, neighbour.ratio, neighbour.copied)


def _text_figure(strings: Sequence[str], alt: str) -> Figure:
    return Figure(alt, texts=tuple(_cut(pictures.visible(text)) for text in strings))


def stored(png: bytes | None, alt: str) -> Figure | None:
    """A figure of a PNG file; None where there is none or it cannot be read."""
    if not png:
        return None
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            size = image.size
    except (OSError, SyntaxError):
        return None
    return Figure(alt, "data:image/png;base64," + base64.b64encode(png).decode(), *size)


def many(media: Media | None, space: Space, what: str, real: Media | None = None) -> Figure | None:
    """All samples passed, up to as many as the drawing of their kind shows."""
    if media is None or media.samples is None:
        return None
    drawing = pictures.drawing(space)
    if space.text:
        return Figure(f"texts of {what}", texts=_texts(media, space, drawing.many, LONGEST))
    return _drawn(media, space, what, drawing.many, real)


def _drawn(media: Media, space: Space, what: str, most: int, real: Media | None) -> Figure:
    if pictures.drawing(space).layout != "framed":
        shown = media.samples[:most]
        kind = f"{plural(len(shown), words.example_name(space))} of {what}"
        return _placed(pictures.picture(shown, space, paper=None), kind)._replace(audio=audible(shown, space))
    x = pictures.numbers(media.samples)[:most]
    behind = None if real is None or real is media or real.samples is None else pictures.numbers(real.samples)
    frame = frame_of(x if behind is None else behind, space)
    image = pictures.picture(x, space, real=behind, paper=None)
    words_of = f"{plural(len(x), 'point')} of {what}" + (", the density of real ones behind" if behind is not None else "")
    outside = frame.outside(x)
    lost = f"{outside:,} of {plural(len(x), 'point')} lie{'s' if outside == 1 else ''} beyond the frame" if outside else ""
    first = "the first two coordinates" if space.shape[0] > 2 else ""
    return _placed(image, words_of, "; ".join(part for part in (first, lost) if part))


def audible(x: Any, space: Space) -> str:
    """Recordings (n, C, T) one after the other, as many as AUDIBLE seconds hold, as a `data:` URI of a WAV file; "" for
    examples of another kind."""
    if ".wav" not in kind_of(space).suffixes:
        return ""
    rate = space.rate or saving.RATE
    most = int(AUDIBLE // (space.shape[-1] / rate + saving.PAUSE))
    sound, factor = tiles.amplitudes(x[: max(1, most)], space), math.ceil(SLOWEST / rate)
    made = saving.wav(sound.repeat(factor, axis=-1), replace(space, rate=rate * factor))
    return "data:audio/wav;base64," + base64.b64encode(made).decode()


def _placed(image: Image.Image, alt: str, note: str = "") -> Figure:
    src = "data:image/png;base64," + base64.b64encode(pictures.png(image)).decode()
    return Figure(alt, src, *image.size, note=note)


def _texts(media: Media, space: Space, most: int, longest: int) -> tuple[str, ...]:
    samples = media.samples
    shown: Sequence[str] = samples if pictures.is_texts(samples) else texts(samples, space)
    return tuple(_cut(pictures.visible(text), longest) for text in shown[:most])


def _cut(text: str, longest: int = 200) -> str:
    return text if len(text) <= longest else text[:longest].rstrip() + " …"
