"""Bits drawn from grey levels: the right probabilities, fresh or fixed as promised."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from genlab.data import open as opened
from genlab.data import splits
from genlab.data.binary import Binariser


@pytest.mark.parametrize("levels", [2, 17, 100, 256])
def test_the_probability_of_white_is_the_level(levels: int) -> None:
    """Every level at once, 40,000 draws each: within 4.5 standard errors; black and white exactly."""
    x = np.broadcast_to(np.arange(levels, dtype=np.uint8), (200, 1, 200, levels))
    seen = Binariser("dynamic", levels).fresh(x, 5, 0).mean((0, 1, 2))
    p = np.arange(levels) / (levels - 1)
    assert seen[0] == 0
    assert seen[-1] == 1
    assert (np.abs(seen - p) <= 4.5 * np.sqrt(p * (1 - p) / 40_000)).all()


def test_the_16_bit_edges_are_exact() -> None:
    """Over all 65,536 numbers: the share below the edge of level v is v / (L - 1) to 2^-15."""
    for levels in (2, 3, 17, 255, 256):
        coins = Binariser("dynamic", levels)
        for v in range(levels):
            x = np.full((1, 1, 256, 256), v, np.uint8)
            numbers = np.arange(65536, dtype=np.uint16).view(np.uint64).reshape(1, -1)
            share = coins._drawn(x, numbers).mean()
            assert abs(share - v / (levels - 1)) < 2**-15
            assert share == v / (levels - 1) or 0 < v < levels - 1


def test_threshold_is_above_one_half() -> None:
    x = np.array([0, 127, 128, 255], np.uint8).reshape(1, 1, 2, 2)
    assert Binariser("threshold", 256).fixed(x, splits.digests(x)).ravel().tolist() == [0, 0, 1, 1]
    x = np.array([0, 8, 9, 16], np.uint8).reshape(1, 1, 2, 2)
    assert Binariser("threshold", 17).fixed(x, splits.digests(x)).ravel().tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("how", ["threshold", "static", "dynamic"])
def test_the_space_says_so(how) -> None:
    data = opened("digits", binarise=how)
    assert (data.space.kind, data.space.levels, data.space.note) == ("binary", 2, f"binarised: {how}")
    assert data.stream("train", 0, 9).x.dtype == torch.uint8
    assert set(data.stream("train", 0, 99).x.unique().tolist()) == {0, 1}
    assert [data.count(split) for split in ("train", "test")] == [opened("digits").count(split) for split in ("train", "test")]


def test_static_is_drawn_once_and_dynamic_anew() -> None:
    for how, repeats in (("static", True), ("dynamic", False)):
        data = opened("digits", binarise=how)
        count = data.count("train")
        epochs = [data.stream("train", epoch * count, count) for epoch in range(2)]
        first, second = (epoch.x[epoch.index.argsort()] for epoch in epochs)
        assert torch.equal(first, second) == repeats
        assert torch.equal(data.once("test", 3, 20).x, data.once("test", 0, 30).x[3:23])


def test_one_pass_of_dynamic_is_that_of_static() -> None:
    dynamic, static = (opened("digits", binarise=how).once("test", 0, 500).x for how in ("dynamic", "static"))
    assert torch.equal(dynamic, static)


def test_bits_average_to_the_grey_pictures() -> None:
    """The mean of 60 epochs of the stream is each picture's own grey, within 5 standard errors over all pixels."""
    grey, data = opened("digits"), opened("digits", binarise="dynamic")
    count, epochs = data.count("train"), 60
    total = torch.zeros(1797, 1, 8, 8)
    for epoch in range(epochs):
        batch = data.stream("train", epoch * count, count)
        total[batch.index] += batch.x
    whole = grey.once("train", 0, count)
    p = whole.x / 16
    z = (total[whole.index] / epochs - p) / (p * (1 - p) / epochs).sqrt()
    inside = (p > 0) & (p < 1)
    assert abs(z[inside].mean().item()) < 5 / math.sqrt(int(inside.sum()))
    assert z[inside].square().mean().item() == pytest.approx(1, abs=0.03)


def test_what_is_binary_is_not_binarised_again(tmp_path) -> None:
    np.savez(tmp_path / "bits.npz", x=np.random.default_rng(0).integers(0, 2, (60, 5, 5)) > 0)
    assert opened(tmp_path / "bits.npz").space.kind == "binary"
    with pytest.raises(ValueError, match="black and white already"):
        opened(tmp_path / "bits.npz", binarise="static")
