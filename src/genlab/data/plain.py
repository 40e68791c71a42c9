"""The rows of a table that hold nothing but plain numbers, read as one array: large tables, in a fraction of the time.

Nothing here decides what a table means: rows that are not plain numbers throughout are left to `cells`, which looks at each.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SIGNS = b"0123456789+-.eE"  # what plain numbers are written with
CODE = re.compile(r"0\d+")  # as of a telephone or a town
WIDE = 100  # characters of a number
BLOCK = 1 << 22  # characters read at once
ZERO, NINE, NEWLINE = b"09\n"


class Columns(Sequence[Sequence[str]]):
    """The columns of rows whose cells one character parts, cut when they are asked for."""

    def __init__(self, rows: str, delimiter: str, width: int):
        self._rows, self._delimiter, self._width = rows, delimiter, width

    def __len__(self) -> int:
        return self._width

    def __getitem__(self, place: Any) -> Any:
        return [line.split(self._delimiter)[place] for line in self._rows.split("\n")]


@dataclass(frozen=True)
class Plain:
    """Rows of plain numbers.

    x         (N, D) float64
    columns   their D columns as they are written
    codes     by the number of its column, the first cell that begins with zeros as codes do
    """

    x: np.ndarray
    columns: Columns
    codes: dict[int, str]


def plain(rows: str, delimiter: str, width: int) -> Plain | None:
    """Rows of `width` cells, a line each; None where a cell holds anything but a plain number, or a line is no such row."""
    rows = rows.rstrip("\n")
    parts: list[np.ndarray] = []
    codes: dict[int, str] = {}
    for block in _blocks(rows):
        ends = _ends(block, delimiter.encode(), width)
        x = None if ends is None else _numbers(block, delimiter.encode(), len(ends))
        if ends is None or x is None:
            return None
        parts.append(x.reshape(-1, width))
        for place, code in _codes(block, ends, width):
            codes.setdefault(place, code)
    return Plain(np.concatenate(parts), Columns(rows, delimiter, width), codes)


def first_code(column: Sequence[str]) -> str:
    """The first cell that begins with zeros as codes do; "" where there is none."""
    return next(filter(CODE.fullmatch, column), "")


def _blocks(rows: str) -> Iterator[bytes]:
    """Whole lines, each with its end."""
    start = 0
    while start < len(rows):
        stop = rows.find("\n", start + BLOCK)
        stop = len(rows) if stop < 0 else stop
        yield rows[start:stop].encode() + b"\n"
        start = stop + 1


def _ends(block: bytes, delimiter: bytes, width: int) -> np.ndarray | None:
    """(cells,) where each cell ends; None where these are no rows of so many, or other characters are in them."""
    if block.translate(None, SIGNS + delimiter + b"\n"):
        return None
    letters = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero((letters == delimiter[0]) | (letters == NEWLINE))
    wide = np.diff(ends, prepend=-1) - 1
    if len(ends) % width or wide.max() > WIDE:
        return None
    lines = (letters[ends] == NEWLINE).reshape(-1, width)
    return ends if lines[:, -1].all() and not lines[:, :-1].any() else None


def _numbers(block: bytes, delimiter: bytes, count: int) -> np.ndarray | None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            x = np.fromstring(block[:-1].replace(b"\n", delimiter), np.float64, sep=delimiter.decode())
        except (ValueError, DeprecationWarning):
            return None
    return x if len(x) == count else None


def _codes(block: bytes, ends: np.ndarray, width: int) -> Iterator[tuple[int, str]]:
    """(column, code) of cells that begin with zeros, the first of each column."""
    letters = np.frombuffer(block, np.uint8)
    starts = np.concatenate([[0], ends[:-1] + 1])
    second = letters[np.minimum(starts + 1, ends)]  # the end itself in cells of one character
    led = ((letters[starts] == ZERO) & (second >= ZERO) & (second <= NINE)).reshape(-1, width)
    for place in np.flatnonzero(led.any(0)).tolist():
        numbers = np.flatnonzero(led[:, place]) * width + place
        cells = (block[starts[number] : ends[number]].decode() for number in numbers.tolist())
        if code := next(filter(CODE.fullmatch, cells), ""):
            yield place, code
