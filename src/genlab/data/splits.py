"""The split of an example, decided by its content.

An example's digest, read as a number u in [0, 1), is compared with the shares: u < 0.8 is train, and so on. Files that are
added or removed therefore move no other example, and equal examples are always on one side. A source's own splits stay,
except that a copy of a held-out example is not trained on.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from genlab.core.words import plural
from genlab.data.options import SHARES
from genlab.data.overview import LeftOut, Overview

FEWEST = 20  # items in all
FEWEST_EACH = 2  # in every split that has a share
ENOUGH = 60  # items, where all differ
TRAIN, VALIDATION, TEST, EXCLUDED = 0, 1, 2, -1
TENTH = 0.1  # of the source's own train split goes to a split that the source lacks


def digest(example: bytes | memoryview) -> bytes:
    return hashlib.blake2b(example, digest_size=16).digest()


def digests(rows: np.ndarray) -> np.ndarray:
    """(N, 16) uint8 of the rows of an array (N, ...)."""
    size = rows[:1].nbytes
    whole = np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data if size else b""
    found = b"".join([digest(whole[row * size : (row + 1) * size]) for row in range(len(rows))])
    return np.frombuffer(found, np.uint8).reshape(len(rows), 16)


def unit_hash(digest: np.ndarray) -> np.ndarray:
    """Digests (N, 16) as numbers u (N,) in [0, 1), float64."""
    return (np.ascontiguousarray(digest[:, :8]).view("<u8")[:, 0] >> 11) * 2.0**-53


def by_content(digest: np.ndarray, shares: tuple[float, float, float] | None = None) -> np.ndarray:
    """(N,) int8 of TRAIN, VALIDATION, TEST."""
    edges = np.cumsum(shares or SHARES)[:2]
    return np.searchsorted(edges, unit_hash(digest), side="right").astype(np.int8)


def evened(sides: np.ndarray, digest: np.ndarray, shares: tuple[float, float, float] | None = None) -> np.ndarray:
    """Sides by content, where a held-out split with less than half of its share takes the training examples nearest to it.

    Of few examples one may get hardly any by chance, and 30 pictures would be refused for their hashes.
    """
    shares, u, sides = shares or SHARES, unit_hash(digest), sides.copy()
    for side in (VALIDATION, TEST):
        wanted = max(FEWEST_EACH, int(len(u) * shares[side] / 2)) if shares[side] > 0 else 0
        while (sides == side).sum() < wanted and len(np.unique(u[sides == TRAIN])) > FEWEST_EACH:
            sides[u == u[sides == TRAIN].max()] = side  # all copies of one
    return sides


def completed(own: np.ndarray, digest: np.ndarray) -> np.ndarray:
    """A source's own splits (N,) int8; a missing validation or test split gets a tenth of train, chosen by content.

    Copies of test examples in validation or train, and of validation examples in train, are excluded: the source's own test
    split stays whole.
    """
    sides, u = own.copy(), unit_hash(digest)
    for number, missing in enumerate(side for side in (VALIDATION, TEST) if not (own == side).any()):
        tenth = (u >= number * TENTH) & (u < (number + 1) * TENTH)
        sides[(own == TRAIN) & tenth] = missing
        wanted = max(FEWEST_EACH, int((own == TRAIN).sum() * TENTH / 2))
        while (sides == missing).sum() < wanted and len(np.unique(u[sides == TRAIN])) > FEWEST_EACH:
            sides[(sides == TRAIN) & (u == u[sides == TRAIN].min())] = missing
    seen = _comparable(digest)
    for held_out in (TEST, VALIDATION):
        sides[np.isin(seen, seen[sides == held_out]) & (sides < held_out)] = EXCLUDED
    return sides


def completion(own: np.ndarray) -> str:
    """How `completed` makes the splits that a source lacks, in words to go on with."""
    missing = [name for name, side in (("validation", VALIDATION), ("test", TEST)) if not (own == side).any()]
    return "".join(f"; {name} is a tenth of train, by content" for name in missing)


def sides(own: np.ndarray | None, digest: np.ndarray, shares: tuple[float, float, float] | None, name: str) -> np.ndarray:
    """(N,) int8 of TRAIN, VALIDATION, TEST: by content, or the source's own splits, completed; no shares may then be set."""
    if own is None:
        return evened(by_content(digest, shares), digest, shares)
    if shares is not None:
        raise ValueError(f"{name} has a train and a test split of its own, which are kept; leave shares out")
    return completed(own, digest)


def grouped(*digests: np.ndarray) -> np.ndarray:
    """One digest for each group of rows, (N, 16).

    digests   (N, 16) of each part of the rows: both halves of pairs, say. Rows that share a part, directly or through other
              rows, are one group
    The digest of a group is the smallest of its first parts, so it does not depend on other groups.
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


def noted(overview: Overview, digest: np.ndarray, sides: np.ndarray, example: str, alike: str = "equal") -> Overview:
    """The overview, with how many examples equal others, and how many are left out as copies of held-out ones.

    example   what one is called
    alike     what those of one digest do to another: equal it, or share a half with it
    """
    seen, left_out = _comparable(digest), int((sides == EXCLUDED).sum())
    equal = len(seen) - len(np.unique(seen))
    if left_out:
        overview = replace(overview, left_out=(*overview.left_out, LeftOut(left_out, example, "copies of held-out ones")))
    if equal:
        verb, _, rest = alike.partition(" ")
        said = f"{equal:,} of the {plural(len(seen), example)} {verb}{'s' * (equal == 1)} {rest}{' ' * bool(rest)}another"
        overview = replace(overview, odd=(*overview.odd, said))
    return overview


def _comparable(digest: np.ndarray) -> np.ndarray:
    """Digests (N, 16) as an array (N,) that can be sorted and compared."""
    return np.ascontiguousarray(digest).view("V16")[:, 0]


def check_sizes(counts: dict[str, int], shares: tuple[float, float, float] | None, name: str, what: str) -> None:
    """ValueError unless there are FEWEST examples in all and FEWEST_EACH in every split that has a share."""
    total = sum(counts.values())
    nonempty = [split for split, share in zip(counts, shares or SHARES, strict=True) if share > 0]
    if total >= FEWEST and all(counts[split] >= FEWEST_EACH for split in nonempty):
        return
    listed = ", ".join(f"{count} {split}" for split, count in counts.items())
    if total >= ENOUGH or (total >= FEWEST and any(counts[split] == 0 for split in nonempty)):
        raise ValueError(
            f"{name} holds {total} {what} ({listed}), too few different ones to learn from and to score on: at least "
            f"{FEWEST_EACH} are needed in every split, and equal ones stay in one"
        )
    raise ValueError(
        f"{name} holds {total} {what} ({listed}), too few to learn from and to score on: "
        f"give at least {FEWEST}, and {FEWEST_EACH} in every split (about {ENOUGH} are enough)"
    )
