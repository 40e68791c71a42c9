"""Which reader a name goes to; parquet and the hub; what is said of names that lead nowhere."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.core.program import installing
from genlab.data import open as opened
from tests.data import files

pq = pytest.importorskip("pyarrow.parquet")
pa = pytest.importorskip("pyarrow")


def png(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, "PNG")
    return out.getvalue()


def parquet(path: Path, rows: range, struct: bool = True, names: tuple[str, ...] = ("cat", "dog"), **more: object) -> Path:
    pictures: list = [png(files.noise(row)) for row in rows]
    content = [{"bytes": picture, "path": None} for picture in pictures] if struct else pictures
    columns = {"image": content, "label": [row % 2 for row in rows], **more}
    table = pa.table(columns)
    if names:
        said = {"info": {"features": {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": list(names)}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(said)})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


@pytest.mark.parametrize("struct", [True, False])
def test_parquet_of_the_hub(tmp_path: Path, struct: bool) -> None:
    data = opened(parquet(tmp_path / "x.parquet", range(70), struct))
    assert (data.space.shape, data.given["label"].names) == ((3, 12, 12), ("cat", "dog"))
    batch = data.once("train", 0, 10)
    for index, x, label in zip(batch.index.tolist(), batch.x, batch.given["label"].tolist(), strict=True):
        np.testing.assert_array_equal(x.numpy(), files.noise(index).transpose(2, 0, 1))
        assert label == index % 2
        assert data.where(index) == f"x.parquet, row {index}"


def test_parquet_files_called_train_and_test_are_the_splits(tmp_path: Path) -> None:
    parquet(tmp_path / "data" / "train-00000-of-00001.parquet", range(60))
    parquet(tmp_path / "data" / "test-00000-of-00001.parquet", range(60, 80))
    data = opened(tmp_path)
    assert data.count("test") == 20
    assert data.count("train") + data.count("validation") == 60


def test_a_parquet_file_without_a_column_of_the_others_is_named(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", range(60))
    pq.write_table(
        pq.read_table(parquet(tmp_path / "b.parquet", range(60, 80))).drop_columns(["label"]), tmp_path / "b.parquet"
    )
    with pytest.raises(ValueError, match=r"b.parquet lacks the column label that a.parquet has"):
        opened(tmp_path)
    for name in ("a", "b"):
        table = pq.read_table(tmp_path / f"{name}.parquet")
        pq.write_table(table.drop_columns(["label"] if name == "a" else ["image"]), tmp_path / f"{name}.parquet")
    with pytest.raises(ValueError, match=r"b.parquet lacks the column image that a.parquet has"):
        opened(tmp_path)


def test_texts_of_parquet_are_given(tmp_path: Path) -> None:
    texts = [f"a  {('red', 'blue')[row % 2]}\nthing {row}" for row in range(70)]
    path = parquet(tmp_path / "x.parquet", range(70), text=[*texts[:-1], None])
    data = opened(path, cache=tmp_path / "cache")
    assert list(data.given) == ["label", "text"]
    space = data.given["text"]
    assert (space.axes, space.shape) == ("T", (len("a blue thing 69") + 1,))
    for batch in (data.once("test", 0, 99), opened(path, cache=tmp_path / "cache").stream("train", 3, 9)):
        for index, row in zip(batch.index.tolist(), batch.given["text"].tolist(), strict=True):
            said = "".join(space.names[token] for token in row).split("\n")[0]
            assert said == ("" if index == 69 else " ".join(texts[index].split()))
    assert opened(path, unconditional=True).given == {}


def test_parquet_with_bad_rows_names_them(tmp_path: Path) -> None:
    path = parquet(tmp_path / "x.parquet", range(70))
    table = pq.read_table(path)
    rows = table.column("image").to_pylist()
    rows[5], rows[9] = {"bytes": b"no picture", "path": None}, None
    pq.write_table(table.set_column(0, "image", pa.array(rows)), path)
    assert [name for name, _ in opened(path).skipped] == ["x.parquet, row 5", "x.parquet, row 9"]


def test_damaged_and_other_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(ValueError, match=r"x.parquet is damaged or no parquet file"):
        opened(tmp_path / "x.parquet")
    pq.write_table(pa.table({"b": ["x"]}), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"has no column of pictures, numbers or text; its columns are b .string."):
        opened(tmp_path / "x.parquet")


def test_without_the_extra_parquet_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet(tmp_path / "x.parquet", range(70))
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(ValueError, match=re.escape(f"reading parquet needs pyarrow: {installing('hub')}")):
        opened(tmp_path / "x.parquet")


def test_the_hub_without_a_network_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("[Errno -2] Name or service not known")

    monkeypatch.setattr(hub.HfApi, "dataset_info", unreachable)
    with pytest.raises(ValueError, match=r"hub:ylecun/mnist could not be had from huggingface.co .*check .*HF_HUB_OFFLINE=1"):
        opened("hub:ylecun/mnist")
    with pytest.raises(ValueError, match="hub:OWNER/NAME"):
        opened("hub:mnist")


def test_the_hubs_splits_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    hub = pytest.importorskip("huggingface_hub")

    def part(rows: range) -> object:
        pictures = [Image.fromarray(files.noise(row)) for row in rows]
        features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})
        return datasets.Dataset.from_dict({"image": pictures, "label": [row % 2 for row in rows]}, features=features)

    monkeypatch.setattr(hub.HfApi, "dataset_info", lambda *_, **__: None)
    found = datasets.DatasetDict({"train": part(range(60)), "test": part(range(60, 80))})
    monkeypatch.setattr(datasets, "load_dataset", lambda *_: found)
    data = opened("hub:someone/animals")
    assert (data.name, data.count("test"), data.given["label"].names) == ("animals", 20, ("cat", "dog"))
    test = data.once("test", 0, 20)
    np.testing.assert_array_equal(test.x[0].numpy(), files.noise(60).transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digist", "did you mean digits?"),
        ("rings", "did you mean points/ring?"),
        ("points/rnig", "did you mean points/ring?"),
        ("moons", "did you mean points/moons?"),
        ("my-pictures/", "genlab list data shows what is built in"),
        ("nowhere", "genlab list data shows what is built in"),
        ("holiday.jpg", "genlab list data shows what is built in"),
        ("./digits", "did you mean digits?"),
    ],
)
def test_a_name_that_leads_nowhere(name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"there is no file or folder .*{message}".replace("?", "[?]")):
        opened(name)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "are named by a path or a built-in name.*not by NoneType"),
        (["a", "b"], "not by list"),
        (np.zeros((60, 8, 8), np.uint8), "not by ndarray; save arrays as x, with label, in a .npz"),
        (torch.zeros(60, 1, 8, 8), "not by Tensor"),
        ("", "the name of the data is empty"),
        (" ", "the name of the data is empty"),
        ("https://example.com/a.zip", "is an address: download it"),
    ],
)
def test_what_names_no_data_is_refused(source: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above all an empty name, as of a variable that was never set, which is not the folder that one is in."""
    monkeypatch.chdir(files.folder(tmp_path / "here", 60))
    with pytest.raises(ValueError, match=message):
        opened(source)
    with pytest.raises(ValueError, match=message):
        genlab.train("vae", source, steps=1)
    assert not Path("runs").exists()


