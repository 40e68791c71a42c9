"""A few runs, trained once for all tests of the command line, each for a moment."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.calls import call

RUNS = {  # name -> what is trained
    "vae": ("vae", "digits"),
    "gan": ("gan", "digits"),
    "ring": ("gan", "points/ring"),
    "text": ("gpt", "strings/weather"),
    "lines": ("ngram", "strings/words"),
}
SMALL = {"gpt": ("--set", "model.layers=1", "model.width=16", "model.heads=2")}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of one of RUNS; it is shared, so tests leave it as it is."""
    home = tmp_path_factory.mktemp("runs")

    def get(name: str) -> Path:
        if not (home / name).exists():
            model, data = RUNS[name]
            said = call("train", model, data, "--steps", 4, "--out", home / name, *SMALL.get(model, ()))
            assert said.code == 0, said.err
        return home / name

    return get


@pytest.fixture
def run(trained: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of one of RUNS, to do with as one likes."""

    def get(name: str) -> Path:
        return Path(shutil.copytree(trained(name), tmp_path / name))

    return get


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a call writes by default lands outside the project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENLAB_DEBUG", "0")  # so that what --debug sets is undone
