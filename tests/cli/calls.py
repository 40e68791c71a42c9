"""Calls of the command line: inside this process, where what it says can be read, or as a process of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

from genlab.cli.main import main

COMMAND = [sys.executable, "-m", "genlab"]


class Said(NamedTuple):
    code: int
    out: str
    err: str


def call(*arguments: object) -> Said:
    """The call, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Said(code, out.getvalue(), err.getvalue())


def refused(*arguments: object, code: int = 2) -> str:
    """The one sentence of a call that must fail, which shows no traceback."""
    said = call(*arguments)
    assert said.code == code, said
    assert "Traceback" not in said.err
    lines = [line for line in said.err.splitlines() if line.startswith("genlab: ")]
    assert len(lines) == 1, said.err
    return lines[0].removeprefix("genlab: ")


def start(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """The call as a process in a folder."""
    words = [*COMMAND, *(str(argument) for argument in arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(words, cwd=folder, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, **pipes)
