"""Parquet as the Hugging Face hub lays it out: a column of pictures, `image` {bytes, path} or plain bytes, `label`, `text`.

Names of the classes are in the schema's metadata under "huggingface". Files whose names begin with train, test or
validation are those splits; a lone file is split by content like everything else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genlab.core.program import installing
from genlab.core.words import word_list
from genlab.data import splits
from genlab.data.base import Opened
from genlab.data.cells import Cells
from genlab.data.examples import classed
from genlab.data.options import Request
from genlab.data.overview import LeftOut, Overview
from genlab.data.store import PictureItem, PictureManifest, decode_cached
from genlab.data.table import LABELS, column_called, from_cells
from genlab.data.text import learnt

TEXT = "text"
PREFERRED = ("image", "img", "picture")
SPLIT = re.compile(r"(?<![a-z])(train|test|valid|validation|val)(?![a-z])")
SIDES = {"train": splits.TRAIN, "test": splits.TEST} | dict.fromkeys(("valid", "validation", "val"), splits.VALIDATION)
ROWS = 16  # read at once: of pictures, which may be large
NUMBERS = ("int", "uint", "float", "double", "halffloat", "decimal")  # how types of numbers begin
CLASSES = ("int", "uint", "bool", "string", "large_string", "dictionary")  # and types of labels


class ParquetTable(NamedTuple):
    """One parquet file, or one split of a data set of the hub."""

    name: str
    schema: Any  # pyarrow.Schema
    count: int
    batches: Any  # (columns) -> Iterator[pyarrow.RecordBatch]
    own: int = -1
    folder: Path = Path()  # where relative paths of pictures begin


def read(request: Request) -> Opened:
    """A file, or a folder of files at any depth."""
    pyarrow()
    files = sorted(request.path.rglob("*.parquet")) if request.path.is_dir() else [request.path]
    sides = [_side(str(file.relative_to(request.path)) if file != request.path else "") for file in files]
    known = splits.TRAIN in sides and len(set(sides)) > 1 and -1 not in sides
    tables = [_table(file, side if known else -1) for file, side in zip(files, sides, strict=True)]
    key = [[str(file), file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    return from_tables(request, tables, key)


def from_tables(request: Request, tables: list[ParquetTable], key: Any) -> Opened:
    """Pictures of tables that share their columns; where there are none, points of columns of numbers, or a text."""
    found = _picture_columns(tables[0].schema)
    if not found:
        return _without_pictures(request, tables)
    column = _picture_column(request, found)
    label = _label_column(request, tables[0].schema)
    for table in tables[1:]:
        if lacking := [wanted for wanted in (column, label) if wanted is not None and wanted not in table.schema.names]:
            raise ValueError(f"{table.name} lacks the column {lacking[0]} that {tables[0].name} has; name one file alone")
    labels, classes = _labels(tables, label)
    texts = _texts(tables)

    def items() -> Iterator[PictureItem]:
        for table in tables:
            for row, content in enumerate(_pictures(table, column)):
                yield PictureItem(f"{table.name}, row {row}", content)

    decoded = decode_cached(request, PictureManifest(items, sum(table.count for table in tables), [key, column]))
    own = np.repeat([table.own for table in tables], [table.count for table in tables]).astype(np.int8)[decoded.numbers]
    noted = Overview(
        classes_from=f"the column {label}" if label else "no column is called label (--label NAME)",
        texts_from=f"the column {TEXT}" if any(texts) else "",
        splits_from="the files' names" + splits.completion(own) if (own >= 0).any() else "by content",
        left_out=LeftOut.of([other for other in found if other != column], "column", "pictures too; --columns chooses"),
    )
    texts = [texts[number] for number in decoded.numbers.tolist()]
    known = own if (own >= 0).any() else None
    return decoded.examples(request, labels[decoded.numbers], classes, known, noted, texts, ("rows", "table"))


def _without_pictures(request: Request, tables: list[ParquetTable]) -> Opened:
    """Points of a table of numbers, or the texts of its column `text`; ValueError for any other."""
    schema = tables[0].schema
    kinds = {name: str(schema.field(name).type) for name in schema.names}
    if len(tables) > 1:
        raise ValueError(f"{request.name} has no column of pictures; of tables and texts name one file alone")
    if any(kind.startswith(NUMBERS) for kind in kinds.values()):
        plain = [name for name, kind in kinds.items() if kind.startswith((*NUMBERS, "bool", "string", "large_string"))]
        columns: list[list[str]] = [[] for _ in plain]
        for batch in tables[0].batches(plain):
            for column, values in zip(columns, batch.to_pydict().values(), strict=True):
                column += ["" if value is None else str(value) for value in values]
        return from_cells(request, Cells(tuple(plain), columns, range(tables[0].count), each="row"))
    if TEXT in kinds and "string" in kinds[TEXT]:
        values = [value for batch in tables[0].batches([TEXT]) for value in batch.column(0).to_pylist()]
        return learnt(request, [value for value in values if value])
    listed = ", ".join(f"{name} ({kind[:40]})" for name, kind in kinds.items())
    raise ValueError(
        f"{request.name} has no column of pictures, numbers or text; its columns are {listed}: pictures are bytes of PNG "
        "or JPEG, in a column called image"
    )


def pyarrow() -> Any:
    """The library, or a ValueError that says how to get it."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise ValueError(f"reading parquet needs pyarrow: {installing('hub')}") from None
    return pyarrow


