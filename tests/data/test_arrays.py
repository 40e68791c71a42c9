"""MNIST's IDX files, arrays of numpy and tables of points: read exactly, and refused in a sentence that says what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from genlab.core.space import Space
from genlab.data import open as opened
from genlab.data.base import SPLITS
from genlab.data.splits import digests
from tests.data import files


def everything(data) -> torch.Tensor:
    """All examples in the source's order."""
    parts = [data.once(split, 0, 10**6) for split in ("train", "validation", "test")]
    return torch.cat([part.x for part in parts])[torch.cat([part.index for part in parts]).argsort()]


# --- IDX -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [True, False])
def test_idx_files_keep_their_test_split_and_train_gives_a_validation(tmp_path: Path, pack: bool) -> None:
    data = opened(files.mnist_like(tmp_path, pack=pack))
    assert (data.space.shape, data.space.levels, data.given["label"].names) == ((1, 6, 6), 256, ("0", "1", "2"))
    assert data.count("test") == 20
    assert data.count("train") + data.count("validation") == 60
    assert 0 < data.count("validation") < 20
    stored = np.random.default_rng(5).integers(0, 256, (80, 6, 6))
    np.testing.assert_array_equal(everything(data)[:, 0].numpy(), stored)
    batch = data.once("test", 0, 20)
    assert batch.given["label"].tolist() == [row % 3 for row in range(20)]
    assert data.where(int(batch.index[0])).startswith("t10k-images-idx3-ubyte")


def test_idx_without_labels_has_no_classes(tmp_path: Path) -> None:
    files.mnist_like(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    assert opened(tmp_path).given == {}


def test_idx_pictures_are_resized_when_asked(tmp_path: Path) -> None:
    assert opened(files.mnist_like(tmp_path), size=8).space.shape == (1, 8, 8)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train-images-idx3-ubyte.gz", b"\x1f\x8b half of a gzip", "damaged"),
        ("train-images-idx3-ubyte.gz", None, "no images|has labels"),
        ("train-labels-idx1-ubyte.gz", files.gzip.compress(files.idx(np.zeros(7))), "7 labels for 60 pictures"),
        ("train-images-idx3-ubyte.gz", files.gzip.compress(files.idx(np.zeros((60, 6, 6)))[:-5]), "where its head promises"),
        ("train-images-idx3-ubyte.gz", files.gzip.compress(b"\0\0\x0d\x03"), "no IDX file of unsigned bytes"),
        ("train-images-idx3-ubyte.gz", files.gzip.compress(files.idx(np.zeros((60, 5, 5)))), "different sizes"),
    ],
    ids=["half of a gzip", "missing", "too few labels", "cut short", "not bytes", "other size"],  # a gzip holds the time
)
def test_damaged_idx_files_are_named(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    files.mnist_like(tmp_path)
    if content is None:
        for images in tmp_path.glob("*images*"):
            images.unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        opened(tmp_path)


def test_copies_of_held_out_pictures_leave_train(tmp_path: Path) -> None:
    """The source's own test split stays whole; what train has of it goes."""
    files.mnist_like(tmp_path)
    train = np.random.default_rng(5).integers(0, 256, (60, 6, 6))
    test = np.random.default_rng(6).integers(0, 256, (20, 6, 6))
    test[:3] = train[[10, 20, 30]]
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(files.gzip.compress(files.idx(test)))
    data = opened(tmp_path)
    assert data.count("test") == 20
    assert data.count("train") + data.count("validation") == 57
    parts = [digests(data.once(split, 0, 100).x.numpy()) for split in ("train", "validation", "test")]
    assert len(np.unique(np.concatenate(parts), axis=0)) == 77
    assert [each.line() for each in data.overview.left_out] == ["3 pictures: copies of held-out ones"]


# --- arrays ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "axes", "space"),
    [
        ((60, 5, 7), None, (1, 5, 7)),
        ((60, 5, 7, 3), None, (3, 5, 7)),
        ((60, 3, 5, 7), None, (3, 5, 7)),
        ((60, 1, 5, 7), None, (1, 5, 7)),
        ((60, 3, 5, 3), "NHWC", (3, 3, 5)),
        ((60, 3, 5, 3), "NCHW", (3, 5, 3)),
    ],
)
def test_pictures_in_arrays(tmp_path: Path, shape: tuple[int, ...], axes: str | None, space: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).integers(0, 5, shape, dtype=np.uint8)
    label = np.array(["cat", "dog", "emu"])[np.arange(60) % 3]
    np.savez(tmp_path / "x.npz", x=x, levels=5, label=label, **({"axes": axes} if axes else {}))
    data = opened(tmp_path / "x.npz")
    assert (data.space.shape, data.space.levels, data.space.kind) == (space, 5, "ordinal")
    assert data.given["label"].names == ("cat", "dog", "emu")
    channels_last = axes == "NHWC" or (axes is None and shape[-1] == 3 and x.ndim == 4)
    expected = x.transpose(0, 3, 1, 2) if channels_last else x.reshape(60, *space)
    np.testing.assert_array_equal(everything(data).numpy(), expected)
    batch = data.stream("train", 7, 5)
    assert [data.given["label"].names[label] for label in batch.given["label"].tolist()] == label[batch.index].tolist()


