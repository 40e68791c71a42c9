"""The manifest of a run's folder: length and SHA-256 of its files and checkpoints.

Files are replaced in three steps: the new ones are written under temporary names; manifest.json lists them beside the old ones;
they are renamed. A process killed anywhere in between leaves only files that the manifest lists.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from genlab.core.program import called
from genlab.runs.files import (
    Damaged,
    being_written,
    plain,
    read_json,
    replace,
    sealed,
    size_and_digest,
    unsealed,
    within,
    write_atomic,
    write_beside,
)
from genlab.runs.shapes import MANIFEST, shaped

NAME = "manifest.json"
CHECKPOINTS = 2  # that are kept

Writer = Callable[[Path], object]


class Manifest:
    """manifest.json of the folder of one run."""

    def __init__(self, folder: Path):
        self.folder = folder

    def publish(
        self,
        writers: Mapping[str, Writer],
        checkpoint: tuple[str, Writer, Mapping[str, Any]] | None = None,
        gone: Sequence[str] = (),
    ) -> None:
        """Replace files, add a checkpoint and remove files, all of it or nothing.

        writers      by the file's name in the folder
        checkpoint   (name, writer, entries about it in the manifest)
        gone         names of files to remove
        """
        check_exists(self.folder)
        record = self.read()
        beside: dict[Path, Path] = {}
        try:
            for name, write in writers.items():
                path = within(self.folder, name)
                new = beside[path] = write_beside(path, write)
                record["files"][name] = [size_and_digest(new), *record["files"].get(name, [])[:1]]
            old = self._add(record, checkpoint)
            for name in gone:  # before the manifest forgets them: a file that it does not name is taken as it is
                remove(within(self.folder, name))
                record["files"].pop(name, None)
            self._write(record)
            for path, new in beside.items():
                replace(new, path)
        except BaseException:
            for new in beside.values():
                new.unlink(missing_ok=True)
            raise
        for entry in old:
            remove(self.folder / entry["file"])

    def read(self) -> dict[str, Any]:
        """{"files": {name: [new, old]}, "checkpoints": [oldest, newest]}, where new and old are [length, SHA-256].

        Where the manifest is missing or damaged, a warning says so, checkpoints on disk are listed without checksums, and all
        other files count as intact.
        """
        path = self.folder / NAME
        if not path.exists():
            return {"files": {}, "checkpoints": self._unlisted()}
        try:
            return _inside(shaped(unsealed(read_json(path)), MANIFEST, path))
        except (ValueError, OSError):
            warnings.warn(Damaged(f"{path} is damaged: the files beside it are taken as they are"), stacklevel=2)
            return {"files": {}, "checkpoints": self._found()}

    def intact(self, name: str) -> bool:
        """Whether a file exists and is one that the manifest lists, or the manifest lists none of its name."""
        return self._is(self.folder / name, self.read()["files"].get(name, []))

    def checkpoints(self) -> Iterator[dict[str, Any]]:
        """The intact checkpoints, newest first; a damaged one is named in a warning."""
        within(self.folder, "state/any")
        listed = self.read()["checkpoints"]
        for number, entry in reversed([*enumerate(listed)]):
            path = self.folder / entry["file"]
            if self._is(path, [[entry["bytes"], entry["sha256"]]] if "sha256" in entry else []):
                yield entry
            else:
                state = "is damaged" if path.exists() else "is missing"
                used = ": the checkpoint before it is used" if number else ""
                warnings.warn(Damaged(f"{path} {state}{used}"), stacklevel=2)

    def tidy(self) -> None:
        """Remove what a killed process has left: temporary files, and checkpoints that are not listed.

        Of files that were listed and never renamed, the manifest keeps the old entry only.
        """
        record = self.read()
        known = {name: self._on_disk(name, entries) for name, entries in record["files"].items()}
        if known != record["files"]:
            self._write({**record, "files": known})
        listed = {entry["file"] for entry in record["checkpoints"]}
        folders = [folder for folder in (self.folder, self.folder / "state", self.folder / "broken") if not folder.is_symlink()]
        halves = [path for folder in folders for path in folder.glob(".*.part") if not being_written(path)]
        states = (self.folder / "state").glob("*.safetensors") if self.folder / "state" in folders else ()
        for path in (*halves, *(path for path in states if f"state/{path.name}" not in listed)):
            remove(path)

    def _on_disk(self, name: str, known: list[Any]) -> list[Any]:
        """The entry, of two in the manifest, that the file on disk matches; both where it matches neither."""
        if len(known) < 2:
            return known
        try:
            found = size_and_digest(self.folder / name)
        except (OSError, ValueError):
            return known
        return [found] if found in known else known

    def _is(self, path: Path, known: Sequence[Any]) -> bool:
        """Whether the path is a plain file that matches one of the known entries, if there are any."""
        try:
            return plain(path) is not None and (not known or size_and_digest(path) in known)
        except (OSError, ValueError):
            return False

    def _add(
        self, record: dict[str, Any], checkpoint: tuple[str, Writer, Mapping[str, Any]] | None
    ) -> Sequence[dict[str, Any]]:
        """Write a checkpoint and list it; returns the entries of older ones that are to be removed."""
        if checkpoint is None:
            return ()
        name, write, about = checkpoint
        path = within(self.folder, name)
        write_atomic(path, write)
        size, digest = size_and_digest(path)
        every = [*record["checkpoints"], {**about, "file": name, "bytes": size, "sha256": digest}]
        record["checkpoints"] = every[-CHECKPOINTS:]
        return every[:-CHECKPOINTS]

    def _write(self, record: Mapping[str, Any]) -> None:
        text = json.dumps(sealed(record), indent=1) + "\n"
        write_atomic(self.folder / NAME, lambda beside: beside.write_text(text, encoding="utf-8"))

    def _unlisted(self) -> list[dict[str, Any]]:
        """Checkpoints on disk of a folder without a manifest; a warning where there are any."""
        found = self._found()
        if found:
            warnings.warn(Damaged(f"{self.folder / NAME} is missing: the files beside it are taken as they are"), stacklevel=3)
        return found

    def _found(self) -> list[dict[str, Any]]:
        """Entries for the checkpoints on disk, oldest first."""
        if (self.folder / "state").is_symlink():
            return []
        found = [path for path in (self.folder / "state").glob("*.safetensors") if path.stem.isdigit()]
        return [{"file": f"state/{path.name}"} for path in sorted(found, key=lambda path: int(path.stem))]


def _inside(record: dict[str, Any]) -> dict[str, Any]:
    """The record; ValueError where it names files outside the folder."""
    checkpoints = [Path(entry["file"]) for entry in record["checkpoints"]]
    if any(Path(name).name != name for name in record["files"]) or any(
        path.parts != ("state", f"{path.stem}.safetensors") or not path.stem.isdecimal() for path in checkpoints
    ):
        raise ValueError("it names files elsewhere")
    return record


def check_exists(folder: Path) -> None:
    """ValueError where a run's folder no longer exists, so that nothing must be written into it."""
    if not folder.is_dir():
        raise ValueError(
            f"{folder} was removed or moved while it was being written; if it was moved, {called()} resume goes on from there"
        )


def remove(path: Path) -> None:
    """Delete a file or a link; a folder, which genlab does not make there, stays."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
