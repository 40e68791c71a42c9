"""Pictures that verbs write say in themselves what they show."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageDraw

from genlab.report import tiles
from tests.cli.calls import call

Runs = Callable[[str], Path]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All texts that are drawn."""
    found: list[str] = []
    text = ImageDraw.ImageDraw.text

    def spied(pen: ImageDraw.ImageDraw, xy: tuple[float, float], words: str, *rest, **more) -> None:
        found.append(words)
        text(pen, xy, words, *rest, **more)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", spied)
    return found


def test_what_belongs_together_stays_below_each_other() -> None:
    first, second = np.arange(1, 10), np.arange(11, 20)
    assert tiles.across(9, 8) == 5
    assert tiles.across(16, 8) == 8
    rows = tiles.in_rows([first, second], 5).reshape(4, 5)
    assert (rows[1, :] - rows[0, :] == 10).all()
    assert (rows[3, :4] - rows[2, :4] == 10).all()


def test_rows_of_reconstructions_and_walks_are_named(trained: Runs, written: list[str]) -> None:
    assert call("reconstruct", trained("vae"), "-n", 9, "--out", "both.png").code == 0
    assert written == ["test", "rebuilt"] * 2
    written.clear()
    assert call("interpolate", trained("vae"), "-n", 2, "--steps", 4, "--out", "walk.png").code == 0
    assert "each row: 4 steps from one example to another, both drawn by the model" in " ".join(written)


def test_samples_of_points_have_axes_and_real_points_behind(tmp_path: Path, written: list[str]) -> None:
    x = np.random.default_rng(0).normal(size=(100, 2))
    (tmp_path / "x.csv").write_text("\n".join(["height,weight", *(f"{a:.4f},{b:.4f}" for a, b in x)]))
    assert call("train", "vae", "x.csv", "--steps", 3, "--out", "run").code == 0
    said = call("sample", "run", "-n", 5, "--out", "points.png")
    assert said.code == 0
    assert {"height", "weight"} <= set(written)
    assert "5 samples in blue, in grey " in " ".join(written)
    written.clear()
    shutil.move("x.csv", "y.csv")
    assert call("sample", "run", "-n", 5, "--out", "alone.png").code == 0
    assert "the data of the run are not there any more" in " ".join(written)
    written.clear()
    assert call("sample", "run", "-n", 5, "--data", "y.csv", "--out", "moved.png").code == 0
    assert "in grey " in " ".join(written)
    assert call("sample", "run", "-n", 5, "--data", "z.csv", "--out", "none.png").code != 0
