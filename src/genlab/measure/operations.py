"""The operations of a call, counted instead of timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


@contextmanager
def counting() -> Iterator[Callable[[], int]]:
    """Counts the floating point operations of matrix products and convolutions, backward passes included; a function that says
    how many there were up to now.

    Attention is counted in its plain form, both triangles of it, since torch's counter does not know the fused one of a CPU.
    What is counted is what is run: a convolution by Winograd's products counts as those products, fewer than a direct one's;
    a kernel of its own, known to no counter, counts nothing.
    """
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        yield counter.get_total_flops


def operations(call: Callable[[], object]) -> int:
    """The operations of one call, see `counting`."""
    with counting() as counted:
        call()
        return counted()
