"""Numbers as a reader meets them."""

from __future__ import annotations

import math

import pytest

from genlab.comparison import words
from genlab.core.space import Space
from tests.report.fakes import COLOUR, DIGITS, LINES, POINTS, TEXT


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.41372, "2.41"), (0.0123456, "0.0123"), (87.31, "87.3"), (1437.2, "1,437"), (-0.5, "−0.500"), (0.0, "0"), (8, "8"),
        (999.96, "1,000"), (1.2e-7, "1.20e−7"), (3.4e12, "3.40e12"), (1234567, "1,234,567"), (None, "–"),
        (9.999, "10.0"), (0.09999, "0.100"),
        (math.nan, "not finite"), (math.inf, "not finite"),
    ],
)  # fmt: skip
def test_number(value: float | None, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0042, "4.2 ms"),
        (0.31, "0.31 s"),
        (30.02, "30 s"),
        (99.9, "100 s"),
        (750.0, "12 min"),
        (11520.0, "3.2 h"),
        (None, "–"),
    ],
)
def test_seconds(value: float | None, text: str) -> None:
    assert words.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(437, "437"), (52800, "52,800"), (999_900, "999,900"), (1234567, "1.23 M"), (999_900_000, "1 G"), (7_000_000_000, "7 G")],
)
def test_count(value: int, text: str) -> None:
    assert words.count(value) == text


def test_counts_of_operations_and_bytes() -> None:
    assert [words.count(value) for value in (1.3e9, 4.1e12, 2.6e15, 812.0)] == ["1.3 G", "4.1 T", "2.6 P", "812"]
    assert [words.memory(value) for value in (512, 4.31e8, 1.24e9, None)] == ["512 bytes", "431 MB", "1.24 GB", "–"]
    assert [words.percent(share) for share in (0.12, 0.0034, 1.0)] == ["12%", "0.34%", "100%"]


@pytest.mark.parametrize(
    ("amount", "text"),
    [(30.0, "30"), (0.5, "0.5"), (1e13, "1e+13"), (1234567, "1234567"), (100000.25, "100000.25"), (2**53 - 1, f"{2**53 - 1}")],
)
def test_a_number_that_is_written_exactly_is_read_back(amount: float, text: str) -> None:
    assert words.exact(amount) == text
    assert float(text) == amount


def test_chosen_seconds_are_not_rounded() -> None:
    said = [words.exact_seconds(amount) for amount in (0.3, 30, 100, 125, 600, 750, 5400, 3600, 86400, 100000.5)]
    assert said == ["0.3 s", "30 s", "100 s", "125 s", "10 min", "12.5 min", "1.5 h", "60 min", "24 h", "100000.5 s"]


def test_capitals_and_entries() -> None:
    assert (words.capital("MS-SSIM"), words.capital("recall"), words.capital("")) == ("MS-SSIM", "Recall", "")
    said = [words.entry("dim", 2000), words.entry("seed", 2000), words.entry("x", None), words.entry("x", 0.1 + 0.2)]
    assert said == ["2,000", "2000", "none", "0.3"]
    assert words.entry("levels", [16, 32]) == "16, 32"


def test_spaces_in_words() -> None:
    assert words.describe_space(DIGITS) == "8 × 8 pixels, grey, 17 levels"
    assert words.describe_space(COLOUR) == "31 × 20 pixels, colour, 256 levels"
    assert words.describe_space(POINTS) == "2 dimensions, real numbers"
    assert words.describe_space(TEXT) == "32 long, an alphabet of 3"
    assert words.describe_space(LINES) == "up to 4 long, an alphabet of 2"
    noted = Space((1, 2, 2), "CHW", "binary", note="binarised: dynamic")
    assert words.describe_space(noted) == "2 × 2 pixels, grey, black and white; binarised: dynamic"


def test_a_protocol_in_one_line() -> None:
    said = {"split": "test", "generated": 2000, "seed": 12345, "exact": True, "features": {"dim": 64}}
    assert words.protocol(said) == "split test, generated 2,000, seed 12345, exact True, features (dim 64)"
    assert words.protocol("2,000 samples") == "2,000 samples"
