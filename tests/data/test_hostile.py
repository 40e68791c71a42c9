"""Files made to do harm end in data or in one sentence: in bounded memory and time, nothing written but to the cache, nothing
opened but what they are."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from genlab.data import bounds
from genlab.data import open as opened
from genlab.data.archive import is_archive
from tests.cli.calls import refused
from tests.data.hostile import MB, Maker, written
from tests.data.hostile_archives import ARCHIVES
from tests.data.hostile_files import FILES
from tests.data.hostile_media import MEDIA, parquet_lies
from tests.data.hostile_metadata import METADATA
from tests.runs.watched import alarmed, modest

MEMORY = 450 * MB  # that any of them may take for a moment
ELSEWHERE = ("/usr/share", "/etc/mime.types", "/etc/localtime")  # what libraries open when they are first imported

# What is said: of files that are refused, how the sentence goes on; of those that are read, a line of what was read.
SAID = {
    "archives": {
        "outside zip": "left out: 3 files (../up.png, ", "outside tar": "left out: 3 files (../up.png, ",
        "links zip": "left out: 2 links (l.png, m.png)", "links tar": "left out: 4 links (s.png, h.png, i.png, ...)",
        "devices": "left out: 3 links (z.png, b.png, f.png)",
        "twice zip": "left out: 2 files (000.png, 000.png): another of the same name",
        "twice tar": "left out: 2 files (000.png, 000.png): another of the same name",
        "bytes tar": "read: 31 ", "nul zip": "read: 31 ", "long name": "read: 32 ", "packed size": "read: 31 ",
        "locked": "locked by a password", "crc": "damaged (Bad CRC-32", "method": "damaged (That compression",
        "true size": "unpacks to more than", "small size": "damaged (Bad CRC-32", "offset": "damaged (",
        "cut zip": "damaged (", "cut tar": "damaged (it ends before", "cut tgz": "damaged (Compressed file ended",
        "nested": "holds no pictures (16 files)", "picture bomb zip": "unpacks to more than",
        "big bomb zip": "unpacks to more than", "picture bomb tgz": "unpacks to more than",
        "many empty zip": "left out: 100,000 files", "many empty tar": "left out: 100,000 files",
        "tar size": "unpacks to more than", "tar negative": "l.png: it is empty",
        "tar long name": "damaged (a header says", "tar pax": "damaged (a header says",
        "tar pax size": "unpacks to more than", "tgz long name": "damaged (a header says",
        "tgz zeros": "unpacks to more than", "sparse": "x.tar ", "text bomb": "unpacks to more than",
        "captions of zeros": "read: 30 ", "long captions": "too long for a caption",
        "not a zip": "holds no pictures (0 files)", "head of zip": "damaged (",
    },
    "metadata": {
        "climbs": "left out: 1 row (line 30: ../../../etc/passwd)", "absolute": "left out: 1 row (line 30: /etc/passwd)",
        "climbs csv": "left out: 3 rows", "missing": "has no column file_name", "twice": "line 30: 000.png): of metadata",
        "nul": r"line 30: a\x00.png", "number": "line 30: file_name is the name", "list": "line 30: file_name is the name",
        "null": "line 30: file_name is the name", "long": "line 30 has more than",
        "text is a list": "line 30: text is a word or a number, got [1, {", "label is a list": "line 30: label is a word",
        "NaN": "classes: none", "Infinity": "classes: none", "huge int": "line 30: no JSON", "large int": "classes: none",
        "deep": "line 30: no JSON", "deep value": "line 30: 0.png", "no object": "line 30: each line is an object",
        "own keys": "read: 30 ", "surrogate": "line 30: it holds half a character", "million keys": "line 30 has more than",
        "million columns": "has no column file_name", "million cells": "read: 30 ", "long line": "is no table",
        "long line json": "line 30 has more than", "too large": "has more than 268,435,456 bytes", "open quote": "read: 30 ",
        "binary": "metadata.csv", "empty": "read: 30 ", "link": "line 2: secret word", "both": "naming a picture that has one",
        "captions binary": "000.txt", "captions zero": "000.txt", "captions huge": "too long for a caption",
        "captions long": "captions: the text file", "captions empty": "read: 30 ", "caption links": "001.txt",
    },
    "files": {
        "table wide": "more than 4,096 columns", "table wide header": "cells where the others have 2",
        "table wide later": "line 102: 1,000,000 cells", "table cell": "is no table", "table quoted": "is no table",
        "table numbers": ", column a", "table nul": "zero bytes", "table digits": "column id",
        "table superscript": "column id: '²' is no number", "table label names": "classes: ",
        "jsonl deep": "line 100: no JSON", "jsonl int": "line 100: no JSON", "jsonl surrogate": "line 1: it holds half",
        "json deep": "is JSON", "npz bomb": "unpacks to more than", "npz other bomb": "unpacks to more than",
        "npz lies": "no file of plain arrays", "npz overflow": "no file of plain arrays", "npz objects": "python objects",
        "npz path": "read: 60 ", "npz label": "python objects", "npz levels": "levels is one number",
        "npz levels word": "levels is one number", "npz axes": "with axes 'NNH'", "npz rate": "rate is one number",
        "npz nan": "0 points", "npz names": "no file of plain arrays", "npy lies": "no file of plain arrays",
        "npy short": "no file of plain arrays", "npy negative": "no file of plain arrays", "npy zero": "nothing to learn from",
        "npy zero size": "nothing to learn from", "npy scalar": "x has the shape ()", "npy words": "x is of type <U1",
        "npy record": "x is of type", "npy code": "no file of plain arrays", "npy deep": "no file of plain arrays",
        "npy header": "no file of plain arrays", "npy objects": "python objects", "npy complex": "complex128",
        "npy time": "datetime64", "npy many dimensions": "x has the shape (1, 1,",
    },
    "media": {
        "picture of 2^31": "big.png: it has too many pixels", "picture of rows": "big.png: it has too many pixels",
        "picture below the bound": "read: 31 ", "picture of chunks": "text.png: Decompressed data too large",
        "tiff of pages": "loop.tif: ", "screen": "screen.gif: it has too many pixels", "screens": "bad0.gif: it has too many",
        "frames": "bad0.gif: it has 100,000 frames", "frames of a screen": "9,000 frames of 4000 x 4000 pixels",
        "frames among stills": "of several pictures each", "bmp": "b.bmp: it has too many pixels",
        "ppm": "p.ppm: it has too many pixels", "wav length": "read: 31 ", "wav rate": "bad0.wav: ", "wav rates": "bad0.wav: ",
        "wav channels": "bad0.wav: ", "wav many channels": "of several channels", "wav bits": "bad0.wav: ",
        "flac bomb": "bad0.flac: it unpacks to", "sparse wav": "bad0.wav: it has 2,147,483,598 samples",
        "parquet bomb": "none of the 30 pictures", "parquet bomb of one": "none of the 1 picture",
        "parquet footer": "damaged or no parquet file", "parquet length": "damaged or no parquet file",
        "parquet columns": "5000 coordinates", "parquet path": "none of the 30 pictures", "idx bomb": "unpacks to more than",
        "parquet huge number": "column a",
    },
}  # fmt: skip
MAKERS: dict[str, dict[str, Maker]] = {"archives": ARCHIVES, "metadata": METADATA, "files": FILES, "media": MEDIA}
HEAVY = {"captions long": 900 * MB, "parquet bomb": 1000 * MB, "long line": 700 * MB, "long line json": 700 * MB}
SLOW = (
    "many empty tar",
    "many empty zip",
    "table cell",
    "million keys",
    "text bomb",
    "parquet bomb",
    "parquet bomb of one",
    "long line",
    "idx bomb",
    *HEAVY,
)
CASES = [
    pytest.param(kind, name, id=f"{kind}: {name}", marks=[pytest.mark.slow] if name in SLOW else [])
    for kind, makers in MAKERS.items()
    for name in makers
]


def said_of(path: Path, cache: Path, most: float = MEMORY) -> str:
    """What was read, or the sentence that refuses it."""
    before = {each: each.lstat().st_mtime_ns for each in path.parent.rglob("*")}
    with modest(most), alarmed(path.parent, cache, *map(Path, ELSEWHERE)):
        try:
            data = opened(path, cache=cache)
            said = "\n".join(f"{about}: {words}" for about, words in data.overview.lines("example", "described"))
            assert re.search("[\x00-\x09\x0b-\x1f\x7f]", said) is None
        except ValueError as error:
            said = str(error)
            assert 0 < len(said) < 1500
            assert "\n" not in said
            assert path.name in said or path.stem in said
    assert {each: each.lstat().st_mtime_ns for each in path.parent.rglob("*")} == before
    assert not list(cache.rglob("*.part"))
    return said


def test_every_hostile_file_has_an_outcome() -> None:
    assert {kind: set(makers) for kind, makers in MAKERS.items()} == {kind: set(said) for kind, said in SAID.items()}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_hostile_file_ends_in_data_or_a_sentence(tmp_path: Path, kind: str, name: str) -> None:
    (tmp_path / "at").mkdir()
    said = said_of(MAKERS[kind][name](tmp_path / "at"), tmp_path / "cache", HEAVY.get(name, MEMORY))
    assert SAID[kind][name] in said, said


@pytest.mark.parametrize(
    ("kind", "name"), [("archives", "cut tar"), ("metadata", "surrogate"), ("files", "npz bomb"), ("media", "parquet footer")]
)
def test_the_command_line_says_it_too(tmp_path: Path, kind: str, name: str) -> None:
    assert SAID[kind][name] in refused("data", MAKERS[kind][name](tmp_path))


def damaged(path: Path, chance: random.Random) -> None:
    """A few bytes of a file, of its end above all, are others; now and then it is cut, or longer."""
    whole = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 2, 5, 50))):
        near = chance.random() < 0.5
        place = max(0, len(whole) - 1 - chance.randrange(2000)) if near else chance.randrange(len(whole))
        whole[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    if chance.random() < 0.2:
        del whole[chance.randrange(len(whole)) :]
    elif chance.random() < 0.1:
        whole += whole[chance.randrange(len(whole)) :]
    written(path, bytes(whole))


LIGHT = [
    (kind, name)
    for kind, name in (
        *(("archives", name) for name in ("links zip", "links tar", "bytes tar", "outside zip", "cut tgz")),
        *(("files", name) for name in ("npz path", "npz nan", "npy short", "table numbers", "jsonl surrogate")),
        ("media", "parquet path"), ("media", "wav length"), ("media", "frames among stills"), ("metadata", "NaN"),
    )
]  # fmt: skip


def fuzz(tmp_path: Path, seeds: range) -> list[str]:
    """What is said of files like these with other bytes. It fails at the first that ends in anything but data or a sentence."""
    said = []
    for seed in seeds:
        chance = random.Random(seed)
        kind, name = chance.choice(LIGHT)
        at = tmp_path / str(seed) / "at"
        at.mkdir(parents=True)
        path = MAKERS[kind][name](at)
        inside = [each for each in path.rglob("*") if each.is_file() and not each.is_symlink()] if path.is_dir() else [path]
        try:
            for each in chance.sample(inside, min(len(inside), 2)):
                damaged(each, chance)
            said.append(said_of(path, at.parent / "cache"))
        except BaseException as error:
            error.add_note(f"seed {seed}: {kind}, {name}")
            raise
    return said


def is_block(said: str) -> bool:
    """Whether the data were read, and the block is what was said."""
    return re.search(r"^read: ", said, re.MULTILINE) is not None


def both_outcomes(said: list[str]) -> int:
    """How many files there were; damage that is never refused, or nothing but refused, tests nothing."""
    assert 0 < sum(map(is_block, said)) < len(said)
    return len(said)


def test_damaged_bytes_anywhere(tmp_path: Path) -> None:
    assert both_outcomes(fuzz(tmp_path, range(60))) == 60


@pytest.mark.slow
@pytest.mark.parametrize("part", range(1, 5))
def test_damaged_bytes_anywhere_often(tmp_path: Path, part: int) -> None:
    assert both_outcomes(fuzz(tmp_path, range(part * 10**6, part * 10**6 + 1000))) == 1000


@pytest.mark.parametrize("seed", range(20))
def test_a_parquet_file_that_lies_about_its_rows(tmp_path: Path, seed: int) -> None:
    (tmp_path / "at").mkdir()
    said = said_of(parquet_lies(tmp_path / "at" / "x.parquet", 1, seed), tmp_path / "cache")
    assert is_block(said) or "x.parquet" in said


def test_what_a_file_may_unpack_to() -> None:
    assert bounds.most_of(10) == bounds.SMALL
    assert bounds.most_of(10**7) == 2 * 10**9
    assert is_archive("x.TAR.GZ")
