"""Splits: decided by content, stable when examples are added, copies on one side."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from genlab.data import splits
from genlab.data.overview import Overview

CONTENTS = st.lists(st.binary(min_size=1, max_size=6), min_size=1, max_size=60)
SHARES = st.tuples(st.integers(1, 10), st.integers(0, 10), st.integers(0, 10)).map(lambda t: tuple(part / sum(t) for part in t))


def digests(contents: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(splits.digest(content) for content in contents), np.uint8).reshape(-1, 16)


@given(CONTENTS, CONTENTS, SHARES)
def test_adding_examples_moves_none_and_copies_stay_together(old: list[bytes], new: list[bytes], shares) -> None:
    before = splits.by_content(digests(old), shares)
    after = splits.by_content(digests(old + new + old), shares)
    assert (after[: len(old)] == before).all()
    assert (after[len(old + new) :] == before).all()


@given(CONTENTS, SHARES, st.randoms())
def test_order_does_not_matter(contents: list[bytes], shares, random) -> None:
    side = dict(zip(contents, splits.by_content(digests(contents), shares).tolist(), strict=True))
    random.shuffle(contents)
    assert splits.by_content(digests(contents), shares).tolist() == [side[content] for content in contents]


@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.1), (0.5, 0.2, 0.3), (0.9, 0.1, 0.0), (1.0, 0.0, 0.0)])
def test_shares_are_kept(shares: tuple[float, float, float]) -> None:
    n = 20_000
    sides = splits.by_content(digests([number.to_bytes(4) for number in range(n)]), shares)
    for side, share in enumerate(shares):
        seen, error = float((sides == side).mean()), math.sqrt(share * (1 - share) / n)
        assert abs(seen - share) <= 4 * error


def test_places_are_uniform() -> None:
    """Kolmogorov-Smirnov at the 0.1% level."""
    n = 20_000
    place = np.sort(splits.unit_hash(digests([number.to_bytes(4) for number in range(n)])))
    assert np.abs(place - np.arange(n) / n).max() < 1.95 / math.sqrt(n)


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=6), st.sampled_from([0, 1, 2])), min_size=1, max_size=60))
def test_a_source_keeps_its_own_splits_and_train_gives_what_is_missing(examples) -> None:
    own = np.array([side for _, side in examples], np.int8)
    sides = splits.completed(own, digests([content for content, _ in examples]))
    missing = {side for side in (1, 2) if side not in own}
    kept = (sides == own) | (sides == splits.EXCLUDED)
    assert (kept | ((own == splits.TRAIN) & np.isin(sides, list(missing)))).all()
    assert (sides[own == splits.TEST] == splits.TEST).all()
    parts = [{content for (content, _), side in zip(examples, sides, strict=True) if side == number} for number in (0, 1, 2)]
    assert set.union(*parts) == {content for content, _ in examples}
    assert sum(map(len, parts)) == len(set.union(*parts))


def test_train_gives_a_tenth() -> None:
    own = np.repeat([splits.TRAIN, splits.TEST], [20_000, 1000]).astype(np.int8)
    sides = splits.completed(own, digests([number.to_bytes(4) for number in range(21_000)]))
    assert abs((sides == splits.VALIDATION).sum() - 2000) < 4 * math.sqrt(20_000 * 0.1 * 0.9)
    assert ((sides == splits.TEST) == (own == splits.TEST)).all()


def test_copies_are_counted() -> None:
    found = digests([b"a", b"b", b"b", b"c", b"a"])
    sides = splits.completed(np.array([0, 1, 0, 2, 2], np.int8), found)
    assert sides.tolist() == [splits.EXCLUDED, 1, splits.EXCLUDED, 2, 2]
    noted = splits.noted(Overview(), found, sides, "picture")
    assert noted.odd == ("2 of the 5 pictures equal another",)
    assert [each.line() for each in noted.left_out] == ["2 pictures: copies of held-out ones"]
    assert splits.noted(Overview(), digests([b"a", b"b"]), np.array([0, 2]), "line") == Overview()


def test_too_little_says_how_much_is_needed() -> None:
    with pytest.raises(ValueError, match=r"tiny holds 12 lines .10 train, 1 validation, 1 test.* at least 20"):
        splits.check_sizes({"train": 10, "validation": 1, "test": 1}, None, "tiny", "lines")
    with pytest.raises(ValueError, match=r"too few different ones .* at least 2 are needed in every split, and equal ones"):
        splits.check_sizes({"train": 99, "validation": 0, "test": 3}, None, "tiny", "lines")
    with pytest.raises(ValueError, match=r"too few different ones .* equal ones stay in one"):
        splits.check_sizes({"train": 40, "validation": 0, "test": 0}, None, "silence", "recordings")
    with pytest.raises(ValueError, match="and 2 in every split"):
        splits.check_sizes({"train": 29, "validation": 1, "test": 3}, None, "tiny", "lines")
    splits.check_sizes({"train": 99, "validation": 3, "test": 0}, (0.9, 0.1, 0.0), "tiny", "lines")


@given(st.lists(st.integers(0, 60), min_size=20, max_size=80), st.integers(0, 2**32))
def test_few_examples_are_not_refused_for_their_hashes(values: list[int], salt: int) -> None:
    """Every split has at least half of its share, copies stay together, and nothing moves where it had."""
    found = digests([f"{salt} {value}".encode() for value in values])
    before, sides = splits.by_content(found), splits.evened(splits.by_content(found), found)
    assume(len(set(values)) >= 10)
    counts = np.bincount(sides, minlength=3)
    least = max(splits.FEWEST_EACH, int(len(values) * 0.05))
    assert (counts[1:] >= least).all()
    assert ((before == sides) | (before == splits.TRAIN)).all()
    if (np.bincount(before, minlength=3)[1:] >= least).all():
        assert (before == sides).all()
    assert all(len(set(sides[np.array(values) == value].tolist())) == 1 for value in values)
