"""Pictures that use fewer levels than their files could hold, and label maps, whose levels are classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genlab.data import open as opened
from tests.data import files


def masks(
    path: Path, count: int, high: int, mode: str = "L", size: int = 12, colours: tuple[int, ...] = (255, 255, 255, 200, 0, 0)
) -> Path:
    """Pictures of two levels, 0 and `high`."""
    path.mkdir(parents=True)
    for number in range(count):
        levels = (files.noise(number, size, size, 1) > 127) * high
        image = Image.fromarray(levels.astype(np.uint16 if mode == "I;16" else np.uint8))
        if mode == "P":
            image.putpalette([*colours, *[0] * 762])
        image.save(path / f"{number:03}.png")
    return path


def test_pictures_of_few_levels_are_said_and_can_be_meant(tmp_path: Path) -> None:
    path = masks(tmp_path / "m", 30, 1)
    data = opened(path)
    assert any(
        line.startswith("the pictures use 2 of 256 levels, 0 to 1: they will look black; --levels 2")
        for line in data.overview.odd
    )
    meant = opened(path, levels=2)
    assert (meant.space.kind, meant.space.levels, meant.overview.odd) == ("binary", 2, ())
    assert set(meant.once("train", 0, 9).x.unique().tolist()) == {0, 1}


def test_what_few_bright_levels_may_be_is_said(tmp_path: Path) -> None:
    """Black and white, or colours that stand for classes, which an array does not have."""
    assert opened(masks(tmp_path / "two", 30, 255)).overview.odd == (
        "the pictures use 2 of 256 levels, 0 to 255; --binarise threshold learns them as black and white",
    )
    advice = "; they are numbers into a palette: if each stands for a class of what is seen, --label-maps learns them"
    coloured = masks(tmp_path / "coloured", 30, 1, "P")
    assert opened(coloured).overview.odd == (f"the pictures use 3 of 256 levels, 0 to 255{advice}",)
    assert opened(coloured, label_maps=True).overview.odd == ()
    for number, colours in enumerate([(0, 0, 0, 255, 255, 255), (0, 0, 0, 1, 1, 1)]):  # whatever the palette's colours are
        (odd,) = opened(masks(tmp_path / str(number), 30, 1, "P", colours=colours)).overview.odd
        assert odd.endswith(advice)
    grey = tmp_path / "grey"
    grey.mkdir()
    for number in range(30):
        Image.fromarray(files.noise(number, 12, 12, 1) // 86 * 100).save(grey / f"{number:03}.png")
    (odd,) = opened(grey).overview.odd
    assert odd.endswith("; if each level stands for a class of what is seen: --label-maps")
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).integers(0, 3, (60, 8, 8)).astype(np.uint8) * 100)
    assert opened(tmp_path / "x.npz").overview.odd == ("the pictures use 3 of 256 levels, 0 to 200",)


def test_fewer_bits_than_the_file_holds(tmp_path: Path) -> None:
    path = masks(tmp_path / "m", 30, 4095, "I;16")
    data = opened(path)
    (odd,) = data.overview.odd  # and no advice that contradicts it
    assert "12 of 16 bits, nothing above 4,095" in odd
    assert set(data.once("train", 0, 9).x.unique().tolist()) == {0, 16}
    meant = opened(path, levels=4096)
    assert set(meant.once("train", 0, 9).x.unique().tolist()) == {0, 255}
    with pytest.raises(ValueError, match=r"its levels go up to 4,095, beyond the 1,023 that --levels allows"):
        opened(path, levels=1024)


def test_label_maps_in_arrays_keep_their_numbers_too(tmp_path: Path) -> None:
    maps = np.kron(np.random.default_rng(0).integers(0, 3, (40, 4, 4)), np.ones((8, 8), int)).astype(np.uint8) * 40
    np.savez(tmp_path / "maps.npz", x=maps)
    data = opened(tmp_path / "maps.npz", label_maps=True, size=12)
    assert data.space.levels == 81
    assert set(np.unique(data.stream("train", 0, 10).x)) <= {0, 40, 80}
    np.savez(tmp_path / "many.npz", x=maps.astype(np.int64) * 5)
    with pytest.raises(ValueError, match="label maps number at most 256 classes from 0, x runs to 400"):
        opened(tmp_path / "many.npz", label_maps=True)


def test_label_maps_keep_their_numbers_and_are_never_blended(tmp_path: Path) -> None:
    for mode in ("P", "L"):
        data = opened(masks(tmp_path / mode, 30, 1, mode), label_maps=True, size=7)
        assert (data.space.kind, data.space.shape) == ("binary", (1, 7, 7))
        assert set(data.once("train", 0, 30).x.unique().tolist()) == {0, 1}
    coloured = files.folder(tmp_path / "c", 30)
    with pytest.raises(ValueError, match="it has colours; a label map has one number a pixel"):
        opened(coloured, label_maps=True)
