"""A model of two maps, whose stages a test chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from tests.core.test_fit import Points
from torch import Tensor, nn

from genlab.core.fit import fit
from genlab.core.model import Model
from genlab.core.moves import Descend, Now, Readings, Stage
from genlab.core.recipe import Budget, Optim, Recipe, setting
from genlab.core.space import Batch, Space
from genlab.runs.engine import Engine

SPACE = Space((2,), "D", "real")


@dataclass(frozen=True)
class Nothing:
    a: int = setting(1, "nothing")


class Two(Model):
    """Two maps; what is trained when is told from outside."""

    def __init__(self, stages: Callable[[Two], Iterator[Stage]]):
        super().__init__(SPACE)
        torch.manual_seed(0)
        self.one, self.two = nn.Linear(2, 2), nn.Linear(2, 2)
        self.given_stages, self.sizes = stages, []
        self.between: list[Tensor] = []

    def stages(self) -> Iterator[Stage]:
        return self.given_stages(self)

    def loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        self.sizes.append(len(batch.x))
        return self.two(self.one(batch.x * 0.01)).sub(1).square().mean(), {}

    def sample(self, n: int, given: Any = None, *, noise: Any, **options: Any) -> Iterator[Tensor]:
        yield noise.normal((2,))


RECIPE = Recipe("two", Nothing(), Budget(steps=12), batch=4, optim=Optim(rate=0.1))


def ran(stages: Any, recipe: Recipe = RECIPE, stop: int | None = None, checkpoint: Any = None) -> tuple[Two, Engine, list[Any]]:
    model, engine, ticks = Two(stages), Engine("cpu"), []
    for tick in fit(model, Points(), recipe, engine, checkpoint=checkpoint):
        ticks.append(tick)
        if len(ticks) == stop:
            break
    return model, engine, ticks


def same_after_a_stop(stages: Any, recipe: Recipe, stop: int) -> None:
    """Byte for byte what an uninterrupted run would have come to."""
    whole = ran(stages, recipe)[1].state()
    resumed = ran(stages, recipe, checkpoint=ran(stages, recipe, stop)[1].state())[1].state()
    assert whole[0].keys() == resumed[0].keys()
    assert all(torch.equal(whole[0][name], resumed[0][name]) for name in whole[0])
    assert whole[1] == {**resumed[1], "progress": whole[1]["progress"]}


def growing(model: Two) -> Iterator[Stage]:
    yield Stage("small", [Descend("one", [model.one], model.loss)], share=0.5, batch=10)
    yield Stage("large", [Descend("two", [model.two], model.loss)], share=0.5)
