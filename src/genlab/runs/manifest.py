"""What a run's folder vouches for: length and SHA-256 of its files, and its checkpoints.

Files are replaced in three steps: the new ones are written beside the old ones; then manifest.json says what either are; then
the new ones are renamed into place. Killed anywhere in between, every file is one that the manifest knows.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

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
KEPT = 2  # checkpoints

Writer = Callable[[Path], object]


class Manifest:
    """Of the folder of one run."""

    def __init__(self, folder: Path):
        self.folder = folder

    def publish(
        self,
        writers: Mapping[str, Writer],
        checkpoint: tuple[str, Writer, Mapping[str, Any]] | None = None,
        gone: Sequence[str] = (),
    ) -> None:
        """Replace files, by their names in the folder, and add a checkpoint: (name, writer, what is said about it).

        gone: files to remove, which the new state of the run has no more
        All of it happens, or nothing that can be seen.
        """
        present(self.folder)
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
        """{"files": {name: [what it is, what it was]}, "checkpoints": [oldest, newest]}; empty where there is none.

        A damaged manifest is named in a warning: then the files are taken as they are.
        """
        path = self.folder / NAME
        if not path.exists():
            return {"files": {}, "checkpoints": self._unlisted()}
        try:
            return _inside(shaped(unsealed(read_json(path)), MANIFEST, path))
        except (ValueError, OSError):
            warnings.warn(Damaged(f"{path} is damaged: the files beside it are taken as they are"), stacklevel=2)
            return {"files": {}, "checkpoints": self._found()}

    def vouches(self, name: str) -> bool:
        """Whether a file is what was written, or was never described."""
        return self._is(self.folder / name, self.read()["files"].get(name, []))

    def checkpoints(self) -> Iterator[dict[str, Any]]:
        """Newest first, those that are whole; a damaged one is named in a warning."""
        within(self.folder, "state/any")
        kept = self.read()["checkpoints"]
        for number, entry in reversed([*enumerate(kept)]):
            path = self.folder / entry["file"]
            if self._is(path, [[entry["bytes"], entry["sha256"]]] if "sha256" in entry else []):
                yield entry
            else:
                said = "is damaged" if path.exists() else "is missing"
                used = ": the checkpoint before it is used" if number else ""
                warnings.warn(Damaged(f"{path} {said}{used}"), stacklevel=2)

    def tidy(self) -> None:
        """Remove what somebody who was killed has left: halves of files, and checkpoints that are no longer kept.

        Files that never came into place are forgotten: the next ones are then known beside those that lie there.
        """
        record = self.read()
        known = {name: self._there(name, entries) for name, entries in record["files"].items()}
        if known != record["files"]:
            self._write({**record, "files": known})
        kept = {entry["file"] for entry in record["checkpoints"]}
        places = [place for place in (self.folder, self.folder / "state", self.folder / "broken") if not place.is_symlink()]
        halves = [path for place in places for path in place.glob(".*.part") if not being_written(path)]
        states = (self.folder / "state").glob("*.safetensors") if self.folder / "state" in places else ()
        for path in (*halves, *(path for path in states if f"state/{path.name}" not in kept)):
            remove(path)

    def _there(self, name: str, known: list[Any]) -> list[Any]:
        """Of what a file may be, what it is, where that is one of it."""
        if len(known) < 2:
            return known
        try:
            found = size_and_digest(self.folder / name)
        except (OSError, ValueError):
            return known
        return [found] if found in known else known

    def _is(self, path: Path, known: Sequence[Any]) -> bool:
        """Whether a plain file lies there, one of those known if any are."""
        try:
            return plain(path) is not None and (not known or size_and_digest(path) in known)
        except (OSError, ValueError):
            return False

    def _add(
        self, record: dict[str, Any], checkpoint: tuple[str, Writer, Mapping[str, Any]] | None
    ) -> Sequence[dict[str, Any]]:
        """The checkpoints that are no longer kept."""
        if checkpoint is None:
            return ()
        name, write, about = checkpoint
        path = within(self.folder, name)
        write_atomic(path, write)
        size, digest = size_and_digest(path)
        every = [*record["checkpoints"], {**about, "file": name, "bytes": size, "sha256": digest}]
        record["checkpoints"] = every[-KEPT:]
        return every[:-KEPT]

    def _write(self, record: Mapping[str, Any]) -> None:
        text = json.dumps(sealed(record), indent=1) + "\n"
        write_atomic(self.folder / NAME, lambda beside: beside.write_text(text, encoding="utf-8"))

    def _unlisted(self) -> list[dict[str, Any]]:
        """Checkpoints that lie there although no manifest says so."""
        found = self._found()
        if found:
            warnings.warn(Damaged(f"{self.folder / NAME} is missing: the files beside it are taken as they are"), stacklevel=3)
        return found

    def _found(self) -> list[dict[str, Any]]:
        """Those that lie there."""
        if (self.folder / "state").is_symlink():
            return []
        found = [path for path in (self.folder / "state").glob("*.safetensors") if path.stem.isdigit()]
        return [{"file": f"state/{path.name}"} for path in sorted(found, key=lambda path: int(path.stem))]


def _inside(record: dict[str, Any]) -> dict[str, Any]:
    """The record, if all that it names lies in the folder."""
    checkpoints = [Path(entry["file"]) for entry in record["checkpoints"]]
    if any(Path(name).name != name for name in record["files"]) or any(
        path.parts != ("state", f"{path.stem}.safetensors") or not path.stem.isdecimal() for path in checkpoints
    ):
        raise ValueError("it names files elsewhere")
    return record


def present(folder: Path) -> None:
    """ValueError where a run's folder is not there any more: what would be written now would be no run."""
    if not folder.is_dir():
        raise ValueError(
            f"{folder} was removed or moved while it was being written; if it was moved, genlab resume goes on from there"
        )


def remove(path: Path) -> None:
    """A file, or a link itself; folders are not genlab's there."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
