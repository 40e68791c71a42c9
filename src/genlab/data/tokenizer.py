"""Tokenizers, which turn texts into tokens and back: characters, or byte-level byte-pair encoding.

A tokenizer is learnt from the train split alone, so that it knows nothing of the splits that a model is scored on. Characters
of a held-out split that train lacks all become one token, UNKNOWN, and `note` states their number: they are scored as "some
character never seen", which is less than predicting which one. Bytes need no such token.

A run saves the record `to_json` of each of its tokenizers; a space names its tokenizer by a hash of that record.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlab.core.space import Space

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
END = "\n"
CODE_POINTS = 0x110000  # one more than the largest code point
LONGEST_NAME = 1024  # characters of a token's name in a record that is read
LARGEST = 1_000_000  # tokens of one that is read
PIECE = 1 << 20  # characters of a long text looked at at once: as numbers they take four bytes each


class Tokenizer(ABC):
    """Texts to tokens and back.

    names   of all tokens
    end     the token that ends a text, or None
    note    repeated by every score, where tokens stand for less than their text
    """

    kind: str
    names: tuple[str, ...]
    end: int | None
    note: str

    @abstractmethod
    def tokens(self, text: str, first: int = 0, last: int | None = None) -> np.ndarray:
        """(T,) whole numbers, the tokens of a text from one character to another; unknown characters become UNKNOWN."""

    @abstractmethod
    def text(self, tokens: np.ndarray) -> str:
        """The text of tokens (T,), the end among them."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """A record in plain JSON values, from which `from_json` makes the same tokenizer."""

    def encode(self, text: str) -> Tensor:
        """(T,) int64 tokens of a text, without an end; ValueError names characters without a token."""
        if not _is_unicode(text):
            raise ValueError("it holds bytes that are no UTF-8; write them anew")
        return torch.from_numpy(self.tokens(text).astype(np.int64))

    def decode(self, tokens: Tensor) -> list[str]:
        """(B, T) tokens -> B texts, each cut before its first end."""
        return [self.text(self._before_end(row)) for row in tokens.cpu().numpy()]

    def filled(self, texts: Sequence[str], most: int) -> np.ndarray:
        """(N, T) tokens of texts, each cut at `most` tokens and padded with the end; T is one more than the longest."""
        assert self.end is not None
        parts = [part[:most] for part in self.each(texts)]
        lengths = np.array([len(part) for part in parts], np.int64)
        x = np.full((len(parts), lengths.max() + 1), self.end, np.int32 if len(self.names) > 127 else np.int8)
        x[np.arange(x.shape[1]) < lengths[:, None]] = np.concatenate(parts)
        return x

    def each(self, texts: Sequence[str]) -> Sequence[np.ndarray]:
        """The tokens of every text."""
        return [self.tokens(text) for text in texts]

    @property
    def encoder(self) -> str:
        """Its name in a space: "characters:HASH"."""
        record = json.dumps(self.to_json(), sort_keys=True).encode()
        return f"{self.kind}:{hashlib.blake2b(record, digest_size=8).hexdigest()}"

    def space(self, length: int) -> Space:
        """The space of texts of `length` tokens."""
        return Space((length,), "T", "token", len(self.names), self.names, self.end, encoder=self.encoder, note=self.note)

    def _before_end(self, row: np.ndarray) -> np.ndarray:
        ended = row == self.end
        return row[: ended.argmax()] if self.end is not None and ended.any() else row


class Characters(Tokenizer):
    """A tokenizer whose tokens are single characters."""

    kind = "characters"

    def __init__(self, names: Sequence[str], unknown: int | None = None, end: int | None = None, note: str = ""):
        self.names, self.unknown, self.end, self.note = tuple(names), unknown, end, note
        self._number = np.full(CODE_POINTS, -1, np.int32)
        for number, name in enumerate(self.names):
            if number not in (unknown, end):
                self._number[ord(name)] = number

    @classmethod
    def learnt(cls, train: Iterable[str], held_out: Iterable[str] = (), end: str = "") -> Characters:
        """The characters of texts in the order of code points; then UNKNOWN where held_out needs it, then `end` if given."""
        known = np.zeros(CODE_POINTS, bool)
        for text in train:
            known[points(text)] = True
        characters = [chr(point) for point in np.flatnonzero(known)]
        missing = sum(int((~known[points(text)]).sum()) for text in held_out)
        extra = [next(sign for sign in (UNKNOWN, "\u2047", "\u25a1", "") if sign not in characters)] if missing else []
        names = (*characters, *extra, *([end] if end else []))
        note = f"{missing:,} held-out characters that train lacks count as one unknown symbol" if missing else ""
        return cls(names, len(characters) if missing else None, len(names) - 1 if end else None, note)

    def tokens(self, text: str, first: int = 0, last: int | None = None) -> np.ndarray:
        last = len(text) if last is None else last
        tokens, done = np.empty(last - first, np.uint8 if len(self.names) <= 256 else np.int32), 0
        for piece in pieces(text, first, last):
            found = self._number[points(piece)]
            if self.unknown is None and (found < 0).any():
                raise ValueError("a character is not in the alphabet")
            tokens[done : done + len(found)] = found if self.unknown is None else np.where(found < 0, self.unknown, found)
            done += len(found)
        return tokens

    def each(self, texts: Sequence[str]) -> Sequence[np.ndarray]:
        """The tokens of all texts at once, in a tenth of the time for a long list of short lines."""
        return np.split(self.tokens("".join(texts)), np.cumsum([len(text) for text in texts])[:-1])

    def encode(self, text: str) -> Tensor:
        numbers = self._number[points(text)] if _is_unicode(text) else ()
        unknown = sorted({character for character, number in zip(text, numbers, strict=False) if number < 0})
        if unknown:
            there = "".join(name for number, name in enumerate(self.names) if number not in (self.unknown, self.end))
            raise ValueError(f"not in the alphabet: {' '.join(map(repr, unknown))}; it has {there!r}")
        return super().encode(text)

    def text(self, tokens: np.ndarray) -> str:
        return "".join(self.names[token] for token in tokens)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "names": list(self.names), "unknown": self.unknown, "end": self.end, "note": self.note}


class BytePairs(Tokenizer):
    """Merges learnt from a text (Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016).

    The first tokens are the 256 bytes, so every text has tokens. names are for reading: part of a character is shown as
    UNKNOWN, and `text` puts the bytes together again. The end, if there is one, is a token after all others.

    vocabulary   the tokens in the order of their numbers, as the library `tokenizers` spells bytes
    merges       pairs of tokens, in the order in which they are merged
    """

    kind = "byte-pairs"

    def __init__(self, vocabulary: Sequence[str], merges: Sequence[tuple[str, str]], end: str = ""):
        from tokenizers import ByteLevelBPETokenizer

        numbers = {token: number for number, token in enumerate(vocabulary)}
        self._tokenizer = ByteLevelBPETokenizer(vocab=numbers, merges=list(merges), add_prefix_space=False)
        self._vocabulary, self._merges, self._end = list(vocabulary), list(merges), end
        self.note = f"byte-pair encoding, {len(numbers):,} tokens"
        self.names = (*(self._tokenizer.decode([token]) for token in range(len(numbers))), *([end] if end else []))
        self.end = len(numbers) if end else None

    @classmethod
    def learnt(cls, train: Sequence[str], vocabulary: int, end: str = "") -> BytePairs:
        """Learn at most `vocabulary` tokens, the end among them, from texts."""
        from tokenizers import ByteLevelBPETokenizer

        made = ByteLevelBPETokenizer(add_prefix_space=False)
        made.train_from_iterator(train, vocab_size=vocabulary - bool(end), min_frequency=2, show_progress=False)
        model = json.loads(made.to_str())["model"]
        ordered = sorted(model["vocab"], key=model["vocab"].get)
        return cls(ordered, [(first, second) for first, second in model["merges"]], end)

    def tokens(self, text: str, first: int = 0, last: int | None = None) -> np.ndarray:
        return np.array(self._tokenizer.encode(text[first:last]).ids, np.int32)

    def text(self, tokens: np.ndarray) -> str:
        known = [token for token in tokens.tolist() if token != self.end]
        return self._tokenizer.decode(known)

    def to_json(self) -> dict[str, Any]:
        merges = [list(pair) for pair in self._merges]
        return {"kind": self.kind, "vocabulary": self._vocabulary, "merges": merges, "end": self._end}


def from_json(record: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer of a record; ValueError where it is not one."""
    if not isinstance(record, Mapping) or record.get("kind") not in ("characters", "byte-pairs"):
        raise ValueError("it holds no tokenizer that is known here")
    return _characters(record) if record["kind"] == "characters" else _byte_pairs(record)


