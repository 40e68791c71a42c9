"""The folder of a run.

recipe.json            format number, genlab version, resolved recipe, space, given, where the data came from
ticks.jsonl            readings at five hundred points of progress
schedule.json          for budgets in seconds: at which steps progress changed
weights.safetensors    raw weights; average.safetensors: averaged ones. Either file alone can be sampled
best.safetensors       the weights that did best at a check-up; checkups.jsonl, alarms.jsonl: what was found on the way
state/                 what resuming needs: N.safetensors, and manifest.json with length and checksum, written last
samples/, scores.json  what was drawn and measured
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import Tensor

from genlab.runs.files import checksum, finite, read_tensors, write_atomic, write_json, write_tensors

FORMAT = 1
_POINTS = 500  # of progress at which readings are written down


class Folder:
    """Reads and writes one run's folder; `path` need not exist before `create`."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._logged = -1

    # --- writing -----------------------------------------------------------------------------------------------------

    def create(self, head: Mapping[str, Any], force: bool = False) -> None:
        """Make the folder with its recipe.json. An existing run is replaced only by force, anything else never."""
        if self.path.exists() and any(self.path.iterdir() if self.path.is_dir() else [self.path]):
            if not self.is_run():
                raise ValueError(f"{self.path} exists and is no run of genlab; choose another --out")
            if not force:
                raise ValueError(f"{self.path} already holds a run; choose another --out, or --force to replace it")
            shutil.rmtree(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.path / "recipe.json", {"format": FORMAT, "genlab": version("genlab"), **head})

    def log(self, row: Mapping[str, Any]) -> None:
        append(self.path / "ticks.jsonl", row)

    def log_checkup(self, row: Mapping[str, Any]) -> None:
        append(self.path / "checkups.jsonl", row)

    def log_alarm(self, row: Mapping[str, Any]) -> None:
        append(self.path / "alarms.jsonl", row)

    def cut_watch(self, until: float) -> None:
        """Forget check-ups and alarms that came later than this progress."""
        for name in ("checkups.jsonl", "alarms.jsonl"):
            kept = [json.dumps(row) + "\n" for row in lines(self.path / name) if row["progress"] <= until]
            if kept or (self.path / name).exists():
                write_atomic(self.path / name, lambda beside, kept=kept: beside.write_text("".join(kept), encoding="utf-8"))

    def write_plan(self, plan: Mapping[str, Any]) -> None:
        """How often check-ups are made: a resumed run keeps to it."""
        write_json(self.path / "checkups.json", dict(plan))

    def write_best(self, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
        """The best weights so far; about: at which progress, by which score."""
        write_tensors(self.path / "best.safetensors", tensors, {**self.head(), "best": dict(about)})

    def due(self, progress: float) -> bool:
        """Whether readings at this progress (0..1 of the run) are written down: a function of progress, never of time."""
        mark = int(progress * _POINTS)
        found, self._logged = mark != self._logged, mark
        return found

    def write_weights(self, raw: Mapping[str, Tensor], averaged: Mapping[str, Tensor] | None) -> None:
        head = self.head()
        write_tensors(self.path / "weights.safetensors", raw, head)
        if averaged is not None:
            write_tensors(self.path / "average.safetensors", averaged, head)

    def write_schedule(self, rows: list[list[int]]) -> None:
        write_json(self.path / "schedule.json", rows)

    def write_state(self, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
        """A checkpoint; the one before it is kept beside."""
        folder = self.path / "state"
        kept = self._manifest()
        number = kept[-1]["number"] + 1 if kept else 0
        file = folder / f"{number}.safetensors"
        ticks = self.path / "ticks.jsonl"
        record = {**record, "ticks_bytes": ticks.stat().st_size if ticks.exists() else 0, "ticks_mark": self._logged}
        write_tensors(file, tensors, {"format": FORMAT, "record": record})
        entry = {"number": number, "file": file.name, "bytes": file.stat().st_size, "sha256": checksum(file)}
        entry["progress"] = record.get("overall", 0.0)
        write_json(folder / "manifest.json", [*kept[-1:], entry])
        for old in kept[:-1]:
            (folder / old["file"]).unlink(missing_ok=True)

    # --- reading -----------------------------------------------------------------------------------------------------

    def is_run(self) -> bool:
        return (self.path / "recipe.json").is_file()

    def head(self) -> dict[str, Any]:
        """recipe.json; ValueError if this is no run, or one of a newer genlab."""
        if not self.path.exists():
            raise ValueError(f"there is no folder {self.path}")
        if not self.is_run():
            inside = next((file.parent for file in sorted(self.path.glob("runs/*/recipe.json"))), None)
            hint = f"it holds several, name one: {inside}" if inside else "it holds no recipe.json"
            raise ValueError(f"{self.path} is no run of genlab: {hint}")
        try:
            head = json.loads((self.path / "recipe.json").read_text(encoding="utf-8"))
            found = int(head["format"])
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{self.path / 'recipe.json'} is damaged; restore it from a copy or train again") from None
        if found > FORMAT:
            raise ValueError(
                f"{self.path} was written by a newer genlab (format {found}, this one reads up to {FORMAT}); upgrade genlab"
            )
        return head

    def best(self) -> dict[str, Tensor]:
        """The weights that did best at a check-up; ValueError where none were kept."""
        file = self.path / "best.safetensors"
        if not file.exists():
            raise ValueError(f"{self.path} keeps no best weights: nothing was checked while it trained; leave out --best")
        return read_tensors(file)[0]

    def weights(self, averaged: bool = True) -> tuple[dict[str, Tensor], bool]:
        """The tensors, and whether they are averaged ones."""
        file = self.path / "average.safetensors"
        averaged = averaged and file.exists()
        file = file if averaged else self.path / "weights.safetensors"
        if not file.exists():
            raise ValueError(
                f"{self.path} holds no weights yet: its training never reached a save; train it again with --force"
            )
        return read_tensors(file)[0], averaged

    def ticks(self) -> Iterator[dict[str, Any]]:
        return lines(self.path / "ticks.jsonl")

    def checkups(self) -> list[dict[str, Any]]:
        return list(lines(self.path / "checkups.jsonl"))

    def alarms(self) -> list[dict[str, Any]]:
        return list(lines(self.path / "alarms.jsonl"))

    def plan(self) -> dict[str, Any] | None:
        file = self.path / "checkups.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None

    def progress(self) -> float:
        """How far its newest checkpoint is, 0..1."""
        kept = self._manifest()
        return kept[-1].get("progress", 0.0) if kept else 0.0

    def schedule(self) -> list[list[int]] | None:
        file = self.path / "schedule.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The newest checkpoint whose length and checksum are right, or None where there never was one."""
        kept = self._manifest()
        for entry in reversed(kept):
            file = self.path / "state" / Path(entry["file"]).name
            if file.exists() and file.stat().st_size == entry["bytes"] and checksum(file) == entry["sha256"]:
                tensors, metadata = read_tensors(file)
                return tensors, metadata["record"]
        if kept:
            raise ValueError(
                f"every checkpoint in {self.path / 'state'} is damaged; the weights beside it may still be sampled"
            )
        return None

    def cut_ticks(self, record: Mapping[str, Any]) -> None:
        """Forget readings written after a checkpoint, whose record this is."""
        file, self._logged = self.path / "ticks.jsonl", record["ticks_mark"]
        if file.exists():
            with file.open("r+b") as handle:
                handle.truncate(record["ticks_bytes"])

    def _manifest(self) -> list[dict[str, Any]]:
        file = self.path / "state" / "manifest.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else []


def append(file: Path, row: Mapping[str, Any]) -> None:
    """One more line of JSON."""
    with file.open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(finite(row)) + "\n")


def lines(file: Path) -> Iterator[dict[str, Any]]:
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)
