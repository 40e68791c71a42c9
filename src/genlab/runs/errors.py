"""Errors as one sentence with the remedy, and an exit code.

USAGE (2): the call or the data must change; FAILED (1): the machine or genlab failed.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from traceback import walk_tb

from genlab.core.program import called

USAGE, FAILED = 2, 1
USERS = "genlab_user_"  # how the modules are called that files of users become (features.user)
FULL = (errno.ENOSPC, errno.EDQUOT)
REFUSED = (errno.EPERM, errno.EACCES, errno.EROFS)


def explained(error: BaseException) -> tuple[str, int]:
    """The sentence (empty where another process reports it) and USAGE or FAILED."""
    if type(error).__name__ == "RemoteError":
        return "", FAILED
    if peer_lost(error):
        return (
            "another process of this training has ended, so this one ends too; what was learnt up to the last checkpoint is "
            f"kept: {called()} resume goes on from there"
        ), FAILED
    if disk_full(error):
        return f"the disk is full{_where(error)}; no half-written file was kept. Free some space and call again", FAILED
    if isinstance(error, OSError):
        return _of_system(error)
    if type(error).__name__ == "SafetensorError" and any(os.strerror(number) in str(error) for number in REFUSED):
        return f"what was learnt could not be written ({sentence(str(error))}); its last checkpoint is kept", FAILED
    if isinstance(error, MemoryError) or out_of_memory(error):
        return "out of memory; try a smaller batch (--set batch=16), a smaller --size, or --device cpu", FAILED
    if isinstance(error, ValueError):
        return sentence(str(error)), USAGE
    return f"{type(error).__name__}: {sentence(str(error))} ({_whose(error)}; --debug shows where)", FAILED


def _whose(error: BaseException) -> str:
    """Whose fault an error is: of a user's file, where it passed through one."""
    frames = [frame for frame in walk_tb(error.__traceback__) if str(frame[0].f_globals.get("__name__")).startswith(USERS)]
    if not frames:
        return "a fault of genlab's"
    frame, line = frames[-1]
    return f"in {Path(frame.f_code.co_filename).name}, line {line}"


def disk_full(error: BaseException) -> bool:
    """Whether the disk or the quota is full; safetensors reports it only in its message."""
    reported = isinstance(error, OSError) and error.errno in FULL
    return reported or os.strerror(errno.ENOSPC).lower() in str(error).lower()


def peer_lost(error: BaseException) -> bool:
    """Whether another process has ended: gloo and NCCL report it only in their messages."""
    message = str(error).lower()
    lost = ("connection closed by peer", "connection reset by peer", "socket closed", "remote process exited", "broken pipe")
    return type(error).__name__ in ("RuntimeError", "DistBackendError") and any(words in message for words in lost)


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: torch has an error class for the GPU, only a message for the CPU."""
    return type(error).__name__ == "OutOfMemoryError" or "not enough memory" in str(error)


def sentence(message: str) -> str:
    """One line without the full stop."""
    return " ".join(message.split()).removesuffix(".") or "no reason was given"


def _of_system(error: OSError) -> tuple[str, int]:
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"there is no {error.filename}", USAGE
    if (isinstance(error, PermissionError) or error.errno == errno.EROFS) and error.filename:
        return f"{error.filename} may not be read or written by you; change its permissions or choose another place", USAGE
    reason = error.strerror or str(error)
    return f"{sentence(reason)}{_where(error)}", FAILED if error.errno is None else USAGE


def _where(error: BaseException) -> str:
    name = getattr(error, "filename", None)
    return f": {name}" if name else ""
