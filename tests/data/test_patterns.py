"""Classes in the names of files: offered where names hold some, read where the user says so."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from PIL import Image

from genlab.data import open as opened
from genlab.data.patterns import fields, offered
from tests.data.files import noise

WORDS = ("cat", "dog", "owl")


def named(path: Path, names: list[str]) -> Path:
    for number, name in enumerate(names):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(number)).save(path / name)
    return path


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("{word}.{n}", "{label}.{index}"),
        ("{word}_{n:03}", "{label}_{index}"),
        ("{word}-{n}", "{label}-{index}"),
        ("{word}{n}", "{label}{index}"),
        ("{word} ({n})", "{label} ({index})"),
        ("{n}_{word}", "{index}_{label}"),
        ("IMG_{word}_{n}", "IMG_{label}_{index}"),
        ("{n:05}-{word}-small", "{index}-{label}-small"),
    ],
)
def test_a_pattern_that_is_offered_reads_the_classes(form: str, pattern: str) -> None:
    words = list(itertools.islice(itertools.cycle(WORDS), 60))
    names = [f"pets/{form.format(word=word, n=number)}.jpg" for number, word in enumerate(words)]
    assert offered(names).startswith(f'--pattern "{pattern}" reads them')
    assert fields(pattern, names) == {"label": words}


def test_classes_of_several_words_end_before_the_number() -> None:
    names = [
        f"{word}_{number}.jpg" for number in range(20) for word in ("Abyssinian", "american_bulldog", "german_shorthaired_x")
    ]
    assert '"{label}_{index}"' in offered(names)
    assert set(fields("{label}_{index}", names)["label"]) == {"Abyssinian", "american_bulldog", "german_shorthaired_x"}


@pytest.mark.parametrize(
    "names",
    [
        [f"{number:04}.png" for number in range(60)],
        [f"IMG_{number:04}.png" for number in range(60)],
        [f"20{19 + number % 4}-0{1 + number % 9}-{number}.png" for number in range(60)],
        [f"{number * 2654435761 % 2**32:08x}-{number * 40503 % 2**4:01x}.png" for number in range(60)],
        [f"{chr(97 + number // 26)}{chr(97 + number % 26)}_{number}.png" for number in range(60)],
        ["red heart.png", "cat.png", "smiling face with eyes.png"],
    ],
    ids=["numbers", "camera", "dates", "hashes", "words of their own", "few words"],
)
def test_no_pattern_is_offered_where_names_hold_no_classes(names: list[str]) -> None:
    assert offered(names) == ""


def test_pictures_whose_names_begin_with_their_class(tmp_path: Path) -> None:
    path = named(tmp_path / "pets", [f"{WORDS[number % 3]}.{number}.png" for number in range(60)])
    offer = 'all lie in one folder; --pattern "{label}.{index}" reads them from names like cat.0'
    assert opened(path).overview.classes_from == offer
    data = opened(path, pattern="{label}.{index}")
    assert dict(data.overview.classes) == dict.fromkeys(WORDS, 20)
    for split in ("train", "validation", "test"):
        batch = data.once(split, 0, 99)
        names = [data.where(number).split(".")[0] for number in batch.index.tolist()]
        assert names == [WORDS[number] for number in batch.given["label"].tolist()]
    with pytest.raises(ValueError, match=r"--pattern .label.-.index. does not fit cat\.0\.png"):
        opened(path, pattern="{label}-{index}")
    with pytest.raises(ValueError, match=r"say their label alone; write \{label\} once"):
        opened(path, pattern="{animal}.{index}")


def test_a_test_split_whose_names_say_nothing_has_no_labels(tmp_path: Path) -> None:
    train, test = [f"train/{WORDS[number % 3]}.{number}.png" for number in range(60)], [f"test/{n}.png" for n in range(9)]
    path = named(tmp_path / "pets", train + test)
    assert '--pattern "{label}.{index}"' in opened(path).overview.classes_from
    data = opened(path, pattern="{label}.{index}")
    assert set(data.once("test", 0, 99).given["label"].tolist()) == {-1}
    named(path, ["train/12.png"])
    with pytest.raises(ValueError, match=r"does not fit train/12\.png"):
        opened(path, pattern="{label}.{index}")
