"""Pictures that a user gives as conditions."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from genlab.core.space import Space
from genlab.data.prompts import pictures


def test_a_picture_is_made_like_those_of_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGBA", (40, 20), (0, 0, 0, 0)).save("clear.png")
    Image.new("L", (9, 9), 200).save("grey.png")
    colours, grey = Space((3, 8, 8), "CHW", "ordinal", 256), Space((1, 4, 4), "CHW", "ordinal", 17)
    assert bool((pictures("source", "clear.png", colours) == 255).all())
    assert pictures("source", "grey.png", grey).unique().tolist() == [round(200 * 16 / 255)]
    bits = Space((1, 4, 4), "CHW", "binary", note="binarised: threshold")
    assert pictures("source", "grey.png", bits).unique().tolist() == [1]
    Path("text.png").write_text("hello", encoding="utf-8")
    for path, sentence in (("gone.png", "there is no file"), ("text.png", "cannot be read"), (tmp_path, "cannot be read")):
        with pytest.raises(ValueError, match=sentence):
            pictures("source", path, colours)
