"""Batches are a pure function of (seed, cursor), whatever the source."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genlab.core.space import Batch
from genlab.data import open as opened
from genlab.data.draws import shuffled, uniforms, words
from genlab.data.opener import open_again

TEXT = "".join(np.random.default_rng(1).choice(list("abcdefgh \n"), 3000))
SOURCES = (
    "digits", "digits dynamic", "digits static", "digits threshold", "points/ring", "points/pinwheel", "strings/syllables",
    "strings/words", "text", "pairs", "lines", "table",
)  # fmt: skip


@cache
def data(name: str, seed: int = 0):
    place = Path(tempfile.mkdtemp())
    bare, _, how = name.partition(" ")
    if bare in ("text", "pairs", "lines", "table"):
        file = place / ("x.csv" if bare == "table" else "x.txt")
        rows = "\n".join(f"{a},{b}" for a, b in np.random.default_rng(2).normal(size=(90, 2)))
        lines = "\n".join(TEXT.split())
        file.write_text({"table": rows, "lines": lines}.get(bare, TEXT), encoding="utf-8")
        options = {"lines": {"lines": True}, "pairs": {"vocabulary": 300, "length": 20}, "text": {"length": 24}}.get(bare, {})
        return opened(file, stream_seed=seed, **options)
    return opened(bare, stream_seed=seed, **({"binarise": how} if how else {}))


def same(a: Batch, b: Batch) -> bool:
    assert a.given.keys() == b.given.keys()
    pairs = [(a.x, b.x), (a.index, b.index), *((a.given[key], b.given[key]) for key in a.given)]
    return all(x is y or (x is not None and y is not None and torch.equal(x, y)) for x, y in pairs)


def joined(a: Batch, b: Batch) -> Batch:
    given = {key: torch.cat([a.given[key], b.given[key]]) for key in a.given}
    index = torch.cat([a.index, b.index]) if a.index is not None and b.index is not None else None
    return Batch(torch.cat([a.x, b.x]), given, index)


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cursor=st.integers(0, 10**12), a=st.integers(1, 70), b=st.integers(1, 70))
def test_a_stream_is_a_pure_function_of_its_cursor(name: str, cursor: int, a: int, b: int) -> None:
    source = data(name)
    whole = source.stream("train", cursor, a + b)
    assert same(whole, joined(source.stream("train", cursor, a), source.stream("train", cursor + a, b)))


@pytest.mark.parametrize("name", SOURCES)
def test_rows_are_those_of_the_finite_pass(name: str) -> None:
    source = data(name)
    for split in ("train", "validation"):
        count = source.count(split)
        numbers = torch.tensor([count - 1, 0, 0, count // 2])
        found, whole = source.rows(split, numbers), source.once(split, 0, count)
        assert torch.equal(found.x, whole.x[numbers])
        assert all(torch.equal(found.given[key], whole.given[key][numbers]) for key in whole.given)
        assert whole.length is None or torch.equal(found.length, whole.length[numbers])
        assert torch.equal(source[split][-1].x, whole.x[-1])
    assert len(source.rows("train", torch.arange(0)).x) == 0
    assert len(source["validation"]) == source.count("validation")
    assert f"{source.count('validation'):,} validation" in repr(source)
    with pytest.raises(KeyError, match="train, validation, test"):
        source["tset"]


def test_whoever_forgets_the_split_is_told_so() -> None:
    source = data("digits")
    assert source, "data are there, whatever a split holds"
    with pytest.raises(TypeError, match=r"digits has 1,.* train \+ .* test examples; say which split: len\("):
        len(source)
    with pytest.raises(TypeError, match=r"digits is split into train, validation, test; go through one of them"):
        list(source)


@pytest.mark.parametrize("name", SOURCES)
def test_one_pass_can_be_cut_anywhere_and_ends(name: str) -> None:
    source = data(name)
    for split in ("train", "validation", "test"):
        count = source.count(split)
        whole = source.once(split, 0, count + 5)
        assert len(whole.x) == count > 0
        cut = count // 3
        assert same(whole, joined(source.once(split, 0, cut), source.once(split, cut, count)))
        assert len(source.once(split, count, 8).x) == 0
        assert whole.x.shape[1:] == source.space.shape


@pytest.mark.parametrize("name", SOURCES)
def test_the_seed_orders_the_stream_and_nothing_else(name: str) -> None:
    one, other = data(name), data(name, seed=1)
    assert one.fingerprint == other.fingerprint
    assert same(one.once("test", 0, 50), other.once("test", 0, 50))
    assert not same(one.stream("train", 0, 50), other.stream("train", 0, 50))
    assert one.space == other.space


@pytest.mark.parametrize("name", ["digits", "digits dynamic", "lines", "table"])
def test_every_epoch_sees_each_example_once(name: str) -> None:
    source = data(name)
    count = source.count("train")
    for epoch in (0, 1, 7):
        index = source.stream("train", epoch * count, count).index
        assert sorted(index.tolist()) == sorted(source.once("train", 0, count).index.tolist())
    assert not torch.equal(source.stream("train", 0, count).index, source.stream("train", count, count).index)


@pytest.mark.parametrize("name", ["digits", "points/ring", "lines", "table"])
def test_splits_share_no_example(name: str) -> None:
    parts = [{row.numpy().tobytes() for row in data(name).once(split, 0, 10**6).x} for split in ("train", "validation", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts))


@pytest.mark.parametrize("name", SOURCES)
def test_a_record_opens_the_same_data(name: str) -> None:
    source = data(name)
    record = json.loads(json.dumps(source.describe()))
    again = open_again(record["opened"])
    assert again.fingerprint == record["fingerprint"]
    assert record["counts"] == {split: source.count(split) for split in ("train", "validation", "test")}


# --- where the numbers come from ---------------------------------------------------------------------------------------


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**40), st.integers(1, 50), st.integers(0, 50))
def test_words_are_one_stream(key: int, first: int, count: int, skip: int) -> None:
    assert np.array_equal(words(key, first, count + skip)[skip:], words(key, first + skip, count))


def test_words_are_those_of_numpy() -> None:
    assert np.array_equal(words(7, 5, 9), np.random.PCG64DXSM(7).random_raw(14)[5:])


def test_uniforms_fill_the_unit_interval_evenly() -> None:
    u = np.sort(uniforms(3, 10, 5000, 4).ravel())
    assert u[0] >= 0
    assert u[-1] < 1
    assert np.abs(u - np.arange(len(u)) / len(u)).max() < 1.95 / len(u) ** 0.5


@given(st.integers(0, 10**9), st.integers(0, 40), st.integers(1, 9))
def test_shuffled_is_permutation_after_permutation(cursor: int, n: int, count: int) -> None:
    found = shuffled(1, cursor, n, count)
    assert len(found) == n
    start = -cursor % count
    for first in range(start, n - count + 1, count):
        assert sorted(found[first : first + count].tolist()) == list(range(count))


def test_all_orders_are_equally_likely() -> None:
    """Chi-squared over the 6 orders of 3 things, below its 0.1% point."""
    orders = [tuple(shuffled(11, 3 * epoch, 3, 3).tolist()) for epoch in range(6000)]
    counts = np.array([orders.count(order) for order in sorted(set(orders))])
    assert len(counts) == 6
    assert ((counts - 1000) ** 2 / 1000).sum() < 20.5
