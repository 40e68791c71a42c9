"""Points from a table: a row for each, a column for each coordinate, and optionally a column that is the label.

The space holds the mean and standard deviation of each column over the train split, by which models centre and scale; densities
are in the table's own units. Cells without a value are missing entries: `Batch.seen` says which.
"""

from __future__ import annotations

import gc
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from itertools import pairwise
from shlex import quote
from typing import Any

import numpy as np
import torch

from genlab.core.space import Batch, Space
from genlab.core.words import plural, word_list
from genlab.data import splits
from genlab.data.cells import Cells, cells
from genlab.data.examples import Examples, Stored, classed
from genlab.data.numerals import MISSING
from genlab.data.options import Request
from genlab.data.overview import NAMED, LeftOut, Overview

MOST = 64  # coordinates
LABELS = ("label", "labels", "class", "target", "fine_label", "category", "species")  # columns that are taken for the label
INDICES = frozenset(("", "unnamed: 0", "index", "id", "idx", "row", "no", "nr"))  # names of columns that count the rows
COUNT = re.compile(r"\d{1,15}(\.0*)?")
CLASSES = 100  # of a column of numbers that is taken for the label
FEW = 20  # different values, of which a column of measurements has more
FINE = 1e-5  # deviation over size, below which float32 cannot hold a column


def read(request: Request) -> Examples:
    """A table in a text; ValueError names the line and column of a cell that is no number, or asks."""
    from genlab.data.text import contents

    options = request.options
    with _uncollected():
        return from_cells(request, cells(contents(request.path), str(request.path), options.decimal, options.header))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for cycles of objects, which goes through millions of cells again and again and finds none."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def from_cells(request: Request, table: Cells) -> Examples:
    """Points of the columns of numbers, those that were asked for or all; labels of the column that says them."""
    names, columns = _names(table), table.columns
    if not table.lines:
        raise ValueError(f"{request.path} has a header and no rows; write a point on each line")
    label = _label(request, table, names, columns)
    left: tuple[LeftOut, ...] = ()
    asked = request.options.columns
    if asked:
        chosen = [column_called(name, names, "--columns") for name in asked.split(",")]
        unasked = [name for place, name in enumerate(names) if place not in (*chosen, label)]
        left = LeftOut.of(unasked, "column", "not asked for")
    else:
        called = [place for place, name in enumerate(table.names) if place != label and name.lower() in INDICES]
        counting = [place for place in called if table.header and _counts(table.names[place], columns[place])]
        chosen = [place for place in range(len(names)) if place not in (*counting, label)]
        left = LeftOut.of([names[place] for place in counting], "column", "counting the rows; --columns keeps what it names")
    try:
        numbers = [_numbers(request, table, place, names) for place in chosen]
    except ValueError:
        _ask_of_words(request, table, chosen, names)
        raise
    x = np.array(numbers, np.float64).reshape(len(chosen), len(table.lines)).T
    where = Numbered(table.each, np.asarray(table.lines))
    labels, classes = classed(np.array(columns[label])) if label is not None else (None, ())
    kept = np.isfinite(x).all(1) | np.isinf(x).any(1) if request.options.complete else np.ones(len(x), bool)
    left += LeftOut.of(where.of(~kept), "row", "without a value in a cell")
    noted = Overview(
        classes_from=f"the column {names[label]}" if label is not None else "",
        left_out=left,
        odd=tuple(_codes(table, chosen, names)),
        made="; ".join(table.said),
        columns=tuple(names[place] for place in chosen) if table.header else (),
        label_column=names[label] if label is not None and table.header else "",
    )
    chosen_names = tuple(names[place] for place in chosen)
    labels = labels[kept] if labels is not None else None
    return points(request, x[kept], labels, classes, chosen_names, noted, where.of(kept), ("table",))


