"""The files of a folder: without what other programs and genlab itself have put there, each folder once, links followed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from genlab.data.options import ProgressCallback, silent
from genlab.data.overview import LeftOut

FOREIGN = {  # folders that other programs keep thumbnails, waste and the like in, in lower case
    "__macosx", "@eadir", "#recycle", "$recycle.bin", "lost+found", "system volume information", "__pycache__",
}  # fmt: skip
MARKS = {  # genlab's own folders, by files that they hold
    "a run": ({"recipe.json", "manifest.json"},),
    "a comparison": ({"report.json", "report.html"}, {"report.json", "runs"}),
}
DEEPEST = 100  # folders in one another
PACE = 10_000  # files between two calls for progress


@dataclass(frozen=True)
class Found:
    """A file. name: its path from the folder that was walked, parts set apart by "/", always text that can be printed."""

    name: str
    path: Path
    stat: os.stat_result


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
                yield Found(name, folder / entry.name, stat)

    for each in within(root, ""):
        found.files.append(each)
        if len(found.files) % PACE == 0:
            progress(len(found.files), 2 * len(found.files), "finding files")
    found.files.sort(key=lambda each: each.name)
    return found


def printable(name: str) -> str:
    """A file's name as text: bytes that are no UTF-8 are written out, as "gr\\xf6n.png"."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino
