"""Texts in windows, one item a line, and their alphabets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.data import open as opened
from genlab.data import tokenizer
from genlab.data.text import contents
from genlab.data.tokenizer import UNKNOWN, BytePairs, Characters, from_json, learnt

SPLITS = ("train", "validation", "test")
WORDS = "the quick brown fox jumps over the lazy dog and runs away\n"


def file(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "x.txt"
    path.write_bytes(text.encode(encoding))
    return path


def scored(data, split) -> torch.Tensor:
    """The tokens that one pass over a split scores, in order: of each window as many as `sizes` counts."""
    batch = data.once(split, 0, 10**6)
    sizes = data.space.sizes(batch).long()
    return torch.cat([row[:size] for row, size in zip(batch.x, sizes.tolist(), strict=True)])


@pytest.mark.parametrize("options", [{}, {"length": 7}, {"length": 50}, {"vocabulary": 300, "length": 9}])
def test_every_character_is_scored_exactly_once(tmp_path: Path, options: dict) -> None:
    text = WORDS * 40 + "end"
    data = opened(file(tmp_path, text), **options)
    parts = ["".join(data.tokenizers["x"].decode(scored(data, split)[None])) for split in SPLITS]
    assert "".join(parts) == text
    assert [len(part) for part in parts] == [data.characters(split) for split in SPLITS]
    for split, share in zip(SPLITS, (0.8, 0.1, 0.1), strict=True):
        assert abs(data.characters(split) - share * len(text)) <= 1


def test_windows_know_what_stands_before_them(tmp_path: Path) -> None:
    data = opened(file(tmp_path, WORDS * 40), length=10)
    whole = scored(data, "train")
    padded = torch.cat([torch.full((32,), -1), whole])
    for batch in (data.once("train", 0, 30), data.stream("train", 5, 30)):
        for start, before, x in zip(batch.index.tolist(), batch.before, batch.x, strict=True):
            assert torch.equal(before, padded[start : start + 32])
            assert torch.equal(x, whole[start : start + 10])


def test_a_long_text_is_read_in_pieces_and_windows_hold_nothing_of_other_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(tmp_path, WORDS * 40 + "\N{SNOWMAN}" * 5 + "end")
    whole = opened(path, length=10)
    monkeypatch.setattr(tokenizer, "PIECE", 7)
    steps: list[tuple[int, int]] = []
    parts = opened(path, length=10, progress=lambda done, total, _: steps.append((done, total)))
    assert parts.fingerprint == whole.fingerprint
    assert parts.space.note == whole.space.note != ""
    for split in SPLITS:
        assert torch.equal(scored(parts, split), scored(whole, split))
    last = parts.once("train", parts.count("train") - 1, 1)
    assert last.length is not None
    assert not last.x[0, int(last.length) :].any()
    assert [round(done / total, 1) for done, total in steps] == [0.8, 0.9, 1.0], "as long as the splits are"


@pytest.mark.parametrize(("lines", "said"), [(["ab", "c" * 40, "d"], 40), (["ab", "c" * 41, "d"], 0), (["ab", "", "d"], 0)])
def test_lines_that_look_like_a_list_are_noticed(tmp_path: Path, lines: list[str], said: int) -> None:
    odd = opened(file(tmp_path, "\n".join(lines * 60) + "\n\n\n"), length=10).overview.odd
    assert odd == (
        (f"none of the 180 lines has more than {said} characters: if each is an item, as a name, --lines",) * bool(said)
    )


def test_windows_begin_anywhere_equally_often(tmp_path: Path) -> None:
    data = opened(file(tmp_path, WORDS * 12), length=10)
    starts = data.stream("train", 0, 200_000).index
    counts = torch.bincount(starts).double()
    assert len(counts) == data.tokens("train") - 9
    expected = 200_000 / len(counts)
    chi2 = float(((counts - expected) ** 2 / expected).sum())
    assert abs(chi2 - len(counts)) < 5 * (2 * len(counts)) ** 0.5


def test_line_ends_and_marks_of_order_do_not_matter(tmp_path: Path) -> None:
    plain = opened(file(tmp_path, WORDS * 40))
    strange = opened(file(tmp_path, ("\ufeff" + WORDS * 40).replace("\n", "\r\n")))
    assert plain.fingerprint == strange.fingerprint
    assert torch.equal(scored(plain, "test"), scored(strange, "test"))


def test_the_alphabet_is_that_of_train(tmp_path: Path) -> None:
    """What train lacks is one symbol, and every score says so."""
    data = opened(file(tmp_path, WORDS * 40 + "§ßß" * 3))
    assert data.space.names[-1] == UNKNOWN
    assert "9 held-out characters that train lacks" in data.space.note
    assert (scored(data, "test")[-9:] == data.space.levels - 1).all()
    with pytest.raises(ValueError, match="not in the alphabet: 'ß'"):
        data.tokenizers["x"].encode("weiß")


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)
PAIRS = BytePairs.learnt([WORDS * 30], 300)


@given(TEXTS)
@settings(max_examples=60, deadline=None)
def test_characters_come_back(text: str) -> None:
    tokenizer = Characters.learnt([text])
    assert tokenizer.text(tokenizer.tokens(text)) == text
    assert len(set(tokenizer.names)) == len(tokenizer.names)


@given(TEXTS)
@settings(max_examples=60, deadline=None)
def test_byte_pairs_read_every_text_and_give_it_back(text: str) -> None:
    assert PAIRS.text(PAIRS.tokens(text)) == text


@given(st.lists(TEXTS.map(lambda text: text.replace("\n", " ")), min_size=1, max_size=5), st.booleans(), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_a_tokenizer_comes_back_from_its_record_and_says_the_same(texts: list[str], bytes_: bool, most: int) -> None:
    """Texts that fill a width are those that come out, cut where they are longer."""
    made = learnt(texts, [*texts, "\N{SNOWMAN}"], 280 if bytes_ else None, "\n")
    back = from_json(json.loads(json.dumps(made.to_json())))
    assert (back.encoder, back.names, back.end, back.note) == (made.encoder, made.names, made.end, made.note)
    x = made.filled(texts, most)
    assert np.array_equal(back.filled(texts, most), x)
    assert (x[:, -1] == made.end).all()
    whole = [text for text in texts if len(made.tokens(text)) <= most]
    assert [said for said, text in zip(back.decode(torch.from_numpy(x)), texts, strict=True) if text in whole] == whole
    assert made.space(x.shape[1]).encoder == made.encoder != learnt([*texts, "?!"], [], None, "\n").encoder


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "words"}, {"names": ["a", "a", "\n"]}, {"names": ["ab", "b", "\n"]}, {"names": "abc"}, {"names": []},
        {"end": 3}, {"end": "x"}, {"end": True}, {"unknown": -1}, {"note": None}, {"names": [1, 2, 3]},
        {"names": ["x" * 10**6, "b", "\n"]}, {"names": ["", "b", "\n"]},
    ],
    ids=str,
)  # fmt: skip
def test_a_record_of_no_characters_is_refused(change: dict) -> None:
    record = Characters(["a", "b", "\n"], end=2).to_json()
    assert from_json(record).names == ("a", "b", "\n")
    with pytest.raises(ValueError, match=r"genlab writes|known here"):
        from_json({**record, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"vocabulary": []}, {"vocabulary": ["a", "a"]}, {"vocabulary": None}, {"merges": [["a"]]}, {"merges": [["q!", "x!"]]},
        {"merges": None}, {"end": None}, {"end": 5}, {"merges": [[1, 2]]},
    ],
    ids=str,
)  # fmt: skip
def test_a_record_of_no_byte_pairs_is_refused(change: dict) -> None:
    with pytest.raises(ValueError, match=r"genlab writes|tokens that it lacks"):
        from_json({**PAIRS.to_json(), **change})


def test_byte_pairs_are_shorter_and_as_many_as_asked_for(tmp_path: Path) -> None:
    data = opened(file(tmp_path, WORDS * 60), vocabulary=300, length=16)
    assert 256 < data.space.levels <= 300
    assert data.tokens("train") < 0.7 * data.characters("train")
    assert f"byte-pair encoding, {data.space.levels} tokens" in data.space.note


# --- lines -----------------------------------------------------------------------------------------------------------


def names(count: int) -> list[str]:
    generator = np.random.default_rng(3)
    return ["".join(generator.choice(list("abcdef"), generator.integers(1, 9))) for _ in range(count)]


def test_lines_are_filled_up_with_the_end(tmp_path: Path) -> None:
    items = [*names(200), "longest-one", "  padded  ", "", "   "]
    data = opened(file(tmp_path, "\n".join(items)), lines=True)
    assert data.space.shape == (len("longest-one") + 1,)
    assert data.space.end == data.space.levels - 1
    back = [line for split in SPLITS for line in data.tokenizers["x"].decode(data.once(split, 0, 1000).x)]
    assert sorted(back) == sorted([*items[:201], "padded"])
    for split in SPLITS:
        batch = data.once(split, 0, 1000)
        assert data.characters(split) == int(data.space.sizes(batch).sum())
        assert data.characters(split) == sum(len(line) + 1 for line in data.tokenizers["x"].decode(batch.x))


def test_equal_lines_are_in_one_split_and_keep_their_number(tmp_path: Path) -> None:
    items = names(300) * 2
    data = opened(file(tmp_path, "\n".join(items)), lines=True)
    parts = [set(data.tokenizers["x"].decode(data.once(split, 0, 1000).x)) for split in SPLITS]
    assert sum(map(len, parts)) == len(set(items))
    assert sum(data.count(split) for split in SPLITS) == 600


# --- what cannot be read ---------------------------------------------------------------------------------------------


def test_too_short_a_text_says_how_much_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has 100 characters; windows of 64 need at least 1,280: give more text.*--lines"):
        opened(file(tmp_path, "0123456789" * 10))
    with pytest.raises(ValueError, match=r"or windows of --length 25"):
        opened(file(tmp_path, "0123456789" * 50))


GREETINGS = "Grüße aus Köln\n" * 200


@pytest.mark.parametrize(
    ("text", "encoding", "guess"),
    [
        (GREETINGS, "latin-1", "LATIN1"),
        (GREETINGS, "utf-16-le", "UTF-16LE"),
        (GREETINGS, "utf-16-be", "UTF-16BE"),
        ("It\u2019s \u201cfair\u201d\n" * 200, "cp1252", "WINDOWS-1252"),
        ("今日はいい天気ですね。\n" * 100, "utf-16-le", "UTF-16LE"),
        ("今日はいい天気ですね。\n" * 100, "shift_jis", "SHIFT_JIS"),
        ("今天天气很好。\n" * 100, "gb18030", "GB18030"),
        ("Сегодня хорошая погода.\n" * 100, "koi8_r", r"\S+"),
    ],
)
def test_another_encoding_is_named_with_the_way_out(tmp_path: Path, text: str, encoding: str, guess: str) -> None:
    path = file(tmp_path, text, encoding)
    with pytest.raises(ValueError, match=rf"iconv -f {guess} -t UTF-8") as error:
        opened(path)
    assert encoding != "koi8_r" or "KOI8-R" in str(error.value)
    assert encoding in ("latin-1", "koi8_r") or "LATIN1 -t" not in str(error.value)


def test_a_text_that_is_utf8_but_for_a_byte_is_not_converted(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(GREETINGS.encode()[:-5] + b"\xc3")
    with pytest.raises(ValueError, match=r"all but 1 character of it is; to leave out what is not: iconv -c"):
        opened(tmp_path / "x.txt")


@pytest.mark.parametrize("head", ["<!DOCTYPE html>", "\n<?xml version='1.0'?>\n<html lang='en'>", "{\\rtf1\\ansi "])
def test_markup_is_asked_about(tmp_path: Path, head: str) -> None:
    path = file(tmp_path, head + WORDS * 200)
    with pytest.raises(ValueError, match=r"x.txt is a .*; save .*--kind text learns its characters as they stand"):
        opened(path)
    assert opened(path, kind="text").kind == "text"


def test_bytes_are_no_text_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(ValueError, match=r"is no text: it holds zero bytes"):
        opened(tmp_path / "x.bin")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_byte_order_mark_says_the_encoding(tmp_path: Path, encoding: str, ending: str) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(GREETINGS.replace("\n", ending).encode(encoding))
    assert contents(path) == GREETINGS


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", {}, "is empty"),
        ("a\0b" * 1000, {}, "is no text: it holds zero bytes"),
        ("a" * 3000, {}, "repeats one character"),
        ("\n\n  \n", {"lines": True}, "holds no lines"),
        ("a" * 3000, {"lines": True}, "line 1: 3,000 characters, lines may have 1,024"),
        ("ab\n" * 10, {"lines": True}, "10 lines .* too few"),
        ("ab\n" * 100, {"lines": True}, "100 lines .* too few different ones"),
        (WORDS * 40, {"size": 8}, "--size does not suit x: it holds text"),
        (WORDS * 40, {"binarise": "static"}, "--binarise does not suit"),
        (WORDS * 40, {"lines": True, "vocabulary": 300}, "--vocabulary does not suit x: it holds lines"),
        (WORDS * 40, {"vocabulary": 5}, "vocabulary must be a whole number from 256"),
        (WORDS * 40, {"length": 1}, "length must be a whole number from 2"),
    ],
)
def test_hopeless_texts_are_refused(tmp_path: Path, content: str, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        opened(file(tmp_path, content), **options)


@pytest.mark.parametrize(
    "tokenizer", [Characters.learnt(["ab"]), BytePairs.learnt(["ab ab ab"], 260)], ids=["characters", "bytes"]
)
def test_bytes_that_are_no_text_are_refused(tokenizer: Any) -> None:
    """As a terminal hands them on, and as a record may hold them: neither can be printed or encoded."""
    with pytest.raises(ValueError, match="it holds bytes that are no UTF-8; write them anew"):
        tokenizer.encode("a\udc80")
    record = tokenizer.to_json()
    key = "names" if "names" in record else "vocabulary"
    with pytest.raises(ValueError, match="are not what genlab writes"):
        from_json({**record, key: [*record[key][:-1], "\ud800"]})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\n".join([*[f"name{number}" for number in range(1200)]]), True),
        ("\n\n".join(["To be, or not", "to be, that is", "the question"] * 200), False),
        (("To be, or not to be, that is the question whether\n") * 60, False),
    ],
)
def test_a_list_that_is_read_as_one_text_is_said(tmp_path: Path, text: str, says: bool) -> None:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    said = [line for line in opened(tmp_path / "a.txt").overview.odd if "--lines" in line]
    assert said == (["none of the 1,200 lines has more than 8 characters: if each is an item, as a name, --lines"] * says)
