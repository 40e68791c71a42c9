"""How this program was called and installed, so that the commands a message shows can be pasted."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

NAME = "genlab"


def called() -> str:
    """The word or words that call genlab from this folder: `genlab`, `.venv/bin/genlab`, `python -m genlab`.

    It is `genlab` where Python code or another program calls it.
    """
    first = Path(sys.argv[0] if sys.argv else "")
    if first.stem == NAME:
        return typed(first)
    if first.name == "__main__.py" and first.parent.name == NAME:
        return f"{typed(Path(sys.executable))} -m {NAME}"
    return NAME


def installing(extra: str) -> str:
    """The command that installs an extra of genlab: by name, or from the clone that was installed in place."""
    clone = _clone()
    what = f"'{NAME}[{extra}]'" if clone is None else f"-e {shlex.quote(f'{_near(clone)}[{extra}]')}"
    return f"{pip()} install {what}"


def pip() -> str:
    """The words that call the pip of this Python."""
    beside = Path(sys.executable).with_name("pip")
    return typed(beside) if beside.exists() else f"{typed(Path(sys.executable))} -m pip"


def typed(program: Path) -> str:
    """A program as it is typed in this folder: by its name where the shell finds it, otherwise by its path."""
    found = shutil.which(program.name)
    if found is not None and Path(found).absolute() == program.absolute():
        return program.name
    return shlex.quote(_near(program))


def _near(path: Path) -> str:
    """A path from this folder where it lies in it, otherwise the whole of it."""
    here = Path.cwd()
    whole = Path(os.path.normpath(path.absolute()))
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)


def _clone() -> Path | None:
    """The folder of an editable installation (PEP 610); None where there is none."""
    try:
        record = json.loads(distribution(NAME).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return None
    return Path(unquote(urlsplit(record["url"]).path)) if record.get("dir_info", {}).get("editable") else None
