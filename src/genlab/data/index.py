"""The built-in data, without loading torch: help pages and `genlab list data` read this table."""

from __future__ import annotations

import difflib
from typing import NamedTuple


class BuiltIn(NamedTuple):
    name: str
    kind: str  # of data, by its name in core.kinds
    about: str  # one line
    licence: str  # and where it is from


DRAWN = "none needed: drawn from a formula"
SOURCES: tuple[BuiltIn, ...] = (
    BuiltIn("digits", "pictures", "1,797 handwritten digits, 8 × 8 pixels of 17 grey levels, 10 classes",
           "CC BY 4.0, UCI Optical Recognition of Handwritten Digits (Alpaydin & Kaynak, 1998)"),
    BuiltIn("points/ring", "points", "8 Gaussians on a circle", DRAWN),
    BuiltIn("points/grid", "points", "25 Gaussians on a 5 × 5 grid", DRAWN),
    BuiltIn("points/moons", "points", "two interleaved half circles", DRAWN),
    BuiltIn("points/spirals", "points", "two spirals around each other", DRAWN),
    BuiltIn("points/checkerboard", "points", "the black squares of a 4 × 4 board", DRAWN),
    BuiltIn("points/pinwheel", "points", "five curved blades", DRAWN),
    BuiltIn("points/line", "points", "a segment, slightly blurred", DRAWN),
    BuiltIn("points/circle", "points", "a circle, slightly blurred", DRAWN),
    BuiltIn("drawn/tones", "sound", "one of three pitches, 64 samples at 800 Hz, any loudness and phase", DRAWN),
    BuiltIn("drawn/clips", "video", "a white square that moves across 8 × 8 pixels for 4 frames, 256 different clips", DRAWN),
    BuiltIn("drawn/balls", "voxels", "a ball with a soft edge somewhere in 6 × 6 × 6 voxels of 16 levels", DRAWN),
    BuiltIn("strings/coin", "text", "independent tosses of a coin that falls on heads three times in four", DRAWN),
    BuiltIn("strings/weather", "text", "a Markov chain of order 1 over three kinds of day", DRAWN),
    BuiltIn("strings/syllables", "text", "a Markov chain of order 2 over four letters", DRAWN),
    BuiltIn("strings/words", "lines", "words of a Markov chain over three letters that ends at random", DRAWN),
)  # fmt: skip


def built_in(name: str) -> BuiltIn | None:
    """The row of a built-in name, or None."""
    return next((row for row in SOURCES if row.name == name), None)


def nearest_name(name: str) -> str:
    """The built-in name that was probably meant, or ''."""
    names = [row.name for row in SOURCES]
    bare = {row.split("/")[-1]: row for row in reversed(names)}  # "ring" for "points/ring"
    found = difflib.get_close_matches(name.lower(), [*names, *bare], 1, 0.75)
    return bare.get(found[0], found[0]) if found else ""
