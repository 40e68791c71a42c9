"""The cache of decoded pictures: the first open decodes them in parallel, later ones map the decoded file.

An entry of the cache is a folder named by a hash of the source and a hash of everything that shapes the result. It is written
under a temporary name and renamed when it is whole, so that an interruption leaves nothing that could be mistaken for data.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from genlab.data import splits
from genlab.data.decode import Content, decoded, grey_or_colour, measured
from genlab.data.examples import Stored
from genlab.data.options import Request

FORMAT = 2  # of cache entries; raise it when decoding changes
IN_MEMORY = 256 * 2**20  # bytes up to which an entry is read rather than mapped
OWN, OTHERWISE = 64, 32  # pixels: the largest original size that is kept, and the size for pictures of several sizes
STALE = 86_400  # seconds after which an unfinished entry counts as abandoned
NAMED = 20  # bad files that an error message names
BLOCK = 1024  # pictures copied at once

T = TypeVar("T")
R = TypeVar("R")


class PictureItem(NamedTuple):
    name: str  # for messages
    content: Content
    label: int = -1  # number of the class
    own: int = -1  # its split in the source, splits.TRAIN ..., or -1
    text: str = ""  # its caption


@dataclass(frozen=True)
class PictureManifest:
    """The pictures of a source, to be decoded.

    items    gives all of them, from the first, at each call
    key      JSON values that change whenever the source does
    """

    items: Callable[[], Iterable[PictureItem]]
    total: int
    key: Any
    classes: tuple[str, ...] = ()


def decode_cached(request: Request, manifest: PictureManifest) -> Stored:
    """The decoded pictures of a manifest, from the cache if they are in it."""
    source = _hash([FORMAT, request.source, request.options.size])
    entry = request.cache / "pictures" / f"{source}-{_hash([manifest.key, manifest.classes])}"
    found = _loaded(entry)
    if found is None:
        try:
            entry.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(
                f"decoded pictures cannot be kept in {entry.parent} ({error.strerror}); "
                "set GENLAB_CACHE to a folder that you can write to"
            ) from None
        _tidied(entry.parent, source)
        _written(entry, request, manifest)
        found = _loaded(entry)
        assert found is not None
    _check(request, found, manifest.total)
    return found


def _hash(parts: Any) -> str:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=10).hexdigest()


def _loaded(entry: Path) -> Stored | None:
    """The entry's pictures; None where it is missing or damaged."""
    try:
        record = json.loads((entry / "record.json").read_text(encoding="utf-8"))
        small = (entry / "x.npy").stat().st_size <= IN_MEMORY
        x = np.load(entry / "x.npy", mmap_mode=None if small else "r", allow_pickle=False)
        rows = np.load(entry / "rows.npy", allow_pickle=False)
        if list(x.shape) != record["shape"] or len(rows) != len(x):
            return None
    except (OSError, ValueError, KeyError):
        return None
    labels, own = rows["label"].astype(np.int64), rows["own"]
    return Stored(
        x,
        rows["digest"],
        labels if (labels >= 0).any() else None,
        tuple(record["classes"]),
        own if (own >= 0).any() else None,
        record["names"],
        [(name, reason) for name, reason in record["skipped"]],
        texts=record["texts"],
    )


def _tidied(root: Path, source: str) -> None:
    """Remove entries of earlier states of this source, and those that an interrupted call left unfinished."""
    for path in root.glob(f"{source}-*"):
        if not path.name.endswith(".part") or time.time() - path.stat().st_mtime > STALE:
            shutil.rmtree(path, ignore_errors=True)