def test_a_plain_array_is_pictures_or_points(tmp_path: Path) -> None:
    np.save(tmp_path / "bits.npy", np.random.default_rng(0).random((60, 4, 4)) < 0.5)
    assert opened(tmp_path / "bits.npy").space.kind == "binary"
    np.save(tmp_path / "points.npy", np.random.default_rng(0).normal(3, 2, (60, 4)))
    data = opened(tmp_path / "points.npy")
    assert (data.space.axes, data.space.kind, data.space.shape) == ("D", "real", (4,))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": np.zeros(5)}, r"no array called x .it has y .5,.."),
        ({"a": np.zeros((60, 4, 4)), "b": np.zeros((60, 4, 4))}, "no array called x .it has a .60, 4, 4., b"),
        ({"images": np.zeros((60, 4, 4)), "fine": np.arange(60), "coarse": np.arange(60)}, "no array called x"),
        ({"images": np.zeros((60, 4, 4)), "labels": np.arange(50)}, "no array called x"),
        ({"x_train": np.zeros((60, 4, 4)), "x_test": np.zeros((9, 5, 5))}, "no array called x"),
        ({"x": np.zeros((60, 4, 4), np.uint8), "label": np.linspace(0, 1, 60)}, "label holds measurements .* leave it out"),
        ({"x": np.zeros((60, 784))}, r"reshape.-1, 28, 28. .*--axes NT"),
        ({"x": np.zeros((60, 768))}, r"reshape.-1, 16, 16, 3."),
        ({"x": np.random.default_rng(0).random((60, 4, 4))}, "astype"),
        ({"x": np.full((60, 4, 4), 9, np.uint8), "levels": 9}, "x runs from 9 to 9"),
        ({"x": np.zeros((60, 3, 4, 3), np.uint8)}, "what are its dimensions"),
        ({"x": np.zeros((60, 1, 4, 5, 6), np.uint8)}, "what are its dimensions.*NCDHW.*NFCHW"),
        ({"x": np.zeros((60, 4, 4, 2), np.uint8), "axes": "NHWC"}, "2 channels"),
        ({"x": np.zeros((60, 4), np.uint8), "axes": "NHW"}, "has the shape"),
        ({"x": np.zeros((60, 4, 4), np.uint8), "label": np.zeros(59)}, "labels of shape"),
        ({"x": np.zeros((60, 4, 4), np.uint8), "levels": 1}, "levels must be from 2 to 65,536"),
        ({"x": np.array([{}] * 60)}, "python objects"),
        ({"x": np.array([["a", "b"]] * 60)}, "points are numbers"),
    ],
)
def test_arrays_that_cannot_be_learnt(tmp_path: Path, arrays: dict, message: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        opened(tmp_path / "x.npz")


def test_a_damaged_array_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((60, 4, 4), np.uint8))
    for content in ((tmp_path / "x.npz").read_bytes()[:100], b"no zip at all"):
        (tmp_path / "x.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"x.npz is no file of plain arrays"):
            opened(tmp_path / "x.npz")


@pytest.mark.parametrize("names", [("arr_0", "arr_1"), ("images", "labels"), ("X", "y"), ("data", "target"), ("images", "")])
@pytest.mark.parametrize("column", [True, False])
def test_arrays_of_other_names_are_read_where_one_reading_fits(tmp_path: Path, names: tuple[str, str], column: bool) -> None:
    x, y = np.random.default_rng(0).integers(0, 256, (60, 5, 4), dtype=np.uint8), np.arange(60) % 3
    arrays = {names[0]: x, names[1]: y[:, None] if column else y}
    arrays.pop("", None)
    np.savez(tmp_path / "x.npz", **arrays)
    data = opened(tmp_path / "x.npz")
    batch = data.once("test", 0, 60)
    assert np.array_equal(batch.x[:, 0], x[batch.index])
    assert ("label" in data.given) == bool(names[1])
    if names[1]:
        assert np.array_equal(batch.given["label"], y[batch.index])
    assert f"({names[0]}: the examples" in data.overview.found


@pytest.mark.parametrize(
    "names", [("x_train", "y_train"), ("train_images", "train_labels"), ("X_train", "labels_train"), ("train", "")]
)
@pytest.mark.parametrize("shape", [(5, 4), (4,)])
def test_arrays_in_splits(tmp_path: Path, names: tuple[str, str], shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(0)
    arrays, said = {}, {}
    for split, count in (("test", 20), ("train", 60)):
        said[split] = generator.integers(0, 256, (count, *shape), dtype=np.uint8), np.arange(count) % 3
        arrays |= {name.replace("train", split): array for name, array in zip(names, said[split], strict=True) if name}
    np.savez(tmp_path / "x.npz", **arrays)
    data = opened(tmp_path / "x.npz")
    batch = data.once("test", 0, 99)
    assert np.array_equal(batch.x.reshape(20, *shape), said["test"][0])
    assert not names[1] or np.array_equal(batch.given["label"], said["test"][1])
    assert data.count("train") + data.count("validation") == 60
    assert data.overview.splits_from == "the arrays' names; validation is a tenth of train, by content"


def test_labels_in_bytes_are_words(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.arange(960, dtype=np.uint8).reshape(60, 4, 4), label=np.array([b"cat", b"dog"] * 30))
    assert opened(tmp_path / "x.npz").given["label"].names == ("cat", "dog")


# --- tables ----------------------------------------------------------------------------------------------------------


def table(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("head", [True, False])
def test_points_of_a_table(tmp_path: Path, mark: str, head: bool) -> None:
    x = np.random.default_rng(1).normal([10, -3], [5, 0.1], (70, 2))
    rows = [mark.join(map(str, row)) for row in x]
    data = opened(table(tmp_path / "x.csv", "\n".join([mark.join(("height", "weight"))] * head + rows) + "\n"))
    np.testing.assert_allclose(everything(data).numpy(), x, rtol=1e-6)
    train = x[data.numbers("train")]
    np.testing.assert_allclose(data.space.center, train.mean(0))
    np.testing.assert_allclose(data.space.scale, train.std(0))
    assert data.overview.columns == (("height", "weight") if head else ())


def test_a_column_called_label_is_the_class(tmp_path: Path) -> None:
    rows = [f"{row / 7},{'ab'[row % 2]},{row * row}" for row in range(70)]
    data = opened(table(tmp_path / "x.csv", "\n".join(["u,Label,v", *rows])))
    assert (data.space.shape, data.given["label"].names) == ((2,), ("a", "b"))
    batch = data.once("train", 0, 5)
    assert batch.given["label"].tolist() == [index % 2 for index in batch.index.tolist()]


def test_rows_of_nothing_are_left_out_and_said(tmp_path: Path) -> None:
    """Also with a label: what is known of them is not learnt from."""
    rows = [f"{row},{row * row % 17},{'ab'[row % 2]}" for row in range(70)]
    data = opened(table(tmp_path / "x.csv", "\n".join(["a,b,label", *rows[:3], ",,a", *rows[3:], "9,,b"])))
    assert [each.line() for each in data.overview.left_out] == ["1 row (line 5): nothing but missing values"]
    assert data.overview.classes == {"a": 35, "b": 36}
    assert int(torch.cat([~(data.once(split, 0, 99).seen) for split in SPLITS]).sum()) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,two", "line 5, column b: 'two' is no number"),
        ("1,2,3", "line 5: 3 cells where the others have 2"),
        ("1,inf", "line 5, column b: inf; remove it or mend it"),
    ],
)
def test_a_bad_line_of_a_table_is_named(tmp_path: Path, line: str, message: str) -> None:
    rows = [f"{row},{row * row}" for row in range(70)]
    with pytest.raises(ValueError, match=message):
        opened(table(tmp_path / "x.csv", "\n".join(["a,b", *rows[:3], line, *rows[3:]])))


@pytest.mark.parametrize(
    ("column", "message"),
    [(lambda row: 7, "column b is 7 throughout"), (lambda row: 1e6 + row * 1e-4, "too little for 32-bit numbers; subtract")],
)
def test_a_column_without_a_density_is_named(tmp_path: Path, column, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        opened(table(tmp_path / "x.csv", "\n".join(["a,b", *(f"{row},{column(row)}" for row in range(70))])))


def test_labels_of_minus_one_are_not_said(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (90, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "few.npz", x=x, label=np.where(np.arange(90) % 3 == 0, -1, np.arange(90) % 2))
    data = opened(tmp_path / "few.npz")
    assert data.given["label"] == Space((), "", "token", 2, ("0", "1"))
    assert sum(data.count(split) for split in ("train", "validation", "test")) == 90
    label = torch.cat([data.once(split, 0, 90).given["label"] for split in ("train", "validation", "test")])
    assert int((label == -1).sum()) == 30
    assert (data.overview.unlabelled, sum(data.overview.classes.values())) == (30, 60)


# --- recordings, clips, volumes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axes", "shape", "own"),
    [
        ("NCT", (1, 20), "CT"), ("NT", (1, 20), "CT"), ("NTC", (1, 20), "CT"),
        ("NFCHW", (4, 3, 6, 5), "FCHW"), ("NFHWC", (4, 3, 6, 5), "FCHW"), ("NFHW", (4, 1, 6, 5), "FCHW"),
        ("NCDHW", (1, 4, 6, 5), "CDHW"), ("NDHW", (1, 4, 6, 5), "CDHW"), ("NHWD", (1, 4, 6, 5), "CDHW"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("real", [False, True])
def test_axes_say_the_kind(tmp_path: Path, axes: str, shape: tuple[int, ...], own: str, real: bool) -> None:
    generator = np.random.default_rng(4)
    x = generator.normal(3, 2, (60, *shape)) if real else generator.integers(0, 9, (60, *shape))
    stored = x if "C" in axes else x.squeeze(1 + own.index("C"))
    kept = "N" + (own if "C" in axes else own.replace("C", ""))
    stored = stored.transpose([kept.index(letter) for letter in axes])
    np.savez(tmp_path / "x.npz", x=stored, axes=np.array(axes), **({} if real else {"levels": np.array(9)}))
    data = opened(tmp_path / "x.npz")
    assert (data.space.axes, data.space.shape, data.space.kind) == (own, shape, "real" if real else "ordinal")
    np.testing.assert_allclose(everything(data).numpy(), x, rtol=1e-6)
    np.save(tmp_path / "x.npy", stored)
    assert opened(tmp_path / "x.npy", axes=axes).space.shape == shape
    if real:
        assert data.space.center == pytest.approx((3,), abs=0.2)
        assert data.space.scale == pytest.approx((2,), abs=0.2)


def test_arrays_that_could_be_several_things_are_asked_about(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((60, 8, 7, 6), np.uint8))
    with pytest.raises(ValueError, match=r"what are its dimensions\? Say --axes NHWC or NCHW .pictures., NDHW .volumes."):
        opened(tmp_path / "x.npy")
    with pytest.raises(ValueError, match=r"which the axes 'NCDHW' do not name"):
        opened(tmp_path / "x.npy", axes="NCDHW")


def test_pairs_come_back_from_a_file_of_arrays(tmp_path: Path) -> None:
    """Each x with its own source, in the levels and the shape that the source had."""
    x = np.random.default_rng(0).integers(0, 17, (60, 1, 8, 8))
    source = x.reshape(60, 1, 4, 2, 4, 2).max((3, 5)) // 2
    label, axes = np.arange(60) % 2, np.array("NCHW")
    beside = {"source_axes": axes, "source_levels": np.array(9)}
    np.savez(tmp_path / "pairs.npz", x=x, axes=axes, levels=np.array(17), label=label, source=source, **beside)
    data = opened(tmp_path / "pairs.npz")
    assert (data.space.levels, data.given["source"].shape, data.given["source"].levels) == (17, (1, 4, 4), 9)
    assert set(data.given) == {"label", "source"}
    total = 0
    for split in ("train", "validation", "test"):
        batch = data.once(split, 0, 60)
        total += len(batch.x)
        assert (batch.given["source"].numpy() == batch.x.numpy().reshape(-1, 1, 4, 2, 4, 2).max((3, 5)) // 2).all()
    assert total == 60
