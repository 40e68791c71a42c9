"""Numbers and spaces in words, for readers of reports."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from genlab.core.kinds import kind_of
from genlab.core.space import Space
from genlab.core.words import plural
from genlab.data.overview import Overview

NONE, BROKEN = "–", "not finite"


def number(value: float | None, digits: int = 3) -> str:
    """Three significant digits, thousands set apart: 0.0123, 1.20, 87.3, 1,437."""
    if value is None:
        return NONE
    if not math.isfinite(value):
        return BROKEN
    if value == 0 or isinstance(value, int):
        return f"{value:,}".replace("-", "−") if value else "0"
    size = int(f"{value:.{digits - 1}e}".split("e")[1])  # of the rounded number: 9.999 is 10.0
    if size < -4 or size > 8:
        return f"{value:.{digits - 1}e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e").replace("-", "−")
    return f"{value:,.{max(0, digits - 1 - size)}f}".replace("-", "−")


def seconds(value: float | None) -> str:
    """Two significant digits: 0.4 ms, 21 ms, 0.31 s, 30 s, 12 min, 3.2 h."""
    if value is None or not math.isfinite(value):
        return NONE if value is None else BROKEN
    for unit, size, below in (("ms", 1e-3, 0.1), ("s", 1.0, 100.0), ("min", 60.0, 5400.0), ("h", 3600.0, math.inf)):
        if value < below:
            return f"{float(f'{value / size:.2g}'):g} {unit}"
    raise AssertionError


def exact(amount: float) -> str:
    """The shortest way to write a number so that it is read back as the same: 30, 0.5, 1e+13, 1234567."""
    short = f"{amount:g}"
    return short if float(short) == amount else f"{amount:.0f}" if amount == round(amount) else repr(float(amount))


def exact_seconds(amount: float) -> str:
    """Seconds that somebody chose, not rounded: 30 s, 100 s, 10 min, 12.5 min, 1.5 h."""
    for unit, size, least in (("h", 3600, 5400), ("min", 60, 120)):
        if amount >= least and 10 * amount % size == 0:
            return f"{exact(amount / size)} {unit}"
    return f"{exact(amount)} s"


def duration(seconds: float) -> str:
    """8 s, 3 min 20 s, 2 h 05 min."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{max(1, whole)} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def count(value: float | None) -> str:
    """437, 12,800, 1.25 M, 3.1 G, 48 T, 2.6 P."""
    if value is None or not math.isfinite(value):
        return NONE if value is None else BROKEN
    if value < 1e6:
        return f"{round(value):,}"
    rounded = float(f"{value:.3g}")  # first: 999,900,000 is 1 G
    unit, size = next((u, s) for u, s in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6)) if rounded >= s)
    return f"{rounded / size:,.6g} {unit}"


def memory(value: float | None) -> str:
    """Bytes: 812 kB, 43 MB, 1.2 GB."""
    if value is None or not math.isfinite(value):
        return NONE if value is None else BROKEN
    unit, size = next(((u, s) for u, s in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)) if value >= s), ("bytes", 1.0))
    return f"{float(f'{value / size:.3g}'):,g} {unit}"


def percent(share: float) -> str:
    """12%, 3.4%, 0.2%."""
    return f"{float(f'{100 * share:.2g}'):g}%"


def times(factor: float) -> str:
    """A factor in words: "1.4 times", "38 times"."""
    return f"{float(f'{factor:.2g}'):,g} times"


def capital(text: str) -> str:
    """The first letter large, the others as they are: "MS-SSIM", "Fréchet distance"."""
    return f"{text[:1].upper()}{text[1:]}"


def example_name(space: Space) -> str:
    """The name of one example: picture, point, line."""
    return kind_of(space).example


def describe_space(space: Space) -> str:
    """8 × 8 grey, 17 levels; 2 dimensions; 64 long, an alphabet of 65."""
    words = SHAPES[kind_of(space).name](space)
    return f"{words}; {space.note}" if space.note else words


def _entries(space: Space) -> str:
    return {"binary": "black and white", "ordinal": f"{space.levels} levels", "real": "real numbers"}.get(
        space.kind, space.kind
    )


def _channels(count: int) -> str:
    return {1: "grey", 3: "colour"}.get(count, f"{count} channels")


def _sound(space: Space) -> str:
    channels, samples = space.shape
    lasting = f"{samples / space.rate:.3g} s at {space.rate:,g} Hz" if space.rate else f"{samples:,} samples"
    return f"{lasting}, {plural(channels, 'channel')}, {_entries(space)}"


def _video(space: Space) -> str:
    frames, channels, height, width = space.shape
    rate = f" at {space.rate:g} a second" if space.rate else ""
    return f"{frames} frames{rate}, {width} × {height} pixels, {_channels(channels)}, {_entries(space)}"


SHAPES: dict[str, Callable[[Space], str]] = {  # by kind of data
    "points": lambda space: f"{plural(space.shape[0], 'dimension')}, {_entries(space)}",
    "pictures": lambda space: f"{space.shape[2]} × {space.shape[1]} pixels, {_channels(space.shape[0])}, {_entries(space)}",
    "text": lambda space: f"{space.shape[0]:,} long, an alphabet of {space.levels:,}",
    "lines": lambda space: f"up to {space.shape[0] - 1:,} long, an alphabet of {space.levels - 1:,}",
    "sound": _sound,
    "video": _video,
    "voxels": lambda space: f"{' × '.join(map(str, space.shape[1:]))} voxels, {_channels(space.shape[0])}, {_entries(space)}",
}


def overview_lines(overview: Overview, space: Space) -> list[tuple[str, str]]:
    """(what about, in words) of what was read of the data, in the order it is read in."""
    return list(overview.lines(example_name(space), describe_space(space)))


def protocol(how: str | Mapping[str, Any]) -> str:
    """The protocol of a number in one line: "split test, real 180, generated 2,000"."""
    if isinstance(how, str):
        return how
    return ", ".join(
        f"{key} {f'({entry(key, value)})' if isinstance(value, Mapping) else entry(key, value)}" for key, value in how.items()
    )


def entry(key: str, value: Any) -> str:
    """One part of a protocol: 2,000; classifier; none."""
    if isinstance(value, Mapping):
        return protocol(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(entry(key, part) for part in value)
    return "none" if value is None else f"{value:,}" if type(value) is int and key != "seed" else str(value)
