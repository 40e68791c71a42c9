"""The files of a folder: without what other programs and genlab itself have put there, each folder once, links followed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from genlab.data.options import ProgressCallback, silent
from genlab.data.overview import LeftOut

FOREIGN = {  # folders that other programs keep thumbnails, waste and the like in, in lower case
    "__macosx", "@eadir", "#recycle", "$recycle.bin", "lost+found", "system volume information", "__pycache__",
}  # fmt: skip
MARKS = {  # genlab's own folders, by files that they hold
    "a run": ({"recipe.json", "manifest.json"},),
    "a comparison": ({"report.json", "report.html"}, {"report.json", "runs"}),
}
STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")  # a terminal: controls, ends of lines, directions
DEEPEST = 100  # folders in one another
PACE = 10_000  # files between two calls for progress


class Found(NamedTuple):
    """A file, in few bytes: there may be a million.

    name           its path from the folder that was walked, parts set apart by "/", always text that can be printed
    folder, file   where it lies
    size           bytes
    changed        nanoseconds
    """

    name: str
    folder: Path
    file: str
    size: int
    changed: int

    @property
    def path(self) -> Path:
        return self.folder / self.file


@dataclass
class Walk:
    """The files below a folder, sorted by name, and what was passed over."""

    files: list[Found] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    seen_before: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def left_out(self) -> tuple[LeftOut, ...]:
        return (
            *LeftOut.of(self.own, "folder", "genlab's own runs and reports"),
            *LeftOut.of(self.foreign, "folder", "kept by other programs"),
            *LeftOut.of(self.seen_before, "link", "leads to what is read already"),
            *LeftOut.of(self.broken, "link", "leads nowhere"),
        )


def product(folder: Path) -> str:
    """What genlab has made of this folder: "a run", "a comparison", or "" for anything else."""
    for what, marks in MARKS.items():
        if any(all((folder / name).exists() for name in mark) for mark in marks):
            return what
    return ""


def walk(root: Path, progress: ProgressCallback = silent) -> Walk:
    """Every file below `root` that is not hidden. OSError where a folder cannot be read."""
    found = Walk()
    entered = {_identity(root.stat())}

    def within(folder: Path, under: str) -> Iterator[Found]:
        if under.count("/") > DEEPEST:
            raise ValueError(f"{root} holds folders in folders, more than {DEEPEST} deep ({under[:60]}...); name one of them")
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: (entry.is_symlink(), entry.name))
        for entry in listed:
            name = under + printable(entry.name)
            if entry.name.startswith("."):
                continue
            try:
                stat = entry.stat()
                is_folder, is_file = entry.is_dir(), entry.is_file()
            except OSError:  # a link in a circle, or to nothing
                found.broken.append(name)
                continue
            if is_folder and entry.name.lower() in FOREIGN:
                found.foreign.append(f"{name}/")
            elif is_folder and product(folder / entry.name):
                found.own.append(f"{name}/")
            elif is_folder and _identity(stat) in entered:
                found.seen_before.append(f"{name}/")
            elif is_folder:
                entered.add(_identity(stat))
                yield from within(folder / entry.name, f"{name}/")
            elif is_file:
                yield Found(name, folder, entry.name, stat.st_size, stat.st_mtime_ns)

    for each in within(root, ""):
        found.files.append(each)
        if len(found.files) % PACE == 0:
            progress(len(found.files), 0, "finding files")
    found.files.sort(key=lambda each: each.name)
    return found


def printable(name: str) -> str:
    """A file's name as text: bytes that are no UTF-8, and what would steer a terminal, are written out, as "gr\\xf6n.png"."""
    if name.isascii() and name.isprintable():
        return name
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return STEERING.sub(lambda found: ascii(found[0])[1:-1], text)


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino
