"""Tables, texts and pairs beside pictures, made to harm whoever reads them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.data.hostile import GOOD, MB, Maker, pictures, sparse, written


def beside(at: Path, name: str, content: bytes | str) -> Path:
    """A folder of pictures with a file beside them."""
    for each, whole in pictures():
        written(at / "d" / each, whole)
    written(at / "d" / name, content)
    return at / "d"


def rows(*more: object) -> str:
    """metadata.jsonl of all pictures but the last, and these lines."""
    usual = [{"file_name": f"{n:03}.png", "text": f"no {n}"} for n in range(GOOD - 1)]
    return "\n".join(row if isinstance(row, str) else json.dumps(row) for row in (*usual, *more))


def csv_rows(*more: str) -> str:
    return "\n".join(["file_name,text", *(f"{n:03}.png,no {n}" for n in range(GOOD - 1)), *more])


def named(name: object) -> str:
    return rows({"file_name": name, "text": "x"})


METADATA: dict[str, Maker] = {
    "climbs": lambda at: beside(at, "metadata.jsonl", named("../../../etc/passwd")),
    "absolute": lambda at: beside(at, "metadata.jsonl", named("/etc/passwd")),
    "climbs csv": lambda at: beside(at, "metadata.csv", csv_rows("../../x.png,x", "/etc/passwd,x", "C:\\x.png,x")),
    "missing": lambda at: beside(at, "metadata.jsonl", rows({"text": "x"})),
    "twice": lambda at: beside(at, "metadata.jsonl", named("000.png")),
    "nul": lambda at: beside(at, "metadata.jsonl", named("a\0.png")),
    "number": lambda at: beside(at, "metadata.jsonl", named(7)),
    "list": lambda at: beside(at, "metadata.jsonl", named(["000.png"])),
    "null": lambda at: beside(at, "metadata.jsonl", named(None)),
    "long": lambda at: beside(at, "metadata.jsonl", named("n" * MB)),
    "text is a list": lambda at: beside(at, "metadata.jsonl", rows({"file_name": "029.png", "text": [1, {"a": 2}]})),
    "label is a list": lambda at: beside(at, "metadata.jsonl", rows({"file_name": "029.png", "label": [1]})),
    "NaN": lambda at: beside(at, "metadata.jsonl", rows('{"file_name": "029.png", "text": "x", "label": NaN}')),
    "Infinity": lambda at: beside(at, "metadata.jsonl", rows('{"file_name": "029.png", "label": Infinity}')),
    "huge int": lambda at: beside(at, "metadata.jsonl", rows('{"file_name": "029.png", "label": ' + "9" * 5000 + "}")),
    "large int": lambda at: beside(at, "metadata.jsonl", rows('{"file_name": "029.png", "label": ' + "9" * 400 + "}")),
    "deep": lambda at: beside(at, "metadata.jsonl", rows("[" * 100_000)),
    "deep value": lambda at: beside(at, "metadata.jsonl", rows('{"file_name": "0.png", "x": ' + "[" * 900 + "]" * 900 + "}")),
    "no object": lambda at: beside(at, "metadata.jsonl", rows("7")),
    "own keys": lambda at: beside(at, "metadata.jsonl", rows({"file_name": "029.png", "source": "/etc/passwd", "options": {}})),
    "surrogate": lambda at: beside(
        at, "metadata.jsonl", rows('{"file_name": "029.png", "text": "\\ud800", "label": "\\udfff"}')
    ),
    "million keys": lambda at: beside(at, "metadata.jsonl", rows(dict.fromkeys(map(str, range(10**6)), 0))),
    "million columns": lambda at: beside(at, "metadata.csv", ",".join(map(str, range(10**6))) + "\n1\n"),
    "million cells": lambda at: beside(at, "metadata.csv", csv_rows("029.png,x" + ",y" * 10**6)),
    "long line": lambda at: beside(at, "metadata.csv", csv_rows("029.png," + "x" * 200 * MB)),
    "long line json": lambda at: beside(
        at, "metadata.jsonl", rows('{"file_name": "029.png", "text": "' + "x" * 200 * MB + '"}')
    ),
    "too large": lambda at: sparse(beside(at, "metadata.csv", csv_rows()) / "metadata.csv", 2**33),
    "open quote": lambda at: beside(at, "metadata.csv", csv_rows('029.png,"x' + "\n" * 10**6)),
    "binary": lambda at: beside(at, "metadata.csv", bytes(range(256)) * 10),
    "empty": lambda at: beside(at, "metadata.csv", ""),
    "link": lambda at: link(beside(at, "metadata.txt", "") / "metadata.csv", written(at / "secret", "file_name\nsecret word")),
    "both": lambda at: written(beside(at, "metadata.csv", csv_rows()) / "metadata.jsonl", rows()).parent,
    "captions binary": lambda at: all_beside(at, bytes(range(256))),
    "captions zero": lambda at: all_beside(at, "a\0b"),
    "captions huge": lambda at: all_beside(at, "x" * 2 * MB),
    "captions long": lambda at: all_beside(at, "x y" * (MB // 3)),
    "captions empty": lambda at: all_beside(at, ""),
    "caption links": lambda at: all_beside(at, "", link_to=written(at / "secret", bytes(range(256)))),
}


def all_beside(at: Path, content: bytes | str, link_to: Path | None = None) -> Path:
    beside(at, "000.txt", content)
    for number in range(1, GOOD):
        path = at / "d" / f"{number:03}.txt"
        link(path, link_to) if link_to else written(path, content)
    return at / "d"


def link(path: Path, to: Path) -> Path:
    path.symlink_to(to)
    return path.parent
