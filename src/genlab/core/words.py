"""Counts and lists in words."""

from __future__ import annotations

from collections.abc import Sequence


def plural(amount: int, word: str) -> str:
    """1 picture, 2,000 pictures, 3 classes, 4 copies."""
    if amount == 1:
        return f"1 {word}"
    ending = f"{word[:-1]}ies" if word.endswith("y") else f"{word}es" if word.endswith("s") else f"{word}s"
    return f"{amount:,} {ending}"


def word_list(words: Sequence[str]) -> str:
    """a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
