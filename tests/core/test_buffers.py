"""Buffers that a move does not own are put back, and only those that may have changed are copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tests.core.test_fit import RECIPE, SPACE, Points
from torch import Tensor, nn

from genlab.core import buffers
from genlab.core.finite import all_finite, first_non_finite
from genlab.core.fit import fit
from genlab.core.model import Model
from genlab.core.moves import Apply, Descend, Now, Readings, Stage
from genlab.core.space import Batch
from genlab.runs.engine import Engine


class Counter(nn.Module):
    """Changes its buffer where it is used, as power iterations do."""

    def __init__(self, after: int = 0):
        super().__init__()
        self.register_buffer("count", torch.zeros(()))
        self.calls, self.after = 0, after

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if self.calls > self.after:
            self.count += 1
        return x


class Layers(Model):
    """One player through layers that another one owns, and a large table that only its owner changes."""

    def __init__(self, after: int = 0) -> None:
        super().__init__(SPACE)
        self.mine = nn.Linear(2, 2)
        self.counter = Counter(after)
        instances = nn.Sequential(nn.Unflatten(1, (1, 2)), nn.InstanceNorm1d(1, track_running_stats=True), nn.Flatten())
        self.theirs = nn.Sequential(nn.BatchNorm1d(2), instances, self.counter)
        self.theirs.append(nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2)))
        self.register_buffer("table", torch.zeros(5))
        self.register_buffer("scratch", torch.zeros(()), persistent=False)

    def stages(self) -> Iterator[Stage]:
        yield Stage("play", [Descend("mine", [self.mine], self.loss), Apply("table", [self.table], self.count, every=3)])

    def loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        self.scratch += 1
        return self.theirs(self.mine(batch.x)).square().mean(), {}

    def count(self, batch: Batch, now: Now) -> Readings:
        self.table += 1
        return {}

    def sample(self, n: int, given: Any = None, *, noise: Any, **options: Any) -> Iterator[Tensor]:
        yield noise.normal((2,))


@pytest.mark.parametrize("after", [0, 5])
def test_whatever_changes_them_they_are_put_back(after: int) -> None:
    """Loudly and in silence, from the first turn on or later."""
    torch.manual_seed(0)
    model = Layers(after)
    before = {name: value.clone() for name, value in model.theirs.named_buffers()}
    for tick in fit(model, Points(), RECIPE, Engine("cpu")):
        if tick.move == "mine":
            assert all(torch.equal(value, before[name]) for name, value in model.theirs.named_buffers())
    assert model.counter.calls == 10
    assert model.table.tolist() == [3] * 5
    assert model.scratch == 10  # a constant is nobody's state


def test_what_does_not_change_is_copied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[int] = []
    real = buffers._copy

    def copying(every: Any, back: bool) -> None:
        copied.extend(kept.live.numel() for kept in every if not back)
        real(every, back)

    monkeypatch.setattr(buffers, "_copy", copying)
    model = Layers()
    list(fit(model, Points(), RECIPE, Engine("cpu")))
    assert copied.count(5) == 3  # the table, after each of its owner's turns


def test_the_first_number_that_is_none_is_named() -> None:
    inf = float("inf")
    wrong = {
        "cancelling": torch.tensor([inf, -inf, 1.0]),
        "nan among bf16": torch.tensor([1.0, float("nan"), 2.0], dtype=torch.bfloat16),
        "nan beside inf": torch.tensor([float("nan"), inf], dtype=torch.float64),
        "scalar": torch.tensor(-inf, dtype=torch.float16),
        "complex": torch.tensor([complex(0, inf)]),
    }
    right = {
        "large": torch.full((1000,), 3e38),
        "large doubles": torch.full((3,), 1e308, dtype=torch.float64),
        "whole": torch.arange(3),
        "bool": torch.tensor([True]),
        "none": torch.zeros(0),
        "half": torch.full((2,), 60000.0, dtype=torch.float16),
        "strided": torch.randn(4, 6).t()[::2],
        "leaf": torch.ones(2, requires_grad=True),
    }
    assert all_finite([])
    assert first_non_finite(right) is None
    for name, value in wrong.items():
        assert not all_finite([value])
        assert not all_finite([*right.values(), value])
        assert first_non_finite({**right, name: value, "later": torch.tensor(inf)}) == name


def test_many_tensors_are_one_look_at_the_device() -> None:
    tensors = [torch.randn(3, 4) for _ in range(200)] + [torch.zeros(2, dtype=torch.float64)]
    with torch.profiler.profile() as profile:
        assert all_finite(tensors)
    looks = [event for event in profile.events() if event.name == "aten::_local_scalar_dense"]
    assert 1 <= len(looks) <= 2