def learnt(train: Sequence[str], held_out: Sequence[str], vocabulary: int | None, end: str = "") -> Tokenizer:
    """A tokenizer of byte pairs where `vocabulary` is a number, else of characters."""
    if vocabulary:
        return BytePairs.learnt(train, vocabulary, end)
    return Characters.learnt(["".join(train)], ["".join(held_out)], end)


def pieces(text: str, first: int = 0, last: int | None = None) -> Iterator[str]:
    """A text in parts, from one character to another."""
    last = len(text) if last is None else last
    for start in range(first, last, PIECE):
        yield text[start : min(start + PIECE, last)]


def points(text: str) -> np.ndarray:
    """Code points of the characters, (T,)."""
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def _characters(record: Mapping[str, Any]) -> Characters:
    names, unknown, end, note = (record.get(key) for key in ("names", "unknown", "end", "note"))
    special = [token for token in (unknown, end) if token is not None]
    whole = _words(names) and isinstance(note, str) and all(type(token) is int for token in special)
    single = whole and all(len(name) == 1 for number, name in enumerate(names or ()) if number not in special)
    if not single or len(set(names or ())) != len(names or ()) or any(not 0 <= token < len(names or ()) for token in special):
        raise ValueError("its characters are not what genlab writes")
    return Characters(names or (), unknown, end, note or "")


