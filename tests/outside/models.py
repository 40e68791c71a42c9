"""Models outside genlab, as a user writes them: one that cannot be without a text, one without a source picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from genlab.core.model import Given, Model
from genlab.core.moves import Descend, Draws, Now, Readings, Stage
from genlab.core.recipe import Budget, Optim, Recipe
from genlab.core.space import Batch, Space
from genlab.nets.units import centred, restored


@dataclass(frozen=True)
class Width:
    width: int = 8


class Captioned(Model):
    """Pictures around what their caption says, a code apart: u = W h(text) + V z."""

    needs = ("text",)
    uses = ("text", "label")

    def __init__(self, config: Width, space: Space, given: Mapping[str, Space] | None = None):
        super().__init__(space, given)
        self.words = nn.EmbeddingBag(self.given["text"].levels, config.width)
        self.mean = nn.Linear(config.width, space.size)
        self.code = nn.Linear(4, space.size, bias=False)
        self.back = nn.Linear(space.size, 4)

    def stages(self) -> Iterator[Stage]:
        yield Stage("fit", [Descend("regression", [self], self.loss)])

    def loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        u = centred(batch.x, self.space).flatten(1)
        rebuilt = self._means(batch.given) + self.code(self.back(u))
        return (u - rebuilt).square().mean(), {}

    def sample(self, n: int, given: Given | None = None, *, noise: Draws, **options: Any) -> Iterator[Tensor]:
        yield self.decode(self.draw(n, noise=noise), given)

    def draw(self, n: int, *, noise: Draws) -> Tensor:
        return 0.1 * noise.normal((4,))

    def encode(self, x: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor:
        return self.back(centred(x, self.space).flatten(1))

    def decode(self, z: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor:
        return restored((self._means(given or {}) + self.code(z)).view(-1, *self.space.shape), self.space)

    def between(self, a: Tensor, b: Tensor, share: float) -> Tensor:
        return (1 - share) * a + share * b

    def _means(self, given: Given) -> Tensor:
        return self.mean(self.words(given["text"]))


class Restorer(Model):
    """A picture from a coarser one s: u = s in its size + W s, and a little noise."""

    needs = uses = ("source",)

    def __init__(self, config: None, space: Space, given: Mapping[str, Space] | None = None):
        super().__init__(space, given)
        self.net = nn.Linear(self.given["source"].size, space.size)

    @staticmethod
    def recipe(space: Space, given: Mapping[str, Space]) -> Recipe:
        return Recipe("restorer", None, Budget(steps=20), batch=16, optim=Optim(rate=3e-3), flip=True)

    def stages(self) -> Iterator[Stage]:
        yield Stage("fit", [Descend("regression", [self], self.loss)])

    def loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        u, s = centred(batch.x, self.space), centred(batch.given["source"], self.given["source"])
        return (u - self._mean(s)).square().mean(), {"spread": s.std()}

    def sample(self, n: int, given: Given | None = None, *, noise: Draws, **options: Any) -> Iterator[Tensor]:
        assert given is not None
        mean = self._mean(centred(given["source"], self.given["source"]))
        yield restored(mean + 0.01 * noise.normal(self.space.shape), self.space)

    def _mean(self, s: Tensor) -> Tensor:
        large = nn.functional.interpolate(s, self.space.shape[1:])
        return large + self.net(s.flatten(1)).view(-1, *self.space.shape)


class Unfinished(Model):
    def stages(self) -> Iterator[Stage]:
        yield Stage("nothing", [])


class vae(Captioned):
    """Its name is taken."""


def function() -> Tensor:
    return torch.zeros(1)
