"""How much a file may unpack to: what fills the memory out of a small file is no data."""

from __future__ import annotations

SWOLLEN = 200  # times its own size; pictures, recordings and arrays of measurements unpack to a few times theirs
SMALL = 2**27  # bytes that any file may unpack to


def most_of(packed: int) -> int:
    """The most bytes that a file of `packed` bytes may unpack to."""
    return max(SMALL, SWOLLEN * packed)
