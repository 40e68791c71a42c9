"""The cells of a table in a text: which character parts them, which numbers have decimal commas, which line is the header.

What a spreadsheet, a database or pandas writes is read as it is meant: a line `sep=;`, lines of comment, a delimiter at the end
of every line, a header of numbers. What could be meant in two ways is asked about; `Options.decimal` and `header` answer.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from genlab.core.words import plural

DELIMITERS = (",", ";", "\t", "|", " ")
MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?", "-", "."))  # in lower case: a cell without a value
TRIED = 200  # lines by which a delimiter is judged
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
COMMA = re.compile(r"[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{,2}(,\d{3})+(\.\d*)?")  # 1,257.30
POINTS = re.compile(r"[+-]?[1-9]\d{,2}(\.\d{3})+(,\d*)?")  # 1.257,30
EVEN = 0.9  # of the lines have as many cells as the table has columns
WIDEST = 4096  # columns
WORDS = frozenset(("inf", "-inf", "+inf", "infinity", "-infinity"))


class Row(NamedTuple):
    line: int
    cells: list[str]


@dataclass(frozen=True)
class Cells:
    """A table as text.

    names    of the columns; "" where the table has none
    rows     with as many cells each as there are names
    header   whether the first line names the columns; where not, they are called by their numbers from 1
    comma    whether numbers have decimal commas
    said     what is worth saying of how the table was taken
    each     what a row is called in messages
    """

    names: tuple[str, ...]
    rows: list[Row]
    header: bool = True
    comma: bool = False
    said: tuple[str, ...] = ()
    each: str = "line"

    def number(self, cell: str) -> float:
        """The number in a cell, nan where it is missing. ValueError where it is no number."""
        word = cell.strip()
        if word.lower() in MISSING:
            return float("nan")
        if not _numeric(word, self.comma):
            raise ValueError(f"{word[:40]!r} is no number")
        if self.comma:
            return float(word.replace(".", "").replace(",", "."))
        return float(word.replace(",", ""))


def cells(text: str, name: str, decimal: str | None = None, header: str | None = None) -> Cells:
    """The table in a text.

    name      of the file, for messages
    decimal   "point" or "comma" where the user says which
    header    "yes" or "no" where the user says whether the first line names the columns
    ValueError names the line that does not fit, or asks.
    """
    lines, said = _lines(text)
    if not lines:
        raise ValueError(f"{name} holds no rows")
    delimiter, comma = _dialect([line for _, line in lines[:TRIED]], name, decimal)
    cut = _cut([line for _, line in lines], delimiter, name)
    rows = [Row(number, found) for (number, _), found in zip(lines, cut, strict=True)]
    rows, dropped = _even(rows, name)
    if dropped:
        said.append("the delimiter at the end of each line is no column")
    if comma:
        said.append("numbers have decimal commas")
    names, body, noted = _header(rows, comma, header)
    return Cells(names, body, len(body) < len(rows), comma, (*said, *noted))


def is_table(text: str) -> bool:
    """Whether most lines at the beginning of a text are rows of numbers, two or more, all as many."""
    lines, _ = _lines(text[:20_000])
    lines = lines[:-1][:TRIED] or lines
    if len(lines) < 5:
        return False
    best = max(_judged([line for _, line in lines], delimiter, False) for delimiter in DELIMITERS)
    return best[0] > 0.45 and best[1] > 1


def _lines(text: str) -> tuple[list[tuple[int, str]], list[str]]:
    """(number, line) of the lines that hold cells; a quoted cell may reach over several lines."""
    said: list[str] = []
    numbered: list[tuple[int, str]] = []
    open_quote = False
    for number, line in enumerate(text.split("\n"), 1):
        if open_quote:
            numbered[-1] = (numbered[-1][0], f"{numbered[-1][1]}\n{line}")
        elif line.strip():
            numbered.append((number, line))
        if line.count('"') % 2:
            open_quote = not open_quote
    if numbered and re.fullmatch(r"sep=.", numbered[0][1].strip()):
        said.append(f"the first line, {numbered[0][1].strip()}, says what parts the cells")
        numbered = numbered[1:]
    comments = [each for each in numbered if each[1].lstrip().startswith("#")]
    if comments:
        said.append(f"{plural(len(comments), 'line')} of comment left out")
    return [each for each in numbered if not each[1].lstrip().startswith("#")], said


def _cut(lines: Sequence[str], delimiter: str, name: str = "") -> list[list[str]]:
    """The cells of each line."""
    if delimiter == " ":
        return [line.split() for line in lines]
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True)]
    except csv.Error as error:
        raise ValueError(f"{name} is no table: {error}") from None


def _dialect(lines: Sequence[str], name: str, decimal: str | None) -> tuple[str, bool]:
    """(the delimiter, whether numbers have decimal commas)."""
    commas = [False, True] if decimal is None else [decimal == "comma"]
    choices = [(delimiter, comma) for delimiter in DELIMITERS for comma in commas if not (comma and delimiter == ",")]
    body = lines[1:] if len(lines) > 1 else lines
    if max(map(body[0].count, DELIMITERS)) > WIDEST:
        raise ValueError(f"{name} has more than {WIDEST:,} columns; a table of points has a few")

    def worth(choice: tuple[str, bool]) -> tuple[float, int, int]:
        share, columns = _judged(body, *choice)
        heads = len(_cut(lines[:1], choice[0])[0]) == columns
        return round(share * (1.0 if heads else 0.5), 3), columns, -choices.index(choice)

    best = max(choices, key=worth)
    if decimal is None:
        if best == (",", False) and _halves(body):
            raise ValueError(
                f"{name}: {body[0].strip()!r} is two whole numbers, or one with a decimal comma: say --decimal point or "
                "--decimal comma"
            )
        other = (best[0], not best[1])
        cell = next((cell for row in _cut(body, best[0]) for cell in row if _grouped(cell)), "")
        if cell and other in choices and worth(other)[:2] == worth(best)[:2]:
            raise ValueError(f"{name}: {cell} may be above a thousand or not: say --decimal point or --decimal comma")
    return best


def _grouped(cell: str) -> bool:
    """Whether a number could have separators of thousands, or decimals."""
    return THOUSANDS.fullmatch(cell) is not None or POINTS.fullmatch(cell) is not None


def _halves(lines: Sequence[str]) -> bool:
    """Whether every line is two whole numbers of which the second looks like the decimals of the first."""
    parts = _cut(lines, ",")
    whole = all(len(part) == 2 and re.fullmatch(r"-?\d+", part[0]) and re.fullmatch(r"\d+", part[1]) for part in parts)
    return whole and any(len(part[1]) > 1 and part[1][0] == "0" for part in parts)


def _judged(lines: Sequence[str], delimiter: str, comma: bool) -> tuple[float, int]:
    """(share of cells that are numbers, columns) of lines cut in this way; lines of an unusual length count against it."""
    rows = _cut(lines, delimiter)
    columns, often = Counter(map(len, rows)).most_common(1)[0]
    if often < EVEN * len(rows):
        return 0.0, 0
    found = [cell for row in rows if len(row) == columns for cell in row if cell.lower() not in MISSING]
    share = sum(_numeric(cell, comma) for cell in found) / len(found) if found else 0.0
    return share * often / len(rows), columns


def _numeric(cell: str, comma: bool) -> bool:
    if cell.lower() in WORDS:
        return True
    plain, grouped = (COMMA, POINTS) if comma else (NUMBER, THOUSANDS)
    return plain.fullmatch(cell) is not None or grouped.fullmatch(cell) is not None


def _even(rows: list[Row], name: str) -> tuple[list[Row], bool]:
    """(rows of equal length, whether an empty cell at the end of each was dropped)."""
    width = max(len(row.cells) for row in rows)
    if len(rows) > 1 and width > 1 and all(len(row.cells) < width or not row.cells[-1] for row in rows):
        return _even([Row(row.line, row.cells[: width - 1]) for row in rows], name)[0], True
    usual = Counter(len(row.cells) for row in rows).most_common(1)[0][0]
    for row in rows:
        if len(row.cells) != usual:
            raise ValueError(
                f"{name}, line {row.line}: {plural(len(row.cells), 'cell')} where the others have {usual}; mend the line"
            )
    return rows, False


def _header(rows: list[Row], comma: bool, header: str | None) -> tuple[tuple[str, ...], list[Row], list[str]]:
    """(names of the columns, the rows below, what is worth saying)."""
    first, body = rows[0].cells, rows[1:]
    numbered = tuple(str(column + 1) for column in range(len(first)))
    if header == "no" or not body:
        return numbered, rows, []
    if header == "yes" or _names(first, body, comma):
        return _named(first), body, []
    if _numbers_as_names(first, body):
        return _named(first), body, [f"the first line, {', '.join(first)[:60]}, names the columns (--header no: it is a row)"]
    return numbered, rows, []


def _names(first: Sequence[str], body: Sequence[Row], comma: bool) -> bool:
    """Whether a column holds numbers everywhere but in the first line; or no column holds any, and the first line is unlike."""
    columns = list(zip(*(row.cells for row in body), strict=True))
    numeric = [all(_numeric(cell, comma) or cell.lower() in MISSING for cell in column) for column in columns]
    if any(numeric):
        wordy = [not _numeric(cell, comma) and cell.lower() not in MISSING for cell in first]
        blank = first[0] == "" and numeric[0] and all(row.cells[0] for row in body)  # over an index that pandas wrote
        return blank or any(kind and word for kind, word in zip(numeric, wordy, strict=True))
    return not any(cell in column for cell, column in zip(first, columns, strict=True))


def _numbers_as_names(first: Sequence[str], body: Sequence[Row]) -> bool:
    """Whether whole numbers stand over columns in which no other cell is whole: 0, 1, 2 of pandas, or years."""
    whole = re.compile(r"\d+")
    return all(whole.fullmatch(cell) for cell in first) and not any(
        whole.fullmatch(cell) for row in body[:TRIED] for cell in row.cells
    )


def _named(first: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns, each once."""
    names: list[str] = []
    for column, cell in enumerate(first):
        name = cell.strip()
        names.append(f"{name} ({column + 1})" if name and name in names else name)
    return tuple(names)
