"""What stands beside pictures about them: captions and labels in a table of metadata, or a text file for each picture.

    metadata.csv, metadata.jsonl   a row a picture: `file_name` from the table's folder, `text` (or caption, prompt), `label`
    cat-07.txt, cat-07.caption     the caption of cat-07.png

Names are looked up among the files that were found: a row can lead nowhere else.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from genlab.data.overview import LeftOut
from genlab.data.text import contents

TABLES = ("metadata.csv", "metadata.jsonl")
SUFFIXES = (".txt", ".caption")
FILE = "file_name"
TEXTS = ("text", "caption", "prompt", "description", "title")
LABELS = ("label", "class", "category")
LARGEST = 2**28  # bytes of a table
LONGEST = 2**20  # bytes of a caption's file


@dataclass
class Beside:
    """What was found beside pictures, by the picture's name.

    texts      captions on one line
    labels     names of classes, or nothing where no table has them
    said       where captions and labels come from
    used       names of the files that they were read from
    """

    texts: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    texts_from: str = ""
    labels_from: str = ""
    used: set[str] = field(default_factory=set)
    left_out: list[LeftOut] = field(default_factory=list)


def beside(pictures: Sequence[str], files: Mapping[str, Path]) -> Beside:
    """Captions and labels of pictures, by their paths, among files by theirs. ValueError names a table that cannot be read."""
    found, there = Beside(), set(pictures)
    tables = [name for name in files if PurePosixPath(name).name.lower() in TABLES]
    for name in tables:
        _from_table(found, name, files[name], there)
    if not found.texts:
        texts = {name for name in files if PurePosixPath(name).suffix.lower() in SUFFIXES}
        _from_files(found, pictures, texts, lambda name: _read(files[name]))
    return found


def from_files(pictures: Sequence[str], texts: Mapping[str, str]) -> Beside:
    """Captions in files of the pictures' names, by the content of each: as an archive holds them."""
    found = Beside()
    _from_files(found, pictures, set(texts), texts.__getitem__)
    return found


def _from_files(found: Beside, pictures: Sequence[str], names: set[str], read: Callable[[str], str]) -> None:
    """Captions of pictures that have a text file of their name, where at least half of them do."""
    pairs = []
    for picture in pictures:
        stem = str(PurePosixPath(picture).with_suffix(""))
        own = next((f"{stem}{suffix}" for suffix in SUFFIXES if f"{stem}{suffix}" in names), None)
        if own is not None:
            pairs.append((picture, own))
    if 2 * len(pairs) < len(pictures):
        return
    found.texts = {picture: " ".join(read(own).split()) for picture, own in pairs}
    found.used |= {own for _, own in pairs}
    found.texts_from = "the text file beside each picture"


def _read(path: Path) -> str:
    if path.stat().st_size > LONGEST:
        raise ValueError(f"{path} is too long for a caption; a caption is a line or a few")
    return contents(path)


def _from_table(found: Beside, name: str, path: Path, pictures: set[str]) -> None:
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path} has more than {LARGEST:,} bytes; metadata are a row a picture")
    folder = str(PurePosixPath(name).parent)
    nowhere: list[str] = []
    text = label = ""
    for line, row in _rows(path):
        if FILE not in row:
            raise ValueError(
                f"{path} has no column {FILE}, which says what picture a row belongs to; add it, or rename the file"
            )
        text = text or next((key for key in TEXTS if isinstance(row.get(key), str)), "")
        label = label or next((key for key in LABELS if row.get(key) is not None), "")
        picture = str(PurePosixPath(folder) / str(row[FILE])) if folder != "." else str(PurePosixPath(str(row[FILE])))
        if picture not in pictures:
            nowhere.append(f"line {line}: {str(row[FILE])[:60]}")
            continue
        if text:
            found.texts[picture] = " ".join(str(row.get(text) or "").split())
        if label:
            found.labels[picture] = str("" if row.get(label) is None else row[label])
    found.used.add(name)
    found.left_out += LeftOut.of(nowhere, "row", f"of {name}, naming no picture that is there")
    found.texts_from = f"the column {text} of {name}" if text else found.texts_from
    found.labels_from = f"the column {label} of {name}" if label else found.labels_from


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(line, values by column) of a table of metadata."""
    text = contents(path)
    if path.suffix.lower() == ".csv":
        try:
            reader = csv.DictReader(text.split("\n"))
            for row in reader:
                yield reader.line_num, row
        except csv.Error as error:
            raise ValueError(f"{path} is no table: {error}; mend it or remove it") from None
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise ValueError(f'{path}, line {number}: each line is an object, as {{"{FILE}": ..., "text": ...}}; mend it')
            yield number, row
