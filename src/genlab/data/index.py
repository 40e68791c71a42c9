"""The built-in data, without loading torch: help pages and `genlab list data` read this table."""

from __future__ import annotations

import difflib
from typing import NamedTuple


class Source(NamedTuple):
    name: str
    kind: str  # of data, by its name in core.kinds
    about: str  # one line
    licence: str  # and where it is from


DRAWN = "none needed: drawn from a formula"
SOURCES: tuple[Source, ...] = (
    Source("digits", "pictures", "1,797 handwritten digits, 8 × 8 pixels of 17 grey levels, 10 classes",
           "CC BY 4.0, UCI Optical Recognition of Handwritten Digits (Alpaydin & Kaynak, 1998)"),
    Source("points/ring", "points", "8 Gaussians on a circle", DRAWN),
    Source("points/grid", "points", "25 Gaussians on a 5 × 5 grid", DRAWN),
    Source("points/moons", "points", "two interleaved half circles", DRAWN),
    Source("points/spirals", "points", "two spirals around each other", DRAWN),
    Source("points/checkerboard", "points", "the black squares of a 4 × 4 board", DRAWN),
    Source("points/pinwheel", "points", "five curved blades", DRAWN),
    Source("points/line", "points", "a segment, slightly blurred", DRAWN),
    Source("points/circle", "points", "a circle, slightly blurred", DRAWN),
    Source("drawn/tones", "sound", "one of three pitches, 64 samples at 800 Hz, any loudness and phase", DRAWN),
    Source("drawn/clips", "video", "a white square that moves across 8 × 8 pixels for 4 frames, 256 different clips", DRAWN),
    Source("drawn/balls", "voxels", "a ball with a soft edge somewhere in 6 × 6 × 6 voxels of 16 levels", DRAWN),
    Source("strings/coin", "text", "independent tosses of a coin that falls on heads three times in four", DRAWN),
    Source("strings/weather", "text", "a Markov chain of order 1 over three kinds of day", DRAWN),
    Source("strings/syllables", "text", "a Markov chain of order 2 over four letters", DRAWN),
    Source("strings/words", "lines", "words of a Markov chain over three letters that ends at random", DRAWN),
)  # fmt: skip


def source(name: str) -> Source | None:
    """The row of a built-in name, or None."""
    return next((row for row in SOURCES if row.name == name), None)


def near(name: str) -> str:
    """The built-in name that was probably meant, or ''."""
    names = [row.name for row in SOURCES]
    bare = {row.split("/")[-1]: row for row in reversed(names)}  # "ring" for "points/ring"
    found = difflib.get_close_matches(name.lower(), [*names, *bare], 1, 0.75)
    return bare.get(found[0], found[0]) if found else ""
