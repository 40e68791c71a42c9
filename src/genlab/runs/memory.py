"""Keeping freed memory: on Linux a step otherwise may spend a seventh of its time on being given the same pages again.

glibc hands a freed block of many megabytes back to the kernel at once, and the next one of that size is mapped and zeroed
page by page. Every step of training allocates what the one before has freed, so what is freed is better kept. The peak
stays about what it was; memory goes back to the system at the end of the process.
"""

from __future__ import annotations

import ctypes
import functools
import platform

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt, from glibc's malloc.h
_LARGEST = 2**30  # bytes; a block larger than this still comes and goes by itself


@functools.cache
def keep_freed() -> bool:
    """Ask glibc's allocator to keep what is freed, once a process; False where there is no glibc."""
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(_MMAP_THRESHOLD, _LARGEST) and libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1))
