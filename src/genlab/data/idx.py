"""MNIST's own file format, IDX: two zero bytes, a type, the number of dimensions, their sizes (big-endian), the numbers.

A folder holds train-images-idx3-ubyte and train-labels-idx1-ubyte, and the same of t10k (or test), gzipped or not.
"""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

import numpy as np

from genlab.core.words import word_list
from genlab.data import splits
from genlab.data.bounds import most_of
from genlab.data.examples import Examples, Stored, classed
from genlab.data.levels import fitted, of_maps, pictures
from genlab.data.options import Request
from genlab.data.overview import Overview

NAME = re.compile(r"^(?P<part>.*?)[-_.]?(?P<what>images|labels)[-_.]idx(?P<rank>[13])[-_.]ubyte(\.gz)?$", re.IGNORECASE)
UBYTE = 8  # the type of unsigned bytes
HELD_OUT = ("t10k", "test")


def is_idx(name: str) -> bool:
    return NAME.match(name) is not None


def read(request: Request) -> Examples:
    """Pictures with classes where every part has labels; the part called t10k or test is the test split."""
    parts = _parts(request.path)
    arrays = [array(images) for images, _ in parts.values()]
    shapes = {found.shape[1:] for found in arrays}
    if len(shapes) > 1:
        raise ValueError(
            f"the IDX files of {request.path} hold pictures of different sizes: {', '.join(map(str, sorted(shapes)))}"
        )
    x = fitted(np.concatenate(arrays)[:, None], request.options, 256, request.progress)
    names = [
        f"{images.name}, picture {row}"
        for (images, _), found in zip(parts.values(), arrays, strict=True)
        for row in range(len(found))
    ]
    values = _labels(parts, [len(found) for found in arrays])
    labels, classes = classed(values) if values is not None else (None, ())
    held_out = [part.lower().startswith(HELD_OUT) for part in parts]
    own = np.repeat(np.where(held_out, splits.TEST, splits.TRAIN), [len(found) for found in arrays]).astype(np.int8)
    mixed = any(held_out) and not all(held_out)
    noted = Overview(
        classes_from="the files of labels" if classes else "the files hold no labels",
        splits_from=f"the parts {word_list(list(parts))}{splits.completion(own)}" if mixed else "by content",
    )
    levels = of_maps(x) if request.options.label_maps else 256
    return pictures(request, Stored(x, splits.digests(x), labels, classes, own if mixed else None, names, noted=noted), levels)


def _parts(folder: Path) -> dict[str, tuple[Path, Path | None]]:
    """part -> (images, labels), training first."""
    files: dict[tuple[str, str], Path] = {}
    for path in sorted(folder.rglob("*")):
        match = NAME.match(path.name)
        if match is not None:
            files.setdefault((match["part"], match["what"].lower()), path)  # the plain file before its .gz
    parts = {part: (path, files.get((part, "labels"))) for (part, what), path in files.items() if what == "images"}
    if not parts:
        raise ValueError(f"{folder} has labels in IDX files but no images; add train-images-idx3-ubyte.gz")
    return dict(sorted(parts.items(), key=lambda item: item[0].lower().startswith(HELD_OUT)))


def _labels(parts: dict[str, tuple[Path, Path | None]], counts: list[int]) -> np.ndarray | None:
    """(N,) of all parts; None where one of them has none."""
    files = [labels for _, labels in parts.values() if labels is not None]
    if len(files) < len(parts):
        return None
    arrays = [array(labels) for labels in files]
    for file, found, count in zip(files, arrays, counts, strict=True):
        if found.shape != (count,):
            raise ValueError(f"{file} has {len(found)} labels for {count} pictures; restore the file from its source")
    return np.concatenate(arrays)


def array(path: Path) -> np.ndarray:
    """The unsigned bytes of one IDX file; ValueError names a damaged one."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            most = most_of(path.stat().st_size)
            if len(raw := file.read(most + 1)) > most:
                raise ValueError(f"{path} unpacks to more than {most:,} bytes, far beyond its size; restore it from its source")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged ({error}); restore it from its source") from None
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] != UBYTE:
        raise ValueError(f"{path} is no IDX file of unsigned bytes; restore it from its source")
    rank = raw[3]
    shape = tuple(np.frombuffer(raw, ">u4", rank, 4).tolist()) if len(raw) >= 4 + 4 * rank else ()
    size = int(np.prod(shape))
    if len(shape) != rank or len(raw) != 4 + 4 * rank + size:
        raise ValueError(
            f"{path} holds {len(raw):,} bytes where its head promises {4 + 4 * rank + size:,}; restore it from its source"
        )
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)
