"""Errors as one sentence and an exit code: 0 done, 1 or 2 as in `runs.errors`, 128 + n stopped by signal n."""

from __future__ import annotations

import os

from cyclopts import CycloptsError

from genlab.runs import errors
from genlab.runs.errors import FAILED, REFUSED, USAGE, sentence

__all__ = ["FAILED", "REFUSED", "USAGE", "Stopped", "debugging", "explained"]


class Stopped(Exception):
    """A signal ended the work, and the user has been told what was saved. number: of the signal."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def explained(error: BaseException) -> tuple[str, int]:
    """(sentence, exit code) of an error; the sentence is empty where nothing is left to report."""
    if isinstance(error, Stopped):
        return "", 128 + error.number
    if isinstance(error, KeyboardInterrupt):
        return "stopped", 130
    if isinstance(error, CycloptsError):
        mistake = sentence(str(error).split(" Available commands")[0])
        return mistake if mistake.endswith("?") else f"{mistake}; --help shows what there is", USAGE
    return errors.explained(error)


def debugging() -> bool:
    """Whether errors are shown with their traceback."""
    return os.environ.get("GENLAB_DEBUG", "") not in ("", "0")
