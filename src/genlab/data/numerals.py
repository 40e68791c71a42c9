"""How numbers are written in tables: with points or commas, separators of thousands, units, and signs for a missing one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from genlab.data.plain import WIDE

ERRORS = frozenset(("#n/a", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!"))  # of a spreadsheet's formula
MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?", "-", ".", "\\n", "<na>", *ERRORS))  # a cell without a value
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?")  # D in Fortran
SIMPLE = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")  # what most cells hold, and Python reads
COMMA = re.compile(r"[+-]?(\d+,?\d*|,\d+)([eEdD][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{,2}(,\d{2,3})*,\d{3}(\.\d*)?")  # 1,257.30, and 12,57,300 in India
SPACED = re.compile(r"(?<=\d)['’ \u00a0\u2009\u202f](?=\d{3}(\D|$))")  # 1'257.30 and 1 257,30
UNIT = re.compile(
    r"(?P<before>[^\w\s.,+-]?)\s*(?P<number>[+-]?[\d.,](.*?\d)?)\s*(?P<after>[^\d\s.,+-][^\d,;]{,11})?"
)  # $5, 5 kg, 5%
POINTS = re.compile(r"[+-]?[1-9]\d{,2}(\.\d{3})+(,\d*)?")  # 1.257,30
WORDS = frozenset(("inf", "-inf", "+inf", "infinity", "-infinity"))
MOST = 0.9  # of the cells of a column of numbers are numbers, or missing


def number(cell: str, comma: bool) -> float:
    """The number in a cell, nan where it is missing. ValueError where it is no number."""
    word = cell.strip()
    if not comma and len(word) <= WIDE and SIMPLE.fullmatch(word):
        return float(word)
    word = _plain(word)
    if word.lower() in MISSING:
        return float("nan")
    if not is_number(word, comma):
        raise ValueError(f"{word[:40]!r} is no number")
    word = word.replace("d", "e").replace("D", "e") if word.lower() not in WORDS else word
    if comma:
        return float(word.replace(".", "").replace(",", "."))
    return float(word.replace(",", ""))


def is_number(cell: str, comma: bool) -> bool:
    """Whether a cell is a number."""
    if len(cell) > WIDE:
        return False
    if cell.lower() in WORDS:
        return True
    plain, parted = (COMMA, POINTS) if comma else (NUMBER, THOUSANDS)
    word = _plain(cell)
    return plain.fullmatch(word) is not None or parted.fullmatch(word) is not None


def _plain(cell: str) -> str:
    """A cell without what only parts thousands, and with a minus for the sign that typesetters use."""
    return cell if cell.isascii() and "'" not in cell and " " not in cell else SPACED.sub("", cell.replace("\u2212", "-"))


def unit_of(column: Iterable[str], comma: bool) -> tuple[str, str] | None:
    """What stands before and behind every number of a column, where that is the same for all of them; None where nothing is."""
    found: tuple[str, str] | None = None
    for cell in column:
        if cell.lower() in MISSING:
            continue
        parts = None if len(cell) > WIDE or is_number(cell, comma) else UNIT.fullmatch(cell)
        if parts is None or not is_number(parts["number"], comma) or found not in (None, _sign(parts)):
            return None
        found = _sign(parts)
    return found


def bare(cell: str, unit: tuple[str, str] | None) -> str:
    """The number in a cell without this unit; the cell where it has none, or another."""
    parts = None if unit is None else UNIT.fullmatch(cell)
    return parts["number"] if parts and _sign(parts) == unit else cell


def _sign(parts: re.Match[str]) -> tuple[str, str]:
    return parts["before"], parts["after"] or ""


def plain_numbers(column: Sequence[str]) -> list[float] | None:
    """The numbers of a column where all cells are SIMPLE; of these characters Python reads nothing else as numbers."""
    if "".join(column).strip("0123456789+-.eE"):
        return None
    try:
        return list(map(float, column))
    except ValueError:
        return None


def mostly_numbers(column: Sequence[str], comma: bool) -> bool:
    """Whether a column holds numbers, but for a few cells."""
    if not comma and plain_numbers(column) is not None:  # the usual case, in a fraction of the time
        return True
    return sum(is_number(cell, comma) or cell.lower() in MISSING for cell in column) > MOST * len(column)


def grouped(cell: str) -> bool:
    """Whether a number could have separators of thousands, or decimals."""
    return THOUSANDS.fullmatch(cell) is not None or POINTS.fullmatch(cell) is not None
