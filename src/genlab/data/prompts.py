"""Conditions that a user gives as files or texts: pictures are fitted to the data's size, texts become tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlab.core.space import Space
from genlab.data.binary import Binariser
from genlab.data.decode import decoded
from genlab.data.formats import PICTURES
from genlab.data.splits import digests
from genlab.data.tokenizer import Tokenizer


def pictures(key: str, path: str | Path, space: Space) -> Tensor:
    """(k, C, H, W) of a picture file (k = 1) or of all pictures in a folder in the order of their names.

    They are cut and resized to the space's square, composited on white, and made grey or black and white where it is.
    ValueError where there is no such file or none that is a picture.
    """
    root = Path(path).expanduser()
    if not root.exists():
        raise ValueError(f"{key}: there is no file or folder {root}; name a picture or a folder of pictures")
    files = sorted(file for file in root.rglob("*") if _shown(file, root)) if root.is_dir() else [root]
    if not files:
        raise ValueError(f"{key}: {root} holds no pictures ({', '.join(PICTURES)})")
    return torch.stack([_picture(key, file, space) for file in files])


def text(key: str, value: Any, tokenizer: Tokenizer, space: Space) -> Tensor:
    """(1, T) tokens of a text, padded with the end; ValueError for characters without tokens, or more than T - 1 tokens."""
    if not isinstance(value, str):
        raise ValueError(f"{key} is given as a text, not as {str(value)[:60]!r}")
    try:
        tokens = tokenizer.encode(value)
    except ValueError as error:
        raise ValueError(f"{key} {value[:60]!r}: {error}") from None
    if space.end is None or len(tokens) >= space.size:
        raise ValueError(f"{key} has {len(tokens)} tokens; this model was given at most {space.size - 1}: shorten it")
    row = torch.full((1, space.size), space.end)
    row[0, : len(tokens)] = tokens
    return row


def _shown(file: Path, root: Path) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in file.relative_to(root).parts)
    return file.suffix.lower() in PICTURES and not hidden and file.is_file()


def _picture(key: str, file: Path, space: Space) -> Tensor:
    channels, height, width = space.shape
    if channels not in (1, 3) or not space.discrete:
        raise ValueError(f"{key} is no picture that a file holds: {space.shape}, {space.kind}; give a tensor")
    try:
        levels = decoded(file, (height, width)).levels
    except ValueError as error:
        raise ValueError(f"{key}: {file} cannot be read: {error}") from None
    if channels == 1:
        levels = (levels.astype(np.float64).transpose(1, 2, 0) @ (0.299, 0.587, 0.114)).round()[None]
    if space.kind == "binary":
        how = "threshold" if space.note.endswith("threshold") or ":" not in space.note else "static"
        grey = levels.astype(np.uint8)[None]
        return torch.from_numpy(Binariser(how, 256).fixed(grey, digests(grey))[0])
    scaled = levels.astype(np.float64) * (space.levels - 1) / 255
    return torch.from_numpy(scaled.round().astype(np.uint8))
