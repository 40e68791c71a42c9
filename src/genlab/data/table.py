"""Points from a table: a row for each, a column for each coordinate, and optionally a column called label.

The space holds the mean and standard deviation of each column over the train split, by which models centre and scale; densities
are in the table's own units.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from genlab.core.space import Space
from genlab.data import splits
from genlab.data.examples import Examples, Stored, classed
from genlab.data.options import Request

MOST = 64  # coordinates
LABEL = "label"
FINE = 1e-5  # deviation over size, below which float32 cannot hold a column
DELIMITERS = ",;\t"


def read(request: Request) -> Examples:
    """A .csv or .tsv file with or without a header; ValueError names the line and column of a cell that is no number."""
    rows = _rows(request)
    first = rows[0][1] if rows else []
    header = bool(first) and not any(_is_number(cell) for cell in first)
    names = [cell.strip() for cell in first] if header else [str(column + 1) for column in range(len(first))]
    rows = rows[1:] if header else rows
    words = [name.lower() for name in names]
    chosen = words.index(LABEL) if header and LABEL in words else None
    coordinates = [column for column in range(len(names)) if column != chosen]
    x = np.array([_numbers(request.path, line, cells, names, coordinates) for line, cells in rows], np.float64)
    labels, classes = (None, ())
    if chosen is not None:
        labels, classes = classed(np.array([cells[chosen].strip() for _, cells in rows]))
    return points(
        request, x.reshape(len(rows), len(coordinates)), labels, classes, tuple(names[column] for column in coordinates)
    )


def points(
    request: Request, x: np.ndarray, labels: np.ndarray | None, classes: tuple[str, ...], names: tuple[str, ...]
) -> Examples:
    """Examples of x (N, D) numbers; `names` are those of the columns, for messages."""
    request.options.suit(request.name, "points", "files")
    if not 1 <= x.shape[1] <= MOST:
        raise ValueError(f"{request.source} has points of {x.shape[1]} coordinates; from 1 to {MOST} can be learnt")
    if not np.isfinite(x).all():
        row, column = (int(index[0]) for index in np.nonzero(~np.isfinite(x)))
        raise ValueError(
            f"{request.source}: point {row + 1} has {x[row, column]} as coordinate {column + 1}; remove it or mend it"
        )
    small = np.ascontiguousarray(x.astype(np.float32))
    facts = {"columns": list(names)} if names else {}
    where = [f"point {row + 1}" for row in range(len(x))]
    made = Examples(
        request,
        "points",
        Space((x.shape[1],), "D", "real"),
        Stored(small, splits.digests(small), labels, classes, None, where, facts=facts),
    )
    train = x[made.numbers("train")]
    center, scale = train.mean(0), train.std(0)
    _check(request, center, scale, names)
    made.space = Space((x.shape[1],), "D", "real", center=tuple(center.tolist()), scale=tuple(scale.tolist()))
    return made


def _check(request: Request, center: np.ndarray, scale: np.ndarray, names: tuple[str, ...]) -> None:
    """ValueError for a column that has no density, or one that float32 cannot hold."""
    for column, (middle, width) in enumerate(zip(center, scale, strict=True)):
        name = names[column] if names else str(column + 1)
        if width == 0:
            raise ValueError(f"{request.source}: column {name} is {middle:g} throughout and has no density; leave it out")
        if width < FINE * abs(middle):
            raise ValueError(
                f"{request.source}: column {name} varies by {width:.2g} around {middle:.6g}, too little for 32-bit numbers; "
                f"subtract {middle:.6g}"
            )


def _rows(request: Request) -> list[tuple[int, list[str]]]:
    """(line, cells) of every line that is not blank; ValueError unless all have as many cells."""
    from genlab.data.text import contents

    text = contents(request.path)
    head = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=head.count)
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    rows = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    for line, cells in rows:
        if len(cells) != len(rows[0][1]):
            raise ValueError(
                f"{request.path}, line {line}: {len(cells)} cells where the first line has {len(rows[0][1])}; mend the line"
            )
    return rows


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(path: Path, line: int, cells: list[str], names: list[str], coordinates: list[int]) -> list[float]:
    for column in coordinates:
        if not _is_number(cells[column]):
            raise ValueError(
                f"{path}, line {line}, column {names[column]}: {cells[column]!r} is no number; mend the cell or remove the line"
            )
    return [float(cells[column]) for column in coordinates]
