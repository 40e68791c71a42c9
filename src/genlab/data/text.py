"""A text: split by position, read in windows.

    stream   windows that begin anywhere, each start equally likely, drawn for its position in the stream
    once     windows one after another, so that every token is scored exactly once; the last one is padded, and `length` is the
             number of its tokens that count

Each batch has `before` (B, BEFORE), the tokens before each window, -1 before the beginning of its split. A split holds nothing
of the others.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlab.core.data import Split
from genlab.core.noise import hashed
from genlab.core.space import Batch, Space
from genlab.core.words import plural
from genlab.data import tokenizer
from genlab.data.base import Opened
from genlab.data.cells import is_table
from genlab.data.draws import uniforms
from genlab.data.options import SHARES, Request
from genlab.data.overview import LeftOut, Overview

MARKS = (  # byte-order marks, the longer before those that they begin with
    (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)  # fmt: skip
OTHERS = ("SHIFT_JIS", "GB18030", "BIG5", "EUC-KR", "KOI8-R", "WINDOWS-1251", "LATIN1")  # as iconv and Python call them
WESTERN = 0.3  # of the bytes of a text in a Latin alphabet are no ASCII, at most
NO_TEXT = "{path} is no text: it holds zero bytes; genlab reads pictures in folders, .npz, .npy, .parquet, .csv and texts"
SAMPLED = 500  # characters by which an encoding without a mark is known
LINE = re.compile("^.*$", re.MULTILINE)
HALF = re.compile("[\\ud800-\\udfff]")
TEXT = "text"
BEFORE = 32  # tokens
LENGTH = 64  # tokens of a window, by default
ITEMS, SHORT = 20, 40  # lines, and characters of each, that look like a list
FEWEST = (10, 2, 2)  # windows of train, validation, test


class Windows(Opened):
    """Windows of one text; `characters(split)` makes nats per character of nats per token."""

    given: Mapping[str, Space] = {}

    def __init__(self, request: Request, text: str):
        super().__init__(request, "text", _digest(text))
        request.options.suit(self.name, "text", "files")
        self._length = request.options.length or LENGTH
        shares = request.options.shares or SHARES
        ends = _ends(len(text), shares)
        _enough(request, len(text), shares, self._length)
        tokens_of = _tokenizer(text, ends["train"][1], request.options.vocabulary)
        self.tokenizers = {"x": tokens_of}
        if len(tokens_of.names) < 2:
            raise ValueError(f"{request.source} repeats one character; there is nothing to learn from it")
        self.space = tokens_of.space(self._length)
        self._characters = {split: last - first for split, (first, last) in ends.items()}
        self._tokens: dict[Split, np.ndarray] = {}
        for split, (first, last) in ends.items():
            self._tokens[split] = tokens_of.tokens(text, first, last)
            request.progress(last, len(text), "finding tokens")
        self._size = {split: len(tokens) for split, tokens in self._tokens.items()}
        if self._size["train"] < self._length:
            raise ValueError(
                f"{request.source} has {self._size['train']} tokens to learn from, windows have {self._length}; lower --length"
            )
        self.noted = Overview(
            f"{len(text):,} characters", splits_from="by position, the end of the text last", odd=tuple(_items(text))
        )

    def count(self, split: Split) -> int:
        return -(-self._size[split] // self._length)

    def characters(self, split: Split) -> int:
        """Characters of a split; as many as its tokens, unless these were learnt."""
        return self._characters[split]

    def tokens(self, split: Split) -> int:
        """Tokens of a split, each of which `once` scores once."""
        return self._size[split]

    def stream(self, split: Split, cursor: int, n: int) -> Batch:
        starts = self._some(split) - self._length + 1
        u = uniforms(hashed(self.seed, split, "windows"), cursor, n, 1)[:, 0]
        return self._batch(split, (u * max(1, starts)).astype(np.int64))

    def once(self, split: Split, cursor: int, n: int) -> Batch:
        size = self._some(split)
        return self._batch(split, np.arange(cursor, max(cursor, min(cursor + n, self.count(split)))) * self._length, size)

    def rows(self, split: Split, indices: Tensor) -> Batch:
        return self._batch(split, indices.numpy() * self._length, self._some(split))

    def _some(self, split: Split) -> int:
        if not self._size[split]:
            raise ValueError(f"{self.name} has no {split} split")
        return self._size[split]

    def _batch(self, split: Split, starts: np.ndarray, size: int | None = None) -> Batch:
        """Windows beginning at these tokens; those that reach beyond `size` are short."""
        tokens = self._tokens[split]
        places = starts[:, None] + np.arange(-BEFORE, self._length)
        rows = torch.from_numpy(tokens[places.clip(0, len(tokens) - 1)].astype(np.int64))
        rows[torch.from_numpy(places < 0)] = -1
        rows[torch.from_numpy(places >= len(tokens))] = 0
        short = size is not None and len(starts) > 0 and int(starts.max()) + self._length > size
        length = torch.from_numpy(np.minimum(size - starts, self._length)) if short and size is not None else None
        before, index = rows[:, :BEFORE].contiguous(), torch.from_numpy(starts)
        return Batch(rows[:, BEFORE:].contiguous(), index=index, length=length, before=before)


def read(request: Request) -> Opened:
    """A file that is a text; asks where it looks like a table, or holds records."""
    text = contents(request.path)
    if request.options.kind is None and not request.options.lines:
        if is_table(text):
            raise ValueError(f"{request.path} looks like a table of numbers: say --kind points or --kind text")
        if request.path.suffix.lower() == ".json" and text.lstrip()[:1] in ("[", "{"):
            raise ValueError(
                f"{request.path} is JSON: save its texts as .jsonl, an object with a `text` on each line; or learn its "
                "characters as they stand (--kind text)"
            )
    return _learnt(request, text)


def read_rows(request: Request) -> Opened:
    """A .jsonl file: the `text` of the object on each line, one after another, or as an item each with --lines."""
    texts: list[str] = []
    without: list[str] = []
    for number, line in enumerate(contents(request.path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = parsed(line)
        except ValueError as error:
            raise ValueError(
                f'{request.path}, line {number}: {error}; each line is an object, as {{"text": ...}}, or say --kind text'
            ) from None
        value = row.get(TEXT) if isinstance(row, dict) else None
        if isinstance(value, str) and value.strip():
            texts.append(value)
        else:
            without.append(f"line {number}")
    if not texts:
        raise ValueError(f"{request.path}: no line has a `{TEXT}`; rename the field that holds the text, or say --kind text")
    made = learnt(request, texts)
    made.noted = replace(made.noted, left_out=(*made.noted.left_out, *LeftOut.of(without, "line", f"without a `{TEXT}`")))
    return made


def parsed(line: str) -> Any:
    """The value that a line of JSON says. ValueError, in a few words, where it says none, or holds half a character."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("no JSON") from None
    if "\\u" in line and HALF.search(json.dumps(value, ensure_ascii=False)):
        raise ValueError("it holds half a character, one of the pair \\ud800 ... \\udfff alone")
    return value