def test_a_near_miss_of_a_path_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "my-pictures").mkdir()
    with pytest.raises(ValueError, match=r"did you mean .*my-pictures[?]"):
        opened(tmp_path / "my-picturs")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.wav", "is one recording; name the folder it lies in"),
        ("a.png", "is one picture; name the folder it lies in"),
        ("train-images-idx3-ubyte.gz", "name the folder it lies in"),
        ("a.txt", "is empty"),
        ("a.zip", "zip"),
    ],
)
def test_single_files_that_are_no_data(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"PK\3\4\0\0" if name == "a.zip" else b"")
    with pytest.raises(ValueError, match=message):
        opened(tmp_path / name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size must be a whole number from 2"),
        ({"size": 5000}, "size must be a whole number from 2 to 1,024"),
        ({"size": 8.5}, "size must be a whole number"),
        ({"size": 8.0}, "size must be a whole number"),
        ({"binarise": "blurry"}, "binarise must be threshold, static, dynamic"),
        ({"shares": (0.5, 0.5)}, "shares are those of train, validation and test"),
        ({"shares": (0.0, 0.5, 0.5)}, "shares are those of train, validation and test"),
        ({"length": 9}, "--length does not suit digits: it holds pictures"),
        ({"lines": True}, "--lines does not suit digits"),
    ],
)
def test_impossible_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        opened("digits", **options)


