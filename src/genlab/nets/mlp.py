"""Multi-layer perceptrons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn


class MLP(nn.Sequential):
    """Linear layers of the given widths with an activation between them: (..., sizes[0]) -> (..., sizes[-1]).

    norm    "layer" normalises every hidden layer, "none" does not
    zero    the last layer starts at zero: the network begins as a constant
    dropout share of every hidden layer's units left out while training
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Callable[[], nn.Module] = nn.SiLU,
        norm: str = "none",
        zero: bool = False,
        dropout: float = 0.0,
    ):
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes[:-1]):
            layers += [nn.Linear(before, after)]
            layers += [nn.LayerNorm(after)] if norm == "layer" else []
            layers += [activation()]
            layers += [nn.Dropout(dropout)] if dropout else []
        last = nn.Linear(sizes[-2], sizes[-1])
        if zero:
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        super().__init__(*layers, last)
