"""The codebook: nearest codes, gradients straight through, moving averages by hand, dead codes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from genlab.nets import quantise
from genlab.nets.quantise import Codebook, perplexity, straight_through, usage


def made(ema: bool = True) -> Codebook:
    torch.manual_seed(0)
    return Codebook(6, 3, ema).double()


class Largest(TorchDispatchMode):
    """Entries of the largest tensor that any operation returns."""

    entries = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.entries = max(self.entries, *(leaf.numel() for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)), 0)
        return out


def test_the_nearest_code_is_the_nearest() -> None:
    book = made()
    z = torch.randn(4, 5, 3, dtype=torch.float64)
    expected = torch.cdist(z.reshape(-1, 3), book.vectors).argmin(1).reshape(4, 5)
    assert torch.equal(book.nearest(z), expected)
    torch.testing.assert_close(book(expected), book.vectors[expected])


def test_the_nearest_code_is_the_same_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the last chunk is short, and where a single row of distances is more than a chunk may hold."""
    book, z = made(), torch.randn(4, 5, 3, dtype=torch.float64)
    whole = book.nearest(z)
    for most in (7 * 6, 6, 1):
        monkeypatch.setattr(quantise, "DISTANCES", most)
        assert torch.equal(book.nearest(z), whole)


def test_no_table_of_outputs_by_codes_is_held() -> None:
    """8,192 codes and 2,048 outputs, as in DALL-E: their product would be 16.8 million entries."""
    book, z = Codebook(8192, 16, ema=True), torch.randn(2048, 16)
    with Largest() as largest:
        index = book.nearest(z)
    assert 0 < largest.entries <= quantise.DISTANCES
    with Largest() as largest:
        usage(z, index, 8192)
    assert 0 < largest.entries <= 8192 * 16


def test_the_gradient_goes_straight_through() -> None:
    """The value is the code's, the gradient what the code would have had, and the codebook has none."""
    book = made(ema=False)
    z = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    e = book(book.nearest(z))
    weights = torch.randn(7, 3, dtype=torch.float64)
    q = straight_through(z, e)
    torch.testing.assert_close(q, e)
    (q * weights).sum().backward()
    torch.testing.assert_close(z.grad, weights)
    assert book.vectors.grad is None or not book.vectors.grad.any()


def test_usage_counts_and_adds() -> None:
    z, index = torch.randn(5, 3), torch.tensor([2, 0, 2, 5, 2])
    n, m = usage(z, index, 6)
    torch.testing.assert_close(n, torch.tensor([0.2, 0, 0.6, 0, 0, 0.2]))
    torch.testing.assert_close(m[2], (z[0] + z[2] + z[4]) / 5)
    torch.testing.assert_close(m.sum(0), z.mean(0))


@pytest.mark.parametrize(("rows", "codes"), [(1, 1), (300, 7), (40, 500)])
def test_usage_is_the_mean_over_one_hot_choices(rows: int, codes: int) -> None:
    z, index = torch.randn(rows, 4, dtype=torch.float64), torch.randint(0, codes, (rows,))
    chosen = torch.eye(codes, dtype=torch.float64)[index]
    n, m = usage(z, index, codes)
    torch.testing.assert_close(n, chosen.mean(0))
    torch.testing.assert_close(m, chosen.T @ z / rows)


def test_the_codes_are_moving_averages_of_what_chose_them() -> None:
    """Against the weighted mean of all outputs so far, written out."""
    book, decay = made(), 0.7
    weights, sums = torch.full((6,), 1 / 6, dtype=torch.float64), book.vectors / 6
    for _ in range(5):
        z, index = torch.randn(9, 3, dtype=torch.float64), torch.randint(0, 4, (9,))
        book.follow(*usage(z, index, 6), decay)
        for code in range(6):
            chose = index == code
            weights[code] = decay * weights[code] + (1 - decay) * chose.sum() / 9
            sums[code] = decay * sums[code] + (1 - decay) * z[chose].sum(0) / 9
    torch.testing.assert_close(book.shares, weights)
    torch.testing.assert_close(book.vectors, sums / weights[:, None])
    assert book.shares.sum().item() == pytest.approx(1)


def test_codes_never_chosen_stay_where_they_are() -> None:
    book = made()
    before = book.vectors.clone()
    z, index = torch.randn(9, 3, dtype=torch.float64), torch.zeros(9, dtype=torch.int64)
    for _ in range(5000):  # until the share underflows
        book.follow(*usage(z, index, 6), 0.5)
    torch.testing.assert_close(book.vectors[1:], before[1:])
    torch.testing.assert_close(book.vectors[0], z.mean(0))


@pytest.mark.parametrize("ema", [False, True])
def test_dead_codes_move_onto_outputs_and_live_ones_stay(ema: bool) -> None:
    book = made(ema)
    book.shares.fill_(0.01)
    before, dead = book.vectors.detach().clone(), torch.tensor([True, False, True, True, False, False])
    z = torch.randn(2, 3, dtype=torch.float64)
    book.revive(dead, z)
    torch.testing.assert_close(book.vectors[dead], z[[0, 1, 0]])
    torch.testing.assert_close(book.vectors[~dead], before[~dead])
    torch.testing.assert_close(book.shares[dead], torch.full((3,), 1 / 6, dtype=torch.float64))
    if ema:  # the next step goes on from there
        book.follow(torch.full((6,), 1 / 6, dtype=torch.float64), book.vectors / 6, 0.9)
        torch.testing.assert_close(book.vectors[dead], z[[0, 1, 0]])


def test_perplexity_is_how_many_codes_are_used() -> None:
    assert perplexity(torch.tensor([0.25, 0.25, 0.25, 0.25, 0.0])).item() == pytest.approx(4)
    assert perplexity(torch.tensor([1.0, 0.0])).item() == pytest.approx(1)
    assert perplexity(torch.tensor([0.5, 0.25, 0.25])).item() == pytest.approx(math.exp(1.5 * math.log(2)))
