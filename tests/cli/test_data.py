"""`genlab data`, what every verb says of its data, and what comes back of what was written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

import genlab
from tests.cli.calls import call, refused, start
from tests.data import files


def shades(path: Path, classes: list[str], each: int = 8) -> Path:
    """Pictures of flat grey, a level for each class, with one pixel that tells them apart."""
    for number, name in enumerate(classes):
        (path / name).mkdir(parents=True)
        for row in range(each):
            levels = np.full((8, 8), 20 * number + 10, np.uint8)
            levels[row % 8, row // 8] = 255 - row
            Image.fromarray(levels).save(path / name / f"{row}.png")
    return path


def test_the_block_says_how_data_are_read_and_nothing_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files.folder(tmp_path / "set", 40, ("cat", "dog"))
    (tmp_path / "set" / "notes.txt").write_text("about", encoding="utf-8")
    said = call("data", "set", "--out", "sheet.png")
    assert said.code == 0, said.err
    topics = [line.split()[0] for line in said.out.splitlines()]
    assert topics == ["data", "read", "learnt", "classes", "splits", "left", "sheet"]
    assert "cat 20, dog 20: the folders" in said.out
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 200
        assert len(np.unique(np.asarray(sheet).reshape(-1, 3), axis=0)) > 100
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set", "sheet.png"]
    record = json.loads(call("data", "set", "--json").out)
    assert record["overview"]["classes"] == {"cat": 20, "dog": 20}
    assert record["overview"]["left_out"] == [{"count": 1, "what": "file", "reason": "no pictures", "names": ["notes.txt"]}]


def test_a_sheet_replaces_nothing_unasked(tmp_path: Path) -> None:
    (tmp_path / "sheet.png").write_text("mine", encoding="utf-8")
    assert "--force" in refused("data", "digits", "--out", tmp_path / "sheet.png")
    assert "suffix .png" in refused("data", "digits", "--out", tmp_path / "sheet.jpg")
    assert (tmp_path / "sheet.png").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    "source", ["points/ring", "strings/weather", "strings/words", "drawn/tones", "drawn/clips", "drawn/balls"]
)
def test_a_sheet_of_every_kind(tmp_path: Path, source: str) -> None:
    said = call("data", source, "--out", tmp_path / "sheet.png")
    assert said.code == 0, said.err
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert np.asarray(sheet).min() < 128


def test_every_verb_says_what_was_read_and_show_and_the_report_repeat_it(tmp_path: Path) -> None:
    files.folder(tmp_path / "set", 40, ("train/cat", "train/dog", "test/cat", "test/dog"))
    lines = ["classes     cat 20, dog 20: the folders in them", "the folders test and train; validation is a tenth of train"]
    trained = call("train", "vae", tmp_path / "set", "--size", 8, "--steps", 1, "--out", tmp_path / "run", "--unwatched")
    brief = ("--models", "vae", "--budget", "examples=64", "--features", "pixels", "--samples", 20)
    compared = call("compare", tmp_path / "set", *brief, "--size", 8, "--out", tmp_path / "report")
    shown = call("show", tmp_path / "run")
    for said in (trained.err, compared.err, shown.out):
        assert all(line in said for line in lines), said
    record = json.loads((tmp_path / "report/report.json").read_text(encoding="utf-8"))
    assert record["data"]["overview"]["classes"] == {"cat": 20, "dog": 20}
    for page in (tmp_path / "report/report.html", tmp_path / "run/show.html"):
        assert "<dt>classes</dt><dd>cat 20, dog 20: the folders in them</dd>" in page.read_text(encoding="utf-8")


def test_verbs_that_open_the_data_of_a_run_say_what_was_read_once_and_first(tmp_path: Path) -> None:
    """Also where the data were moved, and where samples need them for what they are given."""
    data, there = files.folder(tmp_path / "set", 40), tmp_path / "there"
    for file in sorted(data.iterdir()):
        file.with_suffix(".txt").write_text(f"no {file.stem}", encoding="utf-8")
    assert call("train", "vae", data, "--size", 8, "--steps", 1, "--out", tmp_path / "run", "--unwatched").code == 0
    data.rename(there)
    assert "give their path: --data" in refused("compare", tmp_path / "run", "--out", tmp_path / "again")
    quick = ("--features", "pixels", "-n", 20, "--examples", 2)
    for words in (
        ("score", tmp_path / "run", *quick),
        ("reconstruct", tmp_path / "run"),
        ("interpolate", tmp_path / "run", "--real", "-n", 1),
        ("interpolate", tmp_path / "run", "-n", 1),
        ("sample", tmp_path / "run", "-n", 2, "--out", tmp_path / "samples.png"),
        ("compare", tmp_path / "run", "--samples", 20, "--features", "pixels", "--out", tmp_path / "report"),
        ("resume", tmp_path / "run", "--steps", 1, "--unwatched"),
    ):
        said = call(*words, "--data", there)
        assert said.code == 0, said.err
        assert said.err.startswith(f"data        {there}\nread        40 pictures of 12 × 12 pixels\n"), said.err
        assert said.err.count("captions    the text file beside each picture") == 1
    said = call("sample", tmp_path / "run", "-n", 2, "--given", "text=no", "--out", tmp_path / "asked.png")
    assert said.code == 0, said.err
    assert "read" not in said.err, "nothing was opened"
    assert "without it" in refused("compare", "digits", "--data", there, "--out", tmp_path / "again")


def test_a_table_with_gaps_goes_to_models_that_can_or_without_its_gaps(tmp_path: Path) -> None:
    rows = [f"{number},{number**2 if number % 7 else ''}" for number in range(100)]
    (tmp_path / "t.csv").write_text("a,b\n" + "\n".join(rows), encoding="utf-8")
    said = refused("train", "gan", tmp_path / "t.csv", "--steps", 1, "--out", tmp_path / "run", "--unwatched")
    assert (
        "gan cannot learn from examples with missing entries; vae can, or leave out the rows that have some (--complete)"
        in said
    )
    said = call("train", "gan", tmp_path / "t.csv", "--steps", 1, "--out", tmp_path / "run", "--complete", "--unwatched")
    assert said.code == 0, said.err


def test_classes_keep_their_names_from_folder_to_samples_and_back(tmp_path: Path) -> None:
    """Twelve classes called by numbers: --class 2 is the class 2, and an .npz of samples says so."""
    names = [str(number) for number in range(12)]
    shades(tmp_path / "set", names)
    said = call("train", "gan", tmp_path / "set", "--steps", 1, "--out", tmp_path / "run", "--unwatched")
    assert said.code == 0, said.err
    said = call("sample", tmp_path / "run", "-n", 30, "--class", 2, "--out", tmp_path / "two.npz")
    assert said.code == 0, said.err
    with np.load(tmp_path / "two.npz") as found:
        assert set(found["names"][found["label"]].tolist()) == {"2"}
    again = genlab.open(tmp_path / "two.npz")
    assert again.overview.classes == {name: 30 if name == "2" else 0 for name in names}


def test_a_number_is_no_index_where_names_are_numbers(tmp_path: Path) -> None:
    shades(tmp_path / "set", ["1", "2", "3"], 20)
    assert call("train", "gan", tmp_path / "set", "--steps", 1, "--out", tmp_path / "run", "--unwatched").code == 0
    assert "there is no label '0'; there is 1, 2, 3" in refused("sample", tmp_path / "run", "--class", 0)
    run = genlab.load(tmp_path / "run")
    assert run.conditions(2, 0, {"label": 3}).given["label"].tolist() == [2, 2]
    with pytest.raises(ValueError, match="there is no label 0"):
        run.sample(2, given={"label": 0})


def test_samples_inside_the_data_change_neither_data_nor_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verbs called in the folder of the pictures, one after another, as someone does who tries the program."""
    files.folder(tmp_path, 60, size=8)
    monkeypatch.chdir(tmp_path)
    assert call("train", "vae", ".", "--steps", 1, "--unwatched").code == 0
    (run,) = Path("runs").iterdir()
    before = genlab.open(".").fingerprint
    for words in (("-n", 16), ("-n", 8, "--out", "more/"), ("-n", 9, "--out", "grid.png")):
        said = call("sample", run, *words)
        assert said.code == 0, said.err
    assert genlab.open(".").fingerprint == before
    said = call("resume", run, "--steps", 1, "--unwatched")
    assert said.code == 0, said.err
    said = call("train", "gan", ".", "--steps", 1, "--unwatched")
    assert said.code == 0, said.err
    assert "read        60 pictures of 8 × 8 pixels" in said.err
    assert "9 pictures (grid.png, more/0.png, more/1.png, ...): made by genlab" in said.err


