"""Folders of pictures: every format and mode, every broken file named, classes, sizes, splits of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from genlab.data import open as opened
from genlab.data.decode import decoded
from tests.data import files


def everything(data) -> torch.Tensor:
    return torch.cat([data.once(split, 0, data.count(split)).x for split in ("train", "validation", "test")])


def test_awkward_pictures_come_out_as_they_are_seen(tmp_path: Path) -> None:
    expected = files.awkward(tmp_path)
    assert len(expected) == 19
    for name, colour in expected.items():
        found = decoded(tmp_path / name, (16, 16)).levels
        off = np.abs(found.astype(int) - np.array(colour)[:, None, None]).max()
        assert off <= (4 if name.endswith("jpg") else 1), f"{name}: off by {off}"


def test_orientation_of_exif_is_obeyed(tmp_path: Path) -> None:
    """Eight ways of storing the same picture give the same pixels."""
    upright = Image.fromarray(files.noise(3, 6, 10))
    stored = {  # what a camera stores so that the tag's turn brings it back
        1: lambda p: p,
        2: lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda p: p.transpose(Image.Transpose.ROTATE_180),
        4: lambda p: p.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda p: p.transpose(Image.Transpose.TRANSPOSE),
        6: lambda p: p.transpose(Image.Transpose.ROTATE_90),
        7: lambda p: p.transpose(Image.Transpose.TRANSVERSE),
        8: lambda p: p.transpose(Image.Transpose.ROTATE_270),
    }
    for tag, turn in stored.items():
        exif = Image.Exif()
        exif[0x0112] = tag
        turn(upright).save(tmp_path / f"{tag}.png", exif=exif)
        found = decoded(tmp_path / f"{tag}.png", (6, 10)).levels
        assert np.array_equal(found, np.asarray(upright).transpose(2, 0, 1)), f"orientation {tag}"


def test_the_middle_is_cut_out_and_the_shorter_side_resized() -> None:
    """Three stripes, 1 : 2 : 1 of the width: only the middle one is left, whichever way the picture lies."""
    stripes = np.zeros((32, 64, 3), np.uint8)
    stripes[:, 16:48] = files.RED
    for array in (stripes, stripes.transpose(1, 0, 2)):
        found = decoded(files.jpeg(np.ascontiguousarray(array), quality=100, subsampling=0), (8, 8)).levels
        assert np.abs(found.astype(int) - np.array(files.RED)[:, None, None]).max() < 16


def test_resizing_is_antialiased() -> None:
    """A fine chequered pattern becomes its mean, not one of its colours."""
    board = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
    out = files.io.BytesIO()
    Image.fromarray(board).save(out, "PNG")
    found = decoded(out.getvalue(), (16, 16)).levels.astype(int)
    assert np.abs(found - 127.5).max() <= 2


def test_broken_files_are_named_and_the_rest_is_learnt_from(tmp_path: Path) -> None:
    files.folder(tmp_path / "set", 80)
    expected = files.broken(tmp_path / "set")
    data = opened(tmp_path / "set", size=16)
    assert dict(data.skipped).keys() == expected.keys()
    for path, reason in data.skipped:
        assert expected[path] in reason.lower()
    assert sum(data.count(split) for split in ("train", "validation", "test")) == 80
    assert {row["path"] for row in data.describe()["skipped"]} == expected.keys()


def test_more_than_a_tenth_unreadable_needs_a_word(tmp_path: Path) -> None:
    files.folder(tmp_path, 60)
    for number in range(7):
        (tmp_path / f"bad{number}.png").write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"7 of the 67 pictures .*--allow-bad.*bad0.png, bad1.png, bad2.png and 4 more: it is empty"
    ):
        opened(tmp_path)
    assert len(opened(tmp_path, allow_bad=True).skipped) == 7


def test_nothing_readable(tmp_path: Path) -> None:
    files.broken(tmp_path)
    with pytest.raises(ValueError, match=r"none of the 7 pictures of .* can be read"):
        opened(tmp_path, allow_bad=True)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "is empty; name a folder with pictures"),
        (["a.txt", "b.txt"], "holds no pictures .2 of its 2 files are .txt.; to learn a text, name one file, or join"),
        (["a.npy", "b.npy"], "name it: .*a.npy; to learn from all, join them"),
        (["a.wav", "deep/b.flac"], "none of the 2 recordings .* can be read .a.wav: it is no recording of a known format"),
        (["a.npz"], "name it: .*a.npz"),
    ],
)
def test_folders_without_pictures_say_what_to_do(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x", encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        opened(tmp_path)


@pytest.mark.parametrize("suffix", ["", ".000", ".jpg_large", ".jpg?w=200"])
def test_pictures_are_known_by_their_first_bytes_where_names_say_nothing(tmp_path: Path, suffix: str) -> None:
    for place, file in enumerate(sorted(files.folder(tmp_path, 60, ("cat", "dog")).rglob("*.png"))):
        Image.open(file).save(file, "JPEG" if place % 2 else "PNG")
        file.rename(file.with_suffix(suffix))
    (tmp_path / "cat" / "notes").write_text("GIFs are fun", encoding="utf-8")
    data = opened(tmp_path)
    assert data.overview.classes == {"cat": 30, "dog": 30}
    assert "60 files known as pictures by their first bytes alone" in data.overview.odd
    assert [each.line() for each in data.overview.left_out] == ["1 file (cat/notes): no pictures"]


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "it is a pointer of Git LFS.*: git lfs pull"),
        (b"<!DOCTYPE html><html>404</html>", "it is a web page"),
        (b"%PDF-1.5", "it is a PDF"),
        (b"\x89PNG broken", "not a readable picture"),
    ],
)
def test_what_is_no_picture_is_named_for_what_it_is(tmp_path: Path, head: bytes, said: str) -> None:
    for number in range(30):
        (tmp_path / f"{number}.png").write_bytes(head)
    with pytest.raises(ValueError, match=said):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [(bytes(128) + b"DICM", "a medical picture .DICOM.; save its pixels"), (b"\x80\x04\x95", "a pickle; save its arrays")],
)
@pytest.mark.parametrize("suffix", ["", ".dcm"])
def test_folders_of_other_files_say_what_these_are(tmp_path: Path, content: bytes, said: str, suffix: str) -> None:
    (tmp_path / f"0001{suffix}").write_bytes(content + bytes(300))
    with pytest.raises(ValueError, match=f"holds no pictures: 0001{suffix} is {said}"):
        opened(tmp_path)


def test_of_a_folder_of_several_kinds_one_is_chosen(tmp_path: Path) -> None:
    files.folder(tmp_path, 60)
    for number in range(3):
        (tmp_path / f"{number}.mov").write_bytes(b"\0\0\0\x14ftypqt  ")
    with pytest.raises(
        ValueError, match=r"pictures and videos; name the one folder .*, or say --kind pictures or --kind videos"
    ):
        opened(tmp_path)
    data = opened(tmp_path, kind="pictures")
    assert [each.line() for each in data.overview.left_out] == ["3 files (0.mov, 1.mov, 2.mov): no pictures"]
    with pytest.raises(ValueError, match=r"--kind points: .* holds pictures and videos; leave it out"):
        opened(tmp_path, kind="points")


def test_hidden_files_and_others_do_not_count(tmp_path: Path) -> None:
    files.folder(tmp_path, 60)
    (tmp_path / ".thumbs").mkdir()
    (tmp_path / ".thumbs" / "x.png").write_bytes(b"")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "._000.png").write_bytes(b"")
    (tmp_path / "readme.txt").write_text("about", encoding="utf-8")
    data = opened(tmp_path)
    assert data.skipped == []
    assert [each.line() for each in data.overview.left_out] == [
        "1 folder (__MACOSX/): kept by other programs",
        "1 file (readme.txt): no pictures",
    ]


# --- classes ---------------------------------------------------------------------------------------------------------


def test_top_folders_are_classes(tmp_path: Path) -> None:
    files.folder(tmp_path, 60, ("cat", "dog/old", "emu"))
    data = opened(tmp_path)
    assert data.given["label"].names == ("cat", "dog", "emu")
    for split in ("train", "validation", "test"):
        batch = data.once(split, 0, 100)
        for index, label, x in zip(batch.index.tolist(), batch.given["label"].tolist(), batch.x, strict=True):
            assert data.where(index).split("/")[0] == ("cat", "dog", "emu")[label]
            stored = np.asarray(Image.open(tmp_path / data.where(index))).transpose(2, 0, 1)
            assert np.array_equal(x.numpy(), stored)
    assert sum(data.label_counts()) == data.count("train")
    assert opened(tmp_path, unconditional=True).given == {}


def test_one_folder_is_no_class(tmp_path: Path) -> None:
    assert opened(files.folder(tmp_path, 60, ("all",))).given == {}


def test_a_picture_beside_the_folders_of_the_classes_has_no_label(tmp_path: Path) -> None:
    files.folder(tmp_path, 60, ("cat", "dog"))
    Image.fromarray(files.noise(1000)).save(tmp_path / "cover.png")
    data = opened(tmp_path)
    batches = [data.once(split, 0, 100) for split in ("train", "validation", "test")]
    unsaid = [data.where(int(number)) for part in batches for number in part.index[part.given["label"] < 0]]
    assert unsaid == ["cover.png"]
    assert data.overview.unlabelled == 1
    assert sum(data.count(split) for split in ("train", "validation", "test")) == 61
    assert sum(data.label_counts()) == int((batches[0].given["label"] >= 0).sum())


def test_a_class_of_which_nothing_can_be_read_vanishes(tmp_path: Path) -> None:
    files.folder(tmp_path, 60, ("ant", "cat", "dog"))
    shutil.rmtree(tmp_path / "ant")
    (tmp_path / "ant").mkdir()
    (tmp_path / "ant" / "x.png").write_bytes(b"")
    data = opened(tmp_path)
    assert data.given["label"].names == ("cat", "dog")
    assert min(data.label_counts()) > 0


def test_folders_called_train_and_test_are_the_splits(tmp_path: Path) -> None:
    files.folder(tmp_path / "train", 60, ("cat", "dog"))
    files.folder(tmp_path / "test", 20, ("cat", "dog"), first=60)
    data = opened(tmp_path)
    assert data.given["label"].names == ("cat", "dog")
    assert data.count("test") == 20
    assert 0 < data.count("validation") < 20
    assert data.count("train") + data.count("validation") == 60
    assert {data.where(index).split("/")[0] for index in data.once("test", 0, 99).index.tolist()} == {"test"}
    with pytest.raises(ValueError, match="split of its own"):
        opened(tmp_path, shares=(0.5, 0.25, 0.25))


# --- sizes and channels ----------------------------------------------------------------------------------------------


def test_own_size_where_all_agree(tmp_path: Path) -> None:
    for number in range(60):
        Image.fromarray(files.noise(number, 20, 31)).save(tmp_path / f"{number}.png")
    assert opened(tmp_path).space.shape == (3, 20, 31)
    assert opened(tmp_path, size=24).space.shape == (3, 24, 24)
    Image.fromarray(files.noise(99, 21, 31)).save(tmp_path / "other.png")
    assert opened(tmp_path).space.shape == (3, 32, 32)


def test_large_pictures_become_32(tmp_path: Path) -> None:
    assert opened(files.folder(tmp_path, 30, size=65)).space.shape == (3, 32, 32)


def test_single_pixels_are_no_data(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 x 1 pixels are too few"):
        opened(files.folder(tmp_path, 30, size=1))


def test_grey_sets_have_one_channel_however_they_are_stored(tmp_path: Path) -> None:
    """Grey saved as RGB counts as grey; one coloured picture makes three channels and moves nothing to another split."""
    files.folder(tmp_path, 60, channels=1)
    for path in sorted(tmp_path.iterdir())[:30]:
        Image.open(path).convert("RGB").save(path)
    grey = opened(tmp_path)
    assert grey.space.shape == (1, 12, 12)
    tests = {grey.where(index) for index in grey.once("test", 0, 99).index.tolist()}
    Image.fromarray(files.noise(1234)).save(tmp_path / "colour.png")
    colour = opened(tmp_path)
    assert colour.space.shape == (3, 12, 12)
    assert tests == {colour.where(index) for index in colour.once("test", 0, 99).index.tolist()} - {"colour.png"}


# --- the cache -------------------------------------------------------------------------------------------------------


def entries(cache: Path) -> list[Path]:
    return sorted((cache / "pictures").glob("*"))


def test_a_second_open_decodes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.folder(tmp_path / "set", 40, ("a", "b"))
    first = opened(tmp_path / "set", cache=tmp_path / "cache")
    monkeypatch.setattr("genlab.data.store.decoded", lambda *_: pytest.fail("decoded again"))
    again = opened(tmp_path / "set", cache=tmp_path / "cache", unconditional=True)
    assert torch.equal(everything(first), everything(again))
    assert len(entries(tmp_path / "cache")) == 1


def test_a_changed_folder_is_decoded_again_and_the_old_entry_goes(tmp_path: Path) -> None:
    files.folder(tmp_path / "set", 40)
    first = opened(tmp_path / "set", cache=tmp_path / "cache")
    small = opened(tmp_path / "set", cache=tmp_path / "cache", size=8)
    Image.fromarray(files.noise(4321)).save(tmp_path / "set" / "000.png")
    again = opened(tmp_path / "set", cache=tmp_path / "cache")
    assert first.fingerprint != again.fingerprint != small.fingerprint
    assert len(entries(tmp_path / "cache")) == 2  # one of each size


def test_a_damaged_entry_is_made_anew(tmp_path: Path) -> None:
    files.folder(tmp_path / "set", 40)
    first = everything(opened(tmp_path / "set", cache=tmp_path / "cache"))
    for name in ("x.npy", "rows.npy", "record.json"):
        file = entries(tmp_path / "cache")[0] / name
        file.write_bytes(file.read_bytes()[:40])
        assert torch.equal(first, everything(opened(tmp_path / "set", cache=tmp_path / "cache")))


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("where", ["_reshaped", "flushed", "decoded"])
def test_an_interrupt_or_a_full_disk_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException, where: str
) -> None:
    files.folder(tmp_path / "set", 40)

    def fails(*_: object) -> None:
        raise stop

    with monkeypatch.context() as patch:
        patch.setattr(f"genlab.data.store.{where}", fails)
        with pytest.raises(type(stop)):
            opened(tmp_path / "set", cache=tmp_path / "cache")
    assert entries(tmp_path / "cache") == []
    assert opened(tmp_path / "set", cache=tmp_path / "cache").count("train") > 20


def test_a_cache_that_cannot_be_written_says_where_else(tmp_path: Path) -> None:
    files.folder(tmp_path / "set", 40)
    (tmp_path / "cache").write_text("a file in the way", encoding="utf-8")
    with pytest.raises(ValueError, match="set GENLAB_CACHE to a folder that you can write to"):
        opened(tmp_path / "set", cache=tmp_path / "cache")


def test_large_sets_are_mapped_and_read_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.folder(tmp_path / "set", 40)
    small = everything(opened(tmp_path / "set", cache=tmp_path / "cache"))
    monkeypatch.setattr("genlab.data.cache.IN_MEMORY", 10)
    mapped = opened(tmp_path / "set", cache=tmp_path / "cache")
    assert isinstance(mapped._x, np.memmap)
    assert torch.equal(small, everything(mapped))


def test_progress_is_told(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    opened(files.folder(tmp_path, 30), progress=lambda *said: seen.append(said))
    assert [said for said in seen if said[2] == "decoding pictures"][-1][:2] == (30, 30)


def test_the_order_of_files_does_not_decide_their_size(tmp_path: Path) -> None:
    # The first picture says what is expected; one that is too small to be fitted to that still counts as a second size.
    for folder, sides in (("large", [64] * 59 + [5]), ("small", [5] + [64] * 59)):
        (tmp_path / folder).mkdir()
        for number, side in enumerate(sides):
            levels = np.random.default_rng(number).integers(0, 256, (side, side), dtype=np.uint8)
            Image.fromarray(levels).save(tmp_path / folder / f"{number:02}.png")
        data = opened(tmp_path / folder)
        assert data.space.shape == (1, 32, 32), folder
        assert sum(data.overview.counts.values()) == 60, folder
