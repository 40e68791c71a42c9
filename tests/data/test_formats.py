from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from genlab.data.formats import stem_of, suffix_of


@pytest.mark.parametrize(
    "name", ["a.PNG", "a.b/c", "a.b/c.d.png", "a/.png", ".png", "png", "a/b.tar.gz", "a.b/.hidden.jpg", ""]
)
def test_the_suffix_of_a_name_is_that_of_its_path(name: str) -> None:
    path = PurePosixPath(name)
    assert suffix_of(name) == path.suffix.lower()
    assert stem_of(name) == name[: len(name) - len(path.suffix)]