@pytest.mark.parametrize(("source", "what"), [("drawn/tones", "recording"), ("drawn/clips", "clip")])
def test_samples_of_sound_and_clips_are_known_as_such(tmp_path: Path, source: str, what: str) -> None:
    """A folder of them is refused, and among data of others they are left out and said."""
    assert call("train", "gan", source, "--steps", 1, "--out", tmp_path / "run", "--unwatched").code == 0
    assert call("sample", tmp_path / "run", "-n", 24, "--out", f"{tmp_path}/made/").code == 0
    assert f"genlab made all 24 {what}s of made, and does not learn from its own samples" in refused("data", tmp_path / "made")
    for number in range(40):
        x = np.random.default_rng(number).integers(0, 256, (4, 8, 8), dtype=np.uint8)
        if what == "clip":
            first, *more = [Image.fromarray(frame) for frame in x]
            first.save(tmp_path / "made" / f"own{number}.gif", save_all=True, append_images=more)
        else:
            soundfile.write(tmp_path / "made" / f"own{number}.wav", x.ravel() / 255, 8000, subtype="PCM_16")
    overview = genlab.open(tmp_path / "made").overview
    assert overview.what == f"40 {what}s"
    assert [each.line() for each in overview.left_out] == [
        f"24 {what}s ({', '.join(f'{number:02}' + ('.gif' if what == 'clip' else '.wav') for number in range(3))}, ...): "
        "made by genlab"
    ]


