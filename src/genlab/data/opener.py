"""`open`: from a name or a path to data."""

from __future__ import annotations

import difflib
import importlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from genlab.core.program import called
from genlab.data import formats
from genlab.data.base import Opened
from genlab.data.idx import is_idx
from genlab.data.index import built_in, nearest_name
from genlab.data.options import Options, ProgressCallback, Request, cache_root, silent
from genlab.data.signatures import signature
from genlab.data.wrap import reopened, wrappers

KINDS = {"points": formats.FILES[".csv"], "text": formats.TEXT}
MARKUP = ("a web page", "a formatted text (RTF)")  # which can be learnt as they stand
Reader = Callable[[Request], Opened]


def open(
    source: str | os.PathLike[str], *, cache: str | Path | None = None, progress: ProgressCallback | None = None, **options: Any
) -> Opened:
    """Data to learn from: a built-in name (`genlab list data`), a path, or hub:OWNER/NAME.

    A path is a folder of pictures, a folder of MNIST's IDX files, .parquet, .npz, .npy, .csv, or a text file.

    options      fields of `genlab.data.options.Options`, explained there: size, lines, length, vocabulary, ... Options of a
                 second source, or of changes to the examples, wrap the data (genlab.data.wrap)
    cache        folder of decoded pictures instead of $GENLAB_CACHE or ~/.cache/genlab
    progress     called with (done, total, what) during long work; total is 0 while it is not known

    Raises ValueError or OSError, in one sentence with the remedy.
    """
    chosen, root, report = Options.from_record(options), cache_root(cache), progress or silent
    bare, wrapped = chosen.split_off(*wrappers())
    data = _read(_named_by(source), bare, root, report)
    for name, make in wrappers().items():
        if name in ("pair", "other") and name in wrapped:
            data = make(data, _read(wrapped[name], bare, root, report))
        elif name in wrapped:
            data = make(data, wrapped[name])
    return data


def open_again(
    record: Any, source: str | os.PathLike[str] | None = None, progress: ProgressCallback | None = None, **options: Any
) -> Opened:
    """The data that a record of `Opened.opened` describes.

    source    path of the first source, if it was moved
    options   in place of those recorded
    ValueError or OSError where the record is damaged, or its sources cannot be opened.
    """
    moved = [os.fspath(source)] if source is not None else []

    def opening(leaf: Mapping[str, Any]) -> Opened:
        if not isinstance(leaf.get("source"), str) or not isinstance(leaf.get("options"), Mapping):
            raise ValueError("its data are described by no record that genlab writes")
        chosen = Options.from_record({**leaf["options"], **options})
        if any(name in chosen.record() for name in wrappers()):
            raise ValueError("the options of a source hold those of what is around it")
        return _read(moved.pop() if moved else leaf["source"], chosen, cache_root(), progress or silent)

    return reopened(record, opening)


def _named_by(source: Any) -> str:
    """The words that name data; ValueError for an array, nothing, or anything else."""
    if not isinstance(source, str | os.PathLike):
        raise ValueError(
            f'data are named by a path or a built-in name, as "my-pictures/" or "digits", not by {type(source).__name__}; '
            "save arrays as x, with label, in a .npz and name that file"
        )
    return str(os.fspath(source))


def _read(named: str, options: Options, cache: Path, progress: ProgressCallback) -> Opened:
    request = _request(named, options, cache, progress)
    return _reader(request)(request)


def _request(named: str, options: Options, cache: Path, progress: ProgressCallback) -> Request:
    if built_in(named) is not None or named.startswith("hub:"):
        name = named.removeprefix("hub:").split("/")[-1].replace(":", "-") if named.startswith("hub:") else named
        return Request(named, name, options, cache=cache, progress=progress)
    if not named.strip():
        raise ValueError(f"the name of the data is empty; name a folder or a file, or something built in: {called()} list data")
    if "://" in named:
        raise ValueError(f"{named[:200]} is an address: download it and name the file; a data set of the hub is hub:OWNER/NAME")
    path = Path(named).expanduser()
    if not path.exists():
        meant = nearest_name(named) or _beside(path)
        hint = f"did you mean {meant}?" if meant else f"{called()} list data shows what is built in"
        raise ValueError(f"there is no file or folder {named!r} and no built-in data of that name; {hint}")
    path = path.resolve()
    return Request(str(path), path.name if path.is_dir() else path.stem, options, path, cache, progress)


def _beside(path: Path) -> str:
    """The file or folder that was probably meant, or ""."""
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
        raise ValueError(f"{path} is one recording; name the folder it lies in, to learn from all of them")
    if suffix in formats.VIDEO:
        raise ValueError(f"{path} is one video; cut it into clips and name their folder")
    if suffix in formats.PICTURES:
        raise ValueError(f"{path} is one picture; name the folder it lies in, to learn from all of them")
    if is_idx(path.name):
        raise ValueError(f"{path} is one of several IDX files; name the folder it lies in")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty")
    known = signature(path)
    marked_up = known is not None and known.what in MARKUP
    if known is not None and known.remedy and not (marked_up and request.options.kind == "text"):
        hint = "; --kind text learns its characters as they stand" if marked_up else ""
        raise ValueError(f"{path} is {known.what}; {known.remedy}{hint}")
    if (known is None or marked_up) and request.options.kind in KINDS:
        return _named(KINDS[request.options.kind])
    return _named(formats.FILES.get(known.reads if known is not None else suffix, formats.TEXT))


def _named(reader: str) -> Reader:
    module, name = reader.split(":")
    return getattr(importlib.import_module(module), name)
