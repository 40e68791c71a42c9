"""Files with one JSON record on each line. They change only at their end: lines are appended or cut off."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from genlab.runs.files import json_safe, plain, read_bytes
from genlab.runs.shapes import fits


def exists(file: Path) -> bool:
    """Whether the file exists; ValueError for a link or a pipe, through which another file would be read or cut."""
    try:
        return bool(plain(file))
    except FileNotFoundError:
        return False


def append(file: Path, row: Mapping[str, Any]) -> None:
    """Append a record as a line."""
    exists(file)
    with file.open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(json_safe(row)) + "\n")


def lines(file: Path, pattern: Any) -> Iterator[dict[str, Any]]:
    """The records of the lines, each of which must have the shape of a pattern (see `runs.shapes`).

    A last line without a newline is left out: its process was killed while it wrote the line. ValueError names a damaged line.
    """
    if not exists(file):
        return
    for number, line in enumerate(read_bytes(file).split(b"\n")[:-1], 1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict) or not fits(row, pattern):
            raise ValueError(f"{file}, line {number}, is damaged; delete the line or the file: it only records readings")
        yield row


def prefix(file: Path, size: int | None = None) -> tuple[int, str]:
    """(length, SHA-256) of the first `size` bytes of a file, or of all; a missing file counts as empty."""
    found = file.read_bytes()[:size] if exists(file) else b""
    return len(found), hashlib.sha256(found).hexdigest()


def whole_lines(file: Path) -> int:
    """Number of bytes up to and including the last newline."""
    return file.read_bytes().rfind(b"\n") + 1 if exists(file) else 0


def cut(file: Path, size: int) -> None:
    """Truncate the file to its first `size` bytes."""
    if exists(file) and file.stat().st_size > size:
        with file.open("r+b") as handle:
            handle.truncate(size)
