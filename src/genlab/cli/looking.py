"""What reconstruct, interpolate and complete share: how results are laid out and where they are written."""

from __future__ import annotations

import json as _json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genlab.cli.options import FolderOptions
from genlab.report import saving
from genlab.runs.files import within

if TYPE_CHECKING:
    from genlab.api import Run

WIDTH = 8  # examples side by side


def deliver(run: Run, verb: str, output: FolderOptions, frames: Sequence[Any], more: Mapping[str, Any], columns: int) -> Path:
    """Write frames of a verb to --out, or into the run's samples/ by default; the path. more: arrays for an .npz."""
    out = output.out or within(run.path, f"samples/{verb}.png")
    saving.check_output(out, run.space, output.force)
    texts = run.texts(frames[-1]) if run.space.text else None
    return saving.write(out, frames, run.space, more, columns, texts)


def tell(record: Mapping[str, Any], line: str, json: bool) -> None:
    print(_json.dumps(record) if json else line)
