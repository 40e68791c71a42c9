"""The conditions of samples, for training, evaluation, timing and reports alike.

A label whose frequencies are known is drawn as often as it occurs among the training examples. Every other condition (a text,
a source picture, a label without known frequencies) is that of real examples, rows of a named split in a seeded order; labels
are then those of the same rows, so that a caption and its class fit together. What a user asks for takes precedence over both.
Row i is the same for every n.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlab.core.data import Data, Split
from genlab.core.model import Model, taken
from genlab.core.noise import Noise, hashed
from genlab.core.space import Space, label_of

UNLABELLED = -1  # a label that is missing, or was not asked for
BLOCK = 1000  # examples read at once where rows of a label are looked for


def unencodable(key: str, value: Any) -> Tensor:
    """The `encode` of a source without tokenizers or files: it refuses every text and path."""
    raise ValueError(f"{key} {str(value)[:60]!r} cannot be encoded here; give a tensor")


@dataclass(frozen=True)
class ConditionSource:
    """The source of conditions.

    spaces   the conditions a model takes, by name
    counts   of labels, by name: how often each occurs among the training examples
    data     opens the data, where rows of them are needed; None where there are none
    encode   encode(key, value): rows (k, *shape) of a text, or of a file or a folder of pictures
    """

    spaces: Mapping[str, Space]
    counts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    data: Callable[[], Data] | None = None
    encode: Callable[[str, Any], Tensor] = unencodable


@dataclass(frozen=True)
class Conditions:
    """The conditions of n samples.

    given   n rows of each condition
    rows    (n,) numbers of the examples of `split` that they come from; None where they come from none
    """

    given: dict[str, Tensor]
    split: Split | None = None
    rows: Tensor | None = None

    def take(self, rows: Sequence[int] | slice) -> Conditions:
        """The conditions of some of the rows."""
        given = {key: value[rows] for key, value in self.given.items()}
        return Conditions(given, self.split, None if self.rows is None else self.rows[rows])

    def to(self, device: Any) -> Conditions:
        return Conditions({key: value.to(device) for key, value in self.given.items()}, self.split, self.rows)


def source_of(model: Model, data: Data, encode: Callable[[str, Any], Tensor] = unencodable) -> ConditionSource:
    """The source of a model's conditions, from open data."""
    return ConditionSource(taken(model.given), counted(data.given, data.label_counts()), lambda: data, encode)


def counted(given: Mapping[str, Space], counts: Sequence[int] | None) -> dict[str, Sequence[int]]:
    """Counts of the labels, by the label's name; empty where there are none."""
    return {} if counts is None else {label_of(given): counts}


def conditions(
    source: ConditionSource, n: int, seed: int, given: Mapping[str, Any] | None = None, split: Split = "validation"
) -> Conditions:
    """n rows of every condition of a source.

    given    values of some conditions: a label by name or number, a text, a path (see ConditionSource.encode); or tensors, one
             example (*shape) or n of them; or a list of these, which is repeated until there are n
    split    of the examples whose conditions are taken, where any are needed; the train split where it is empty

    Where examples are needed and a label was asked for, they are examples of that label. Where a text or a picture was asked
    for but no label, the label is -1, "not said".

    Raises ValueError for a name that is no condition of this source, a value that the condition cannot have, or a label that
    no example has.
    """
    chosen = {key: _rows_for(source, key, value, n) for key, value in (given or {}).items()}
    open_ = {key: space for key, space in source.spaces.items() if key not in chosen}
    if any(source.spaces[key].shape for key in chosen):
        chosen |= {key: torch.full((n,), UNLABELLED) for key, space in open_.items() if not space.shape}
    counted = {key for key in open_ if key not in chosen and sum(source.counts.get(key, ())) > 0}
    if all(key in chosen or key in counted for key in open_):
        found = {key: drawn_labels(n, seed, key, source.counts[key]) for key in counted} | chosen
        return Conditions({key: found[key] for key in source.spaces})
    data = _opened(source, [key for key in open_ if key not in chosen and key not in counted])
    split = split if data.count(split) else "train"
    labels = {key: value for key, value in chosen.items() if not source.spaces[key].shape}
    rows = _rows_of(data, split, n, seed, labels)
    found = {**data.rows(split, rows).given, **chosen}
    return Conditions({key: found[key] for key in source.spaces}, split, rows)


def drawn_labels(n: int, seed: int, key: str, counts: Sequence[int]) -> Tensor:
    """(n,) labels, drawn with the frequencies of `counts`; row i is the same for every n."""
    edges = torch.tensor(counts, dtype=torch.float64).cumsum(0)
    u = Noise(seed, n, dtype=torch.float64).fork(key).uniform(())
    return torch.searchsorted(edges, u * edges[-1], right=True).clamp(max=len(counts) - 1)


