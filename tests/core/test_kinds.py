"""Every space that data have is of exactly one kind."""

from __future__ import annotations

import subprocess
import sys

import pytest

from genlab.core.kinds import KINDS, LINES, PICTURES, TEXT, kind_of
from genlab.core.space import Space

SPACES = {
    "points": Space((2,), "D", "real"),
    "pictures": Space((1, 2, 2), "CHW", "binary"),
    "text": Space((3,), "T", "token", 3),
    "lines": Space((3,), "T", "token", 3, end=2),
    "sound": Space((1, 4), "CT", "real"),
    "video": Space((2, 1, 2, 2), "FCHW", "ordinal", 4),
    "voxels": Space((1, 2, 2, 2), "CDHW", "binary"),
}


@pytest.mark.parametrize("name", SPACES)
def test_a_space_is_of_one_kind(name: str) -> None:
    assert [kind.name for kind in KINDS if kind.holds(SPACES[name])] == [name]
    assert kind_of(SPACES[name]).name == name


def test_every_kind_is_tried() -> None:
    assert {kind.name for kind in KINDS} == set(SPACES)


@pytest.mark.parametrize("space", [Space((), "", "token", 3), Space((3, 3), "DD", "real")])
def test_what_is_of_no_kind_is_refused_with_what_there_is(space: Space) -> None:
    with pytest.raises(ValueError, match=r"no kind of data has the axes .*CHW \(pictures\)"):
        kind_of(space)
    assert not space.picture
    assert not space.text


def test_pictures_and_texts_are_told_by_the_space() -> None:
    assert [name for name, space in SPACES.items() if space.picture] == [PICTURES.name]
    assert [name for name, space in SPACES.items() if space.text] == [TEXT.name, LINES.name]


def test_kinds_are_known_without_torch() -> None:
    program = "import sys, genlab.core.kinds, genlab.core.space; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
