"""Several processes of one call, started as torchrun starts them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def saved(run: Path) -> None:
    """Wait for a first save."""
    until = time.monotonic() + 60
    while not (run / "weights.safetensors").exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert (run / "weights.safetensors").exists()


def ranks(count: int) -> list[dict[str, str]]:
    """The environment of each process."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    shared = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "GENLAB_DEBUG": "0"}
    if count == 1:
        return [shared]
    shared |= {"MASTER_ADDR": "localhost", "MASTER_PORT": port, "WORLD_SIZE": str(count)}
    return [{**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]


def started(words: list[str], count: int, place: Path) -> list[subprocess.Popen[str]]:
    command = [sys.executable, *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return [subprocess.Popen(command, env=env, cwd=place, **pipes) for env in ranks(count)]  # type: ignore[call-overload]


def genlab(*words: object, count: int = 2, place: Path) -> list[tuple[int, str, str]]:
    """(exit code, stdout, stderr) of each process of a call."""
    found = started(["-m", "genlab", *map(str, words)], count, place)
    said = [process.communicate(timeout=240) for process in found]
    return [(process.returncode, *streams) for process, streams in zip(found, said, strict=True)]