def label_number(value: Any, space: Space, key: str) -> int:
    """A label by name, or by number where no name is one; ValueError says which there are."""
    names = [str(name) for name in space.names]
    if str(value) in names:
        return names.index(str(value))
    numbered = any(name.isdecimal() for name in names)
    with suppress(ValueError):
        number = int(str(value))
        if number == UNLABELLED or (0 <= number < space.levels and not numbered):
            return number
    there = ", ".join(names[:20]) + (" ..." if len(names) > 20 else "") if names else f"0 to {space.levels - 1}"
    raise ValueError(f"there is no {key} {value!r}; there is {there}")


def label_name(number: int, space: Space) -> str:
    """A label in words: its name, or its number where it has none; "" for -1."""
    return "" if number < 0 else str(space.names[number]) if space.names else str(number)


def _rows_for(source: ConditionSource, key: str, value: Any, n: int) -> Tensor:
    """(n, *shape): the rows of one condition that a user asked for; ValueError for what is no value of it."""
    if key not in source.spaces:
        known = ", ".join(source.spaces)
        raise ValueError(f"{key} is no condition here; " + (f"there is {known}" if known else "nothing is given"))
    space = source.spaces[key]
    value = value.tolist() if isinstance(value, np.ndarray) and value.dtype.kind not in "biuf" else value  # of names
    if isinstance(value, Tensor | np.ndarray):
        return _fitting(torch.as_tensor(value), space, key, n)
    values = list(value) if isinstance(value, list | tuple) else [value]
    if not values:
        raise ValueError(f"{key}: the list is empty")
    if not space.shape:
        rows = torch.tensor([label_number(entry, space, key) for entry in values])
    else:
        rows = torch.cat([source.encode(key, entry) for entry in values])
    return rows[torch.arange(n) % len(rows)]


def _fitting(value: Tensor, space: Space, key: str, n: int) -> Tensor:
    """A tensor as n rows, labels and tokens as int64; ValueError for another shape, or for values that the space lacks."""
    if tuple(value.shape) == space.shape:
        value = value.expand(n, *space.shape)
    if tuple(value.shape) != (n, *space.shape):
        expected = f"{(n, *space.shape)} or {space.shape}"
        raise ValueError(f"{key} has shape {tuple(value.shape)}; {n} samples need {expected}")
    if value.is_complex():
        raise ValueError(f"{key} holds complex numbers; it may hold real ones alone")
    if not bool(value.isfinite().all()):
        raise ValueError(f"{key} holds values that are not finite")
    if space.discrete and len(value):
        if value.is_floating_point() and bool((value != value.round()).any()):
            raise ValueError(f"{key} holds fractions; it may hold whole numbers from 0 to {space.levels - 1}")
        low, high = int(value.min()), int(value.max())
        if low < (0 if space.shape else UNLABELLED) or high >= space.levels:
            raise ValueError(f"{key} holds {low} to {high}; it may hold 0 to {space.levels - 1}")
    return value.long() if space.kind == "token" else value


def _opened(source: ConditionSource, missing: Sequence[str]) -> Data:
    names = " and ".join(missing)
    remedy = f"give it (--given {missing[0]}=...) or where the data lie now (--data PATH)"
    if source.data is None:
        raise ValueError(f"{names} of these samples would be that of real examples, and there are no data; {remedy}")
    try:
        return source.data()
    except (ValueError, OSError) as error:
        raise ValueError(f"{names} of these samples would be that of real examples ({error}); {remedy}") from None


def _rows_of(data: Data, split: Split, n: int, seed: int, labels: Mapping[str, Tensor]) -> Tensor:
    """(n,) numbers of examples in a seeded order; example i has the i-th label that was asked for.

    No example is repeated before all that fit have been taken once.
    """
    labels = {key: value for key, value in labels.items() if bool((value != UNLABELLED).any())}
    count = data.count(split)
    if not labels:
        return order(count, n, hashed(seed, "rows"))
    parts = [data.once(split, first, BLOCK).given for first in range(0, count, BLOCK)]
    have = torch.stack([torch.cat([part[key] for part in parts]) for key in labels], 1)
    want = torch.stack([value.cpu() for value in labels.values()], 1)
    rows = torch.empty(n, dtype=torch.int64)
    for kind in want.unique(dim=0):
        pool = ((have == kind) | (kind == UNLABELLED)).all(1).nonzero()[:, 0]
        where = (want == kind).all(1)
        if not len(pool):
            labelled = ", ".join(f"{key} {int(number)}" for key, number in zip(labels, kind, strict=True))
            raise ValueError(f"no example of the {split} split has {labelled}; ask for everything else too, or for another one")
        rows[where] = pool[order(len(pool), int(where.sum()), hashed(seed, "rows", kind.tolist()))]
    return rows


def order(count: int, n: int, seed: int) -> Tensor:
    """(n,) numbers below `count`: seeded permutations, one after another. A longer order begins with the shorter one."""
    passes = (np.random.Generator(np.random.Philox(key=[seed, number])).permutation(count) for number in range(-(-n // count)))
    return torch.from_numpy(np.concatenate([*passes, np.empty(0, np.int64)])[:n])
