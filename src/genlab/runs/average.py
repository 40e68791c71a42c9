"""Averaged weights: an exponential moving average of parameters, its half-life counted in examples.

The half-life is min(h, seen/4): early on the average forgets the initial weights as fast as training leaves them behind
(compare Karras et al., "Analyzing and Improving the Training Dynamics of Diffusion Models", 2024).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genlab.runs.shards import part_like


@dataclass
class Group:
    """Parameters, by name, of which as many examples were seen since their average began."""

    half_life: float  # examples
    seen: int
    names: list[str]


class Average:
    """Averages of a model's parameters, each carried from stage to stage as long as a later stage trains the parameter.

    values: one tensor per averaged parameter, by name
    """

    def __init__(self, model: nn.Module):
        self._model = model
        self._live: dict[str, nn.Parameter] = {}
        self._names: dict[int, str] = {}
        self.values: dict[str, Tensor] = {}
        self._half_lives: Mapping[str, float] = {}
        self._groups: list[Group] = []  # of what this stage trains
        self._aside: dict[str, int] = {}  # seen, of what it does not

    @property
    def seen(self) -> dict[str, int]:
        """Examples since the average of each parameter began, by its name."""
        return self._aside | {name: group.seen for group in self._groups for name in group.names}

    @torch.no_grad()
    def begin(self, half_lives: Mapping[str, float]) -> None:
        """Begin a stage that trains these parameters: name -> half-life in examples, 0 for no average.

        An average that a parameter has already goes on. Parameters that the stage does not train keep theirs.
        """
        self._live = dict(self._model.named_parameters())  # now: a move that breaks down leaves a sharded model with others
        self._names = {id(value): name for name, value in self._live.items()}
        self._half_lives = half_lives
        self.forget([name for name, half_life in half_lives.items() if not half_life])
        for name, half_life in half_lives.items():
            if half_life and name not in self.values:
                self.values[name] = self._live[name].detach().clone()
        self._grouped(self.seen)

    @torch.no_grad()
    def load(self, values: Mapping[str, Tensor], seen: Mapping[str, int]) -> None:
        """Load the averages of a checkpoint, after `begin`; not those of parameters that the stage trains without averaging."""
        for name, value in values.items():
            if self._half_lives.get(name) != 0:
                average = self.values.setdefault(name, torch.empty_like(self._live[name]).detach())
                average.copy_(part_like(value, average))
        self._grouped(seen)

    def _grouped(self, seen: Mapping[str, int]) -> None:
        found: dict[tuple[float, int], list[str]] = {}
        for name in self.values:
            if name in self._half_lives:
                found.setdefault((self._half_lives[name], seen.get(name, 0)), []).append(name)
        self._groups = [Group(half_life, count, names) for (half_life, count), names in found.items()]
        self._aside = {name: seen[name] for name in self.values if name not in self._half_lives}

    @torch.no_grad()
    def update(self, examples: int) -> None:
        for group in self._groups:
            group.seen += examples
            decay = 0.5 ** (examples / min(group.half_life, group.seen / 4))
            live = [self._live[name].detach() for name in group.names]
            torch._foreach_lerp_([self.values[name] for name in group.names], live, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange live and averaged weights; calling it again undoes it."""
        for name, average in self.values.items():
            live = self._live[name]
            raw = live.detach().clone()
            live.copy_(average)
            average.copy_(raw)

    def of(self, parameter: Tensor) -> Tensor:
        """The averaged values of a parameter, or the parameter itself where it has no average."""
        return self.values.get(self._names.get(id(parameter), ""), parameter)

    @torch.no_grad()
    def hand_over(self, names: Collection[str]) -> Sequence[tuple[Tensor, Tensor]]:
        """Overwrite these live weights with their averages; (live, copy of its old values) of each."""
        found = [(self._live[name], self._live[name].detach().clone()) for name in names]
        for name in names:
            self._live[name].copy_(self.values[name])
        return found

    def forget(self, names: Collection[str]) -> None:
        """Drop the averages of these parameters."""
        for name in names:
            self.values.pop(name, None)
        for group in self._groups:
            group.names = [name for name in group.names if name in self.values]
        self._aside = {name: seen for name, seen in self._aside.items() if name in self.values}
