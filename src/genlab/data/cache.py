"""The cache of what was decoded: the first open decodes in parallel, later ones map what it wrote.

An entry is a folder named by a hash of the source and a hash of everything that shapes the result. It is written under a
temporary name and renamed when it is whole, so that an interruption leaves nothing that could be mistaken for data.
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
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from genlab.data.options import Request

FORMAT = 5  # of entries; raise it when decoding changes
IN_MEMORY = 256 * 2**20  # bytes up to which an array is read rather than mapped
MOST_HELD = 64 * 2**20  # bytes of items that are worked on at once
STALE = 86_400  # seconds after which an unfinished entry counts as abandoned
RECORD = "record.json"  # of an entry, written last

T = TypeVar("T")
R = TypeVar("R")


def cached(
    request: Request, what: str, source: Any, content: Any, write: Callable[[Path], None], load: Callable[[Path], T | None]
) -> T:
    """What `load` finds in the entry of the cache, which `write` fills where it is missing or damaged.

    what      is kept: "pictures"
    source    JSON values: which source, and how it is decoded; entries of its earlier contents are removed
    content   JSON values that change whenever the source does
    """
    named = _hash([FORMAT, request.source, source])
    entry = request.cache / what / f"{named}-{_hash([content])}"
    found = load(entry)
    if found is not None:
        return found
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"decoded {what} cannot be kept in {entry.parent} ({error.strerror}); "
            "set GENLAB_CACHE to a folder that you can write to"
        ) from None
    _tidied(entry.parent, named)
    part = entry.with_name(f"{entry.name}.{os.getpid()}.part")
    try:
        part.mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the decoders, about what is handled here anyway
            write(part)
        part.rename(entry)
    except OSError:
        if not (entry / RECORD).exists():  # unless another process was quicker
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    found = load(entry)
    assert found is not None
    return found


def _hash(parts: Any) -> str:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=10).hexdigest()


def _tidied(root: Path, source: str) -> None:
    """Remove entries of earlier states of this source, and those that an interrupted call left unfinished."""
    for path in root.glob(f"{source}-*"):
        if not path.name.endswith(".part") or time.time() - path.stat().st_mtime > STALE:
            shutil.rmtree(path, ignore_errors=True)


def array(file: Path) -> np.ndarray:
    """An array of an entry, read where it is small and mapped where it is not."""
    small = file.stat().st_size <= IN_MEMORY
    return np.load(file, mmap_mode=None if small else "r", allow_pickle=False)


def write_array(file: Path, value: np.ndarray) -> None:
    with file.open("wb") as out:
        np.save(out, value, allow_pickle=False)
        flushed(out)


def write_record(part: Path, record: Any) -> None:
    with (part / RECORD).open("w", encoding="utf-8") as out:
        json.dump(record, out)
        flushed(out)


def read_record(entry: Path) -> Any:
    return json.loads((entry / RECORD).read_text(encoding="utf-8"))


def flushed(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def parallel_map(function: Callable[[T], R], items: Iterable[T], held: Callable[[T], int] | None = None) -> Iterator[R]:
    """function(item) for every item, in order, several at a time in threads: decoders work without the interpreter's lock.

    held   bytes that an item holds; one that waits with others for its turn waits alone where together they are too many
    """
    workers = min(32, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    waiting: deque[tuple[Future[R], int]] = deque()
    total = 0
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append((pool.submit(function, item), held(item) if held is not None else 0))
                total += waiting[-1][1]
                while waiting and (len(waiting) >= 4 * workers or total > MOST_HELD):
                    future, size = waiting.popleft()
                    total -= size
                    yield future.result()
                    del future
            while waiting:
                yield waiting.popleft()[0].result()
        finally:
            pool.shutdown(cancel_futures=True)
