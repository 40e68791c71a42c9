"""A model outside genlab of data of any shape: every entry on its own, whatever the others are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from genlab.core.model import Claim, Given, LogProb, Model
from genlab.core.moves import Descend, Draws, Now, Readings, Stage
from genlab.core.recipe import Budget, Optim, Recipe
from genlab.core.space import Batch, Space


class Independent(Model):
    """Each entry from a distribution of its own: a Gaussian, or one of its levels."""

    claim: ClassVar[Claim] = "exact"

    def __init__(self, config: None, space: Space, given: Mapping[str, Space] | None = None):
        super().__init__(space, given)
        self.table = nn.Parameter(torch.zeros(*space.shape, 2 if space.kind == "real" else space.levels))

    @staticmethod
    def recipe(space: Space, given: Mapping[str, Space]) -> Recipe:
        return Recipe("", None, Budget(steps=300), batch=64, optim=Optim(rate=0.1, decay="cosine"))

    def stages(self) -> Iterator[Stage]:
        yield Stage("fit", [Descend("likelihood", [self], self.loss)])

    def loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        return -self._nats(batch.x).mean(), {}

    def log_prob(self, batch: Batch, *, noise: Draws) -> LogProb:
        return LogProb(self._nats(batch.x), "exact", "exact")

    def sample(self, n: int, given: Given | None = None, *, noise: Draws, **options: Any) -> Iterator[Tensor]:
        if self.space.kind == "real":
            yield self.table[..., 0] + self.table[..., 1].exp() * noise.normal(self.space.shape)
        else:
            edges = self.table.softmax(-1).cumsum(-1)[..., :-1]
            yield (noise.uniform(self.space.shape).unsqueeze(-1) >= edges).sum(-1).to(torch.uint8)

    def _nats(self, x: Tensor) -> Tensor:
        """log p(x), (B,)."""
        if self.space.kind == "real":
            mean, log_deviation = self.table.unbind(-1)
            entries = -0.5 * ((x - mean) / log_deviation.exp()).square() - log_deviation - 0.5 * math.log(2 * math.pi)
        else:
            entries = self.table.log_softmax(-1).expand(len(x), *self.table.shape).gather(-1, x.long().unsqueeze(-1))
        return entries.flatten(1).sum(1)
