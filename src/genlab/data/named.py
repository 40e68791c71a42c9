"""Which arrays of a .npz are the examples and which their labels, where they have other names than genlab's own.

    x, label                            as `genlab sample` writes them
    images, labels; arr_0, arr_1; ...   the one array of several dimensions, and the one of a value for each of its rows
    x_train, y_train, x_test, y_test    the same in splits, whatever stands beside the word of the split

Where more than one reading fits there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from genlab.core.words import word_list
from genlab.data import splits
from genlab.data.layout import in_words

LABELS = ("label", "labels", "y")
BESIDE = ("axes", "levels", "names", "rate", "curve")  # arrays that say something of the others


class Named(NamedTuple):
    """The arrays, the examples among them as `x`.

    label   name of the array of labels, or ""
    own     (N,) int8 of splits.TRAIN ..., or None where the names hold no splits
    said    which array was taken, where none is called x
    """

    arrays: Mapping[str, np.ndarray]
    label: str
    own: np.ndarray | None = None
    said: str = ""


def named(arrays: Mapping[str, np.ndarray]) -> Named | None:
    """The arrays by what they are; None where that cannot be known."""
    if "x" in arrays:
        return Named(arrays, next((name for name in LABELS if name in arrays), ""))
    beside = {name: array for name, array in arrays.items() if name in BESIDE}
    parts = {name: array for name, array in arrays.items() if name not in BESIDE}
    joined = _joined(parts)
    own, parts = (None, parts) if joined is None else joined
    examples = [name for name, array in parts.items() if array.ndim > 1 and name.lower() not in LABELS and not _column(array)]
    if len(examples) != 1:
        return None
    x = parts.pop(examples[0])
    if len(parts) > 1 or any(len(array) != len(x) for array in parts.values() if array.ndim) or not all(
        array.ndim for array in parts.values()
    ):  # fmt: skip
        return None
    label = next(iter(parts), "")
    taken = f"; {label}: the labels" if label else ""
    return Named({**beside, **parts, "x": x}, label, own, f"({examples[0]}: the examples{taken})")


def _joined(parts: Mapping[str, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]] | None:
    """(splits, arrays of all splits one after another by what else their names say); None where names hold no splits."""
    groups: dict[tuple[str, ...], dict[int, str]] = {}
    for name in parts:
        role, rest = in_words(name)
        if role is None or role.domain or role.side in groups.setdefault(rest, {}):
            return None
        groups[rest][role.side] = name
    sides = next((sorted(group) for group in groups.values()), [])
    if splits.TRAIN not in sides or len(sides) < 2 or any(sorted(group) != sides for group in groups.values()):
        return None
    found: dict[str, np.ndarray] = {}
    for group in groups.values():
        each = [parts[group[side]] for side in sides]
        if len({(array.shape[1:], array.ndim) for array in each}) > 1 or not each[0].ndim:
            return None
        found[word_list([group[side] for side in sides])] = np.concatenate(each)
    lengths = {tuple(len(parts[group[side]]) for side in sides) for group in groups.values()}
    if len(lengths) > 1:
        return None
    return np.repeat(sides, lengths.pop()).astype(np.int8), found


def _column(array: np.ndarray) -> bool:
    """Whether an array holds one value a row."""
    return array.ndim == 2 and array.shape[1] == 1
