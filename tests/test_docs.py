"""The pages on data and on models of one's own are executed, and their tables are those of the code."""

from __future__ import annotations

import doctest
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.core.kinds import KINDS, DataKind
from genlab.data.options import Options
from genlab.data.wrap import wrappers
from tests.cli.calls import call
from tests.outside.test_own import png
from tests.test_readme import blocks

DOCS = Path(__file__).parents[1] / "docs"
DATA, OWN = (DOCS / name for name in ("data.md", "own-models.md"))
UNITS = {"": "bits/dim of levels, else nats", "nats_per_character": "nats/character"}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with pictures, partners of them, and pictures with captions."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    levels = np.random.default_rng(0).integers(0, 256, (80, 16, 16, 3), dtype=np.uint8)
    for number, picture in enumerate(levels):
        for folder, shown in (("my-pictures", picture), ("my-sketches", 255 - picture)):
            file = tmp_path / folder / ("dark", "light")[number % 2] / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(shown).save(file)
    Image.fromarray(levels[0]).save(tmp_path / "small.png")
    texts = [f"a {('red', 'blue')[number % 2]} heart" for number in range(len(levels))]
    columns = {"image": [png(picture) for picture in levels], "text": texts, "label": np.arange(len(levels)) % 3}
    pq.write_table(pa.table(columns), tmp_path / "emoji.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def shorter(command: str) -> list[str]:
    """Budgets may be shortened, and what takes long besides: batches, and features that are trained first."""
    compared = "--budget examples=64 --samples 40 --features pixels"
    moment = compared if " compare " in command else "--steps 1 --unwatched --set batch=8"
    return shlex.split(re.sub(r"--seconds \d+", moment, command))[1:]


@pytest.mark.parametrize("page", [DATA, OWN], ids=lambda page: page.stem)
def test_every_command_works(page: Path, desk: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for code in blocks("python", text):
        if code.startswith("# my_model.py\n"):
            (desk / "my_model.py").write_text(code, encoding="utf-8")
    commands = [line for block in blocks("sh", text) for line in block.splitlines()]
    assert len(commands) >= 3
    for command in commands:
        said = call(*shorter(command))
        assert said.code == 0, f"{command}\n{said.err}"


def test_python_of_own_models_works(desk: Path) -> None:
    model, use = blocks("python", OWN.read_text(encoding="utf-8"))
    (desk / "my_model.py").write_text(model, encoding="utf-8")
    sys.modules.pop("my_model", None)
    exec(compile(use.replace("seconds=10", "steps=1000"), "own-models.md", "exec"), scope := {"genlab": genlab})
    x, real = scope["again"].sample(2000).float(), scope["run"].data().once("train", 0, 2000).x.float()
    means = torch.stack([x.mean(0).flatten(), real.mean(0).flatten()])
    assert torch.corrcoef(means)[0, 1] > 0.95, "it has learnt where the ink is"


def test_python_of_data_says_what_it_says() -> None:
    lines = "".join(block for block in blocks("python", DATA.read_text(encoding="utf-8")) if block.startswith(">>>"))
    found = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    found.run(doctest.DocTestParser().get_doctest(lines, {}, DATA.name, None, None))
    assert found.tries >= 4
    assert not found.failures


def row(kind: DataKind) -> str:
    suffixes = ", ".join(suffix or "a folder" for suffix in kind.suffixes)
    return f"| {kind.name} | {kind.example} | {kind.axes} | {UNITS[kind.unit]} | {suffixes} |\n"


def test_the_table_of_kinds_is_that_of_the_code() -> None:
    text = DATA.read_text(encoding="utf-8")
    assert "".join(map(row, KINDS)) in text


def test_every_option_of_data_is_on_the_page() -> None:
    text = DATA.read_text(encoding="utf-8")
    for name in wrappers():
        assert f"\n| `--{name}" in text, name
    known = {f"--{name.replace('_', '-')}" for name in Options().__dataclass_fields__}
    said = set(re.findall(r"--[a-z][a-z-]*", text))
    assert said <= known | {"--out", "--seconds", "--given", "--class", "--data"}
