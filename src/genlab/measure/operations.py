"""The operations of a call, counted instead of timed."""

from __future__ import annotations

from collections.abc import Callable

from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def operations(call: Callable[[], object]) -> int:
    """Floating point operations of the matrix products and convolutions of one call, backward passes included.

    Attention is counted in its plain form, both triangles of it, since torch's counter does not know the fused one of a CPU.
    What is counted is what is run: a convolution by Winograd's products counts as those products, fewer than a direct one's;
    a kernel of its own, known to no counter, counts nothing.
    """
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        call()
    return counter.get_total_flops()
