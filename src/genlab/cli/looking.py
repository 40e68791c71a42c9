"""What reconstruct, interpolate and complete share: a run, its model, some real examples, and where the result goes."""

from __future__ import annotations

import json as _json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genlab.cli.asked import able
from genlab.cli.opening import reopened
from genlab.cli.options import FolderOptions, RunOptions
from genlab.cli.progress import Progress
from genlab.core.kinds import kind_of
from genlab.report import saving
from genlab.report.pictures import numbers, texts
from genlab.runs.files import Damaged, within

if TYPE_CHECKING:
    from genlab.api import Run
    from genlab.core.noise import Noise
    from genlab.core.space import Batch

WIDTH = 8  # examples side by side


def capable(path: str, machine: RunOptions, capability: Any, verb: str, averaged: bool) -> tuple[Run, Any]:
    """The run and its model; ValueError where it cannot do the verb, naming the models that can."""
    run = machine.load(path)
    model = run.model(averaged)
    able(model, capability, verb, run.recipe.name, kind_of(run.space).name)
    return run, model


def device_of(model: Any) -> Any:
    return next((tensor.device for tensor in (*model.parameters(), *model.buffers())), "cpu")


def noise_for(model: Any, seed: int, rows: Sequence[int]) -> Noise:
    from genlab.core.noise import Noise

    return Noise(seed, rows, device_of(model))


def examples(run: Run, model: Any, split: Any, n: int, progress: Progress) -> Batch:
    """The first n of a split, on the model's device."""
    if n < 1:
        raise ValueError(f"-n must be at least 1, got {n}")
    return reopened(run, progress).once(split, 0, n).to(device_of(model))


def texts_of(run: Run, x: Any) -> Sequence[str]:
    """Samples as texts. Where the run has lost its tokenizer, what the names of the tokens say, and a warning."""
    if not run.space.encoder:
        return texts(x, run.space)
    try:
        return run.tokenizer().decode(x)
    except (ValueError, OSError) as error:
        warnings.warn(Damaged(f"{error}; until then parts of characters are not put together"), stacklevel=2)
        return texts(x, run.space)


def rows_of(parts: Sequence[Any]) -> Any:
    """(n, ...) arrays in rows under one another, WIDTH examples wide: first of each a row, then the next WIDTH."""
    arrays = [numbers(part) for part in parts]
    cut = range(0, len(arrays[0]), WIDTH)
    return np.concatenate([array[first : first + WIDTH] for first in cut for array in arrays])


def deliver(run: Run, verb: str, output: FolderOptions, frames: Sequence[Any], more: Mapping[str, Any], columns: int) -> Path:
    """Write frames of a verb where they were asked for, or into the run's samples/. more: arrays for an .npz."""
    out = output.out or within(run.path, f"samples/{verb}.png")
    saving.check(out, run.space, output.force)
    said = texts_of(run, frames[-1]) if run.space.text else None
    return saving.write(out, frames, run.space, more, columns, said)


def tell(record: Mapping[str, Any], line: str, json: bool) -> None:
    print(_json.dumps(record, ensure_ascii=False) if json else line)
