"""Samples into files: the suffix says how. Every file is whole or absent."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from csv import writer
from pathlib import Path
from typing import Any

import numpy as np

from genlab.core.space import Space
from genlab.report import pictures
from genlab.runs.files import write_atomic

FORMATS = (".png", ".npz", ".gif", ".txt", ".csv")


def check(out: Path, space: Space, force: bool = False) -> None:
    """ValueError, before any work, if samples of this space cannot be written there."""
    if out.suffix == "":
        if not (space.picture or space.axes == "T"):
            raise ValueError(f"--out {out}: one file a sample suits pictures and text; for points choose .csv, .npz or .png")
        if out.is_file():
            raise ValueError(f"--out {out} is a file; give it a suffix ({', '.join(FORMATS)}) or name a folder")
        if out.is_dir() and any(out.iterdir()) and not force:
            raise ValueError(f"--out {out} is a folder with files in it; choose another, or --force to add to it")
    elif out.suffix not in FORMATS:
        raise ValueError(f"--out {out}: {out.suffix} is not written here; choose {', '.join(FORMATS)} or a folder")
    elif out.is_dir():
        raise ValueError(f"--out {out} is a folder; name it without a suffix to write one file a sample")
    elif out.suffix == ".txt" and space.axes != "T":
        raise ValueError(f"--out {out}: .txt holds text; these samples go to .png or .npz")
    elif out.suffix == ".csv" and space.axes != "D":
        raise ValueError(
            f"--out {out}: .csv holds points; these samples go to {'.txt' if space.axes == 'T' else '.png'} or .npz"
        )


def write(
    out: Path,
    frames: Sequence[Any],
    space: Space,
    given: Mapping[str, Any],
    columns: int | None = None,
    texts: Sequence[str] | None = None,
    names: Sequence[str] = (),
) -> Path:
    """Write the last frame (a .gif: all of them). Frames are (n, *space.shape) in the data's units. Returns the path.

    texts   the last frame as it reads, where it is text
    names   of the coordinates of points; the last one may be that of their label
    """
    last = frames[-1]
    if out.suffix == "":
        return _folder(out, last, space, texts)
    made = {
        ".png": lambda: pictures.png(pictures.picture(list(texts) if texts else last, space, columns=columns)),
        ".gif": lambda: pictures.gif(frames, space, columns=columns),
        ".npz": lambda: npz(last, space, given),
        ".csv": lambda: csv(last, given, names),
        ".txt": lambda: (text(texts or (), space) + "\n").encode(),
    }[out.suffix]()
    write_atomic(out, lambda beside: beside.write_bytes(made))
    return out


def npz(x: Any, space: Space, given: Mapping[str, Any], **more: Any) -> bytes:
    """x in the data's units, what was given, and for pictures the axes and levels `genlab.open` reads them back with."""
    arrays = {"x": pictures.numbers(x)} | {key: pictures.numbers(value) for key, value in {**given, **more}.items()}
    if space.picture:
        arrays |= {"axes": np.array("NCHW"), "levels": np.array(space.levels)}
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


def csv(x: Any, given: Mapping[str, Any], names: Sequence[str]) -> bytes:
    """A row a point under the names of its coordinates, and its label in the last column: what `genlab.open` reads back."""
    rows = [[str(number) for number in row] for row in pictures.numbers(x).astype(np.float32)]
    heads = list(names) if len(names) == len(rows[0]) else [f"x{column + 1}" for column in range(len(rows[0]))]
    if "label" in given:
        heads.append("label")
        rows = [[*row, str(label)] for row, label in zip(rows, given["label"], strict=True)]
    out = io.StringIO(newline="")
    writer(out, lineterminator="\n").writerows([heads, *rows])
    return out.getvalue().encode()


def text(texts: Sequence[str], space: Space) -> str:
    """Lines under one another; windows of a text with a rule between."""
    return ("\n" if space.end is not None else "\n" + "-" * 40 + "\n").join(texts)


def _folder(out: Path, x: Any, space: Space, texts: Sequence[str] | None) -> Path:
    """One file a sample, pictures at their own size."""
    if texts is not None:
        parts = [(item + "\n").encode() for item in texts]
    else:
        from PIL import Image

        parts = [pictures.png(Image.fromarray(tile)) for tile in pictures.levels(x, space)]
    width, suffix = len(str(len(parts) - 1)), ".png" if texts is None else ".txt"
    for number, part in enumerate(parts):
        write_atomic(out / f"{number:0{width}}{suffix}", lambda beside, part=part: beside.write_bytes(part))
    return out
