"""The cells of a table in a text: which character parts them, which numbers have decimal commas, which line is the header.

What a spreadsheet, a database or pandas writes is read as it is meant: a line `sep=;`, lines of comment, a delimiter at the end
of every line, a header of numbers. What could be meant in two ways is asked about; `Options.decimal` and `header` answer.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import NamedTuple

import numpy as np

from genlab.core.words import plural
from genlab.data import numerals
from genlab.data.numerals import ERRORS, MISSING, bare, grouped, is_number, mostly_numbers, unit_of
from genlab.data.plain import Plain, first_code, plain

DELIMITERS = (",", ";", "\t", "|", " ")
TRIED = 200  # lines by which a delimiter is judged
HEAD = 1000  # lines of a large table by which it is understood, where all others are plain numbers
SPACES = 0.5  # of the cells are numbers where spaces part them; else they part words
EVEN = 0.9  # of the lines have as many cells as the table has columns
WIDEST = 4096  # columns


class Row(NamedTuple):
    line: int
    cells: list[str]


@dataclass(frozen=True)
class Cells:
    """A table as text.

    names     of the columns; "" where the table has none
    columns   as they are written, all equally long
    lines     where each row stands, for messages
    header    whether the first line names the columns; where not, they are called by their numbers from 1
    comma     whether numbers have decimal commas
    said      what is worth saying of how the table was taken
    each      what a row is called in messages
    plain     the rows as numbers, where nothing else is in them
    """

    names: tuple[str, ...]
    columns: Sequence[Sequence[str]]
    lines: Sequence[int]
    header: bool = True
    comma: bool = False
    said: tuple[str, ...] = ()
    each: str = "line"
    plain: Plain | None = None

    def number(self, cell: str) -> float:
        """The number in a cell, nan where it is missing. ValueError where it is no number."""
        return numerals.number(cell, self.comma)

    def numbers(self, place: int) -> Sequence[float] | np.ndarray | None:
        """The numbers of a column where all its cells are plainly numbers, without a look at each; None where some are not."""
        if self.plain is not None:
            return self.plain.x[:, place]
        return None if self.comma else numerals.plain_numbers(self.columns[place])

    def code(self, place: int) -> str:
        """A cell of a column that begins with zeros, as codes do that are no numbers; "" where there is none."""
        return first_code(self.columns[place]) if self.plain is None else self.plain.codes.get(place, "")


def cells(text: str, name: str, decimal: str | None = None, header: str | None = None) -> Cells:
    """The table in a text.

    name      of the file, for messages
    decimal   "point" or "comma" where the user says which
    header    "yes" or "no" where the user says whether the first line names the columns
    ValueError names the line that does not fit, or asks.
    """
    return _of_numbers(text, name, decimal, header) or _read(text, name, decimal, header)[0]


def _of_numbers(text: str, name: str, decimal: str | None, header: str | None) -> Cells | None:
    """A large table that holds nothing but plain numbers below its header; None for any other.

    Its first lines say what it is, as all of them would: where every other cell is a number, none can say otherwise.
    """
    end = _start_of(text, HEAD + 1)
    if end >= len(text):
        return None
    try:
        first, delimiter = _read(text[:end], name, decimal, header)
    except ValueError:
        return None
    if first.comma or len(first.lines) < TRIED:
        return None
    found = plain(text[_start_of(text, first.lines[0]) :], delimiter, len(first.names))
    if found is None:
        return None
    lines = range(first.lines[0], first.lines[0] + len(found.x))
    return replace(first, columns=found.columns, lines=lines, plain=found)


def _start_of(text: str, line: int) -> int:
    """Where a line begins, by its number from 1; the end of the text where it has fewer."""
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
        if not start:
            return len(text)
    return start


def _read(text: str, name: str, decimal: str | None, header: str | None) -> tuple[Cells, str]:
    """The table with what parts its cells, after a look at every cell."""
    lines, said = _lines(text)
    if not lines:
        raise ValueError(f"{name} holds no rows")
    delimiter, comma = _dialect([line for _, line in lines[:TRIED]], name, decimal)
    cut = _cut([line for _, line in lines], delimiter, name)
    rows = [Row(number, found) for (number, _), found in zip(lines, cut, strict=True)]
    if _short_header(rows):
        rows[0] = Row(rows[0].line, ["", *rows[0].cells])
        said.append("the first line is a cell short, as R writes it: the first column has no name")
    rows, dropped = _even(rows, name)
    if dropped:
        said.append("the delimiter at the end of each line is no column")
    if comma:
        said.append("numbers have decimal commas")
    rows, units = _without_units(rows, comma)
    names, body, noted = _header(rows, comma, header, name)
    titles = [title or f"column {place + 1}" for place, title in enumerate(names)]
    said += [f"{titles[place]} is in {unit}" for place, unit in units.items()]
    columns = list(zip(*(row.cells for row in body), strict=True))
    whole = Cells(names, columns, [row.line for row in body], len(body) < len(rows), comma, (*said, *noted))
    return whole, delimiter


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
    parts: list[tuple[int, list[str]]] = []
    open_quote = False
    for number, line in enumerate(text.split("\n"), 1):
        if open_quote:
            parts[-1][1].append(line)
        elif line.strip():
            parts.append((number, [line]))
        if line.count('"') % 2:
            open_quote = not open_quote
    numbered = [(number, "\n".join(lines)) for number, lines in parts]
    if numbered and re.fullmatch(r"sep=.", numbered[0][1].strip()):
        said.append(f"the first line, {numbered[0][1].strip()}, says what parts the cells")
        numbered = numbered[1:]
    if "#" not in text:
        return numbered, said
    comments = {number for number, line in numbered if _is_comment(line)}
    if comments:
        said.append(f"{plural(len(comments), 'line')} of comment left out")
    return [each for each in numbered if each[0] not in comments], said


def _is_comment(line: str) -> bool:
    bare = line.lstrip()
    return bare.startswith("#") and not bare.lower().startswith(tuple(ERRORS))


def _cut(lines: Sequence[str], delimiter: str, name: str = "") -> list[list[str]]:
    """The cells of each line."""
    if delimiter == " ":
        return [line.split() for line in lines]
    try:
        return [list(map(str.strip, row)) for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True)]
    except csv.Error as error:
        raise ValueError(f"{name} is no table: {error}") from None


def _width(line: str, delimiter: str) -> int:
    """How many cells a line has; 0 where a quote that another delimiter would close reaches over its end."""
    try:
        return len(_cut([line], delimiter)[0])
    except ValueError:
        return 0


def _dialect(lines: Sequence[str], name: str, decimal: str | None) -> tuple[str, bool]:
    """(the delimiter, whether numbers have decimal commas)."""
    commas = [False, True] if decimal is None else [decimal == "comma"]
    choices = [(delimiter, comma) for delimiter in DELIMITERS for comma in commas if not (comma and delimiter == ",")]
    body = lines[1:] if len(lines) > 1 else lines
    if max(map(body[0].count, DELIMITERS)) > WIDEST:
        raise ValueError(f"{name} has more than {WIDEST:,} columns; a table of points has a few")

    def worth(choice: tuple[str, bool]) -> tuple[float, int, int]:
        share, columns = _judged(body, *choice)
        heads = columns > 0 and _width(lines[0], choice[0]) == columns
        return round(share * (1.0 if heads else 0.5), 3), columns, -choices.index(choice)

    best = max(choices, key=worth)
    if decimal is None:
        if best[1] and worth(best)[1] == 1 and "," in lines[0]:
            best = (",", False)  # a header of several names over numbers of one decimal comma each: lines of unequal length
        if best == (",", False) and _halves(body, name):
            raise ValueError(
                f"{name}: {body[0].strip()!r} is two whole numbers, or one with a decimal comma: say --decimal point or "
                "--decimal comma"
            )
        other = (best[0], not best[1])
        cell = next((cell for row in _cut(body, best[0], name) for cell in row if grouped(cell)), "")
        if cell and other in choices and worth(other)[:2] == worth(best)[:2]:
            raise ValueError(f"{name}: {cell} may be above a thousand or not: say --decimal point or --decimal comma")
    return best


def _halves(lines: Sequence[str], name: str) -> bool:
    """Whether every line is two whole numbers of which the second looks like the decimals of the first."""
    parts = _cut(lines, ",", name)
    whole = all(len(part) == 2 and re.fullmatch(r"-?\d+", part[0]) and re.fullmatch(r"\d+", part[1]) for part in parts)
    return whole and any(len(part[1]) > 1 and part[1][0] == "0" for part in parts)


def _judged(lines: Sequence[str], delimiter: str, comma: bool) -> tuple[float, int]:
    """(share of cells that are numbers, columns) of lines cut in this way; lines of an unusual length count against it."""
    try:
        rows = _cut(lines, delimiter)
    except ValueError:
        return 0.0, 0
    columns, often = Counter(map(len, rows)).most_common(1)[0]
    if often < EVEN * len(rows):
        return 0.0, 0
    found = [cell for row in rows if len(row) == columns for cell in row if cell.lower() not in MISSING]
    share = sum(is_number(cell, comma) or unit_of([cell], comma) is not None for cell in found) / len(found) if found else 0.0
    if delimiter == " " and share < SPACES:
        return 0.0, 0
    return share * often / len(rows), columns


def _short_header(rows: Sequence[Row]) -> bool:
    """Whether the first line has one cell less than all others, which are as many."""
    widths = {len(row.cells) for row in rows[1:]}
    return len(widths) == 1 and len(rows[0].cells) + 1 == widths.pop() and all(rows[0].cells) and bool(rows[1].cells[-1])


def _without_units(rows: list[Row], comma: bool) -> tuple[list[Row], dict[int, str]]:
    """(rows of plain numbers, the unit or sign by column) where every number of a column has the same one: $5, 5%, 5 kg."""
    units = {
        place: unit
        for place in range(len(rows[0].cells))
        if (unit := unit_of((row.cells[place] for row in islice(rows, 1, None)), comma))
    }

    if units:
        rows = [Row(row.line, [bare(cell, units.get(place)) for place, cell in enumerate(row.cells)]) for row in rows]
    return rows, {place: "".join(unit).strip() for place, unit in units.items()}


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


def _header(rows: list[Row], comma: bool, header: str | None, name: str) -> tuple[tuple[str, ...], list[Row], list[str]]:
    """(names of the columns, the rows below, what is worth saying)."""
    first, body = rows[0].cells, rows[1:]
    numbered = tuple(str(column + 1) for column in range(len(first)))
    if header == "no" or not body:
        return numbered, rows, []
    if header == "yes" or _names(first, body, comma):
        return _named(first), body, []
    if _numbers_as_names(first, body):
        return _named(first), body, [f"the first line, {', '.join(first)[:60]}, names the columns (--header no: it is a row)"]
    if header is None and _counts_on(first) and not any(_counts_on(row.cells) for row in body[:TRIED]):
        raise ValueError(
            f"{name}: the first line, {', '.join(first)[:60]}, could name the columns or be a row: say --header yes or no"
        )
    return numbered, rows, []


def _names(first: Sequence[str], body: Sequence[Row], comma: bool) -> bool:
    """Whether a column holds numbers everywhere but in the first line; or no column holds any, and the first line is unlike."""
    columns = list(zip(*(row.cells for row in body), strict=True))
    numeric = [mostly_numbers(column, comma) for column in columns]
    if any(numeric):
        wordy = [not is_number(cell, comma) and cell.lower() not in MISSING for cell in first]
        blank = first[0] == "" and numeric[0] and all(row.cells[0] for row in body)  # over an index that pandas wrote
        return blank or any(kind and word for kind, word in zip(numeric, wordy, strict=True))
    return not any(cell in column for cell, column in zip(first, columns, strict=True))


def _numbers_as_names(first: Sequence[str], body: Sequence[Row]) -> bool:
    """Whether whole numbers stand over columns in which no other cell is whole: 0, 1, 2 of pandas, or years."""
    whole = re.compile(r"\d+")
    return all(whole.fullmatch(cell) for cell in first) and not any(
        whole.fullmatch(cell) for row in body[:TRIED] for cell in row.cells
    )


def _counts_on(cells: Sequence[str]) -> bool:
    """Whether cells are whole numbers, each one more than the one before: 0, 1, 2 or 2019, 2020."""
    numbers = [int(cell) for cell in cells if re.fullmatch(r"\d{1,9}", cell)]
    return len(numbers) == len(cells) > 1 and all(after == before + 1 for before, after in pairwise(numbers))


def _named(first: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns, each once."""
    names: list[str] = []
    for column, cell in enumerate(first):
        name = cell.strip()
        names.append(f"{name} ({column + 1})" if name and name in names else name)
    return tuple(names)
