"""What belongs to an example stays with it, and what is left out is said: whatever rows, files or cells are passed over."""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from genlab.core.program import installing
from genlab.data import open as opened
from genlab.data.cache import MOST_HELD, parallel_map
from genlab.data.layout import laid_out, role_of
from genlab.data.walk import product
from tests.data import files
from tests.data.test_layout import paths
from tests.data.test_pieces import recordings, wave
from tests.data.test_table import X, rows, table

SPLITS = ("train", "validation", "test")


def lines(data: Any) -> list[str]:
    return [each.line() for each in data.overview.left_out]


def everything(data: Any) -> dict[str, tuple[torch.Tensor, str, bool]]:
    """(x, class, whether all of it is known) by the name in the source."""
    found = {}
    for split in SPLITS:
        batch = data.once(split, 0, 999)
        names = data.given["label"].names if "label" in data.given else ()
        for row, index in enumerate(batch.index.tolist()):
            label = int(batch.given["label"][row]) if names else -1
            known = batch.seen is None or bool(batch.seen[row].all())
            found[data.where(index)] = batch.x[row], names[label] if label >= 0 else "", known
    return found


# --- tables ----------------------------------------------------------------------------------------------------------


def test_labels_stay_with_their_rows_where_others_are_left_out(tmp_path: Path) -> None:
    cells = [f"{'' if n % 9 == 4 else X[n, 0]},{X[n, 1]},{'even' if n % 2 == 0 else 'odd'}" for n in range(80)]
    data = opened(table(tmp_path, ["a,b,label", *cells]), complete=True)
    found = everything(data)
    assert len(found) == 80 - 9
    for name, (x, label, _) in found.items():
        number = int(name.split()[-1]) - 2
        assert label == ("even" if number % 2 == 0 else "odd")
        np.testing.assert_allclose(x, X[number], atol=1e-6)


def test_what_is_missing_is_the_mean_and_no_zero(tmp_path: Path) -> None:
    """A gap is not equal to a zero: neither in x nor among the equal rows."""
    shifted = X + 5
    cells = [f"{a},{b}" for a, b in shifted]
    cells[3], cells[4] = f"{shifted[3, 0]},", f"{shifted[3, 0]},0"
    data = opened(table(tmp_path, ["a,b", *cells]))
    assert not any("equal" in line for line in data.overview.odd)
    gap = everything(data)["line 5"][0]
    assert float(gap[1]) == pytest.approx(data.space.center[1], rel=1e-6)


def test_indices_with_gaps_are_left_out_under_no_name_alone(tmp_path: Path) -> None:
    gaps = [f"{3 * n + n % 2},{row}" for n, row in enumerate(rows())]
    assert opened(table(tmp_path, [",a,b", *gaps])).space.shape == (2,)
    assert opened(table(tmp_path, ["id,a,b", *gaps])).space.shape == (3,)


def test_columns_asked_for_are_no_label(tmp_path: Path) -> None:
    path = table(tmp_path, ["a,label", *(f"{X[n, 0]},{n % 4}" for n in range(80))])
    assert list(opened(path).given) == ["label"]
    data = opened(path, columns="a,label")
    assert (data.space.shape, dict(data.given)) == ((2,), {})


def test_words_that_never_come_again_are_no_classes(tmp_path: Path) -> None:
    path = table(tmp_path, ["a,b,target", *(f"{row},name{n}" for n, row in enumerate(rows()))])
    with pytest.raises(ValueError, match=r"column target: 'name0' and 'name1' are no numbers; make it the label"):
        opened(path)
    path = table(tmp_path, ["a,b,target", *(f"{row},{n * 7 % 61}" for n, row in enumerate(rows()))])
    assert opened(path).space.shape == (3,)


def test_one_value_far_away_is_no_sign_for_a_missing_one(tmp_path: Path) -> None:
    data = opened(table(tmp_path, ["a,b", *rows(), "99999,0"]))
    assert not any("far from all others" in line for line in data.overview.odd)


def test_more_columns_than_can_be_learnt_are_refused(tmp_path: Path) -> None:
    many = np.random.default_rng(0).normal(size=(40, 65)).round(3)
    with pytest.raises(ValueError, match="has points of 65 coordinates; from 1 to 64 can be learnt"):
        opened(table(tmp_path, [",".join(map(str, row)) for row in many]))


def test_the_user_says_whether_the_first_line_names_the_columns(tmp_path: Path) -> None:
    path = table(tmp_path, ["0.5,0.25", *rows()])
    assert len(everything(opened(path))) == 81
    data = opened(path, header="yes")
    assert (len(everything(data)), data.overview.columns) == (80, ("0.5", "0.25"))
    years = table(tmp_path, ["2019,2020", *rows()])
    assert len(everything(opened(years, header="no"))) == 81


