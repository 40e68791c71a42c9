"""One writer at a time for each folder: the lock is released when its process ends, however that ends."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the lock of a folder. ValueError where another process holds it, with that process's number where it is known."""
    from filelock import FileLock, Timeout

    path = folder / NAME
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ValueError(f"{path} is no plain file; a run holds no links, pipes or devices: delete it")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"{folder} is being written by another process{_whose(path)}; wait for it or stop it, or choose another --out"
        ) from None
    try:
        with suppress(OSError):  # where a locked file cannot be written (Windows), the lock holds without saying whose it is
            path.write_text(f"{os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        lock.release()


def _whose(path: Path) -> str:
    with suppress(OSError, ValueError):
        if words := path.read_text(encoding="utf-8")[:200].strip():
            return f" (process {words})"
    return ""
