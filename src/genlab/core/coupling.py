"""Access to the examples of other processes for layers inside a network.

A loss has `now.mean` and `now.gather`; the layers it calls do not see `now`. `fit` therefore sets both for the time of a move,
its backward pass included, and a layer calls `mean(x)` and `gather(x)` of this module. Both return x as it is where one process
holds the whole batch, or nothing is being trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor

Map = Callable[[Tensor], Tensor]


def identity(value: Tensor) -> Tensor:
    return value


_coupled: list[tuple[Map, Map]] = [(identity, identity)]  # not a context variable: backward passes run in other threads


@contextmanager
def coupled(mean: Map, gather: Map) -> Iterator[None]:
    """Within this context, `mean` and `gather` of this module are those passed."""
    _coupled.append((mean, gather))
    try:
        yield
    finally:
        _coupled.pop()


def alone() -> bool:
    """Whether this process holds the whole batch."""
    return _coupled[-1][1] is identity


def mean(value: Tensor) -> Tensor:
    """The mean over processes, differentiable."""
    return _coupled[-1][0](value)


def gather(value: Tensor) -> Tensor:
    """(B, ...) -> (processes * B, ...): all processes' rows, differentiable."""
    return _coupled[-1][1](value)