class Numbered(Sequence[str]):
    """Names of rows by their numbers (N,), "line 7": there may be millions, so each is made when it is asked for."""

    def __init__(self, each: str, numbers: np.ndarray):
        self._each, self._numbers = each, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, place: Any) -> Any:
        found = self._numbers[place]
        return [f"{self._each} {number}" for number in found] if isinstance(place, slice) else f"{self._each} {found}"

    def of(self, rows: Any) -> Numbered:
        """The names of these rows, an array (N,) bool."""
        return Numbered(self._each, self._numbers[rows])


class Points(Examples):
    """Points in an array, of which entries may be missing: there x is the column's mean, and `Batch.seen` False."""

    def __init__(self, request: Request, space: Space, stored: Stored, seen: np.ndarray | None):
        super().__init__(request, "points", space, stored)
        self._seen = seen
        self.missing = seen is not None

    def take(self, numbers: np.ndarray) -> Batch:
        batch = super().take(numbers)
        return batch if self._seen is None else batch._replace(seen=torch.from_numpy(self._seen[numbers]))


def points(
    request: Request,
    x: np.ndarray,
    labels: np.ndarray | None,
    classes: tuple[str, ...],
    names: tuple[str, ...],
    noted: Overview,
    where: Numbered | None = None,
    words: Sequence[str] = (),
    own: np.ndarray | None = None,
) -> Examples:
    """Examples of x (N, D) numbers, nan where they are missing.

    names   of the columns, or none
    where   names of the rows, for messages
    words   further kinds of data whose options suit these
    own     splits of their own, as in Stored
    """
    request.options.suit(request.name, "points", "files", *words)
    if not 1 <= x.shape[1] <= MOST:
        hint = _flat(x.shape[1]) if x.shape[1] > MOST else ""
        raise ValueError(f"{request.source} has points of {x.shape[1]} coordinates; from 1 to {MOST} can be learnt{hint}")
    where = where or Numbered("point", np.arange(1, len(x) + 1))
    titles = names or tuple(str(column + 1) for column in range(x.shape[1]))
    if np.isinf(x).any():
        row, column = (int(index[0]) for index in np.nonzero(np.isinf(x)))
        raise ValueError(f"{request.source}, {where[row]}, column {titles[column]}: {x[row, column]}; remove it or mend it")
    if (blank := np.isnan(x).all(axis=1)).any():
        empty = LeftOut.of(where.of(blank), "row", "nothing but missing values")
        noted = replace(noted, left_out=(*noted.left_out, *empty))
        x, where = x[~blank], where.of(~blank)
        labels, own = (None if each is None else each[~blank] for each in (labels, own))
    seen = ~np.isnan(x)
    space = Space((x.shape[1],), "D", "real")
    whole = bool(seen.all())
    odd = (*noted.odd, *_odd(x, titles))
    if not whole:
        gaps = ", ".join(f"{title} {count:,}" for title, count in zip(titles, (~seen).sum(0).tolist(), strict=True) if count)
        odd = (*odd, f"{plural(int((~seen).sum()), 'value')} missing ({gaps}); --complete leaves their rows out")
    small = np.ascontiguousarray(np.where(seen, x, 0).astype(np.float32))
    stored = Stored(small, _digests(small, seen, whole), labels, classes, own, where, noted=replace(noted, odd=odd))
    made = Points(request, space, stored, None if whole else seen)
    train = np.where(seen, x, np.nan)[made.numbers("train")]
    if np.isnan(train).all(0).any():
        column = int(np.isnan(train).all(0).argmax())
        raise ValueError(f"{request.source}: column {titles[column]} has no value in the train split; leave it out (--columns)")
    center, scale = np.nanmean(train, 0), np.nanstd(train, 0)
    _check(request, center, scale, titles)
    made.space = Space((x.shape[1],), "D", "real", center=tuple(center.tolist()), scale=tuple(scale.tolist()))
    small[:] = np.where(seen, small, center.astype(np.float32))
    return made


