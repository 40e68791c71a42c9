"""What is opened and run while somebody reads a folder: an ear for tests."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import safetensors

SECONDS = 20  # after which a folder is said to hang
RUNS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "pickle.find_class", "socket.connect")
OPENED: list[str] = []
AUDITED: list[bool] = [False]


def audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Every file that Python opens, and everything by which it could be made to run something."""
    if not AUDITED[0]:
        return
    if event == "open" and isinstance(arguments[0], str | bytes):
        OPENED.append(os.path.realpath(os.fsdecode(arguments[0])))  # where a link leads to
    if event in RUNS:
        raise AssertionError(f"{event} {arguments}")


sys.addaudithook(audit)


@pytest.fixture(autouse=True)
def safetensors_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are opened by Rust, of which Python's audit knows nothing."""
    inner = safetensors.safe_open

    def outer(path: Any, *arguments: Any, **options: Any) -> Any:
        OPENED.append(os.path.realpath(path))
        return inner(path, *arguments, **options)

    monkeypatch.setattr(safetensors, "safe_open", outer)


@contextmanager
def modest(most: float) -> Iterator[None]:
    """Ends what takes more than so many bytes for a moment; what stays taken before and after is not counted."""
    system = Path("/proc/self")
    with suppress(OSError, AttributeError):  # freed memory that the allocator holds would be given again, unseen
        ctypes.CDLL(None).malloc_trim(0)
    with suppress(OSError):
        (system / "clear_refs").write_text("5")  # the most that was held is what is held now
    before = _held("VmRSS")
    yield
    assert _held("VmHWM") - before < most


def _held(name: str) -> float:
    """Bytes: VmRSS, held now, or VmHWM, the most that was held; elsewhere than on Linux only the latter is known."""
    with suppress(OSError):
        found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
        return int(found[1]) * 1024 if found else 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@contextmanager
def alarmed(*folders: Path) -> Iterator[None]:
    """Ends what hangs, and what opens a file anywhere but in these folders."""

    def late(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    OPENED.clear()
    AUDITED[0] = True
    try:
        yield
    finally:
        AUDITED[0] = False
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    places = (*folders, sys.prefix, sys.base_prefix, Path(__file__).parents[2])  # Python's own modules may still be imported
    own = tuple(str(Path(place).resolve()) for place in places)
    outside = [path for path in OPENED if not path.startswith(own)]
    assert not outside, outside
