"""The cells of a table in a text: which character parts them, which numbers have decimal commas, which line is the header.

What a spreadsheet, a database or pandas writes is read as it is meant: a line `sep=;`, lines of comment, a delimiter at the end
of every line, a header of numbers. What could be meant in two ways is asked about; `Options.decimal` and `header` answer.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import NamedTuple

from genlab.core.words import plural

DELIMITERS = (",", ";", "\t", "|", " ")
ERRORS = frozenset(("#n/a", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!"))  # of a spreadsheet's formula
MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?", "-", ".", "\\n", "<na>", *ERRORS))  # a cell without a value
TRIED = 200  # lines by which a delimiter is judged
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?")  # D in Fortran
SIMPLE = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")  # what most cells hold, and Python reads
COMMA = re.compile(r"[+-]?(\d+,?\d*|,\d+)([eEdD][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{,2}(,\d{2,3})*,\d{3}(\.\d*)?")  # 1,257.30, and 12,57,300 in India
SPACED = re.compile(r"(?<=\d)['’ \u00a0\u2009\u202f](?=\d{3}(\D|$))")  # 1'257.30 and 1 257,30
UNIT = re.compile(
    r"(?P<before>[^\w\s.,+-]?)\s*(?P<number>[+-]?[\d.,](.*?\d)?)\s*(?P<after>[^\d\s.,+-][^\d,;]{,11})?"
)  # $5, 5 kg, 5 %
POINTS = re.compile(r"[+-]?[1-9]\d{,2}(\.\d{3})+(,\d*)?")  # 1.257,30
SPACES = 0.5  # of the cells are numbers where spaces part them; else they part words
EVEN = 0.9  # of the lines have as many cells as the table has columns
WIDEST = 4096  # columns
WIDE = 100  # characters of a number
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
        if not self.comma and len(word) <= WIDE and SIMPLE.fullmatch(word):
            return float(word)
        word = _plain(word)
        if word.lower() in MISSING:
            return float("nan")
        if not _numeric(word, self.comma):
            raise ValueError(f"{word[:40]!r} is no number")
        word = word.replace("d", "e").replace("D", "e") if word.lower() not in WORDS else word
        if self.comma:
            return float(word.replace(".", "").replace(",", "."))
        return float(word.replace(",", ""))

    def numbers(self, column: Sequence[str]) -> list[float] | None:
        """The numbers of a column where all cells are plainly numbers, without a look at each; None where some are not."""
        return None if self.comma else _plain_numbers(column)


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


def _dialect(lines: Sequence[str], name: str, decimal: str | None) -> tuple[str, bool]:
    """(the delimiter, whether numbers have decimal commas)."""
    commas = [False, True] if decimal is None else [decimal == "comma"]
    choices = [(delimiter, comma) for delimiter in DELIMITERS for comma in commas if not (comma and delimiter == ",")]
    body = lines[1:] if len(lines) > 1 else lines
    if max(map(body[0].count, DELIMITERS)) > WIDEST:
        raise ValueError(f"{name} has more than {WIDEST:,} columns; a table of points has a few")

    def worth(choice: tuple[str, bool]) -> tuple[float, int, int]:
        share, columns = _judged(body, *choice)
        heads = columns > 0 and len(_cut(lines[:1], choice[0], name)[0]) == columns
        return round(share * (1.0 if heads else 0.5), 3), columns, -choices.index(choice)

    best = max(choices, key=worth)
    if decimal is None:
        if best == (",", False) and _halves(body, name):
            raise ValueError(
                f"{name}: {body[0].strip()!r} is two whole numbers, or one with a decimal comma: say --decimal point or "
                "--decimal comma"
            )
        other = (best[0], not best[1])
        cell = next((cell for row in _cut(body, best[0], name) for cell in row if _grouped(cell)), "")
        if cell and other in choices and worth(other)[:2] == worth(best)[:2]:
            raise ValueError(f"{name}: {cell} may be above a thousand or not: say --decimal point or --decimal comma")
    return best


def _grouped(cell: str) -> bool:
    """Whether a number could have separators of thousands, or decimals."""
    return THOUSANDS.fullmatch(cell) is not None or POINTS.fullmatch(cell) is not None


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
    share = sum(_numeric(cell, comma) or _unit([cell], comma) is not None for cell in found) / len(found) if found else 0.0
    if delimiter == " " and share < SPACES:
        return 0.0, 0
    return share * often / len(rows), columns


def _numeric(cell: str, comma: bool) -> bool:
    if len(cell) > WIDE:
        return False
    if cell.lower() in WORDS:
        return True
    plain, grouped = (COMMA, POINTS) if comma else (NUMBER, THOUSANDS)
    word = _plain(cell)
    return plain.fullmatch(word) is not None or grouped.fullmatch(word) is not None


def _plain(cell: str) -> str:
    """A cell without what only parts thousands, and with a minus for the sign that typesetters use."""
    return cell if cell.isascii() and "'" not in cell and " " not in cell else SPACED.sub("", cell.replace("\u2212", "-"))


def _short_header(rows: Sequence[Row]) -> bool:
    """Whether the first line has one cell less than all others, which are as many."""
    widths = {len(row.cells) for row in rows[1:]}
    return len(widths) == 1 and len(rows[0].cells) + 1 == widths.pop() and all(rows[0].cells) and bool(rows[1].cells[-1])


def _without_units(rows: list[Row], comma: bool) -> tuple[list[Row], dict[int, str]]:
    """(rows of plain numbers, the unit or sign by column) where every number of a column has the same one: $5, 5 %, 5 kg."""
    units = {
        place: unit
        for place in range(len(rows[0].cells))
        if (unit := _unit((row.cells[place] for row in islice(rows, 1, None)), comma))
    }

    def bare(place: int, cell: str) -> str:
        parts = UNIT.fullmatch(cell) if place in units else None
        return parts["number"] if parts and _sign(parts) == units[place] else cell

    if units:
        rows = [Row(row.line, [bare(place, cell) for place, cell in enumerate(row.cells)]) for row in rows]
    return rows, {place: "".join(unit).strip() for place, unit in units.items()}


def _unit(column: Iterable[str], comma: bool) -> tuple[str, str] | None:
    """What stands before and behind every number of a column, where that is the same for all of them; None where nothing is."""
    found: tuple[str, str] | None = None
    for cell in column:
        if cell.lower() in MISSING:
            continue
        parts = None if len(cell) > WIDE or _numeric(cell, comma) else UNIT.fullmatch(cell)
        if parts is None or not _numeric(parts["number"], comma) or found not in (None, _sign(parts)):
            return None
        found = _sign(parts)
    return found


def _sign(parts: re.Match[str]) -> tuple[str, str]:
    return parts["before"], parts["after"] or ""


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
    numeric = [_mostly_numbers(column, comma) for column in columns]
    if any(numeric):
        wordy = [not _numeric(cell, comma) and cell.lower() not in MISSING for cell in first]
        blank = first[0] == "" and numeric[0] and all(row.cells[0] for row in body)  # over an index that pandas wrote
        return blank or any(kind and word for kind, word in zip(numeric, wordy, strict=True))
    return not any(cell in column for cell, column in zip(first, columns, strict=True))


def _plain_numbers(column: Sequence[str]) -> list[float] | None:
    """The numbers of a column where all cells are SIMPLE; of these characters Python reads nothing else as numbers."""
    if "".join(column).strip("0123456789+-.eE"):
        return None
    try:
        return list(map(float, column))
    except ValueError:
        return None


def _mostly_numbers(column: Sequence[str], comma: bool) -> bool:
    if not comma and _plain_numbers(column) is not None:  # the usual case, in a fraction of the time
        return True
    return sum(_numeric(cell, comma) or cell.lower() in MISSING for cell in column) > EVEN * len(column)


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