def _written(entry: Path, request: Request, manifest: PictureManifest) -> None:
    part = entry.with_name(f"{entry.name}.{os.getpid()}.part")
    try:
        part.mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, about what is handled here anyway
            _fill(part, request, manifest)
        part.rename(entry)
    except OSError:
        if not (entry / "record.json").exists():  # unless another process was quicker
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _fill(part: Path, request: Request, manifest: PictureManifest) -> None:
    """Decode into `part`: x.npy, rows.npy, record.json. No memory map is written: on a full disk it would kill the process."""
    shape = _shape(request, manifest)
    decoded: list[PictureItem] = []
    skipped: list[tuple[str, str]] = []
    digests: list[bytes] = []
    colour = False
    with (part / "raw").open("wb") as raw:
        outcomes = parallel_map(lambda item: _tried(item, shape), manifest.items())
        for done, (item, levels) in enumerate(outcomes, 1):
            if isinstance(levels, str):
                skipped.append((item.name, levels))
            else:
                small = grey_or_colour(levels)
                colour |= len(small) == 3
                digests.append(splits.digest(small.tobytes()))
                decoded.append(item._replace(content=b""))
                raw.write(levels.tobytes())
            request.progress(done, manifest.total, "decoding pictures")
    channels = 3 if colour else 1
    _reshaped(part, (len(decoded), 3, *shape), channels)
    rows = np.zeros(len(decoded), [("digest", np.uint8, 16), ("label", np.int32), ("own", np.int8)])
    rows["digest"] = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 16)
    rows["label"], rows["own"] = [item.label for item in decoded], [item.own for item in decoded]
    with (part / "rows.npy").open("wb") as file:
        np.save(file, rows, allow_pickle=False)
        _flushed(file)
    record = {"shape": [len(decoded), channels, *shape], "classes": manifest.classes, "names": [item.name for item in decoded]}
    record["texts"] = [item.text for item in decoded] if any(item.text for item in decoded) else []
    with (part / "record.json").open("w", encoding="utf-8") as file:
        json.dump(record | {"skipped": skipped, "source": request.source}, file, ensure_ascii=False)
        _flushed(file)


def _tried(item: PictureItem, shape: tuple[int, int]) -> tuple[PictureItem, np.ndarray | str]:
    """The item with its levels, or with the reason why it cannot be decoded."""
    try:
        return item, decoded(item.content, shape)
    except ValueError as error:
        return item, str(error)


def _reshaped(part: Path, shape: tuple[int, ...], channels: int) -> None:
    """raw -> x.npy with the first `channels` channels."""
    with (part / "raw").open("rb") as raw, (part / "x.npy").open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (shape[0], channels, *shape[2:])}
        np.lib.format.write_array_header_1_0(file, header)
        size = int(np.prod(shape[1:]))
        while block := raw.read(BLOCK * size):
            file.write(np.frombuffer(block, np.uint8).reshape(-1, *shape[1:])[:, :channels].tobytes())
        _flushed(file)
    (part / "raw").unlink()


def _flushed(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _shape(request: Request, manifest: PictureManifest) -> tuple[int, int]:
    """(H, W) of the examples: what was asked for, else the pictures' own where all agree and are small."""
    if request.options.size is not None:
        return request.options.size, request.options.size

    def size(item: PictureItem) -> tuple[int, int] | None:
        try:
            return measured(item.content)
        except ValueError:
            return None  # the decoding says why

    found: set[tuple[int, int]] = set()
    for done, shape in enumerate(parallel_map(size, manifest.items()), 1):
        found |= {shape} if shape is not None else set()
        request.progress(done, manifest.total, "reading sizes")
        if len(found) > 1 or (found and max(max(shape) for shape in found) > OWN):
            return OTHERWISE, OTHERWISE
    return found.pop() if found else (OTHERWISE, OTHERWISE)


def parallel_map(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """function(item) for every item, in order, several at a time in threads: Pillow decodes without the interpreter's lock."""
    workers = min(32, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= 4 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _check(request: Request, stored: Stored, total: int) -> None:
    """ValueError if too few pictures could be read."""
    bad = len(stored.skipped)
    named = "; ".join(f"{name}: {reason}" for name, reason in stored.skipped[:NAMED])
    more = f"; and {bad - NAMED} more" if bad > NAMED else ""
    if not len(stored.x):
        raise ValueError(f"none of the {total} pictures of {request.name} can be read ({named}{more})")
    if max(stored.x.shape[2:]) == 1:
        raise ValueError(f"the pictures of {request.name} are single pixels; there is nothing to learn from them")
    if bad > 0.1 * total and not request.options.allow_bad:
        raise ValueError(
            f"{bad} of the {total} pictures of {request.name} cannot be read, more than a tenth; "
            f"mend or remove them, or go on without them (--allow-bad): {named}{more}"
        )
