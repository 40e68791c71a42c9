"""How a layer inside a network reaches the examples of the other processes.

A loss has `now.mean` and `now.gather`; the layers it calls do not see `now`. `fit` therefore lends both to whatever computes
during a turn, its backward pass included, and a layer asks for them here: `gather(x)` and `mean(x)` are those of the turn under
way, and leave x as it is where one process holds the whole batch, or nobody trains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor

Map = Callable[[Tensor], Tensor]


def identity(value: Tensor) -> Tensor:
    return value


_lent: list[tuple[Map, Map]] = [(identity, identity)]  # not a context variable: backward passes run in other threads


@contextmanager
def lent(mean: Map, gather: Map) -> Iterator[None]:
    """While it is entered, `mean` and `gather` are these."""
    _lent.append((mean, gather))
    try:
        yield
    finally:
        _lent.pop()


def alone() -> bool:
    """Whether this process holds the whole batch."""
    return _lent[-1][1] is identity


def mean(value: Tensor) -> Tensor:
    """The mean over processes, differentiable."""
    return _lent[-1][0](value)


def gather(value: Tensor) -> Tensor:
    """(B, ...) -> (processes * B, ...): all processes' rows, differentiable."""
    return _lent[-1][1](value)
