"""Commands in messages can be pasted: genlab as it was called, pip as it would install it again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from genlab.core import program


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with programs in its .venv/bin that the shell does not find."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    bin = tmp_path / ".venv" / "bin"
    bin.mkdir(parents=True)
    for name in ("genlab", "pip", "python"):
        (bin / name).write_text("")
        (bin / name).chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bin / "python"))
    return bin


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (".venv/bin/genlab", ".venv/bin/genlab"),
        ("{here}/.venv/bin/genlab", ".venv/bin/genlab"),
        ("/opt/my tools/genlab", "'/opt/my tools/genlab'"),
        ("/opt/lib/genlab/__main__.py", ".venv/bin/python -m genlab"),
        ("script.py", "genlab"),
        ("", "genlab"),
    ],
)
def test_genlab_is_named_as_it_was_called(first: str, said: str, shell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [first.format(here=Path.cwd()), "train"])
    assert program.called() == said


def test_in_an_activated_environment_names_are_enough(shell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(shell))
    monkeypatch.setattr(sys, "argv", [str(shell / "genlab")])
    assert program.called() == "genlab"
    monkeypatch.setattr(sys, "argv", ["/opt/lib/genlab/__main__.py"])
    assert program.called() == "python -m genlab"
    assert program.pip() == "pip"


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (None, ".venv/bin/pip install 'genlab[hub]'"),
        ({"url": "file:///else/genlab-1.whl", "archive_info": {}}, ".venv/bin/pip install 'genlab[hub]'"),
        ({"url": "file://{here}", "dir_info": {"editable": True}}, ".venv/bin/pip install -e '.[hub]'"),
        ({"url": "file:///a%20b", "dir_info": {"editable": True}}, ".venv/bin/pip install -e '/a b[hub]'"),
    ],
)
def test_an_extra_is_installed_from_where_genlab_was(
    record: dict | None, said: str, shell: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Installed:
        def read_text(self, name: str) -> str | None:
            return record and json.dumps(record).replace("{here}", str(Path.cwd()))

    monkeypatch.setattr(program, "distribution", lambda _: Installed())
    assert program.installing("hub") == said
    (shell / "pip").unlink()
    assert program.installing("hub").startswith(".venv/bin/python -m pip install ")