def test_digits_are_the_1797_of_uci() -> None:
    data = opened("digits")
    assert (data.space.shape, data.space.levels) == ((1, 8, 8), 17)
    assert sum(data.count(split) for split in ("train", "validation", "test")) == 1797
    labels = torch.cat([data.once(split, 0, 2000).given["label"] for split in ("train", "validation", "test")])
    assert labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert data.overview.licence.startswith("CC BY 4.0")


# --- parquet that is something else ----------------------------------------------------------------------------------


def test_other_columns_are_labels_where_their_names_say_so(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "x.parquet",
        range(70),
        fine_label=[row % 5 for row in range(70)],
        coarse=["ab"[row % 2] for row in range(70)],
    )
    bare = pq.read_table(path).drop_columns(["label"])
    pq.write_table(bare, tmp_path / "y.parquet")
    data = opened(tmp_path / "y.parquet")
    assert (data.given["label"].names, data.overview.classes_from) == (tuple("01234"), "the column fine_label")
    assert opened(tmp_path / "y.parquet", label="coarse").given["label"].names == ("a", "b")
    with pytest.raises(ValueError, match=r"--label corse: the table has no such column; did you mean coarse"):
        opened(tmp_path / "y.parquet", label="corse")


def test_two_columns_of_pictures_are_asked_about(tmp_path: Path) -> None:
    table = pq.read_table(parquet(tmp_path / "x.parquet", range(70)))
    pq.write_table(table.append_column("mask", table["image"]), tmp_path / "x.parquet")
    assert [each.line() for each in opened(tmp_path / "x.parquet").overview.left_out] == [
        "1 column (mask): pictures too; --columns chooses"
    ]
    both = table.rename_columns(["photo" if name == "image" else name for name in table.schema.names])
    pq.write_table(both.append_column("mask", table["image"]), tmp_path / "y.parquet")
    with pytest.raises(ValueError, match=r"y has pictures in photo and mask; say which to learn, as --columns photo"):
        opened(tmp_path / "y.parquet")
    assert opened(tmp_path / "y.parquet", columns="mask").count("train") == opened(tmp_path / "x.parquet").count("train")


def test_tables_and_texts_in_parquet(tmp_path: Path) -> None:
    a = np.random.default_rng(0).normal(size=80)
    pq.write_table(pa.table({"a": a, "b": 2 * a + 1, "kind": ["xy"[n % 2] for n in range(80)]}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"column kind: 'x' and 'y' are no numbers; make it the label, --label kind"):
        opened(tmp_path / "t.parquet")
    data = opened(tmp_path / "t.parquet", label="kind")
    assert (data.space.axes, data.overview.columns, data.given["label"].names) == ("D", ("a", "b"), ("x", "y"))
    pq.write_table(pa.table({"text": [f"sentence number {n}" for n in range(400)]}), tmp_path / "s.parquet")
    assert opened(tmp_path / "s.parquet").space.axes == "T"
    lines = opened(tmp_path / "s.parquet", lines=True)
    assert sum(lines.count(split) for split in ("train", "validation", "test")) == 400
