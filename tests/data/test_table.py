"""Tables as people have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from genlab.data import open as opened

X = np.random.default_rng(3).normal(size=(80, 2)).round(4)


def table(path: Path, rows: list[str], name: str = "x.csv", encoding: str = "utf-8") -> Path:
    (path / name).write_bytes(("\n".join(rows) + "\n").encode(encoding))
    return path / name


def rows(mark: str = ",", comma: bool = False, first: bool = False) -> list[str]:
    cells = [[f"{value:.4f}".replace(".", "," if comma else ".") for value in row] for row in X]
    return [mark.join([str(number), *row] if first else row) for number, row in enumerate(cells)]


def everything(data) -> np.ndarray:
    """All rows, in the order of the file."""
    batches = [data.once(split, 0, data.count(split)) for split in ("train", "validation", "test")]
    order = torch.cat([batch.index for batch in batches]).argsort()
    return torch.cat([batch.x for batch in batches])[order].numpy()


@pytest.mark.parametrize(
    ("lines", "columns"),
    [
        (["a,b", *rows()], ("a", "b")),
        (rows(), ()),
        ([",a,b", *rows(first=True)], ("a", "b")),
        (["Unnamed: 0,a,b", *rows(first=True)], ("a", "b")),
        (["id,a,b", *rows(first=True)], ("a", "b")),
        (["0,1", *rows()], ("0", "1")),
        ([",0,1", *rows(first=True)], ("0", "1")),
        (["2019,2020", *rows()], ("2019", "2020")),
        (["a;b", *rows(";", comma=True)], ("a", "b")),
        (rows(";", comma=True), ()),
        (["a\tb", *rows("\t", comma=True)], ("a", "b")),
        (["sep=;", "a;b", *rows(";")], ("a", "b")),
        (["# by me", "# a,b", *rows()], ()),
        ([",a,b", *(f"{row.split(',')[0]}.0,{','.join(row.split(',')[1:])}" for row in rows(first=True))], ("a", "b")),
        (["a,b", *rows(first=True)], ("a", "b")),  # R's write.table: a header one cell short
        (["a b", *rows(" ", first=True)], ("a", "b")),
        (["a,b", *(row.replace("-", "\u2212") for row in rows())], ("a", "b")),
        (["a,b", *(row.replace(",", " %,") + "\u00a0kg" for row in rows())], ("a", "b")),
        (["a;b", *("$" + row.replace(";", ";€ ") for row in rows(";"))], ("a", "b")),
        ([row.replace(",", " kg,") for row in rows()], ()),
        ([" ".join(f"{value:.7E}".replace("E", "D") for value in row) for row in X], ()),
        (["a,b,", *(f"{row}," for row in rows())], ("a", "b")),
        (rows(" "), ()),
        (["a|b", *rows("|")], ("a", "b")),
        (['a;"b\nand so on"', *rows(";", comma=True)], ("a", "b\nand so on")),
        (['"a","b"', *(",".join(f'"{cell}"' for cell in row.split(",")) for row in rows())], ("a", "b")),
    ],
)
def test_every_way_of_writing_a_table_gives_the_same_points(tmp_path: Path, lines: list[str], columns: tuple[str, ...]) -> None:
    data = opened(table(tmp_path, lines))
    np.testing.assert_allclose(everything(data), X, atol=1e-6)
    assert data.overview.columns == columns


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_encodings_with_a_mark(tmp_path: Path, encoding: str) -> None:
    np.testing.assert_allclose(everything(opened(table(tmp_path, ["a,b", *rows()], encoding=encoding))), X, atol=1e-6)


def test_separators_of_thousands(tmp_path: Path) -> None:
    data = opened(table(tmp_path, ["a,b", *(f'"{10_000 * a:,.2f}",{b}' for a, b in X)]))
    np.testing.assert_allclose(everything(data)[:, 0], (10_000 * X[:, 0]).round(2), rtol=1e-5)


@pytest.mark.parametrize("mark", ["'", "\u2019", "\u00a0", "\u202f", " "])
def test_thousands_parted_by_other_marks(tmp_path: Path, mark: str) -> None:
    data = opened(
        table(tmp_path, ["a;b", *(f"1{mark}{200 + n}{mark}{300 + n},5;{n / 7:.3f}".replace(".", ",") for n in range(80))])
    )
    np.testing.assert_allclose(everything(data)[:, 0], [1_000_000.5 + 1000 * (200 + n) + 300 + n for n in range(80)], rtol=1e-6)


def test_thousands_of_india(tmp_path: Path) -> None:
    data = opened(table(tmp_path, ["a,b", *(f'"12,34,{500 + n}.5",{n / 7}' for n in range(80))]))
    np.testing.assert_allclose(everything(data)[:, 0], [1_234_500.5 + n for n in range(80)], rtol=1e-6)


def test_units_are_said_and_must_be_one(tmp_path: Path) -> None:
    said = opened(table(tmp_path, ["a,b", *(f"{row} kg" for row in rows())])).overview.made
    assert said == "b is in kg"
    mixed = table(tmp_path, ["a,b", *(f"{row} {'kg' if n % 2 else 'g'}" for n, row in enumerate(rows()))])
    with pytest.raises(ValueError, match=r"column b: .* are no numbers"):
        opened(mixed)
    for word in ("C", "x", "0x", "1-"):  # names, not numbers
        with pytest.raises(ValueError, match=r"column b: .* are no numbers"):
            opened(table(tmp_path, ["a,b", *(f"{a},{word}{n}" for n, (a, _) in enumerate(X))]))


def test_errors_of_a_spreadsheet_are_gaps_and_no_comments(tmp_path: Path) -> None:
    for error in ("#N/A", "#DIV/0!", "\\N"):
        data = opened(table(tmp_path, ["a,b", *(f"{a if n % 9 else error},{b}" for n, (a, b) in enumerate(X))]))
        assert sum(data.count(split) for split in ("train", "validation", "test")) == len(X)
        assert data.missing


def test_a_header_of_whole_numbers_over_whole_numbers_is_asked_about(tmp_path: Path) -> None:
    path = table(tmp_path, ["2019,2020", *(f"{n * 7 % 80},{n * 3 % 80}" for n in range(80))])
    with pytest.raises(
        ValueError, match=r"the first line, 2019, 2020, could name the columns or be a row: say --header yes or no"
    ):
        opened(path)
    assert opened(path, header="yes").overview.columns == ("2019", "2020")
    assert sum(opened(path, header="no").count(split) for split in ("train", "validation", "test")) == 81
    steps = table(tmp_path, [f"{n % 50},{n % 50 + 1},{n % 50 + 2 + n // 50}" for n in range(80)])
    assert sum(opened(steps).count(split) for split in ("train", "validation", "test")) == 80


def test_all_columns_of_words_are_named_at_once(tmp_path: Path) -> None:
    path = table(tmp_path, ["a,my town,b,sex", *(f"{a},Rome {n},{b},{'mf'[n % 2]}" for n, (a, b) in enumerate(X))])
    with pytest.raises(ValueError, match=r"the columns my town and sex hold no numbers .*--columns a,b; .*--label sex"):
        opened(path)
    assert opened(path, columns="a,b", label="sex").space.shape == (2,)
    with pytest.raises(ValueError, match=r"column my town: .*--label 'my town', .*--columns a"):
        opened(table(tmp_path, ["a,my town", *(f"{a},Rome {n}" for n, (a, _) in enumerate(X))]))
    for lines in (
        ["review\tmood", *(f"I liked it {n}\tgood" for n in range(80))],
        ["text", *(f'"So, it was {n}"' for n in range(80))],
    ):
        with pytest.raises(ValueError, match=r"no column holds numbers .*\.jsonl"):
            opened(table(tmp_path, lines))


def test_commas_that_could_be_two_things_are_asked_about(tmp_path: Path) -> None:
    halves = table(tmp_path, [f"{n // 7},{n % 100:02}" for n in range(80)])
    with pytest.raises(ValueError, match=r"'0,01' is two whole numbers, or one with a decimal comma: say --decimal"):
        opened(halves)
    assert opened(halves, decimal="point").space.shape == (2,)
    assert opened(halves, decimal="comma").space.shape == (1,)
    thousands = table(tmp_path, [f"{1 + n % 9},{100 + n:03};{n / 7:.2f}".replace(".", ",") for n in range(80)])
    assert opened(thousands, decimal="comma").space.center[0] < 10


def test_text_in_a_column_asks_what_it_is(tmp_path: Path) -> None:
    path = table(tmp_path, ["a,b,city", *(f"{row},{'Rome' if n % 3 else 'Oslo'}" for n, row in enumerate(rows()))])
    with pytest.raises(ValueError, match=r"column city: 'Oslo' and 'Rome' are no numbers; .*--label city, .*--columns a,b"):
        opened(path)
    data = opened(path, label="city")
    assert data.given["label"].names == ("Oslo", "Rome")
    np.testing.assert_allclose(everything(data), X, atol=1e-6)
    assert opened(path, columns="b").space.shape == (1,)
    assert [each.line() for each in opened(path, columns="b").overview.left_out] == ["2 columns (a, city): not asked for"]
    with pytest.raises(ValueError, match=r"--label town: the table has no such column; there is a, b, city"):
        opened(path, label="town")


@pytest.mark.parametrize("name", ["label", "Labels", "class", "target", "species"])
def test_columns_that_are_labels_by_their_name(tmp_path: Path, name: str) -> None:
    data = opened(table(tmp_path, [f"a,b,{name}", *(f"{row},{n % 3}.0" for n, row in enumerate(rows()))]))
    assert data.given["label"].names == ("0", "1", "2")
    assert data.overview.classes_from == f"the column {name}"
    for measure in ("target", "label"):
        measured = opened(table(tmp_path, [f"a,b,{measure}", *(f"{row},{n / 7}" for n, row in enumerate(rows()))]))
        assert measured.space.shape == (3,)


def test_labels_that_are_missing(tmp_path: Path) -> None:
    said = ["cat", "dog", "", "nan", "-1"]
    data = opened(table(tmp_path, ["a,b,label", *(f"{row},{said[n % 5]}" for n, row in enumerate(rows()))]))
    assert data.overview.classes == {"cat": 16, "dog": 16}
    assert data.overview.unlabelled == 48


@pytest.mark.parametrize("gap", ["", "NA", "nan", "null", "?"])
def test_cells_without_a_value_are_missing_entries(tmp_path: Path, gap: str) -> None:
    lines = [row if n % 10 else f"{row.split(',')[0]},{gap}" for n, row in enumerate(rows())]
    path = table(tmp_path, ["a,b", *lines])
    data = opened(path)
    assert data.missing
    batches = [data.once(split, 0, data.count(split)) for split in ("train", "validation", "test")]
    order = torch.cat([batch.index for batch in batches]).argsort()
    seen = torch.cat([batch.seen for batch in batches])[order].numpy()
    assert np.array_equal(seen, [[True, n % 10 > 0] for n in range(80)])
    np.testing.assert_allclose(everything(data)[seen], X[seen], atol=1e-6)
    train = data.once("train", 0, 80)
    known = np.where(train.seen.numpy(), train.x.numpy(), np.nan)
    np.testing.assert_allclose(data.space.center, np.nanmean(known, 0), atol=1e-6)
    whole = opened(path, complete=True)
    assert not whole.missing
    assert sum(whole.count(split) for split in ("train", "validation", "test")) == 72


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (lambda n: X[n, 0], "the columns a and c are equal"),
        (lambda n: 3 * n, "the column c counts the rows, by 3 from one to the next"),
        (lambda n: 1 if n == 5 else 0, "the column c is 0 in 79 of 80 rows"),
        (lambda n: n % 4, r"1 column (c) of at most 20 different values"),
        (lambda n: n * 7 % 80 + 100, "the column c holds each number from 100 to 179 once"),
        (lambda n: f"{n * n * 7919 % 99999:05}", "the column c holds codes rather than numbers, as 00000, of which the zeros"),
        (lambda n: -9999 if n % 20 == 0 else X[n, 1] ** 2, "the column c is -9999 in 4 rows, far from all others"),
    ],
)
def test_odd_columns_are_said(tmp_path: Path, column, said: str) -> None:
    data = opened(table(tmp_path, ["a,b,c", *(f"{row},{column(n)}" for n, row in enumerate(rows()))]))
    assert any(line.startswith(said) for line in data.overview.odd), data.overview.odd
    assert not opened(table(tmp_path, ["a,b", *rows()])).overview.odd


def test_a_table_that_pretends_to_be_a_text(tmp_path: Path) -> None:
    path = table(tmp_path, rows(" "), "numbers.txt")
    with pytest.raises(ValueError, match=r"looks like a table of numbers: say --kind points or --kind text"):
        opened(path)
    np.testing.assert_allclose(everything(opened(path, kind="points")), X, atol=1e-6)
    assert opened(path, kind="text", length=8).space.axes == "T"
    assert opened(table(tmp_path, rows(), "iris.data")).space.axes == "D"


def test_too_many_columns_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="more than 4,096 columns"):
        opened(table(tmp_path, [",".join(["1"] * 100_000)] * 3))
