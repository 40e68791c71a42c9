"""Classification accuracy score: the accuracy on real examples of a classifier trained on generated ones alone.

Ravuri & Vinyals, "Classification Accuracy Score for Conditional Generative Models", 2019. With a generator G(x | y) one
draws labels y, then examples x, trains a classifier on these pairs, and counts what it gets right among the real test
examples. A generator that leaves out part of a class, or confuses two classes, teaches that to the classifier. The figure
means something beside the same classifier trained on as many real examples for as many steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from genlab.core.data import Data, Split
from genlab.core.fit import Engine
from genlab.core.noise import hashed
from genlab.core.space import Batch, Space, label_of
from genlab.features.classifier import BATCH, fresh, tested, trained

DIMS = 64  # of the classifier's last hidden layer


class ArrayData:
    """Examples in memory as a train split, with the methods of `Data` that `fit` calls."""

    def __init__(self, x: Tensor, label: Tensor, space: Space, given: Mapping[str, Space], seed: int = 0):
        self.space, self.given, self.seed = space, given, seed
        self._x, self._label = x, label

    def count(self, split: Split) -> int:
        return len(self._x)

    def stream(self, split: Split, cursor: int, n: int) -> Batch:
        """Pass after pass, each in an order of its own."""
        places = torch.arange(cursor, cursor + n)
        passes, which = (places // len(self._x)).unique(return_inverse=True)
        orders = torch.stack([self._order(number) for number in passes.tolist()])
        return self._rows(orders[which, places % len(self._x)])

    def once(self, split: Split, cursor: int, n: int) -> Batch:
        return self._rows(torch.arange(cursor, min(cursor + n, len(self._x))))

    def rows(self, split: Split, indices: Tensor) -> Batch:
        return self._rows(indices)

    def label_counts(self) -> list[int]:
        labels = self._label[self._label >= 0]
        return torch.bincount(labels, minlength=self.given[label_of(self.given)].levels).tolist()

    def _order(self, number: int) -> Tensor:
        stream = torch.Generator().manual_seed(hashed(self.seed, number))
        return torch.randperm(len(self._x), generator=stream)

    def _rows(self, rows: Tensor) -> Batch:
        return Batch(self._x[rows], {label_of(self.given): self._label[rows]}, rows)


def trained_on(
    x: Tensor,
    label: Tensor,
    data: Data,
    engine: Engine,
    *,
    seed: int = 0,
    steps: int = 400,
    progress: Callable[[float], object] | None = None,
) -> dict[str, Any]:
    """Train a classifier on examples x (N, *shape) in the data's units with labels (N,), and test it on the real test split.

    The classifier is that of `classifier_features`, trained with 64 examples a step, in as many passes as the steps take.
    progress is called with the share of the training done, 0..1. Returns {"correct": k, "of": n, ...}; the accuracy is k / n.
    ValueError where data have no classes, or x and label do not fit them.
    """
    _check(x, label, data)
    examples = ArrayData(x.detach().cpu(), label.detach().cpu().long(), data.space, data.given, seed)
    net = fresh(data, DIMS, seed)
    trained(net, examples, engine, steps, seed, progress)
    correct, of, chance = tested(net, data)
    how = {"steps": steps, "batch": BATCH, "examples": len(x), "classes seen": len(label.unique())}
    return {"correct": correct, "of": of, **how, "chance": chance, "seed": seed}


def seconds_a_step(x: Tensor, label: Tensor, data: Data, engine: Engine, steps: int = 5) -> float:
    """Seconds of one step of `trained_on`, by a few."""
    examples = ArrayData(x.detach().cpu(), label.detach().cpu().long(), data.space, data.given, 0)
    net = fresh(data, DIMS, 0)
    trained(net, examples, engine, 1, 0, None)  # what is built once does not count
    began = time.perf_counter()
    trained(net, examples, engine, steps, 0, None)
    return (time.perf_counter() - began) / steps


def _check(x: Tensor, label: Tensor, data: Data) -> None:
    if not data.space.picture or not label_of(data.given):
        raise ValueError("a classification accuracy score needs pictures with classes; these data have none")
    if tuple(x.shape[1:]) != tuple(data.space.shape) or not len(x):
        raise ValueError(f"examples of shape {tuple(x.shape)} are no pictures of the data's shape {data.space.shape}")
    if label.shape != (len(x),):
        raise ValueError(f"labels of shape {tuple(label.shape)} for {len(x)} examples; give the class each was asked to be")
    levels = data.given[label_of(data.given)].levels
    if int(label.min()) < 0 or int(label.max()) >= levels:
        raise ValueError(f"labels run from {int(label.min())} to {int(label.max())}, the data's classes from 0 to {levels - 1}")
