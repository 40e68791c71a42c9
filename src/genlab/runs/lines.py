"""Files of one JSON record a line, only ever added to and cut at their end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from genlab.runs.files import json_safe, plain, read_bytes
from genlab.runs.shapes import fits


def there(file: Path) -> bool:
    """Whether there is such a file; ValueError for a link or a pipe, through which something else would be read or cut."""
    try:
        return bool(plain(file))
    except FileNotFoundError:
        return False


def append(file: Path, row: Mapping[str, Any]) -> None:
    """One more line."""
    there(file)
    with file.open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(json_safe(row)) + "\n")


def lines(file: Path, pattern: Any) -> Iterator[dict[str, Any]]:
    """The records of that shape; a last line without an end was being written when somebody pulled the plug, and is left out.

    ValueError names the line that is damaged.
    """
    if not there(file):
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
    """(length, SHA-256) of the first `size` bytes, or of all; those of nothing where there is no file."""
    found = file.read_bytes()[:size] if there(file) else b""
    return len(found), hashlib.sha256(found).hexdigest()


def whole_lines(file: Path) -> int:
    """Bytes up to the end of the last line that has one."""
    return file.read_bytes().rfind(b"\n") + 1 if there(file) else 0


def cut(file: Path, size: int) -> None:
    """Forget what follows the first `size` bytes."""
    if there(file) and file.stat().st_size > size:
        with file.open("r+b") as handle:
            handle.truncate(size)
