"""Markov sources: exact probabilities by enumeration, entropies by enumeration and by sampling."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from genlab.core.space import Batch
from genlab.data import open as opened

NAMES = ["strings/coin", "strings/weather", "strings/syllables", "strings/words"]


def every(levels: int, length: int) -> torch.Tensor:
    return torch.tensor(list(itertools.product(range(levels), repeat=length)))


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_of_all_strings_sum_to_one_and_give_the_entropy(name: str) -> None:
    data = opened(name, length=5)
    x = every(data.space.levels, 5)
    if data.space.end is not None:  # a word is its own only spelling
        after = (x == data.space.end).cumsum(1).bool()
        x = x[(~after | (x == data.space.end)).all(1)]
    log_p = data.log_prob(x)
    p = log_p.exp()
    assert float(p.sum()) == pytest.approx(1, abs=1e-12)
    sizes = data.space.sizes(Batch(x))
    nats = -float((p * log_p.nan_to_num(neginf=0)).sum())
    assert data.entropy == pytest.approx(nats / float((p * sizes).sum()), abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [4, 16])
def test_samples_follow_their_probabilities(name: str, length: int) -> None:
    data = opened(name, length=length)
    x = data.stream("train", 0, 40_000).x
    nats, sizes = -data.log_prob(x), data.space.sizes(Batch(x)).double()
    assert nats.isfinite().all()
    per_symbol = float(nats.sum() / sizes.sum())
    error = float((nats - per_symbol * sizes).std() / sizes.mean()) / math.sqrt(len(x))
    assert abs(per_symbol - data.entropy) <= 4 * error
    if length == 4:  # the histogram of whole strings
        rows, counts = x.unique(dim=0, return_counts=True)
        p = data.log_prob(rows).exp()
        z = (counts - len(x) * p) / (len(x) * p * (1 - p)).clamp_min(1e-9).sqrt()
        assert float(z[p * len(x) > 20].square().mean()) < 1.5


def test_hand_worked_numbers() -> None:
    coin = opened("strings/coin", length=4)
    assert coin.entropy == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert float(coin.log_prob(coin.tokenizers["x"].encode("HHTH")[None])) == pytest.approx(math.log(0.75**3 * 0.25))
    weather = opened("strings/weather", length=3)
    pi = (0.5, 0.2142857142857143, 0.2857142857142857)  # solves pi P = pi
    assert float(weather.log_prob(weather.tokenizers["x"].encode("src")[None])) == pytest.approx(math.log(pi[0] * 0.1 * 0.2))
    words = opened("strings/words", length=4)
    ab = torch.tensor([[0, 1, 3, 3]])
    assert float(words.log_prob(ab)) == pytest.approx(math.log(0.5 * 0.4 * 0.2))
    assert words.tokenizers["x"].decode(ab) == ["ab"]


def test_strings_are_read_and_refused() -> None:
    data = opened("strings/weather")
    assert data.tokenizers["x"].decode(data.tokenizers["x"].encode("rcs")[None]) == ["rcs"]
    with pytest.raises(ValueError, match="not in the alphabet: 'x'; it has 'src'"):
        data.tokenizers["x"].encode("sx")
    with pytest.raises(ValueError, match="--length of strings/syllables must be from 3"):
        opened("strings/syllables", length=2)
