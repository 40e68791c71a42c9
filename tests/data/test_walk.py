"""The files of a folder: links, other programs' folders, genlab's own products, names of any bytes."""

from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genlab.data import open as opened
from genlab.data.walk import product, walk
from genlab.report import pictures
from tests.data import files


def lines(data) -> list[str]:
    return [each.line() for each in data.overview.left_out]


def test_links_are_followed_once(tmp_path: Path) -> None:
    files.folder(tmp_path / "all", 30)
    (tmp_path / "latest").symlink_to("all")
    (tmp_path / "all" / "self").symlink_to(".")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "round.png").symlink_to("round.png")
    data = opened(tmp_path)
    assert sum(data.count(split) for split in ("train", "validation", "test")) == 30
    assert data.given == {}
    assert lines(data) == [
        "2 links (all/self/, latest/): leads to what is read already",
        "2 links (gone.png, round.png): leads nowhere",
    ]


def test_a_folder_of_broken_links_says_so(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.png").symlink_to(f"gone/{number}.png")
    with pytest.raises(ValueError, match=r"holds nothing to learn from: 4 links .0.png, 1.png, 2.png, ....: leads nowhere"):
        opened(tmp_path)


@pytest.mark.parametrize("name", ["@eaDir", "__MACOSX", "$RECYCLE.BIN", "lost+found", ".thumbs"])
def test_folders_of_other_programs_are_no_classes(tmp_path: Path, name: str) -> None:
    files.folder(tmp_path, 40, ("cat", "dog"))
    files.folder(tmp_path / name, 5, first=100)
    data = opened(tmp_path)
    assert data.given["label"].names == ("cat", "dog")
    assert lines(data) == ([] if name[0] == "." else [f"1 folder ({name}/): kept by other programs"])


def test_names_that_are_no_utf8_can_be_read_and_said(tmp_path: Path) -> None:
    files.folder(tmp_path, 30, ("rot",))
    files.folder(tmp_path / os.fsdecode(b"gr\xfcn"), 30, first=100)
    data = opened(tmp_path)
    assert data.given["label"].names == (r"gr\xfcn", "rot")
    assert str(data.describe()).encode("utf-8")


def test_what_genlab_made_is_not_learnt(tmp_path: Path) -> None:
    """A run, a comparison, a folder of samples and a grid, written into the folder of the data."""
    files.folder(tmp_path, 40)
    before = opened(tmp_path)
    for name, marks in (("runs/a", ("recipe.json", "manifest.json")), ("reports/b", ("report.json", "report.html"))):
        (tmp_path / name / "samples").mkdir(parents=True)
        for mark in marks:
            (tmp_path / name / mark).write_text("{}", encoding="utf-8")
        Image.fromarray(files.noise(99)).save(tmp_path / name / "samples" / "0.png")
    (tmp_path / "more").mkdir()
    for number in range(8):
        (tmp_path / "more" / f"{number}.png").write_bytes(pictures.png(Image.fromarray(files.noise(200 + number))))
    (tmp_path / "grid.png").write_bytes(pictures.png(Image.fromarray(files.noise(300, 64, 64))))
    after = opened(tmp_path)
    assert after.fingerprint == before.fingerprint
    assert lines(after) == [
        "2 folders (reports/b/, runs/a/): genlab's own runs and reports",
        "9 pictures (grid.png, more/0.png, more/1.png, ...): made by genlab",
    ]
    assert product(tmp_path / "runs/a") == "a run"
    with pytest.raises(ValueError, match=r"is a run of genlab's own, nothing to learn from"):
        opened(tmp_path / "runs/a")
    with pytest.raises(ValueError, match=r"genlab made all 8 pictures of more, and does not learn from its own samples"):
        opened(tmp_path / "more")


def test_folders_that_are_too_deep_are_refused(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 120)
    deep.mkdir(parents=True)
    with pytest.raises(ValueError, match="more than 100 deep"):
        walk(tmp_path)


# --- archives --------------------------------------------------------------------------------------------------------


def packed(folder: Path, to: Path) -> Path:
    """The folder's files in an archive, in an order that is not that of their names."""
    found = sorted((file for file in folder.rglob("*") if file.is_file()), reverse=True)
    if to.suffix == ".zip":
        with zipfile.ZipFile(to, "w") as archive:
            for file in found:
                archive.write(file, file.relative_to(folder))
    else:
        with tarfile.open(to, "w:gz" if to.name.endswith("gz") else "w") as archive:
            for file in found:
                archive.add(file, str(file.relative_to(folder)))
    return to


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tgz"])
def test_an_archive_is_read_as_its_folder(tmp_path: Path, name: str) -> None:
    files.folder(tmp_path / "set", 30, ("train/cat", "train/dog", "test/cat", "test/dog"))
    for picture in (tmp_path / "set").rglob("*.png"):
        picture.with_suffix(".txt").write_text(f"a picture called {picture.stem}", encoding="utf-8")
    plain, archived = opened(tmp_path / "set"), opened(packed(tmp_path / "set", tmp_path / name))
    assert archived.overview == plain.overview
    for split in ("train", "validation", "test"):
        one, two = (data.once(split, 0, 99) for data in (plain, archived))
        order = [[data.where(int(i)) for i in batch.index] for data, batch in ((plain, one), (archived, two))]
        same = [order[1].index(name) for name in order[0]]
        assert np.array_equal(one.x, two.x[same])
        for key in ("label", "text"):
            assert np.array_equal(one.given[key], two.given[key][same]), key


def test_paths_in_an_archive_lead_nowhere(tmp_path: Path) -> None:
    """The root is taken off, as unpacking does; what climbs and what links is left out, and said."""
    files.folder(tmp_path / "set", 30)
    found = sorted((tmp_path / "set").iterdir())
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for number, file in enumerate(found):
            archive.write(file, f"/etc/{file.name}" if number % 2 else f"C:\\etc\\{file.name}")
        archive.writestr("../../up.png", found[0].read_bytes())
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for file in found:
            archive.add(file, file.name)
        archive.add(found[0], "a/../../up.png")
        link = tarfile.TarInfo("passwd.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    before = sorted(tmp_path.rglob("*"))
    for name, left in (("x.zip", ["../../up.png"]), ("x.tar", ["a/../../up.png", "passwd.png"])):
        data = opened(tmp_path / name)
        assert sum(data.count(split) for split in ("train", "validation", "test")) == 30
        assert {data.where(n) for n in range(30)} == {"etc/" * (name == "x.zip") + file.name for file in found}
        assert [each.names for each in data.overview.left_out] == [(each,) for each in left]
    assert sorted(tmp_path.rglob("*")) == before


def test_of_a_name_that_occurs_twice_the_last_is_read(tmp_path: Path) -> None:
    """As unpacking leaves it."""
    files.folder(tmp_path / "set", 30)
    new = tmp_path / "new.png"
    Image.fromarray(np.full((12, 12, 3), 7, np.uint8)).save(new)
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for file in sorted((tmp_path / "set").iterdir()):
            archive.add(file, file.name)
        archive.add(new, "./004.png")
    data = opened(tmp_path / "x.tar")
    assert lines(data) == ["1 file (004.png): another of the same name comes later in the archive"]
    found = {data.where(int(i)): x for split in ("train", "validation", "test") for x, i in pairs(data, split)}
    assert set(found["004.png"].flatten().tolist()) == {7}


def pairs(data, split: str) -> list:
    batch = data.once(split, 0, 99)
    return list(zip(batch.x, batch.index, strict=True))


def test_a_bomb_in_an_archive_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.folder(tmp_path / "set", 30)
    packed(tmp_path / "set", tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", b"\0" * 2**22)
    monkeypatch.setattr("genlab.data.archive.LARGEST", 2**20)
    data = opened(tmp_path / "x.zip")
    assert [name for name, _ in data.skipped] == ["bomb.png"]


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
def test_a_damaged_archive_is_named(tmp_path: Path, name: str) -> None:
    files.folder(tmp_path / "set", 30)
    path = packed(tmp_path / "set", tmp_path / name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=rf"{name} is damaged .*unpack it and name the folder"):
        opened(path)


# --- captions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_metadata_beside_pictures(tmp_path: Path, form: str) -> None:
    files.folder(tmp_path / "img", 30)
    names = [f"img/{n:03}.png" for n in range(30)]
    rows = [(name, f"number {n}", "odd" if n % 2 else "even") for n, name in enumerate(names)]
    rows[4] = (rows[4][0], "", "")
    rows.append(("../secret.png", "elsewhere", "odd"))
    if form == "csv":
        text = "\n".join(["file_name,text,label", *map(",".join, rows)])
    else:
        text = "\n".join(f'{{"file_name": "{name}", "text": "{said}", "label": "{label}"}}' for name, said, label in rows)
    (tmp_path / f"metadata.{form}").write_text(text, encoding="utf-8")
    data = opened(tmp_path)
    assert data.overview.texts_from == f"the column text of metadata.{form}"
    assert data.overview.classes == {"even": 14, "odd": 15}
    assert data.overview.unlabelled == 1
    assert [each.count for each in data.overview.left_out] == [1]
    for split in ("train", "validation", "test"):
        batch = data.once(split, 0, 99)
        said = data.tokenizers["text"].decode(batch.given["text"])
        for index, text in zip(batch.index.tolist(), said, strict=True):
            number = int(Path(data.where(index)).stem)
            assert text == ("" if number == 4 else f"number {number}")


def test_names_in_metadata_begin_at_the_tables_folder(tmp_path: Path) -> None:
    for part, first in (("one", 0), ("two", 20)):
        files.folder(tmp_path / part, 20, first=first)
        rows = [f"./{n:03}.png,number {n}" for n in range(first, first + 20)]
        (tmp_path / part / "metadata.csv").write_text("\n".join(["file_name,text", *rows]), encoding="utf-8")
    data = opened(tmp_path)
    assert not data.overview.left_out
    for split in ("train", "validation", "test"):
        batch = data.once(split, 0, 99)
        for index, text in zip(batch.index.tolist(), data.tokenizers["text"].decode(batch.given["text"]), strict=True):
            assert text == f"number {int(Path(data.where(index)).stem)}"


def test_metadata_without_names_of_files_are_refused(tmp_path: Path) -> None:
    files.folder(tmp_path, 30)
    (tmp_path / "metadata.csv").write_text("picture,text\n000.png,a\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"metadata.csv has no column file_name"):
        opened(tmp_path)


def test_few_text_files_are_no_captions(tmp_path: Path) -> None:
    files.folder(tmp_path, 30)
    (tmp_path / "000.txt").write_text("the first", encoding="utf-8")
    data = opened(tmp_path)
    assert "text" not in data.given
    assert lines(data) == ["1 file (000.txt): no pictures"]


def beside(path: Path, write) -> None:
    """A file beside each picture. write(number): its suffix and what is in it."""
    for number, picture in enumerate(sorted(path.rglob("*.png"))):
        suffix, content = write(number)
        picture.with_suffix(suffix).write_text(content, encoding="utf-8")


def test_odd_classes_and_frames_are_said(tmp_path: Path) -> None:
    files.folder(tmp_path / "some", 60, ("Cat", "cat", "dog"))
    files.folder(tmp_path / "some" / "one", 1, first=99)
    assert opened(tmp_path / "some").overview.odd == ("1 class (one) of one example", "the classes Cat and cat read alike")
    for clip in range(20):
        for frame in range(3):
            (tmp_path / "clips" / f"{clip:02}").mkdir(parents=True, exist_ok=True)
            Image.fromarray(files.noise(3 * clip + frame)).save(tmp_path / "clips" / f"{clip:02}" / f"frame-{frame}.png")
    said = "the 20 folders hold files of the same 3 names: if each is a clip, --frames 3 learns clips"
    assert said in opened(tmp_path / "clips").overview.odd
    assert opened(tmp_path / "clips", frames=3).kind == "video"


def test_pages_of_which_the_first_is_learnt_are_said(tmp_path: Path) -> None:
    for number in range(3):
        pages = [Image.fromarray(files.noise(9 * number + page)) for page in range(4)]
        pages[0].save(tmp_path / f"{number}.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(ValueError, match=r"too few .*; 3 files of several pictures .* save each page as a file to learn all"):
        opened(tmp_path)


@pytest.mark.parametrize("content", ["{} 0.5 0.25 0.125 0.5\n1 0.5 0.5 0.1 0.1", "{}", "{},{}"])
def test_numbers_beside_pictures_are_no_captions(tmp_path: Path, content: str) -> None:
    files.folder(tmp_path, 30)
    beside(tmp_path, lambda n: (".txt", content.format(n, n)))
    data = opened(tmp_path)
    assert "text" not in data.given
    assert lines(data)[0].startswith("30 files (000.txt, 001.txt, 002.txt, ...): numbers beside pictures")


def test_labels_and_objects_beside_pictures(tmp_path: Path) -> None:
    files.folder(tmp_path / "set", 30)
    beside(tmp_path / "set", lambda n: (".cls", str(n % 3)))
    beside(tmp_path / "set", lambda n: (".json", f'{{"caption": "a dog {n}", "label": "x{n % 2}"}}'))
    for source in (tmp_path / "set", packed(tmp_path / "set", tmp_path / "x.tar")):
        data = opened(source)
        assert data.overview.classes == {"0": 10, "1": 10, "2": 10}
        batch = data.once("train", 0, 30)
        names = [int(Path(data.where(index)).stem) for index in batch.index.tolist()]
        assert data.tokenizers["text"].decode(batch.given["text"]) == [f"a dog {name}" for name in names]
        assert batch.given["label"].tolist() == [name % 3 for name in names]
    for file in (tmp_path / "set").glob("*.cls"):
        file.unlink()
    assert opened(tmp_path / "set").overview.classes == {"x0": 15, "x1": 15}


@pytest.mark.parametrize("name", ["labels.csv", "annotations/captions.json", "captions.txt"])
@pytest.mark.parametrize("suffix", [".png", ""])
def test_files_that_name_what_is_learnt_are_said(tmp_path: Path, name: str, suffix: str) -> None:
    files.folder(tmp_path / "img", 30)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("\n".join(f'"{n:03}{suffix}", cat' for n in range(30)), encoding="utf-8")
    (tmp_path / "notes.txt").write_text("001.png is blurred, I took it by night", encoding="utf-8")
    said = lines(opened(tmp_path))
    assert "1 file (notes.txt): no pictures" in said
    assert any(line.startswith(f"1 file ({name}): it names what is learnt; ") for line in said)


def test_shards_are_read_as_one(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    for shard in range(3):
        files.folder(tmp_path / str(shard), 10, first=10 * shard)
        packed(tmp_path / str(shard), tmp_path / "shards" / f"{shard}.tar")
    data = opened(tmp_path / "shards")
    batches = [data.once(split, 0, 99) for split in ("train", "validation", "test")]
    assert sorted(data.where(int(n)) for batch in batches for n in batch.index) == [f"{n:03}.png" for n in range(30)]
    packed(tmp_path / "0", tmp_path / "shards" / "again.tar")
    with pytest.raises(ValueError, match=r"0.tar and again.tar both hold 009.png; name one of them"):
        opened(tmp_path / "shards")


# --- levels ----------------------------------------------------------------------------------------------------------


def test_a_broken_picture_has_no_say_in_the_size(tmp_path: Path) -> None:
    files.folder(tmp_path, 40)
    large = tmp_path / "large.png"
    Image.fromarray(files.noise(5, 200, 300)).save(large)
    large.write_bytes(large.read_bytes()[:-5000])
    data = opened(tmp_path)
    assert data.space.shape == (3, 12, 12)
    assert data.overview.made == "as they are"
