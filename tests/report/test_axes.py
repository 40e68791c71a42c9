"""Charts of points and labelled pictures: what is written stands where it belongs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

import genlab
from genlab.core.space import Space
from genlab.report import axes, labels, scatter
from genlab.report.sheet import sheet

Words = dict[str, list[tuple[float, float]]]
POINTS = Space((2,), "D", "real")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Words:
    """Where each text was written."""
    found: Words = {}
    text = ImageDraw.ImageDraw.text

    def spied(pen: ImageDraw.ImageDraw, xy: tuple[float, float], words: str, *rest, **more) -> None:
        found.setdefault(words, []).append(xy)
        text(pen, xy, words, *rest, **more)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", spied)
    return found


def middle(image: Image.Image) -> tuple[float, float]:
    """(x, y) of what is blue."""
    red, _, blue = np.moveaxis(np.asarray(image.convert("RGB")).astype(int), -1, 0)
    rows, columns = np.nonzero(blue - red > 60)
    return float(columns.mean()), float(rows.mean())


def test_a_point_stands_over_its_tick_and_beside_it(written: Words) -> None:
    frame = scatter.Frame(np.array([0.0, -300_000.0]), np.array([20.0, 100_000.0]))
    image = axes.chart(np.array([[5.0, -200_000.0]]), POINTS, ("height", "weight"), frame=frame)
    x, y = middle(image)
    assert written["5"][0][0] == pytest.approx(x, abs=1)
    assert written["−200k"][0][1] == pytest.approx(y, abs=1)
    assert written["height"][0][1] > y
    assert written["weight"][0][1] < y


def test_ticks_differ_far_from_zero(written: Words) -> None:
    axes.chart(np.array([[5_000_001.0, 0.0], [5_000_004.0, 1.0]]), POINTS)
    assert sum(words.startswith("500000") for words in written) >= 3
    assert "x1" in written


def test_real_points_are_grey_and_columns_that_are_not_drawn_are_told(written: Words) -> None:
    x, real = np.array([[0.0, 0.0, 9.0]]), np.array([[1.0, 1.0, 9.0], [-1.0, -1.0, 9.0]])
    image = axes.chart(x, Space((3,), "D", "real"), ("a", "b", "c"), real, "1 sample")
    grey = np.asarray(image.convert("RGB")).astype(int)
    assert (abs(grey - scatter.SHADE) < 60).all(-1).sum() > 10
    assert "1 sample; a and b, the first two of 3 columns" in written
    assert "c" not in written
    axes.chart(x[:, :1], Space((1,), "D", "real"), ("alone",))
    assert "alone" in written


def test_rows_are_named_beside_them(written: Words) -> None:
    tiles = Image.new("RGB", (400, 132), (200, 30, 30))
    image = labels.labelled(tiles, ("real", "rebuilt"), "what it is")
    top = image.height - tiles.height
    assert [round(written[row][0][1] - top) for row in ("real", "rebuilt")] == [32, 100]
    assert image.crop((image.width - 400, top, image.width, image.height)).tobytes() == tiles.tobytes()
    assert labels.labelled(tiles) is tiles


def test_the_sheet_of_a_table_has_one_scale_for_all_splits(tmp_path: Path, written: Words) -> None:
    x = np.random.default_rng(0).normal(size=(300, 2))
    (tmp_path / "x.csv").write_text("\n".join(["height,weight", *(f"{a:.4f},{b:.4f}" for a, b in x)]))
    sheet(genlab.open(tmp_path / "x.csv"))
    assert len(written["height"]) == len(written["weight"]) == 3
    for words in ("0", "2", "−2"):
        assert len(set(written[words])) == 2, "across and up, the same in each split"
