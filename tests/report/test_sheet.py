"""The sheet of `genlab data`: examples of every class and split, with what is given with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import genlab
from genlab.data.base import SPLITS
from genlab.report.sheet import ACROSS, CLASSES, HIDDEN, OF_CLASS, sheet
from tests.data import files

Colour = tuple[int, int, int]


def flat(path: Path, colours: list[Colour], each: int, side: int = 16) -> Path:
    """Pictures of one colour with one pixel that tells them apart."""
    path.mkdir(parents=True, exist_ok=True)
    for number in range(each * len(colours)):
        picture = Image.new("RGB", (side, side), colours[number % len(colours)])
        picture.putpixel((number % side, number // side), (1, 2, 3))
        picture.save(path / f"{number:04}.png")
    return path


def tiles(image: Image.Image, colour: Colour, side: int = 64) -> float:
    """How many tiles of this colour are in an image."""
    return float((np.asarray(image) == colour).all(-1).sum()) / side**2


def test_a_rare_class_behind_thousands_of_others_is_shown(tmp_path: Path) -> None:
    """Folders are read in the order of their names: what comes last has a line all the same."""
    x = np.zeros((6000, 2, 2), np.uint8)
    x[:, 0] = np.stack(np.divmod(np.arange(6000), 256), 1)
    x[:, 1], x[-30:, 1] = 100, 200
    np.savez(tmp_path / "a.npz", x=x, label=np.array(["often"] * 5970 + ["rare"] * 30))
    data = genlab.open(tmp_path / "a.npz")
    image = sheet(data).convert("RGB")
    for number, grey in enumerate((100, 200)):
        counts = {split: (data.label_counts(split) or ())[number] for split in SPLITS}
        shown = sum(min(OF_CLASS[split], count) for split, count in counts.items())
        assert 2 * tiles(image, (grey, grey, grey)) == pytest.approx(shown, abs=0.1)


def test_splits_of_a_class_stand_side_by_side_and_many_classes_as_one(tmp_path: Path) -> None:
    few = sheet(genlab.open(files.folder(tmp_path / "few", 90, ("a", "b"))))
    many = sheet(genlab.open(files.folder(tmp_path / "many", 200, tuple(f"c{number}" for number in range(CLASSES + 1)))))
    assert few.width > sum(OF_CLASS.values()) * 60
    assert few.height < 2 * 110 + 20
    assert many.width < (ACROSS + 1) * 70


def test_a_partner_stands_below_its_example_and_the_other_domain_has_a_line(tmp_path: Path) -> None:
    red, blue = (200, 40, 30), (20, 40, 200)
    flat(tmp_path / "red", [red], 60)
    flat(tmp_path / "blue", [blue], 60)
    paired = sheet(genlab.open(tmp_path / "red", pair=str(tmp_path / "blue"))).convert("RGB")
    assert tiles(paired, blue) == tiles(paired, red) > ACROSS
    pixels = np.asarray(paired)
    column = int((pixels == red).all(-1).any(0).argmax())
    runs = [tuple(pixel) for pixel in pixels[:, column].tolist() if tuple(pixel) in (red, blue)]
    assert runs[:1] == [red]
    assert runs[64:65] == [blue], "the partner of the first is below it"
    assert not (pixels[:60] == red).all(-1).any(), "a line of words is above"
    apart = sheet(genlab.open(tmp_path / "red", other=str(tmp_path / "blue"))).convert("RGB")
    assert tiles(apart, red) > tiles(apart, blue) > ACROSS - 1


def test_missing_pixels_have_a_colour_of_their_own(tmp_path: Path) -> None:
    data = files.folder(tmp_path / "set", 60)
    shown = [tiles(sheet(genlab.open(data, **options)).convert("RGB"), HIDDEN) for options in ({}, {"hide": 0.5})]
    assert shown[0] == 0
    assert shown[1] > 10


def test_captions_are_written_below(tmp_path: Path) -> None:
    data = files.folder(tmp_path / "set", 60)
    bare = sheet(genlab.open(data))
    for file in sorted(data.iterdir()):
        file.with_suffix(".txt").write_text(f"a picture called {file.stem}", encoding="utf-8")
    captioned = sheet(genlab.open(data))
    assert captioned.height > bare.height + 3 * 12
    assert (np.asarray(captioned) < 100).sum() > (np.asarray(bare) < 100).sum()
