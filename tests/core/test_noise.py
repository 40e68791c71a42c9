"""The noise of a row is its own, whatever the batch."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.core.noise import BatchNoise, Noise, hashed


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**62), st.lists(st.integers(0, 2**40), min_size=1, max_size=5, unique=True), st.data())
def test_a_row_is_the_same_in_every_batch(seed: int, rows: list[int], data: st.DataObject) -> None:
    whole = Noise(seed, rows).normal((3, 2))
    chosen = data.draw(st.permutations(range(len(rows))))
    assert torch.equal(Noise(seed, rows).take(chosen).normal((3, 2)), whole[list(chosen)])


def test_a_longer_draw_begins_with_the_shorter_and_draws_continue() -> None:
    long = Noise(7, 4).normal((10,))
    stream = Noise(7, 4)
    assert torch.equal(torch.cat([stream.normal((4,)), stream.normal((6,))], 1), long)


def test_scalars_and_vectors_share_the_stream() -> None:
    one, two = Noise(7, 3), Noise(7, 3)
    assert torch.equal(one.uniform(()), two.uniform((1,))[:, 0])


def test_draws_have_the_moments_they_claim() -> None:
    normal, uniform = Noise(1, 200).normal((500,)).double(), Noise(2, 200).uniform((500,)).double()
    error = 1 / np.sqrt(normal.numel())
    assert abs(normal.mean()) < 4 * error
    assert abs(normal.var() - 1) < 4 * error * np.sqrt(2)
    assert abs(uniform.mean() - 0.5) < 4 * error / np.sqrt(12)
    assert uniform.min() >= 0
    assert uniform.max() < 1


def test_rows_and_seeds_are_independent() -> None:
    draws = torch.stack(
        [Noise(seed, 2).normal((4000,)).flatten() for seed in (0, 1)] + [Noise(0, 2).fork("x").normal((4000,)).flatten()]
    )
    correlation = torch.corrcoef(torch.cat([row.reshape(2, -1) for row in draws]))
    assert (correlation - torch.eye(6)).abs().max() < 5 / np.sqrt(4000)


def test_processes_keep_the_rows_of_one_global_batch() -> None:
    whole = BatchNoise(3, 8).normal((5,))
    parts = [BatchNoise(3, 4, first, 8).normal((5,)) for first in (0, 4)]
    assert torch.equal(torch.cat(parts), whole)


def test_hashes_are_the_same_everywhere() -> None:
    assert hashed(0, "stage", 3) == hashed(0, "stage", 3)
    assert len({hashed(0, step) for step in range(1000)}) == 1000
    assert 0 <= hashed("anything") < 2**63


def test_the_bits_of_noise() -> None:
    """Of any row, however many are asked for, in whatever company."""
    noise = Noise(7, 3)
    drawn = [noise.normal((2, 2)), noise.uniform((3,)), noise.normal(())]
    assert digest(*drawn) == "ce2ffd33bb080833"
    assert digest(Noise(7, 1000).fork("label").uniform(())[:3]) == "460ea9595823bc64"
    assert digest(BatchNoise(hashed(0, 1, "fit"), 4).normal((5,))) == "8dadf914fc7fb331"
    alone = Noise(7, [2])
    assert torch.equal(alone.normal((2, 2))[0], drawn[0][2])
    assert torch.equal(alone.uniform((3,))[0], drawn[1][2])


def digest(*tensors: torch.Tensor) -> str:
    return hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors)).hexdigest()[:16]
