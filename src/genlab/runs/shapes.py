"""Shapes of JSON records: a record that was read is used only if it has the shape that genlab writes.

A pattern is a type; a tuple of patterns, one of which must fit; a list of one pattern, for lists; or a dictionary of patterns
by name, where a name that ends in ? may be missing and the name `str` stands for every name.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MACHINE = (errno.ENOMEM, errno.EACCES, errno.ENOSPC, errno.EDQUOT)  # errors of the machine, not of a file
NUMBER = (int, float)
OPTIONAL = (int, float, type(None))
LARGEST = 2**63  # of whole numbers
TICK = {
    "stage": int,
    "name": str,
    "step": int,
    "examples": int,
    "progress": NUMBER,
    "seconds": NUMBER,
    "readings": {str: OPTIONAL},
}
SCORE = {
    "value": OPTIONAL,
    "protocol": ({str: object}, str),
    "better?": (str, type(None)),
    "unit?": str,
    "low?": OPTIONAL,
    "high?": OPTIONAL,
    "error?": OPTIONAL,
    "reason?": str,
    "question?": str,
}
CHECKUP = {"progress": NUMBER, "seconds": NUMBER, "examples": int, "n": int, "scores": {str: SCORE}}
ALARM = {"kind": str, "progress": NUMBER, "seconds": NUMBER, "sentence": str, "remedy": str, "curve": str}
PLAN = {"stride": int, "n": int, "features?": str}
BEST = {"score": str, "cost": NUMBER, "examples": int}
SCHEDULE = [[int]]
EXTENDED = [{"scale": NUMBER, "rows": {str: int}}]
HEAD = {
    "format": int,
    "recipe": {"name": str, "budget": dict},
    "space": dict,
    "given": {str: dict},
    "data": {"source": str, "opened": dict, "fingerprint": str},
    "engine": {"device": str, "precision": str},
    "class?": str,
}
FILE = {"bytes": int, "sha256": str, "file": str, "progress": NUMBER, "examples?": int, "seconds?": NUMBER}
MANIFEST = {"files": {str: [list]}, "checkpoints": [FILE]}
STATE = {
    "stage": int,
    "step": int,
    "steps": int,
    "cursor": int,
    "examples": int,
    "seen": {str: int},
    "overall": NUMBER,
    "optimisers": {str: OPTIONAL},
    "progress": (dict, type(None)),
    "mark": int,
    "logs": {str: list},
    "latest?": {str: OPTIONAL},
    "aliases": {str: str},
    "scale": NUMBER,
    "steered": bool,
}
ROWS = {"ticks.jsonl": TICK, "checkups.jsonl": CHECKUP, "alarms.jsonl": ALARM}  # of the logs


def fits(value: Any, pattern: Any) -> bool:
    """Whether a value of JSON has a shape; records may have further entries."""
    if isinstance(pattern, tuple):
        return any(fits(value, choice) for choice in pattern)
    if isinstance(pattern, list):
        return isinstance(value, list) and all(fits(part, pattern[0]) for part in value)
    if isinstance(pattern, dict):
        if not isinstance(value, dict):
            return False
        if str in pattern:
            return all(fits(part, pattern[str]) for part in value.values())
        return all(_holds(value, key, inner) for key, inner in pattern.items())
    if isinstance(value, bool):
        return pattern in (bool, object)
    return isinstance(value, pattern) and not (isinstance(value, int) and abs(value) >= LARGEST)


def _holds(record: dict[str, Any], key: str, pattern: Any) -> bool:
    name = key.removesuffix("?")
    return fits(record[name], pattern) if name in record else name != key


def shaped(value: Any, pattern: Any, where: Path) -> Any:
    """The value, if it has the shape; otherwise ValueError names the file `where` that it was read from."""
    if not fits(value, pattern):
        raise ValueError(f"{where} is not what genlab writes; restore it from a copy")
    return value


def checkpoint_record(metadata: Any, where: Path) -> dict[str, Any]:
    """The record in the metadata of a checkpoint; ValueError names the file where it is not what genlab writes."""
    record = shaped(metadata, {"record": STATE}, where)["record"]
    if any(name not in ROWS or len(entry) != 2 or not isinstance(entry[0], int) for name, entry in record["logs"].items()):
        raise ValueError(f"{where} is not what genlab writes; restore it from a copy")
    return record


@contextmanager
def sound(where: Path) -> Iterator[None]:
    """Errors that a record of the wrong shape causes become a ValueError that names its file `where`."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{where}: {str(error)[:300]}") from None
    except (KeyError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError, OSError) as error:
        if isinstance(error, OSError) and error.errno in MACHINE:
            raise
        reason = " ".join(str(error).split())[:80]
        raise ValueError(
            f"{where} is not what genlab writes ({type(error).__name__}: {reason}); restore it from a copy"
        ) from None