@pytest.mark.parametrize("lines", [True, False])
def test_samples_of_texts_are_read_back_from_arrays_as_texts(tmp_path: Path, lines: bool) -> None:
    words = ["first", "second", "third", "fourth of many"]
    text = "\n".join(f"{words[number % 4]} {number % 97}" for number in range(2000))
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    option = ("--lines",) if lines else ()
    assert call("train", "ngram", tmp_path / "a.txt", *option, "--out", tmp_path / "run").code == 0
    assert call("sample", tmp_path / "run", "-n", 60, "--out", tmp_path / "s.npz").code == 0
    assert call("sample", tmp_path / "run", "-n", 60, "--out", tmp_path / "s.txt").code == 0
    again, with_txt = genlab.open(tmp_path / "s.npz"), genlab.open(tmp_path / "s.txt", lines=lines)
    assert again.kind == with_txt.kind == ("lines" if lines else "text")
    if lines:
        assert again.fingerprint == genlab.open(tmp_path / "s.npz", lines=True).fingerprint
        assert len(again["train"]) == len(with_txt["train"])


def test_captions_are_written_as_words_and_read_back(tmp_path: Path) -> None:
    data = files.folder(tmp_path / "set", 40)
    for file in sorted(data.iterdir()):
        file.with_suffix(".txt").write_text(f"number {int(file.stem) % 3}", encoding="utf-8")
    assert call("train", "vae", data, "--size", 8, "--steps", 1, "--out", tmp_path / "run", "--unwatched").code == 0
    assert call("sample", tmp_path / "run", "-n", 30, "--given", "text=number 2", "--out", tmp_path / "s.npz").code == 0
    again = genlab.open(tmp_path / "s.npz")
    assert again.overview.texts_from == "the array text"
    assert set(again.tokenizers["text"].decode(again["train"][:9].given["text"])) == {"number 2"}


def test_a_table_of_samples_has_the_columns_that_the_data_had(tmp_path: Path) -> None:
    rows = [f"{number},{number % 17},{['pine', 'oak'][number % 2]}" for number in range(100)]
    (tmp_path / "t.csv").write_text("height (m),age,tree\n" + "\n".join(rows), encoding="utf-8")
    assert call("train", "vae", tmp_path / "t.csv", "--label", "tree", "--steps", 1, "--out", tmp_path / "run").code == 0
    assert call("sample", tmp_path / "run", "-n", 60, "--class", "oak", "--out", tmp_path / "s.csv").code == 0
    head, *lines = (tmp_path / "s.csv").read_text(encoding="utf-8").splitlines()
    assert head == "height (m),age,tree"
    assert all(line.endswith(",oak") for line in lines)
    assert genlab.open(tmp_path / "s.csv", label="tree").overview.columns == ("height (m)", "age")


def test_volumes_of_one_channel_are_written_as_they_are_had(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (60, 4, 5, 6), dtype=np.uint8)
    np.save(tmp_path / "a.npy", x)
    assert call("train", "gan", tmp_path / "a.npy", "--axes", "NDHW", "--steps", 1, "--out", tmp_path / "run").code == 0
    assert call("sample", tmp_path / "run", "-n", 24, "--out", tmp_path / "b.npy").code == 0
    assert np.load(tmp_path / "b.npy").shape == (24, 4, 5, 6)
    assert genlab.open(tmp_path / "b.npy", axes="NDHW").space == genlab.open(tmp_path / "a.npy", axes="NDHW").space


def test_clips_are_written_one_a_file_at_their_own_size(tmp_path: Path) -> None:
    assert call("train", "gan", "drawn/clips", "--steps", 1, "--out", tmp_path / "run", "--unwatched").code == 0
    assert call("sample", tmp_path / "run", "-n", 2, "--out", f"{tmp_path}/made/").code == 0
    with Image.open(tmp_path / "made" / "0.gif") as image:
        assert image.size == genlab.open("drawn/clips").space.shape[:1:-1]


def test_a_terminal_that_lacks_characters_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.txt").write_text("привет мир, как дела\n" * 200, encoding="utf-8")
    said = call("train", "ngram", tmp_path / "x.txt", "--out", tmp_path / "run")
    assert said.code == 0, said.err
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    process = start(tmp_path, "sample", "run", "-n", 1)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert r"\u0" in out
    assert "--out FILE.txt keeps them" in err


def test_samples_of_a_model_of_pairs_come_back_as_pairs(tmp_path: Path) -> None:
    """A source of another size and other levels than the data have, which the file states."""
    call("train", "flow-matching", "digits", "--degrade", "2x", "--steps", 1, "--out", tmp_path / "run", "--unwatched")
    assert call("sample", tmp_path / "run", "-n", 30, "--out", tmp_path / "s.npz").code == 0
    again, meant = genlab.open(tmp_path / "s.npz"), genlab.open("digits", degrade="2x").given["source"]
    assert replace(again.given["source"], note=meant.note) == meant
    with np.load(tmp_path / "s.npz") as found:
        assert (found["source_axes"].item(), int(found["source_levels"])) == ("NCHW", meant.levels)
