"""What went wrong, as one sentence, and the exit code: 0 done, 1 or 2 as `runs.errors` says, 128 + n stopped by signal n."""

from __future__ import annotations

import os

from cyclopts import CycloptsError

from genlab.runs import errors
from genlab.runs.errors import FAILED, REFUSED, USAGE, sentence

__all__ = ["FAILED", "REFUSED", "USAGE", "Stopped", "debugging", "explained"]


class Stopped(Exception):
    """A signal ended the work; what was kept has been said. number: of the signal."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def explained(error: BaseException) -> tuple[str, int]:
    """The sentence (empty where everything has been said) and the exit code."""
    if isinstance(error, Stopped):
        return "", 128 + error.number
    if isinstance(error, KeyboardInterrupt):
        return "stopped", 130
    if isinstance(error, CycloptsError):
        said = sentence(str(error).split(" Available commands")[0])
        return said if said.endswith("?") else f"{said}; --help shows what there is", USAGE
    return errors.explained(error)


def debugging() -> bool:
    """Whether errors keep their traceback."""
    return os.environ.get("GENLAB_DEBUG", "") not in ("", "0")