def _table(file: Path, own: int) -> ParquetTable:
    library = pyarrow()
    try:
        opened = library.parquet.ParquetFile(file)
    except (library.ArrowException, OSError, MemoryError) as error:
        raise _damaged(file, error) from None

    def batches(columns: list[str]) -> Iterator[Any]:
        try:
            with library.parquet.ParquetFile(file) as again:
                yield from again.iter_batches(ROWS, columns=columns)
        except (library.ArrowException, OSError, MemoryError) as error:
            raise _damaged(file, error) from None

    return ParquetTable(file.name, opened.schema_arrow, opened.metadata.num_rows, batches, own, file.parent)


def _damaged(file: Path, error: BaseException) -> ValueError:
    why = (str(error) or type(error).__name__).splitlines()[0][:120]
    return ValueError(f"{file} is damaged or no parquet file ({why}); restore it from its source")


def _side(path: str) -> int:
    """The split that a path names, its file before its folders; -1 for none."""
    for part in reversed(Path(path.lower()).parts):
        match = SPLIT.search(part)
        if match is not None:
            return SIDES[match[1]]
    return -1


def _picture_columns(schema: Any) -> list[str]:
    """Columns of bytes, alone or in {bytes, path}."""

    def holds_bytes(kind: Any) -> bool:
        return "binary" in str(kind) and not str(kind).startswith("list")

    return [column for column in schema.names if holds_bytes(schema.field(column).type)]


def _picture_column(request: Request, found: list[str]) -> str:
    """The column that is learnt; asks where there are several and none is called image."""
    asked = request.options.columns
    if asked is not None:
        if asked.strip() not in found:
            raise ValueError(f"--columns {asked}: {request.name} has pictures in {word_list(found)}; name one of them")
        return asked.strip()
    chosen = [column for column in PREFERRED if column in found] or found
    if len(found) > 1 and chosen == found:
        raise ValueError(f"{request.name} has pictures in {word_list(found)}; say which to learn, as --columns {found[0]}")
    return chosen[0]


def features(schema: Any) -> Mapping[str, Any]:
    """The hub's metadata by column; empty where there are none, or none that can be read."""
    try:
        return json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"] or {}
    except (KeyError, TypeError, ValueError):
        return {}


def _label_column(request: Request, schema: Any) -> str | None:
    """The column that is the label: the user's, the one called label, or the one that the hub calls one."""
    if request.options.label is not None:
        return schema.names[column_called(request.options.label, schema.names, "--label")]
    known = features(schema)
    named = [
        column for column in schema.names if isinstance(known.get(column), dict) and known[column].get("_type") == "ClassLabel"
    ]
    plain = [name for name in LABELS if name in schema.names and str(schema.field(name).type).startswith(CLASSES)]
    return next((column for column in ("label", "labels", *named, *plain) if column in schema.names), None)


def _labels(tables: list[ParquetTable], column: str | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """(N,) numbers of the classes and their names; -1 where a row has none."""
    none = np.full(sum(table.count for table in tables), -1)
    if column is None:
        return none, ()
    values = [value for table in tables for batch in table.batches([column]) for value in batch.column(0).to_pylist()]
    if any(not isinstance(value, int | str) for value in values if value is not None):  # lists
        return none, ()
    values = [-1 if value is None else value for value in values]  # the hub's own -1 is "hidden"
    described = features(tables[0].schema).get(column)
    names = tuple(described.get("names") or ()) if isinstance(described, dict) else ()
    if names and all(isinstance(value, int) and -1 <= value < len(names) for value in values):
        return np.array(values), names
    return classed(np.array(values))


def _texts(tables: list[ParquetTable]) -> list[str]:
    """The caption of each row, on one line; "" where it has none."""
    if any(TEXT not in table.schema.names or "string" not in str(table.schema.field(TEXT).type) for table in tables):
        return [""] * sum(table.count for table in tables)
    values = (value for table in tables for batch in table.batches([TEXT]) for value in batch.column(0).to_pylist())
    return [" ".join((value or "").split()) for value in values]


def _pictures(table: ParquetTable, column: str) -> Iterator[bytes | Path]:
    for batch in table.batches([column]):
        for value in batch.column(0).to_pylist():
            if isinstance(value, dict):
                value = value.get("bytes") or _beside(table.folder, value.get("path"))
            yield value if isinstance(value, bytes | Path) else b""


def _beside(folder: Path, path: Any) -> Path | bytes:
    """The file that a row names, from the folder of its table; nothing where it is not there, or leads elsewhere."""
    if not isinstance(path, str) or "\0" in path or Path(path).is_absolute() or ".." in Path(path).parts:
        return b""
    return folder / path if (folder / path).is_file() else b""
