"""Large tables of plain numbers, read at once: as cell by cell, and not where a cell is anything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genlab.data import cells, plain
from genlab.data import open as opened

ROWS = cells.HEAD + 500
X = np.random.default_rng(5).normal(size=(ROWS, 3)).round(4) * [1, 1e-6, 1e9]


def lines(mark: str = ",") -> list[str]:
    return [mark.join(map(repr, row)) for row in X.tolist()]


def both(rows: list[str], **options: str) -> tuple[cells.Cells | None, cells.Cells]:
    """What is read at once, and cell by cell."""
    text = "\n".join(rows) + "\n"
    settings = ("x", options.get("decimal"), options.get("header"))
    return cells._of_numbers(text, *settings), cells._read(text, *settings)[0]


@pytest.mark.parametrize("block", [100, plain.BLOCK])
@pytest.mark.parametrize(
    "rows",
    [
        ["a,b,c", *lines()],
        lines(";"),
        lines("\t"),
        lines(" "),
        ["sep=|", "# mine", "", '"a ""b"""|b|"two\nlines"', *lines("|")],
        ["2019,2020,2021", *lines()],
        [",a,b,c", *(f"{number},{row}" for number, row in enumerate(lines()))],
        ["a,b,c", *(f"{number},{row}" for number, row in enumerate(lines()))],
        ["a,b,c,d", *(f"{row},{'7' if number < 1200 else '0042'}" for number, row in enumerate(lines()))],
        ["a,b", *(f"+{number}.,-.5E-{number % 9}" for number in range(ROWS)), ""],
    ],
)
def test_a_table_read_at_once_is_what_it_is_cell_by_cell(rows: list[str], block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "BLOCK", block)
    quick, slow = both(rows)
    assert quick is not None
    assert (quick.names, quick.header, quick.said) == (slow.names, slow.header, slow.said)
    assert list(quick.lines) == list(slow.lines)
    assert [tuple(column) for column in quick.columns] == list(slow.columns)
    for place in range(len(slow.names)):
        np.testing.assert_array_equal(quick.numbers(place), slow.numbers(place))
        assert quick.code(place) == slow.code(place)


@pytest.mark.parametrize(
    "odd",
    ["1,2", "1,2,3,4", "1,,3", "1,2,", "1,NA,3", "1,two,3", "1,2 kg,3", "1,-,3", "1,1e,3", "1,1-2,3", "1,+-2,3", "1,.,3",
     '1,"2",3', "# 1,2,3", "", "1,2,3 4", "1,\u0662,3", f"1,{'2' * 101},3", "1, 2,3", "1,0x2,3", "1\n2,3", "1,inf,3", "1,1_0"],
)  # fmt: skip
def test_one_other_line_and_every_cell_is_looked_at(odd: str) -> None:
    rows = ["a,b,c", *lines()]
    rows.insert(len(rows) - 7, odd)
    assert cells._of_numbers("\n".join(rows), "x", None, None) is None


def test_messages_of_a_large_table_name_its_lines(tmp_path: Path) -> None:
    rows = ["a,b,c", "", *lines()]
    for odd, said in (("1,1e999,3", "column b: inf"), ("1,2,x", "column c: 'x' is no number"), ("1,2", "2 cells where")):
        (tmp_path / "x.csv").write_text("\n".join([*rows[:-5], odd, *rows[-5:]]))
        with pytest.raises(ValueError, match=rf"x.csv, line {len(rows) - 4}.*{said}"):
            opened(tmp_path / "x.csv")


def test_a_large_table_with_a_label_and_an_index_of_numbers(tmp_path: Path) -> None:
    rows = ["id,a,b,c,label", *(f"{number},{row},{number % 3}" for number, row in enumerate(lines()))]
    (tmp_path / "x.csv").write_text("\n".join(rows))
    data = opened(tmp_path / "x.csv")
    assert data.overview.columns == ("a", "b", "c")
    assert data.overview.classes == {"0": 500, "1": 500, "2": 500}
    assert data.where(1) == "line 3"