def test_cells_may_reach_over_lines_and_names_occur_twice(tmp_path: Path) -> None:
    data = opened(table(tmp_path, ['"height\nin m",a,a', *(f"{row},{n * n}.5" for n, row in enumerate(rows()))]))
    assert data.overview.columns == ("height\nin m", "a", "a (3)")
    assert opened(tmp_path / "x.csv", columns="a (3),a").space.shape == (2,)


def test_a_line_that_is_short_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line 4: 1 cell where the others have 2; mend the line"):
        opened(table(tmp_path, ["a,b", *rows()[:2], "7", *rows()[2:]]))


def test_points_or_commas_of_thousands(tmp_path: Path) -> None:
    path = table(tmp_path, ["a;b", *(f"{n}.{n + 100};{n + 1}.{(n * 37) % 900 + 100}" for n in range(1, 80))])
    with pytest.raises(ValueError, match=r"1.101 may be above a thousand or not: say --decimal point or --decimal comma"):
        opened(path)
    assert float(everything(opened(path, decimal="comma"))["line 2"][0][0]) == 1101
    assert float(everything(opened(path, decimal="point"))["line 2"][0][0]) == pytest.approx(1.101)


# --- folders and archives --------------------------------------------------------------------------------------------


def test_two_domains_need_no_test_split() -> None:
    found = laid_out(paths(trainA=2, trainB=2), "x")
    assert found.domains is not None
    assert found.domains.tolist() == ["A", "A", "B", "B"]
    assert role_of("a_train") is None  # a word before the split's is a name, not a domain


def test_what_lies_beside_splits_is_in_none_of_them() -> None:
    found = laid_out([*paths(train__a=2, train__b=2, test__a=1), "old/0.png"], "x")
    assert found.own is not None
    assert found.own.tolist() == [0, 0, 0, 0, 2, -1]
    inside = laid_out([*paths(cat__train=2, cat__test=1, dog__train=1, dog__test=1), "cover.png"], "x")
    assert inside.keep.tolist() == [True] * 5 + [False]


def test_a_comparison_is_known_before_its_page_is_written(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}", encoding="utf-8")
    assert product(tmp_path) == ""
    (tmp_path / "runs").mkdir()
    assert product(tmp_path) == "a comparison"


def test_a_folder_comes_before_the_links_to_it(tmp_path: Path) -> None:
    files.folder(tmp_path, 30, ("cat", "zebra"))
    (tmp_path / "apes").symlink_to("zebra")
    data = opened(tmp_path)
    assert data.given["label"].names == ("cat", "zebra")
    assert lines(data) == ["1 link (apes/): leads to what is read already"]


def test_names_that_would_steer_a_terminal_are_written_out(tmp_path: Path) -> None:
    files.folder(tmp_path, 30)
    (tmp_path / "a\x1b[2Jb.doc").write_text("by me", encoding="utf-8")
    assert lines(opened(tmp_path)) == [r"1 file (a\x1b[2Jb.doc): no pictures"]


def test_captions_are_on_one_line_and_those_of_the_nearest_kind_count(tmp_path: Path) -> None:
    files.folder(tmp_path, 30)
    for number in range(30):
        (tmp_path / f"{number:03}.txt").write_text(f" number\n  {number} ", encoding="utf-8")
        (tmp_path / f"{number:03}.json").write_text(json.dumps({"text": "something else"}), encoding="utf-8")
    said = {f"number {n}" for n in range(30)}
    assert captions(opened(tmp_path)) == said
    rows = [{"file_name": f"{n:03}.png", "text": f"number\n {n}\t"} for n in range(30)]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert captions(opened(tmp_path)) == said


def captions(data: Any) -> set[str]:
    return {text for split in SPLITS for text in data.tokenizers["text"].decode(data.once(split, 0, 99).given["text"])}


