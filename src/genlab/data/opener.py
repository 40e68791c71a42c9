"""`open`: from a name or a path to data."""

from __future__ import annotations

import difflib
import importlib
import os
import re
from collections.abc import Callable
from pathlib import Path

from genlab.data import formats
from genlab.data.base import Opened
from genlab.data.idx import is_idx
from genlab.data.index import near, source
from genlab.data.options import Binarise, Options, Progress, Request, cache_root, silent

Reader = Callable[[Request], Opened]


def open(
    source: str | os.PathLike[str],
    *,
    size: int | None = None,
    length: int | None = None,
    lines: bool = False,
    vocabulary: int | None = None,
    binarise: Binarise | None = None,
    labels: bool = True,
    allow_bad: bool = False,
    seed: int = 0,
    shares: tuple[float, float, float] | None = None,
    cache: str | Path | None = None,
    progress: Progress | None = None,
) -> Opened:
    """Data to learn from: a built-in name (`genlab list data`), a path, or hub:OWNER/NAME.

    A path is a folder of pictures, a folder of MNIST's IDX files, .parquet, .npz, .npy, .csv, or a text file.

    size         pictures: side of the square they are resized and cropped to, pixels; by default their own size if all are
                 equal and at most 64, else 32
    length       texts: characters (or tokens) of a window, 64 by default; strings/: of a string
    lines        a text file holds one item a line
    vocabulary   texts: so many tokens of byte-level byte-pair encoding, learnt from the train split, instead of characters
    binarise     pictures: "threshold", "static" or "dynamic" (see genlab.data.binary)
    labels       False leaves classes and descriptions out, for unconditional training
    allow_bad    go on although more than a tenth of the pictures cannot be read
    seed         of the order of the stream and of what is drawn anew, never of the splits
    shares       of train, validation and test where the source has no splits of its own, (0.8, 0.1, 0.1) by default
    cache        folder of decoded pictures instead of $GENLAB_CACHE or ~/.cache/genlab
    progress     called with (done, total, what) during long work

    Raises ValueError or OSError, in one sentence with the remedy.
    """
    options = Options(size, length, lines, vocabulary, binarise, labels, allow_bad, seed, shares)
    request = _request(os.fspath(source), options, cache_root(cache), progress or silent)
    return _reader(request)(request)


def _request(named: str, options: Options, cache: Path, progress: Progress) -> Request:
    if source(named) is not None or named.startswith("hub:"):
        name = named.removeprefix("hub:").split("/")[-1].replace(":", "-") if named.startswith("hub:") else named
        return Request(named, name, options, cache=cache, progress=progress)
    path = Path(named).expanduser()
    if not path.exists():
        meant = near(named) or _beside(path)
        hint = f"did you mean {meant}?" if meant else "genlab list data shows what is built in"
        raise ValueError(f"there is no file or folder {named!r} and no built-in data of that name; {hint}")
    path = path.resolve()
    return Request(str(path), path.name if path.is_dir() else path.stem, options, path, cache, progress)


def _beside(path: Path) -> str:
    """The file or folder that was probably meant, or ''."""
    names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    found = difflib.get_close_matches(path.name, names, 1, 0.75)
    return str(path.with_name(found[0])) if found else ""


def _reader(request: Request) -> Reader:
    """The function that makes data of this source."""
    path, suffix = request.path, request.path.suffix.lower()
    if path == Path():
        return _named(formats.BUILT_IN[re.split("[:/]", request.source)[0]])
    if path.is_dir():
        return _named(formats.FOLDER)
    if suffix in formats.SOUND:
        raise ValueError(f"{path} is a recording; {formats.LATER}")
    if suffix in formats.PICTURES:
        raise ValueError(f"{path} is one picture; name the folder it lies in, to learn from all of them")
    if is_idx(path.name):
        raise ValueError(f"{path} is one of several IDX files; name the folder it lies in")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty")
    return _named(formats.FILES.get(suffix, formats.TEXT))


def _named(place: str) -> Reader:
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)
