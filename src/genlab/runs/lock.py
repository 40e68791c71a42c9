"""One writer per run: a lock that ends with the process that holds it, however it ends."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = ".lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Nobody else writes into the folder meanwhile; ValueError says who does."""
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
        with suppress(OSError):  # where a locked file cannot be written, the lock holds without a name
            path.write_text(f"{os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        lock.release()


def _whose(path: Path) -> str:
    with suppress(OSError, ValueError):
        if words := path.read_text(encoding="utf-8")[:200].strip():
            return f" (process {words})"
    return ""
