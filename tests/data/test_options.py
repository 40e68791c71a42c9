"""Options of data: names, types, and what is said of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest

from genlab.data import open as opened
from genlab.data.options import Options


def test_an_unknown_option_names_the_near_miss() -> None:
    with pytest.raises(ValueError, match="did you mean degrade"):
        opened("digits", degraded="grey")
    with pytest.raises(ValueError, match="leave one out"):
        opened("digits", pair="a", other="b")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("hide", True, "a text, in quotes in Python; got True"),
        ("size", "8", "a whole number; got '8'"),
        ("lines", 1, "True or False"),
        ("binarise", 1, "one of threshold, static, dynamic"),
        ("shares", 0.5, "a list of numbers"),
    ],
)
def test_an_option_of_another_type_says_which_it_needs(option: str, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"{option} must be {words}"):
        opened("digits", **{option: value})


def test_a_share_may_be_a_number_too() -> None:
    assert Options.from_record({"hide": 0.5}) == Options.from_record({"hide": "0.5"})
