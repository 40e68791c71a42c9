"""From texts to tokens and back: characters, or byte-level byte-pair encoding.

An alphabet is made of the train split alone, so that nothing is known of what a model will be scored on. If a held-out part has
characters that train lacks, all of them become one token, UNKNOWN, and `note` says how many places that concerns: those
places are scored as "some character never seen", which is less than saying which one. Bytes need no such token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
PLACE = 0x110000  # one more than the largest code point


class Alphabet(Protocol):
    names: tuple[str, ...]

    def tokens(self, text: str) -> np.ndarray:
        """(T,) int32."""
        ...

    def text(self, tokens: np.ndarray) -> str: ...


class Characters:
    """Every character is a token, in the order of code points; then UNKNOWN where it is needed, then `end` if given.

    missing   places of the held-out texts whose character train lacks
    """

    def __init__(self, train: str, held_out: str = "", end: str = ""):
        known = np.unique(points(train))
        self._number = np.full(PLACE, -1, np.int32)
        self._number[known] = np.arange(len(known))
        self.missing = int((self._number[points(held_out)] < 0).sum())
        characters = [chr(point) for point in known]
        self._unknown = len(characters) if self.missing else -1
        extra = [next(sign for sign in (UNKNOWN, "\u2047", "\u25a1", "") if sign not in characters)] if self.missing else []
        self.names = (*characters, *extra, *([end] if end else []))
        self.end = len(self.names) - 1 if end else None

    @property
    def note(self) -> str:
        return f"{self.missing:,} held-out characters that train lacks count as one unknown symbol" if self.missing else ""

    def tokens(self, text: str) -> np.ndarray:
        found = self._number[points(text)]
        return np.where(found < 0, self._unknown, found)

    def encoded(self, text: str) -> np.ndarray:
        """Tokens; ValueError names the characters that are not in the alphabet."""
        unknown = sorted({character for character, number in zip(text, self._number[points(text)], strict=True) if number < 0})
        if unknown:
            raise ValueError(f"not in the alphabet: {' '.join(map(repr, unknown))}; it has {''.join(self.names)!r}")
        return self.tokens(text)

    def text(self, tokens: np.ndarray) -> str:
        return "".join(self.names[token] for token in tokens)


class BytePairs:
    """`vocabulary` tokens at most, learnt from a text (Sennrich et al., "Neural Machine Translation of Rare Words", 2016).

    It begins with the 256 bytes, so every text has tokens. names are for reading: part of a character is shown as UNKNOWN, and
    `text` puts the bytes together again.
    """

    def __init__(self, train: str, vocabulary: int):
        from tokenizers import ByteLevelBPETokenizer

        self._tokenizer = ByteLevelBPETokenizer(add_prefix_space=False)
        self._tokenizer.train_from_iterator([train], vocab_size=vocabulary, min_frequency=2, show_progress=False)
        self.note = f"byte-pair encoding, {self._tokenizer.get_vocab_size():,} tokens"
        self.names = tuple(self._tokenizer.decode([token]) for token in range(self._tokenizer.get_vocab_size()))

    def tokens(self, text: str) -> np.ndarray:
        return np.array(self._tokenizer.encode(text).ids, np.int32)

    encoded = tokens

    def text(self, tokens: np.ndarray) -> str:
        return self._tokenizer.decode(tokens.tolist())


def filled(lines: Sequence[str], alphabet: Characters, width: int) -> np.ndarray:
    """(N, width) tokens of the lines, each filled up with the end; what is longer than width - 1 is cut."""
    assert alphabet.end is not None
    cut = [line[: width - 1] for line in lines]
    x = np.full((len(cut), width), alphabet.end, np.int32 if len(alphabet.names) > 127 else np.int8)
    x[np.arange(width) < np.array([len(line) for line in cut])[:, None]] = alphabet.tokens("".join(cut))
    return x


def points(text: str) -> np.ndarray:
    """Code points of the characters, (T,)."""
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)