def learnt(request: Request, texts: Sequence[str]) -> Opened:
    """Texts one after another, or with --lines an item each."""
    return _learnt(request, "\n".join(" ".join(text.split()) if request.options.lines else text for text in texts))


def _learnt(request: Request, text: str) -> Opened:
    if request.options.lines:
        from genlab.data.lines import Lines

        return Lines(request, text)
    return Windows(request, text)


def contents(path: Path) -> str:
    """The text of a file in UTF-8, or in the encoding that its byte-order mark says; lines end in newlines.

    ValueError says where it is something else.
    """
    raw = path.read_bytes()
    guess = _unmarked(raw)
    if not guess and b"\0" in raw and not any(raw.startswith(mark) for mark, _ in MARKS):
        raise ValueError(NO_TEXT.format(path=path))
    if guess:
        raise ValueError(
            f"{path} looks like a text in {guess}; convert it: iconv -f {guess} -t UTF-8 '{path.name}' > new{path.suffix}"
        )
    marked = next((encoding for mark, encoding in MARKS if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(marked)
    except UnicodeDecodeError as error:
        if marked != "utf-8":
            raise ValueError(f"{path} begins like a text in {marked} but is damaged (byte {error.start + 1:,})") from None
        line = raw.count(b"\n", 0, error.start) + 1
        where = f"{path} is not UTF-8 text (byte {error.start + 1:,}, line {line:,})"
        raise ValueError(f"{where}; {_another(raw, path.name)}") from None
    if "\0" in text:
        raise ValueError(NO_TEXT.format(path=path))
    del raw  # it may be large
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _another(raw: bytes, name: str) -> str:
    """What to do with a text that is no UTF-8."""
    text = raw.decode("utf-8", "replace")
    lost, other = text.count("\ufffd"), len(text) - len(text.encode("ascii", "ignore"))
    if other > 10 * lost:
        most = f"all but {plural(lost, 'character')} of it is"
        return f"{most}; to leave out what is not: iconv -c -f UTF-8 -t UTF-8 '{name}' > new.txt"
    high = len(raw) - len(raw.translate(None, bytes(range(128, 256))))
    if high < WESTERN * len(raw):
        guess = "WINDOWS-1252" if any(128 <= byte < 160 for byte in raw) else "LATIN1"
        return f"if it is a text in another encoding, convert it: iconv -f {guess} -t UTF-8 '{name}' > new.txt"
    fitting = [encoding for encoding in OTHERS if _decodes(raw, encoding)]
    return (
        f"if it is a text in another encoding, convert it from the one in which it reads well, one of {', '.join(fitting)}: "
        f"iconv -f {fitting[0]} -t UTF-8 '{name}' > new.txt"
    )


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _unmarked(raw: bytes) -> str:
    """UTF-16 without a byte-order mark: bytes are zero in one of two places alone, many or those of ends of lines; else ""."""
    zeros = raw[: 2 * SAMPLED : 2].count(0), raw[1 : 2 * SAMPLED : 2].count(0)
    some = min(SAMPLED, len(raw) // 2)
    guess = "UTF-16LE" if zeros[1] > zeros[0] else "UTF-16BE"
    western, lines = max(zeros) > 0.3 * some > 10 * min(zeros), max(zeros) > 0.01 * some and not min(zeros)
    marked = any(raw.startswith(mark) for mark, _ in MARKS)
    return guess if not marked and (western or (lines and _decodes(raw, guess))) else ""


def _items(text: str) -> Iterator[str]:
    """What is odd about a text whose lines look like a list: all short, hardly one of them empty."""
    count = blank = longest = 0
    end = len(text)
    while end and text[end - 1] == "\n":
        end -= 1
    for line in LINE.finditer(text, 0, end):
        size = line.end() - line.start()
        count, blank, longest = count + 1, blank + (not size), max(longest, size)
        if longest > SHORT:
            return
    if count >= ITEMS and blank <= count // 100:
        yield f"none of the {count:,} lines has more than {longest} characters: if each is an item, as a name, --lines"


def _digest(text: str) -> bytes:
    whole = hashlib.blake2b()
    for piece in tokenizer.pieces(text):
        whole.update(piece.encode())
    return whole.digest()


def _tokenizer(text: str, train: int, vocabulary: int | None) -> tokenizer.Tokenizer:
    """The tokenizer learnt from the first `train` characters of a text."""
    if vocabulary:
        return tokenizer.BytePairs.learnt([text[:train]], vocabulary)
    return tokenizer.Characters.learnt(tokenizer.pieces(text, 0, train), tokenizer.pieces(text, train))


def _ends(characters: int, shares: tuple[float, float, float]) -> dict[Split, tuple[int, int]]:
    """Where the splits of a text begin and end, cut by position."""
    first, second = (round(characters * share) for share in (shares[0], shares[0] + shares[1]))
    return {"train": (0, first), "validation": (first, second), "test": (second, characters)}


def _enough(request: Request, total: int, shares: tuple[float, float, float], length: int) -> None:
    """ValueError, saying how much is needed, unless every split has a few windows."""
    split_shares = [(fewest, share) for fewest, share in zip(FEWEST, shares, strict=True) if share > 0]
    needed = max(int(np.ceil(fewest * length / share)) for fewest, share in split_shares)
    if total < needed:
        fitting = int(length * total / needed)
        hint = f", or windows of --length {fitting}" if fitting >= 8 else ""
        raise ValueError(
            f"{request.source} has {total:,} characters; windows of {length} need at least {needed:,}: give more text{hint} "
            "(or --lines if every line is an item)"
        )
