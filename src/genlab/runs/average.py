"""Averaged weights: an exponential moving average of parameters, its half-life counted in examples.

The half-life is min(h, seen/4): early on the average forgets the initial weights as fast as training leaves them behind
(compare Karras et al., "Analyzing and Improving the Training Dynamics of Diffusion Models", 2024).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Average:
    """half_life in examples, 0 keeps no average. `values` holds one tensor per averaged parameter, by name."""

    def __init__(self, half_life: float):
        self.half_life = half_life
        self.seen = 0
        self.values: dict[str, Tensor] = {}
        self._live: list[nn.Parameter] = []
        self._kept: dict[int, Tensor] = {}

    @torch.no_grad()
    def begin(self, parameters: Mapping[str, nn.Parameter]) -> None:
        """Average these from here on."""
        self.seen = 0
        self._live = list(parameters.values()) if self.half_life else []
        self.values = {name: parameter.detach().clone() for name, parameter in parameters.items()} if self.half_life else {}
        self._kept = {id(live): kept for live, kept in zip(self._live, self.values.values(), strict=True)}

    @torch.no_grad()
    def update(self, examples: int) -> None:
        self.seen += examples
        if self.values:
            kept = 0.5 ** (examples / min(self.half_life, self.seen / 4))
            torch._foreach_lerp_(list(self.values.values()), [live.detach() for live in self._live], 1 - kept)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange live and averaged weights; calling it again undoes it."""
        for live, kept in zip(self._live, self.values.values(), strict=True):
            held = live.detach().clone()
            live.copy_(kept)
            kept.copy_(held)

    def of(self, parameter: Tensor) -> Tensor:
        """The averaged values of a parameter, or the parameter itself where none are kept."""
        return self._kept.get(id(parameter), parameter)

    @torch.no_grad()
    def hand_over(self) -> None:
        """The live weights become the averaged ones."""
        for live, kept in zip(self._live, self.values.values(), strict=True):
            live.copy_(kept)
