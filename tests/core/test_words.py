"""Counts and lists in words."""

from __future__ import annotations

from genlab.core.words import plural, word_list


def test_lists() -> None:
    assert [word_list(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_plurals() -> None:
    assert (plural(1, "file"), plural(0, "file"), plural(1200, "file")) == ("1 file", "0 files", "1,200 files")
    assert (plural(2, "class"), plural(3, "copy"), plural(1, "copy")) == ("2 classes", "3 copies", "1 copy")