def _byte_pairs(record: Mapping[str, Any]) -> BytePairs:
    vocabulary, merges, end = (record.get(key) for key in ("vocabulary", "merges", "end"))
    pairs = isinstance(merges, list) and len(merges) <= LARGEST and all(_words(pair) and len(pair) == 2 for pair in merges)
    known = set(vocabulary or ()) if _words(vocabulary) else set()
    if not pairs or not known or len(known) != len(vocabulary or ()) or not isinstance(end, str) or len(end) > LONGEST_NAME:
        raise ValueError("its byte pairs are not what genlab writes")
    if any(first not in known or second not in known or first + second not in known for first, second in merges or ()):
        raise ValueError("its byte pairs join tokens that it lacks")
    return BytePairs(vocabulary or (), [(first, second) for first, second in merges or ()], end)


def _words(value: Any) -> bool:
    if not isinstance(value, list) or not 0 < len(value) <= LARGEST:
        return False
    return all(isinstance(word, str) and len(word) <= LONGEST_NAME and _is_unicode(word) for word in value)


def _is_unicode(text: str) -> bool:
    """False for lone surrogates, which stand for bytes that are no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def texts(x: Any, space: Space) -> tuple[str, ...]:
    """Texts of tokens (n, T), an array or a tensor: their names in the space, joined and cut before the first `end`."""
    rows = x.detach().cpu().numpy() if isinstance(x, Tensor) else np.asarray(x)
    cut = [row[: int(np.argmax(row == space.end))] if (row == space.end).any() else row for row in rows]
    if space.names:
        return tuple("".join(space.names[token] for token in row) for row in cut)
    return tuple(" ".join(str(int(token)) for token in row) for row in cut)