def test_large_items_wait_until_others_are_done() -> None:
    begun: list[int] = []

    def items() -> Iterator[int]:
        for number in range(6):
            begun.append(number)
            yield number

    for done, _ in enumerate(parallel_map(str, items(), lambda _: MOST_HELD // 2 + 1)):
        assert len(begun) <= done + 2


@pytest.mark.parametrize("place", ["__MACOSX/", "@eaDir/", ".thumbs/", "a/._"])
def test_other_programs_files_in_an_archive_are_not_read(tmp_path: Path, place: str) -> None:
    files.folder(tmp_path / "set", 30)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for file in sorted((tmp_path / "set").iterdir()):
            archive.write(file, file.name)
        archive.write(file, f"{place}x.png")
    assert set(everything(opened(tmp_path / "x.zip"))) == {file.name for file in (tmp_path / "set").iterdir()}


def test_an_archive_that_changed_is_read_anew(tmp_path: Path) -> None:
    prints = []
    for first in (0, 50):
        files.folder(tmp_path / str(first), 30, first=0)
        for number, file in enumerate(sorted((tmp_path / str(first)).iterdir())):
            Image.fromarray(files.noise(first + number)).save(file)
        with tarfile.open(tmp_path / "x.tar", "w") as archive:
            for file in sorted((tmp_path / str(first)).iterdir()):
                archive.add(file, file.name)
        prints.append(opened(tmp_path / "x.tar", cache=tmp_path / "cache").fingerprint)
    assert prints[0] != prints[1]


@pytest.mark.parametrize(
    ("name", "head", "said"),
    [
        ("x.png.txt", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS.*git lfs pull"),
        ("x.txt", b"%PDF-1.7\n", "is a PDF; save its text"),
        ("x.dat", b"\x80\x04\x95", "is a pickle; save its arrays"),
        ("x.csv", b"\x80\x02}q", "is a pickle"),
        ("x.txt", b"PK\x03\x04" + bytes(50), "x.txt is damaged"),
        ("x.xlsx", b"PK\x03\x04" + bytes(50), "is a spreadsheet; export it"),
        ("x.txt", bytes(257) + b"ustar" + bytes(300), "x.txt is damaged"),
        ("x.txt", b"\x1f\x8b\x08" + bytes(50), "is a gzip archive; unpack it"),
    ],
)
def test_a_file_is_what_its_first_bytes_say(tmp_path: Path, name: str, head: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(head)
    with pytest.raises(ValueError, match=said):
        opened(tmp_path / name)


# --- texts -----------------------------------------------------------------------------------------------------------


def test_lines_without_a_text_are_said(tmp_path: Path) -> None:
    written = [{"text": f"some words, number {n}"} for n in range(200)]
    for place, row in ((3, {"text": "  "}), (9, {"title": "x"}), (11, {"text": None})):
        written.insert(place, row)
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, written)), encoding="utf-8")
    data = opened(tmp_path / "x.jsonl", lines=True)
    assert lines(data) == ["3 lines (line 4, line 10, line 12): without a `text`"]
    assert sum(data.count(split) for split in SPLITS) == 200


def test_json_is_asked_about(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps([{"text": f"number {n}"} for n in range(500)]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"is JSON: save its texts as .jsonl.*--kind text"):
        opened(tmp_path / "x.json")
    assert opened(tmp_path / "x.json", kind="text").space.axes == "T"


# --- recordings and clips --------------------------------------------------------------------------------------------


def test_what_is_left_out_beside_recordings_is_said(tmp_path: Path) -> None:
    path = recordings(tmp_path / "s")
    (path / "broken.wav").write_bytes(b"RIFF" + bytes(50))
    (path / "notes.doc").write_text("by me", encoding="utf-8")
    for number in range(12):
        soundfile.write(path / f"quiet{number}.wav", (wave(number) // 200).astype(np.int16), 8000)
    data = opened(path)
    assert any(line.startswith("1 recording (broken.wav: ") and line.endswith("cannot be read") for line in lines(data))
    assert any(line.startswith("1 file (notes.doc)") for line in lines(data))
    assert any("times as loud as the quietest" in line for line in data.overview.odd)
    for number in range(10):
        (path / f"broken{number}.wav").write_bytes(b"RIFF" + bytes(50 + number))
    with pytest.raises(ValueError, match=r"11 of the 71 recordings of s cannot be read, more than a tenth"):
        opened(path)
    assert sum(opened(path, allow_bad=True).count(split) for split in SPLITS) == 60


def test_clips_have_colours_where_any_frame_has_and_others_are_said(tmp_path: Path) -> None:
    path = tmp_path / "g"
    path.mkdir()
    for number in range(30):
        grey = [np.full((12, 12, 3), 8 * number + n, np.uint8) for n in range(3)]
        grey[2][:, :, 0] = 200
        images = [Image.fromarray(frame) for frame in grey]
        images[0].save(path / f"{number:02}.gif", save_all=True, append_images=images[1:])
    (path / "notes.doc").write_text("by me", encoding="utf-8")
    data = opened(path)
    assert data.space.shape == (3, 3, 12, 12)
    assert any(line.startswith("1 file (notes.doc)") for line in lines(data))
    for number in range(8):
        (path / f"broken{number}.gif").write_bytes(b"GIF89a" + bytes(40 + number))
    with pytest.raises(ValueError, match="8 of the 38 clips of g cannot be read, more than a tenth"):
        opened(path)
    assert any(line.startswith("8 clips (broken0.gif: ") for line in lines(opened(path, allow_bad=True)))


def test_videos_without_their_extra_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genlab.data.clips.reads_video", lambda: False)
    (tmp_path / "x.mp4").write_bytes(bytes(100))
    with pytest.raises(ValueError, match=re.escape(f"holds videos, which needs an extra: {installing('video')}")):
        opened(tmp_path)


# --- the block -------------------------------------------------------------------------------------------------------


def test_the_block_says_how_many_classes_there_are_which_is_smallest_and_what_has_none(tmp_path: Path) -> None:
    names = [f"c{n:02}" for n in range(14)]
    files.folder(tmp_path, 70, tuple(names))
    (tmp_path / "c13/013.png").unlink()
    files.folder(tmp_path, 2, first=100)
    data = opened(tmp_path)
    said = dict(data.overview.lines("picture", ""))["classes"]
    assert said.startswith("c00 5, c01 5")
    assert "and 2 more (the smallest is c13, 4); 2 without: the folders" in said


# --- parquet and arrays ----------------------------------------------------------------------------------------------


def test_labels_and_texts_of_parquet_stay_with_their_rows(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    from tests.data.test_sources import png

    content: list = [png(files.noise(row)) for row in range(70)]
    content[2], content[20] = b"no picture", b""
    words = [f"number {row}" for row in range(70)]
    labels = [None if row % 7 == 0 else ("a", "b")[row % 2] for row in range(70)]
    pq.write_table(pa.table({"image": content, "label": labels, "text": words}), tmp_path / "x.parquet")
    data = opened(tmp_path / "x.parquet")
    assert data.overview.unlabelled == 10
    assert len(found := everything(data)) == 68
    for split in SPLITS:
        batch = data.once(split, 0, 99)
        said = data.tokenizers["text"].decode(batch.given["text"])
        for index, text in zip(batch.index.tolist(), said, strict=True):
            row = int(data.where(index).split()[-1])
            assert text == f"number {row}"
            assert found[data.where(index)][1] == (labels[row] or "")


def test_numbers_beyond_the_names_of_classes_are_classes_by_number(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow.parquet")
    from tests.data.test_sources import parquet, pq

    path = parquet(tmp_path / "x.parquet", range(70))
    read = pq.read_table(path)
    pq.write_table(read.set_column(1, "label", [[row % 3 for row in range(70)]]), path)
    assert opened(path).given["label"].names == ("0", "1", "2")


def test_gaps_in_a_table_of_parquet_are_missing_entries(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {"a": [None if n % 10 == 3 else float(X[n, 0]) for n in range(80)], "b": X[:, 1].tolist()}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    found = everything(opened(tmp_path / "x.parquet"))
    assert sum(known for _, _, known in found.values()) == 72


def test_levels_of_sixteen_bits_are_scaled_to_the_nearest(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 65536, (60, 4, 4)).astype(np.uint16)
    np.savez(tmp_path / "x.npz", x=x, levels=65536)
    for name, (picture, _, _) in everything(opened(tmp_path / "x.npz")).items():
        number = int(name.split()[-1])
        assert np.array_equal(picture[0], np.floor(x[number].astype(float) * 255 / 65535 + 0.5))


def test_what_stands_beside_an_array_of_sound_is_kept(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (60, 1, 32)).astype(np.uint8)
    for curve in ("mu-law", "linear"):
        np.savez(tmp_path / "x.npz", x=x, axes="NCT", rate=8000, curve=curve)
        space = opened(tmp_path / "x.npz").space
        assert (space.curve, space.rate) == (curve, 8000)
    loud = x.astype(np.float32)
    loud[3, 0, 5] = np.inf
    np.savez(tmp_path / "x.npz", x=loud, axes="NCT")
    with pytest.raises(ValueError, match="x holds numbers that are not finite"):
        opened(tmp_path / "x.npz")


def test_labels_of_one_hot_rows(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (60, 4, 4)).astype(np.uint8)
    np.savez(tmp_path / "x.npz", x=x, label=np.eye(3)[np.arange(60) % 3])
    data = opened(tmp_path / "x.npz")
    assert data.overview.classes_from == "the array label, one-hot"
    assert {name: label for name, (_, label, _) in everything(data).items()} == {data.where(n): str(n % 3) for n in range(60)}
