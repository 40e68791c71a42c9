"""The result of a comparison: its record on disk, and its verdicts in sentences."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path

from genlab.comparison.doubts import copying, remarks
from genlab.comparison.learnt import notices
from genlab.comparison.options import command
from genlab.comparison.rows import Record
from genlab.comparison.verdicts import recommendation, said_once, verdicts
from genlab.comparison.words import capital
from genlab.runs.files import write_json


def write_record(folder: Path, record: Record) -> Path:
    """Write report.json, whole or not at all: the record with its "verdicts" and "remarks"."""
    judged = {
        "verdicts": [verdict.to_json() for verdict in verdicts(record)],
        "notices": list(notices(record)),
        "remarks": remarks(record),
    }
    write_json(folder / "report.json", {**record.to_json(), **judged})
    return folder / "report.json"


def leader(record: Record) -> Iterator[str]:
    """What speaks against a ranking, the verdicts, a line each, and how to draw from the model to use."""
    judged = verdicts(record)
    yield from notices(record)
    for verdict, caveats in zip(judged, said_once(judged), strict=True):
        yield " ".join((f"{verdict.title}: {verdict.sentence}", *(f"{capital(caveat)}." for caveat in caveats)))
    picked = recommendation(record, judged)
    if picked is not None:
        but = copying(picked.name, record.rows)
        yield f"draw from {picked.name}{f' ({but})' if but else ''}: {command('sample', picked.run, picked.name)}"


def machine(device: str) -> str:
    """The machine that did the work, in words."""
    import torch

    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpu = "no GPU"
    if torch.cuda.is_available():
        gpu = torch.cuda.get_device_name(device if device.startswith("cuda") else None)
    elif torch.backends.mps.is_available():
        gpu = "Apple's GPU"
    used = "" if gpu == "no GPU" or device != "cpu" else " not used"
    return f"{count} cores ({platform.machine()}, {torch.get_num_threads()} threads), {gpu}{used}"