def _flat(width: int) -> str:
    """What to do with rows of too many numbers, which may be pictures or sound."""
    side, colour = math.isqrt(width), math.isqrt(width // 3)
    shape = (
        f"(-1, {side}, {side})" if side * side == width else f"(-1, {colour}, {colour}, 3)" if 3 * colour**2 == width else ""
    )
    pictures = f"as x.reshape{shape}" if shape else "as (N, H, W)"
    return f"; if they are pictures, save them {pictures} in a .npz; recordings, as a .npy with --axes NT"


def _digests(x: np.ndarray, seen: np.ndarray, whole: bool) -> np.ndarray:
    """Of the values and of what is missing."""
    return splits.digests(x) if whole else splits.digests(np.concatenate([x.view(np.uint8), seen.view(np.uint8)], 1))


def _names(table: Cells) -> list[str]:
    """Names of the columns for messages: a column without one is called by its number."""
    return [name or f"column {place + 1}" for place, name in enumerate(table.names)]


def column_called(name: str, names: Sequence[str], option: str) -> int:
    """The number of the column of this name; ValueError with the nearest one."""
    wanted = name.strip()
    if wanted in names:
        return names.index(wanted)
    near = get_close_matches(wanted, names, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(names)}"
    raise ValueError(f"{option} {wanted}: the table has no such column; {hint}")


def _label(request: Request, table: Cells, names: Sequence[str], columns: Sequence[Sequence[str]]) -> int | None:
    """The number of the column that is the label, or None."""
    options = request.options
    if options.label:
        return column_called(options.label, names, "--label")
    asked = [] if options.columns is None else [name.strip() for name in options.columns.split(",")]
    lower = [name.lower() for name in table.names]
    for known in LABELS:
        for place, name in enumerate(lower):
            if name == known and names[place] not in asked and _classes(table, columns[place], sure=known in LABELS[:2]):
                return place
    return None


def _classes(table: Cells, column: Sequence[str], sure: bool) -> bool:
    """Whether a column reads as classes: words, or a few whole numbers that come again.

    sure   whether its name can mean nothing else; measurements are no classes all the same
    """
    values = {cell for cell in column if cell.lower() not in MISSING}
    try:
        numbers = [table.number(value) for value in values]
    except ValueError:
        return sure or len(values) <= max(2, len(column) // 2)
    few = sure or len(values) <= min(CLASSES, len(column) // 4)
    return few and all(math.isfinite(number) and number == round(number) for number in numbers)


def _counts(name: str, column: Sequence[str]) -> bool:
    """Whether a column counts the rows: whole numbers one after another, under a name that says so."""
    if name.lower() not in INDICES or not all(COUNT.fullmatch(cell) for cell in column):
        return False
    numbers = [int(float(cell)) for cell in column]
    return name == "" or all(after == before + 1 for before, after in pairwise(numbers))


def _ask_of_words(request: Request, table: Cells, chosen: Sequence[int], names: Sequence[str]) -> None:
    """ValueError where more than a few cells of columns hold words: it says what may be done with these columns."""
    columns = table.columns
    wrong = {place: [cell for cell in columns[place] if not _is_number(table, cell)] for place in chosen}
    wordy = [place for place in chosen if len(wrong[place]) > max(1, len(columns[place]) // 10)]
    if not wordy:
        return
    others = ",".join(names[place] for place in chosen if place not in wordy)
    shown = [names[place] for place in wordy]
    if not others:
        raise ValueError(
            f"{request.path}: no column holds numbers ({word_list(shown)}); to learn texts save them as .jsonl, an object with "
            "a `text` on each line, or a line each in a .txt file"
        )
    examples = [repr(value[:40]) for value in list(dict.fromkeys(wrong[wordy[0]]))[:2]]
    if len(wordy) == 1:
        said = f"{word_list(examples)} {'is no number' if len(examples) == 1 else 'are no numbers'}"
        raise ValueError(
            f"{request.path}, column {shown[0]}: {said}; make it the label, --label {quote(shown[0])}, or leave it out, "
            f"--columns {quote(others)}"
        )
    raise ValueError(
        f"{request.path}: the columns {word_list(shown)} hold no numbers ({shown[0]}: {examples[0]}); leave them out, "
        f"--columns {quote(others)}; one of them may be the label, as --label {quote(shown[-1])}"
    )


def _codes(table: Cells, chosen: Sequence[int], names: Sequence[str]) -> Iterator[str]:
    """What is odd about columns as they are written: numbers that begin with zeros."""
    for place in chosen:
        if code := table.code(place):
            said = f"holds codes rather than numbers, as {code}, of which the zeros are lost; leave it out"
            yield f"the column {names[place]} {said}"


def _numbers(request: Request, table: Cells, place: int, names: Sequence[str]) -> Sequence[float] | np.ndarray:
    """The numbers of a column; ValueError names the first cell that holds none."""
    if (plain := table.numbers(place)) is not None:
        return plain
    found: list[float] = []
    for line, cell in zip(table.lines, table.columns[place], strict=True):
        try:
            found.append(table.number(cell))
        except ValueError as error:
            raise ValueError(
                f"{request.path}, {table.each} {line}, column {names[place]}: {error}; mend the cell or remove the row"
            ) from None
    return found


def _is_number(table: Cells, cell: str) -> bool:
    try:
        table.number(cell)
    except ValueError:
        return False
    return True


def _odd(x: np.ndarray, names: Sequence[str]) -> Iterator[str]:
    """What is odd about columns (N, D): doubled, counting, nearly constant, of few values, with a value far from all others."""
    few: list[str] = []
    for column, name in enumerate(names):
        values = x[:, column][~np.isnan(x[:, column])]
        if len(values) < 2:
            continue
        for other in range(column):
            if _equal(x[:FEW, column], x[:FEW, other]) and _equal(x[:, column], x[:, other]):  # most differ at once
                yield f"the columns {names[other]} and {name} are equal: such points have no density; leave one out"
        different, counts = np.unique(values, return_counts=True)
        step = np.diff(values)
        if len(different) > 2 and (step == step[0]).all():
            yield f"the column {name} counts the rows, by {step[0]:g} from one to the next"
        elif len(different) == len(values) > FEW and (np.diff(different) == 1).all():
            yield f"the column {name} holds each number from {different[0]:g} to {different[-1]:g} once, as names of rows do"
        elif counts.max() > 0.95 * len(values) and len(different) > 1:
            yield f"the column {name} is {different[counts.argmax()]:g} in {counts.max():,} of {len(values):,} rows"
        elif len(different) <= min(FEW, len(values) // 10):
            few.append(name)
        elif (stray := _stray(different, counts, len(values))) is not None:
            often = counts[different == stray][0]
            yield f"the column {name} is {stray:g} in {often:,} rows, far from all others: a sign for a missing value?"
    if few:
        named = ", ".join(few[:NAMED]) + (", ..." if len(few) > NAMED else "")
        one = len(few) == 1
        yield (
            f"{plural(len(few), 'column')} ({named}) of at most {FEW} different values: {'it has' if one else 'they have'} no "
            f"density{f'; is it the label? --label {few[0]}' if one else ''}"
        )


def _equal(first: np.ndarray, second: np.ndarray) -> bool:
    return np.array_equal(first, second, equal_nan=True)


def _stray(different: np.ndarray, counts: np.ndarray, total: int) -> float | None:
    """A value that occurs again and again, further from the others than these lie apart; None where there is none."""
    if len(different) < 10:
        return None
    for end, others in ((0, different[1:]), (-1, different[:-1])):
        gap = min(abs(different[end] - others[0]), abs(different[end] - others[-1]))
        if counts[end] >= max(2, total // 200) and gap > others[-1] - others[0]:
            return float(different[end])
    return None


def _check(request: Request, center: np.ndarray, scale: np.ndarray, names: Sequence[str]) -> None:
    """ValueError for a column that has no density, or one that float32 cannot hold."""
    for name, middle, width in zip(names, center, scale, strict=True):
        if width == 0:
            raise ValueError(
                f"{request.source}: column {name} is {middle:g} throughout and has no density; leave it out (--columns)"
            )
        if width < FINE * abs(middle):
            raise ValueError(
                f"{request.source}: column {name} varies by {width:.2g} around {middle:.6g}, too little for 32-bit numbers; "
                f"subtract {middle:.6g}, or leave it out (--columns)"
            )
