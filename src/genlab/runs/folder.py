"""The folder of a run.

recipe.json            format number, genlab version, resolved recipe, space, given, where the data came from
tokenizer.json         of the examples ("x") and of text conditions, so that a copied run takes prompts without its data
ticks.jsonl            readings, at five hundred points of progress
schedule.json          for budgets in seconds: the steps at which progress changed. replay.json: a schedule that the run repeats
weights.safetensors    raw weights. average.safetensors: averaged ones. A folder with only one of these files can be sampled
best.safetensors       weights of the best check-up. checkups.json: how often they are made
checkups.jsonl         all check-ups. alarms.jsonl: all alarms
state/                 the last two checkpoints, N.safetensors, from which training resumes
manifest.json          length and checksum of all of these
broken/                batches at which training broke down
samples/, scores.json  samples that were drawn, and scores of the run
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import Tensor

from genlab.core.program import called
from genlab.runs.files import (
    Damaged,
    json_safe,
    json_writer,
    read_json,
    read_metadata,
    read_tensors,
    tensor_writer,
    within,
    write_json,
    write_tensors,
)
from genlab.runs.lines import append, cut, lines, prefix, whole_lines
from genlab.runs.lock import NAME as LOCK
from genlab.runs.lock import locked
from genlab.runs.manifest import Manifest, check_exists
from genlab.runs.shapes import BEST, EXTENDED, PLAN, ROWS, SCHEDULE, checkpoint_record, fits, shaped

FORMAT = 3
LOGS = tuple(ROWS)
WEIGHTS = "weights.safetensors", "average.safetensors"
_POINTS = 500  # of progress at which readings are written down


class Folder:
    """Reads and writes one run's folder; `path` need not exist before `create`."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.manifest = Manifest(self.path)
        self._logged = -1
        self._made: dict[str, Any] | None = None  # recipe.json, where this object has created the run
        self.latest: dict[str, Any] | None = None  # the last row of ticks.jsonl that was written here

    # --- writing -----------------------------------------------------------------------------------------------------

    def create(self, head: Mapping[str, Any], force: bool = False, beside: Mapping[str, Any] | None = None) -> None:
        """Make the folder with its recipe.json.

        head     content of recipe.json
        force    replace an existing run; anything else in the folder is never replaced
        beside   contents of replay.json and tokenizer.json by name; None for no such file
        """
        self._made = stamped(head)
        with self.claimed(force):
            records = {**(beside or {}), "recipe.json": self._made}
            self.manifest.publish({name: json_writer(record) for name, record in records.items() if record is not None})

    def check_own(self) -> None:
        """ValueError where another process has replaced the run that this object has created."""
        made = json.loads(json.dumps(json_safe(self._made or {})))
        if made and {key: value for key, value in self.head().items() if key in made} != made:
            raise ValueError(f"{self.path} was replaced by another process before its training began; choose another --out")

    @contextmanager
    def claimed(self, force: bool = False) -> Iterator[None]:
        """Hold an empty folder under lock. ValueError for a folder that holds anything, except a run with force."""
        if self.is_run():
            with suppress(OSError), locked(self.path):
                pass  # a process that writes here is the first thing to report
        self._check_free(force)
        self.path.mkdir(parents=True, exist_ok=True)
        with locked(self.path):
            self._check_free(force)  # somebody may just have made a run here
            for path in self.path.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif path.name != LOCK:
                    path.unlink()
            yield

    def _check_free(self, force: bool) -> None:
        """ValueError where there is something that must not be replaced."""
        if not self.path.exists() or (self.path.is_dir() and all(path.name == LOCK for path in self.path.iterdir())):
            return
        if not self.is_run():
            raise ValueError(f"{self.path} exists and is no run of genlab; choose another --out")
        if not force:
            raise ValueError(f"{self.path} already holds a run; {self._advice()}")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the folder's lock, after removing what a killed process has left; ValueError where another process holds it."""
        with locked(self.path):
            self.manifest.tidy()
            yield

    def write_head(self, head: Mapping[str, Any]) -> None:
        self.manifest.publish({"recipe.json": json_writer(head)})

    def move_data(self, source: str, opened: Mapping[str, Any]) -> None:
        """Record the new path of the data, and how they are opened there."""
        with self.writing():
            head = self.head()
            self.write_head({**head, "data": {**head["data"], "source": source, "opened": opened}})

    def log(self, row: Mapping[str, Any]) -> None:
        self._append("ticks.jsonl", row)
        self.latest = dict(row)

    def log_checkup(self, row: Mapping[str, Any]) -> None:
        self._append("checkups.jsonl", row)

    def log_alarm(self, row: Mapping[str, Any]) -> None:
        self._append("alarms.jsonl", row)

    def _append(self, name: str, row: Mapping[str, Any]) -> None:
        check_exists(self.path)
        append(self.path / name, row)

    def write_plan(self, plan: Mapping[str, Any]) -> None:
        """Record how often check-ups are made, for a resumed run."""
        self.manifest.publish({"checkups.json": json_writer(dict(plan))})

    def write_best(self, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
        """Write the best weights so far. about: their progress and score, for the record."""
        self.manifest.publish({"best.safetensors": tensor_writer(tensors, {**self.head(), "best": dict(about)})})

    def due(self, progress: float) -> bool:
        """Whether readings are due at this progress (0..1 of the run), which depends on progress alone, not on time."""
        mark = int(progress * _POINTS)
        found, self._logged = mark != self._logged, mark
        return found

    def save(
        self,
        weights: Mapping[str, Tensor],
        averaged: Mapping[str, Tensor] | None,
        schedule: list[list[int]],
        state: tuple[Mapping[str, Tensor], Mapping[str, Any]],
    ) -> None:
        """Write weights, schedule and a checkpoint, all or nothing. state: what `Engine.state` gives."""
        check_exists(self.path)
        head = self.head()
        writers: dict[str, Any] = {}
        if state[1]["steered"] and not head.get("steered"):
            head = {**head, "steered": True}
            writers["recipe.json"] = json_writer(head)
        writers["weights.safetensors"] = tensor_writer(weights, head)
        if averaged is not None:
            writers["average.safetensors"] = tensor_writer(averaged, head)
        if schedule:
            writers["schedule.json"] = json_writer(schedule)
        gone = ["average.safetensors"] if averaged is None else []  # of an earlier stage
        self.manifest.publish(writers, self._checkpoint(head, *state), gone)

    def write_state(self, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
        """Write a checkpoint alone."""
        self.manifest.publish({}, self._checkpoint(self.head(), tensors, record))

    def rewrite(self, head: Mapping[str, Any], writers: Mapping[str, Any], state: Any) -> None:
        """Write another recipe.json, other files and a checkpoint that fits them, all or nothing."""
        self.manifest.publish({**writers, "recipe.json": json_writer(head)}, self._checkpoint(head, *state))

    def _checkpoint(self, head: Mapping[str, Any], tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> Any:
        checkpoints = self.manifest.read()["checkpoints"]
        number = int(Path(checkpoints[-1]["file"]).stem) + 1 if checkpoints else 0
        logs = {name: prefix(self.path / name) for name in LOGS}
        record = {**record, "logs": logs, "mark": self._logged}
        about = {"progress": record.get("overall", 0.0), "examples": record.get("examples", 0)}
        about |= {"seconds": (record.get("progress") or {}).get("elapsed", 0.0)}
        return f"state/{number}.safetensors", tensor_writer(tensors, {**head, "record": record}), about

    def write_broken(self, name: str, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
        """Write the batch at which training broke down, and a record about it, for inspection."""
        path = within(self.path, f"broken/{name}.json")
        write_tensors(path.with_suffix(".safetensors"), tensors, {})
        write_json(path, about)

    # --- reading -----------------------------------------------------------------------------------------------------

    def is_run(self) -> bool:
        return any((self.path / name).is_file() for name in ("recipe.json", *WEIGHTS))

    def head(self) -> dict[str, Any]:
        """recipe.json, or its copy in the weights where it is damaged; ValueError for no run, or one of another format."""
        if not self.path.exists():
            raise ValueError(f"there is no folder {self.path}")
        if not self.is_run():
            inside = next((file.parent for file in sorted(self.path.glob("runs/*/recipe.json"))), None)
            hint = f"it holds several, name one: {inside}" if inside else "it holds no recipe.json"
            raise ValueError(f"{self.path} is no run of genlab: {hint}")
        head = self._head()
        if head["format"] != FORMAT:
            theirs, remedy = head["format"], "upgrade genlab" if head["format"] > FORMAT else "train it again"
            raise ValueError(
                f"{self.path} was written by another version of genlab (format {theirs}, this one reads {FORMAT}); {remedy}"
            )
        return head

    def _head(self) -> dict[str, Any]:
        path = self.path / "recipe.json"
        try:
            head = shaped(read_json(path), {"format": int}, path)
            if self._intact(path.name) or head["format"] != FORMAT:  # of another format the manifest may have another shape
                return head
        except (ValueError, OSError):
            pass
        fault = "is damaged" if path.exists() else "is missing"
        for name in (*WEIGHTS, *(entry["file"] for entry in self.manifest.checkpoints())):
            try:
                found = shaped(read_metadata(self.path / name), {"format": int, "recipe": dict}, path)
            except (ValueError, OSError):
                continue
            warnings.warn(Damaged(f"{path} {fault}: what stands in {name} is used"), stacklevel=2)
            return {key: value for key, value in found.items() if key != "record"}
        raise ValueError(f"{path} {fault}; restore it from a copy or train again")

    def best(self) -> dict[str, Tensor]:
        """The weights that did best at a check-up; ValueError where none were saved."""
        file = self.path / "best.safetensors"
        if not file.exists():
            raise ValueError(f"{self.path} keeps no best weights: nothing was checked while it trained; leave out --best")
        if not self._intact(file.name):
            raise ValueError(f"{file} is damaged; restore it from a copy, or leave out --best")
        return read_tensors(file)[0]

    def extended(self) -> list[dict[str, Any]]:
        """A record for each extension: {"scale": factor by which progress shrank, "rows": rows that each log had by then}."""
        return shaped(self.head().get("extended", []), EXTENDED, self.path / "recipe.json")

    def best_about(self) -> dict[str, Any] | None:
        """The score and the progress of the best weights; None where there are none, or their file is damaged."""
        file = self.path / "best.safetensors"
        try:
            found = read_metadata(file).get("best") if self._intact(file.name) else None
        except (ValueError, OSError):
            return None
        return found if fits(found, BEST) else None

    def weights(self, averaged: bool = True) -> tuple[dict[str, Tensor], bool]:
        """(tensors, whether they are averaged), from the last intact checkpoint where their file is damaged."""
        names = ["average.safetensors", "weights.safetensors"] if averaged else ["weights.safetensors"]
        name = next(filter(self.keeps, names), None)
        if name is None:
            raise ValueError(f"{self.path} holds no weights yet, nothing was saved; {called()} resume {self.path} goes on")
        averaged = name == names[0] and averaged
        try:
            if self._intact(name):
                return read_tensors(self.path / name)[0], averaged
        except (ValueError, OSError):
            pass
        return self._from_checkpoint(name, averaged), averaged

    def keeps(self, name: str) -> bool:
        """Whether a file of this name belongs to the run, be it lost."""
        return (self.path / name).exists() or name in self.manifest.read()["files"]

    def _from_checkpoint(self, name: str, averaged: bool) -> dict[str, Tensor]:
        """Weights of the newest intact checkpoint, in place of a damaged or missing file."""
        fault = "is damaged" if (self.path / name).exists() else "is missing"
        found = self.state()
        if found is None:
            raise ValueError(f"{self.path / name} {fault}, and there is no checkpoint; restore it from a copy or train again")
        tensors, record = found
        at = f"{record.get('overall', 0.0):.0%}"
        warnings.warn(Damaged(f"{self.path / name} {fault}: weights of the checkpoint at {at} are used"), stacklevel=3)
        weights = {key[6:]: value for key, value in tensors.items() if key.startswith("model.")}
        if averaged:
            weights |= {key[8:]: value for key, value in tensors.items() if key.startswith("average.")}
            weights |= {alias: weights[name] for alias, name in record["aliases"].items()}
        return weights

    def _intact(self, name: str) -> bool:
        return (self.path / name).exists() and self.manifest.intact(name)

    def ticks(self) -> Iterator[dict[str, Any]]:
        return self._scaled("ticks.jsonl")

    def checkups(self) -> list[dict[str, Any]]:
        return list(self._scaled("checkups.jsonl"))

    def alarms(self) -> list[dict[str, Any]]:
        return list(self._scaled("alarms.jsonl"))

    def plan(self) -> dict[str, Any] | None:
        try:
            return self._json("checkups.json", PLAN)
        except ValueError as error:
            warnings.warn(
                Damaged(f"{str(error).partition(';')[0]}: how often samples are looked at is settled anew"), stacklevel=2
            )
            return None

    def schedule(self) -> list[list[int]] | None:
        try:
            return self._json("schedule.json", SCHEDULE)
        except ValueError as error:
            found = self.state()
            if found is None:
                raise
            warnings.warn(Damaged(f"{str(error).partition(';')[0]}: what the checkpoint says of it is used"), stacklevel=2)
            progress = found[1]["progress"] or {}
            return shaped(progress.get("schedule", []), SCHEDULE, self.path / "state")

    def replay(self) -> list[list[int]] | None:
        return self._json("replay.json", SCHEDULE)

    def tokenizers(self) -> dict[str, Any]:
        """Records of tokenizers by "x" or the name of a condition; ValueError where their file is damaged."""
        return self._json("tokenizer.json", {str: dict}) or {}

    def begun(self) -> bool:
        """Whether there is a checkpoint to resume from."""
        return bool(self.manifest.read()["checkpoints"])

    def trained(self) -> bool:
        """Whether the folder holds weights or logs of a training."""
        return any((self.path / name).exists() for name in ("weights.safetensors", *LOGS))

    def reached(self) -> dict[str, Any]:
        """ "progress" (0..1), "examples" and "seconds" of training at the newest checkpoint; {} without one."""
        checkpoints = self.manifest.read()["checkpoints"]
        return checkpoints[-1] if checkpoints else {}

    def progress(self) -> float:
        """Progress 0..1 of the newest checkpoint; 0 without one."""
        return self.reached().get("progress", 0.0)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """(tensors, record) of the newest intact checkpoint; None where there never was one. Warnings name damaged ones."""
        for entry in self.manifest.checkpoints():
            try:
                path = self.path / entry["file"]
                tensors, metadata = read_tensors(path)
                return tensors, checkpoint_record(metadata, path)
            except (ValueError, OSError) as error:
                warnings.warn(Damaged(f"{error}: the checkpoint before it is used"), stacklevel=2)
        if self.manifest.read()["checkpoints"]:
            raise ValueError(f"no checkpoint in {self.path / 'state'} is whole; restore one from a copy or train again")
        return None

    def cut_logs(self, record: Mapping[str, Any]) -> None:
        """Remove the readings, check-ups and alarms that were written after the checkpoint with this record."""
        self._logged, self.latest = record["mark"], None
        for name, (size, digest) in record["logs"].items():
            file = self.path / Path(name).name
            cut(file, size if record["overall"] < 1 else whole_lines(file))  # of a finished run nothing is trained again
            if prefix(file, size) != (size, digest):
                damage = "is not what was written: what it says before the checkpoint may be wrong"
                warnings.warn(Damaged(f"{file} {damage}"), stacklevel=2)

    def _scaled(self, name: str) -> Iterator[dict[str, Any]]:
        """Rows of a log. The progress of rows from before an extension is scaled to the longer budget."""
        grown = self.extended() if self.is_run() else []
        for number, row in enumerate(lines(self.path / name, ROWS[name])):
            for more in grown:
                if number < more["rows"].get(name, 0):
                    row["progress"] *= more["scale"]
            yield row

    def _advice(self) -> str:
        """The remedies for a folder that already holds a run."""
        progress = self.progress()
        if progress >= 1:
            return f"finished; choose another --out, give it more with {called()} resume {self.path}, or --force to replace it"
        return f"{progress:.0%} trained; {called()} resume {self.path} goes on with it, --force replaces it"

    def _json(self, name: str, pattern: Any) -> Any:
        file = self.path / name
        if not file.exists():
            return None
        if not self._intact(name):
            raise ValueError(f"{file} is damaged; restore it from a copy")
        return shaped(read_json(file), pattern, file)


def stamped(head: Mapping[str, Any]) -> dict[str, Any]:
    """The content of recipe.json with the folder's format and the version of genlab that writes it."""
    return {**head, "format": FORMAT, "genlab": version("genlab")}
