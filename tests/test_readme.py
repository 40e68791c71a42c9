"""The README is executed: every command and every line of Python but the two make targets and the set-up beside them."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from PIL import Image

import genlab
from genlab.recipes.index import MODELS, Entry

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str, text: str = TEXT) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)


def shorter(command: str) -> str:
    """Budgets may be shortened, those of the data too, nothing else."""
    command = re.sub(r"^(genlab compare my-pictures/)$", r"\1 --seconds 1", command)
    return re.sub(r"examples=\d+", "examples=3000", re.sub(r"(--seconds |seconds=)\d+", r"\g<1>1", command))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to work in, with pictures of one's own."""
    folder = tmp_path_factory.mktemp("desk")
    for number in range(40):
        sub = folder / "my-pictures" / ("dark", "light")[number % 2]
        sub.mkdir(parents=True, exist_ok=True)
        shade = 40 + 100 * (number % 2) + number
        Image.new("RGB", (12, 12), (shade, 255 - shade, number)).save(sub / f"{number}.png")
    return folder


def test_every_command_of_the_readme_works(desk: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.strip()]
    assert len(commands) >= 8
    for command in commands:
        done = subprocess.run(
            shlex.split(shorter(command)), cwd=desk, env=environment, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert (desk / "samples.png").stat().st_size > 0
    assert (desk / "way.gif").stat().st_size > 0


@pytest.mark.parametrize("code", blocks("python"), ids=["three lines", "comparison", "one level down"])
def test_every_line_of_python_works(code: str, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    scope: dict = {"genlab": genlab}
    exec(compile(shorter(code), "README.md", "exec"), scope)
    if "page" in scope:
        assert scope["page"].read_text().startswith("<!doctype html>")
    if "pictures" in scope:
        assert scope["pictures"].shape == (16, 1, 8, 8)
        assert scope["pictures"].max() <= 16


def test_python_of_the_page_of_measures_works() -> None:
    text = (ROOT / "docs" / "measures.md").read_text(encoding="utf-8")
    for code in re.findall(r"^```python\n(.*?)^```", text, re.S | re.M):
        said = io.StringIO()
        with redirect_stdout(said):
            exec(compile(code, "measures.md", "exec"), {})
        assert said.getvalue().strip() in code


def row(entry: Entry) -> str:
    kinds, given, can = (", ".join(names) for names in (entry.kinds, entry.uses, entry.can))
    return f"| `{entry.name}` | {entry.family} | {kinds} | {given} | {entry.likelihood} | {can} | {entry.paper} |"


def test_the_table_of_models_is_that_of_the_index() -> None:
    for entry in MODELS:
        assert row(entry) in TEXT
    assert TEXT.count("\n| `") == len(MODELS)
