"""What reconstruct, interpolate and complete share: how results are laid out and where they are written."""

from __future__ import annotations

import json as _json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genlab.cli.options import FolderOptions
from genlab.report import saving
from genlab.runs.files import within
from genlab.runs.shapes import fits

if TYPE_CHECKING:
    from genlab.api import Run

WIDTH = 8  # examples side by side


def deliver(run: Run, verb: str, output: FolderOptions, samples: saving.Samples) -> Path:
    """Write what a verb made to --out, or into the run's samples/ by default; the path."""
    out = output.out or within(run.path, f"samples/{verb}.png")
    saving.check_output(out, run.space, output.force)
    texts = run.texts(samples.frames[-1]) if run.space.text else None
    return saving.write(out, replace(samples, texts=texts, names=columns_of(run)))


def columns_of(run: Run) -> Sequence[str]:
    """Names of the columns of the table that a run learnt from; none for other data."""
    columns = run.head["data"].get("overview", {}).get("columns")
    return columns if fits(columns, [str]) else ()


def tell(record: Mapping[str, Any], line: str, json: bool) -> None:
    print(_json.dumps(record) if json else line)
