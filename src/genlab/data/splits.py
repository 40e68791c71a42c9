"""Which split an example belongs to, decided by its content.

An example's digest, read as a number u in [0, 1), is compared with the shares: u < 0.8 is train, and so on. Files that are
added or removed therefore move no other example, and equal examples are always on one side. A source's own splits are kept,
but for copies.
"""

from __future__ import annotations

import hashlib

import numpy as np

from genlab.data.options import SHARES

FEWEST = 20  # items in all
FEWEST_EACH = 2  # in every split that has a share
ENOUGH = 60  # items, where all differ
TRAIN, VALIDATION, TEST, NOWHERE = 0, 1, 2, -1
TENTH = 0.1  # of the source's own train split goes to a split that the source lacks


def digest(example: bytes) -> bytes:
    return hashlib.blake2b(example, digest_size=16).digest()


def digests(rows: np.ndarray) -> np.ndarray:
    """(N, 16) uint8 of the rows of an array (N, ...)."""
    found = b"".join(digest(row) for row in np.ascontiguousarray(rows))
    return np.frombuffer(found, np.uint8).reshape(len(rows), 16)


def places(digest: np.ndarray) -> np.ndarray:
    """(N, 16) digests -> u, (N,) float64 in [0, 1)."""
    return (np.ascontiguousarray(digest[:, :8]).view("<u8")[:, 0] >> 11) * 2.0**-53


def by_content(digest: np.ndarray, shares: tuple[float, float, float] | None = None) -> np.ndarray:
    """(N,) int8 of TRAIN, VALIDATION, TEST."""
    edges = np.cumsum(shares or SHARES)[:2]
    return np.searchsorted(edges, places(digest), side="right").astype(np.int8)


def completed(own: np.ndarray, digest: np.ndarray) -> np.ndarray:
    """A source's own splits (N,) int8, where a missing validation or test split gets a tenth of train, by content.

    What train has of a held-out split, and validation of test, is in neither: the source's own test split stays whole.
    """
    sides, place = own.copy(), places(digest)
    for number, missing in enumerate(side for side in (VALIDATION, TEST) if not (own == side).any()):
        taken = (place >= number * TENTH) & (place < (number + 1) * TENTH)
        sides[(own == TRAIN) & taken] = missing
    seen = _comparable(digest)
    for held_out in (TEST, VALIDATION):
        sides[np.isin(seen, seen[sides == held_out]) & (sides < held_out)] = NOWHERE
    return sides


def sides(own: np.ndarray | None, digest: np.ndarray, shares: tuple[float, float, float] | None, name: str) -> np.ndarray:
    """(N,) int8 of TRAIN ...: by content, or a source's own, which are completed; ValueError for both at once."""
    if own is None:
        return by_content(digest, shares)
    if shares is not None:
        raise ValueError(f"{name} has a train and a test split of its own, which are kept; leave shares out")
    return completed(own, digest)


def grouped(*digests: np.ndarray) -> np.ndarray:
    """Digests of rows of several parts, each (N, 16): rows that share a part, directly or through others, get one digest.

    It is the smallest digest of a first part in the group, so rows of other groups do not change it.
    """
    count = len(digests[0])
    parent = np.arange(count)

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for digest in digests:
        _, first, part = np.unique(_comparable(digest), return_index=True, return_inverse=True)
        for row, other in enumerate(first[part.reshape(-1)].tolist()):
            parent[root(row)] = root(other)
    roots = np.array([root(row) for row in range(count)], np.int64)
    order = np.argsort(_comparable(digests[0]), kind="stable")
    smallest = np.full(count, -1)
    smallest[roots[order[::-1]]] = order[::-1]
    return digests[0][smallest[roots]]


def repeats(digest: np.ndarray, sides: np.ndarray) -> dict[str, int]:
    """How many examples are copies of others, and how many were left out because a held-out split has them."""
    seen, left_out = _comparable(digest), int((sides == NOWHERE).sum())
    duplicates = len(seen) - len(np.unique(seen))
    return {"duplicates": duplicates} | ({"left out, as copies of held-out examples": left_out} if left_out else {})


def _comparable(digest: np.ndarray) -> np.ndarray:
    """(N, 16) digests as (N,) things that can be sorted."""
    return np.ascontiguousarray(digest).view("V16")[:, 0]


def enough(counts: dict[str, int], shares: tuple[float, float, float] | None, name: str, things: str) -> None:
    """ValueError unless every split that has a share has examples to speak of."""
    total = sum(counts.values())
    wanted = [split for split, share in zip(counts, shares or SHARES, strict=True) if share > 0]
    if total >= FEWEST and all(counts[split] >= FEWEST_EACH for split in wanted):
        return
    said = ", ".join(f"{count} {split}" for split, count in counts.items())
    if total >= ENOUGH:
        raise ValueError(
            f"{name} holds {total} {things} ({said}), too few different ones to learn from and to score on: at least "
            f"{FEWEST_EACH} are needed in every split, and equal ones stay in one"
        )
    raise ValueError(
        f"{name} holds {total} {things} ({said}), too few to learn from and to score on: "
        f"give at least {FEWEST}, and {FEWEST_EACH} in every split (about {ENOUGH} are enough)"
    )
