"""What stands beside pictures about them: captions and labels in a table of metadata, or a text file for each picture.

    metadata.csv, metadata.jsonl   a row a picture: `file_name` from the table's folder, `text` (or caption, prompt), `label`
    cat-07.txt, cat-07.caption     the caption of cat-07.png
    cat-07.cls, cat-07.json        its label, and an object with `text` or `label`: as shards of webdataset have them

Names are looked up among the files that were found: a row can lead nowhere else.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from genlab.data.formats import stem_of, suffix_of
from genlab.data.overview import LeftOut
from genlab.data.text import contents, parsed
from genlab.data.walk import Found, printable

TABLES = ("metadata.csv", "metadata.jsonl")
SUFFIXES = (".txt", ".caption", ".cls", ".json")
NAMING = (".csv", ".tsv", ".txt", ".json", ".jsonl")  # files that may say something of many pictures
LOOKED_AT, HEAD, NAMED = 20, 2**16, 5  # such files, bytes of each, names of pictures in it
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

    def unused_captions(self, examples: str) -> tuple[LeftOut, ...]:
        """What is said of captions of recordings or clips, which are not learnt."""
        return LeftOut.of(list(self.texts), "caption", f"learnt with pictures alone, not with {examples}")


def beside(pictures: Sequence[str], files: Mapping[str, Found]) -> Beside:
    """Captions and labels of pictures, among files by their names. ValueError names a table that cannot be read."""
    found, there = Beside(), set(pictures)
    words = [name for name in files if suffix_of(name) in (*SUFFIXES, *NAMING)]
    tables = [name for name in words if name.rpartition("/")[2].lower() in TABLES]
    for name in tables:
        _from_table(found, name, files[name].path, there)
    texts = {name for name in words if suffix_of(name) in SUFFIXES and name not in found.used}
    _from_files(found, pictures, texts, lambda name: _read(files[name].path))
    others = [name for name in words if suffix_of(name) in NAMING and name not in found.used]
    naming = [name for name in others[:LOOKED_AT] if _names(files[name].path, pictures)]
    found.used |= set(naming)
    found.left_out += LeftOut.of(
        naming,
        "file",
        "it names what is learnt; to learn what it says, call it metadata.csv, with columns file_name, text, label",
    )
    return found


def _names(path: Path, pictures: Sequence[str]) -> bool:
    """Whether a file names several pictures, with their suffix or without."""
    with path.open("rb") as file:
        words = set(re.split(r"[\s,;:\"\[\]{}]+", file.read(HEAD).decode("latin-1")))
    known = {each for name in pictures for each in (PurePosixPath(name).name, PurePosixPath(name).stem) if not each.isalpha()}
    return len({PurePosixPath(word).stem for word in words if PurePosixPath(word).name in known}) >= NAMED


def from_files(pictures: Sequence[str], texts: Mapping[str, str]) -> Beside:
    """Captions in files of the pictures' names, by the content of each: as an archive holds them."""
    found = Beside()
    _from_files(found, pictures, set(texts), texts.__getitem__)
    return found


def _from_files(found: Beside, pictures: Sequence[str], names: set[str], read: Callable[[str], str]) -> None:
    """What files of the pictures' names say, each kind of them where at least half of the pictures have one."""
    if not names:
        return
    stems = {picture: stem_of(picture) for picture in pictures}
    for suffix in SUFFIXES:
        pairs = {picture: f"{stem}{suffix}" for picture, stem in stems.items() if f"{stem}{suffix}" in names}
        if not pairs or 2 * len(pairs) < len(pictures):
            continue
        content = {picture: read(own) for picture, own in pairs.items()}
        found.used |= set(pairs.values())
        if suffix == ".json":
            _from_objects(found, content)
        elif suffix == ".cls":
            _add(found, {}, content, f"the {suffix} file beside each picture")
        elif sum(any(map(str.isalpha, text)) for text in content.values()) < len(content) / 2:
            found.left_out += LeftOut.of(
                list(pairs.values()), "file", "numbers beside pictures, as boxes of a detector: no captions"
            )
        else:
            _add(found, content, {}, "the text file beside each picture")


