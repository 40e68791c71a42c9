"""The average is the average, the error is the error, and the claim is the model's."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import nn

from genlab.core.data import blocks
from genlab.core.model import LogProb, Model
from genlab.core.space import Batch, Space
from genlab.measure.likelihood import likelihood_of


class Rows:
    """Examples in a list; tokens carry lengths."""

    given = {}

    def __init__(self, space: Space, x: torch.Tensor, length: torch.Tensor | None = None):
        self.space, self.x, self.length = space, x, length
        self.asked: list[tuple[int, int]] = []

    def count(self, split):
        return len(self.x)

    def once(self, split, cursor, n):
        self.asked.append((cursor, n))
        length = None if self.length is None else self.length[cursor : cursor + n]
        return Batch(self.x[cursor : cursor + n], {}, None, length)

    stream = once


class Uniform(Model):
    """log p(x) = -size log L, in all dimensions that count; `spread` adds noise of its own."""

    claim = "lower"

    def __init__(self, space, spread=0.0):
        super().__init__(space)
        self.spread, self.weight = spread, nn.Parameter(torch.zeros(1))

    def stages(self):
        yield from ()

    def sample(self, n, given=None, *, noise, **options):
        yield torch.zeros(n, *self.space.shape)

    def log_prob(self, batch, *, noise):
        assert not torch.is_grad_enabled()
        nats = -self.space.sizes(batch) * math.log(self.space.levels) + self.spread * noise.normal(())
        return LogProb(nats, "lower", "by hand")


PICTURES = Space((3, 4, 5), "CHW", "ordinal", 256)
TEXT = Space((6,), "T", "token", 7)


def test_a_uniform_model_costs_its_levels():
    data = Rows(PICTURES, torch.zeros(130, 3, 4, 5, dtype=torch.uint8))
    found = likelihood_of(Uniform(PICTURES), data)
    assert found is not None
    assert (found.unit, found.claim, found.how, found.examples) == ("bits_per_dim", "lower", "by hand", 130)
    assert found.value == pytest.approx(8)
    assert found.nats == pytest.approx(60 * math.log(256))
    assert found.error == pytest.approx(0, abs=1e-6)
    assert "≤ 8.0000" in found.line()
    assert f" {found.label} (" in found.line()
    assert "all 130 of test" in found.line()
    assert json.loads(json.dumps(found.to_json()))["value"] == pytest.approx(8)


def test_text_is_counted_by_its_characters():
    lengths = torch.tensor([6] * 9 + [2])
    found = likelihood_of(Uniform(TEXT), Rows(TEXT, torch.zeros(10, 6, dtype=torch.long), lengths))
    assert found is not None
    assert found.value == pytest.approx(math.log(7))
    assert found.bits == pytest.approx(math.log2(7))
    assert found.nats == pytest.approx(5.6 * math.log(7))
    assert found.error == pytest.approx(0, abs=1e-6)  # every character costs the same, however long the windows


def test_the_error_is_that_of_a_mean_and_shrinks_by_the_root():
    space = Space((1,), "D", "ordinal", 2)
    few, many = (likelihood_of(Uniform(space, 3.0), Rows(space, torch.zeros(n, 1, dtype=torch.uint8))) for n in (400, 6400))
    assert few is not None
    assert many is not None
    assert few.nats_error == pytest.approx(3 / math.sqrt(400), rel=0.1)
    assert many.nats_error == pytest.approx(few.nats_error / 4, rel=0.1)
    assert abs(few.nats - math.log(2)) < 4 * few.nats_error


def test_noise_belongs_to_the_row_whatever_the_batch():
    space = Space((1,), "D", "ordinal", 2)
    data = Rows(space, torch.zeros(70, 1, dtype=torch.uint8))
    model = Uniform(space, 1.0)
    values = {likelihood_of(model, data, "test", 3, batch=size).nats for size in (64, 7, 70)}  # type: ignore[union-attr]
    assert max(values) - min(values) < 1e-9
    assert likelihood_of(model, data, "test", 4).nats not in values  # type: ignore[union-attr]


def test_a_limit_spreads_over_the_split():
    data = Rows(PICTURES, torch.zeros(1000, 3, 4, 5, dtype=torch.uint8))
    found = likelihood_of(Uniform(PICTURES), data, limit=250, batch=50)
    assert found is not None
    assert (found.examples, found.of) == (250, 1000)
    assert data.asked == [(0, 50), (237, 50), (475, 50), (712, 50), (950, 50)]
    assert "250 of 1,000 of test" in found.line()


@pytest.mark.parametrize(("count", "total", "size"), [(10, 10, 3), (10, 7, 3), (100, 30, 30), (5, 5, 64), (64, 1, 64)])
def test_blocks_never_overlap_nor_leave_the_split(count, total, size):
    data = Rows(PICTURES, torch.zeros(count, 3, 4, 5))
    seen = [index for first, batch in blocks(data, "test", total, size) for index in range(first, first + len(batch.x))]
    assert len(seen) == len(set(seen)) == total
    assert max(seen) < count


def test_a_model_without_likelihood_has_none():
    class Sampler(Model):
        def stages(self):
            yield from ()

        def sample(self, n, given=None, *, noise, **options):
            yield torch.zeros(n, *self.space.shape)

    assert likelihood_of(Sampler(PICTURES), Rows(PICTURES, torch.zeros(2, 3, 4, 5))) is None


def test_learnt_tokens_are_counted_by_their_characters():
    """56 tokens spell 140 characters: nats per character are nats per token x 56 / 140."""
    data = Rows(TEXT, torch.zeros(10, 6, dtype=torch.long), torch.tensor([6] * 9 + [2]))
    data.tokens, data.characters = {"test": 56}.get, {"test": 140}.get
    found = likelihood_of(Uniform(TEXT), data)
    assert found is not None
    assert found.value == pytest.approx(math.log(7) * 56 / 140)
    assert found.nats == pytest.approx(math.log(7) * 5.6)