def _from_objects(found: Beside, content: Mapping[str, str]) -> None:
    """What JSON objects beside pictures say under the names that a table of metadata has."""
    texts: dict[str, str] = {}
    labels: dict[str, str] = {}
    for picture, text in content.items():
        try:
            row = parsed(text)
        except ValueError:
            continue
        row = row if isinstance(row, dict) else {}
        if said := next((row[key] for key in TEXTS if isinstance(row.get(key), str)), ""):
            texts[picture] = said
        if (label := next((row[key] for key in LABELS if isinstance(row.get(key), str | int)), None)) is not None:
            labels[picture] = str(label)
    _add(found, texts, labels, "the .json file beside each picture")


def _add(found: Beside, texts: Mapping[str, str], labels: Mapping[str, str], where: str) -> None:
    """Captions and labels, each where none were found before."""
    if any(texts.values()) and not found.texts:
        found.texts, found.texts_from = {picture: " ".join(text.split()) for picture, text in texts.items()}, where
    if any(labels.values()) and not found.labels:
        found.labels, found.labels_from = {picture: label.strip() for picture, label in labels.items()}, where


def _read(path: Path) -> str:
    if path.stat().st_size > LONGEST:
        raise ValueError(f"{path} is too long for a caption; a caption is a line or a few")
    return contents(path)


def _from_table(found: Beside, name: str, path: Path, pictures: set[str]) -> None:
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path} has more than {LARGEST:,} bytes; metadata are a row a picture")
    folder = str(PurePosixPath(name).parent)
    nowhere: list[str] = []
    again: list[str] = []
    text = label = ""
    for line, row in _rows(path):
        if FILE not in row:
            raise ValueError(
                f"{path} has no column {FILE}, which says what picture a row belongs to; add it, or rename the file"
            )
        if not isinstance(row[FILE], str):
            raise ValueError(
                f"{path}, line {line}: {FILE} is the name of a picture, got {str(row[FILE])[:60]!r}; mend the line"
            )
        text = text or next((key for key in TEXTS if isinstance(row.get(key), str)), "")
        label = label or next((key for key in LABELS if row.get(key) is not None), "")
        picture = str(PurePosixPath(folder) / str(row[FILE])) if folder != "." else str(PurePosixPath(str(row[FILE])))
        if picture not in pictures:
            nowhere.append(f"line {line}: {printable(row[FILE][:60])}")
            continue
        if picture in found.texts or picture in found.labels:
            again.append(f"line {line}: {printable(row[FILE][:60])}")
            continue
        found.texts[picture] = " ".join(_word(row.get(text), path, line, text).split())
        found.labels[picture] = _word(row.get(label), path, line, label)
    found.used.add(name)
    found.left_out += LeftOut.of(nowhere, "row", f"of {name}, naming no picture that is there")
    found.left_out += LeftOut.of(again, "row", f"of {name}, naming a picture that has one already")
    found.texts_from = f"the column {text} of {name}" if text else found.texts_from
    found.labels_from = f"the column {label} of {name}" if label else found.labels_from


def _word(value: Any, path: Path, line: int, column: str) -> str:
    """A caption or a label; "" where there is none. ValueError for lists and objects."""
    if value is not None and not isinstance(value, str | int | float):
        raise ValueError(f"{path}, line {line}: {column} is a word or a number, got {str(value)[:60]}; mend the line")
    return "" if value is None else str(value)


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
            if len(line) > LONGEST:
                raise ValueError(f"{path}, line {number} has more than {LONGEST:,} characters; metadata are a row a picture")
            try:
                row = parsed(line)
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}; mend it") from None
            if not isinstance(row, dict):
                raise ValueError(f'{path}, line {number}: each line is an object, as {{"{FILE}": ..., "text": ...}}; mend it')
            yield number, row
