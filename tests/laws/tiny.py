"""Tiny spaces with a known distribution, and every recipe trained on each: what the laws are checked on.

A recipe added to the index is covered here without a new test: the cases are all (recipe, tiny space, condition) it learns.
Of each recipe the smallest space is quick, given nothing and given one condition; the others are run with `-m slow`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import pytest
import torch
from torch import Tensor

from genlab.core.fit import fit
from genlab.core.kinds import kind_of
from genlab.core.model import Model, Scores
from genlab.core.noise import BatchNoise, Noise, hashed
from genlab.core.recipe import Budget, Recipe
from genlab.core.space import Batch, Space
from genlab.nets.units import dtype_of
from genlab.recipes.index import MODELS
from genlab.recipes.make import build, recipe_for
from genlab.runs.engine import Engine

STEPS = 600
PAIR = Space((1, 1, 2), "CHW", "binary")
POOL = 1 << 16
BITS = Space((1, 2, 2), "CHW", "binary")
GREYS = Space((1, 2, 2), "CHW", "ordinal", 3)
STRINGS = Space((3,), "T", "token", 3, names=("a", "b", "c"))
LINES = Space((3,), "T", "token", 3, names=("a", "b", "."), end=2)
PLANE = Space((2,), "D", "real", center=(1.0, -2.0), scale=(2.0, 0.5))
LABEL = Space((), "", "token", 2, names=("no", "yes"))
CAPTION = Space((3,), "T", "token", 3, names=("a", "b", "."), end=2)
CONDITIONS = {
    "label": (LABEL, torch.tensor([0, 1])),
    "text": (CAPTION, torch.tensor([[0, 1, 2], [1, 0, 2]])),
    "source": (BITS, torch.tensor([[[[0, 1], [1, 1]]], [[[1, 1], [0, 1]]]], dtype=torch.uint8)),
}  # two values each
SPACES = {"pair": PAIR, "bits": BITS, "greys": GREYS, "strings": STRINGS, "lines": LINES, "plane": PLANE}


def every(space: Space) -> Tensor:
    """(N, *shape): all examples of a discrete space; a line is its own only spelling, ended where it ends."""
    rows = torch.tensor(list(itertools.product(range(space.levels), repeat=space.size)))
    if space.end is not None:
        after = (rows == space.end).cumsum(1).bool()
        rows = rows[(~after | (rows == space.end)).all(1) & (rows[:, -1] == space.end)]
    return rows.reshape(-1, *space.shape).to(dtype_of(space))


def given_spaces(condition: str) -> dict[str, Space]:
    return {condition: CONDITIONS[condition][0]} if condition else {}


def given_values(condition: str, numbers: Tensor) -> dict[str, Tensor]:
    """Values of a condition by their numbers."""
    return {condition: CONDITIONS[condition][1][numbers]} if condition else {}


class Table:
    """A discrete source with known probabilities, drawn with replacement: (seed, cursor) decides every batch."""

    finite = 6000  # examples of one pass

    def __init__(self, space: Space, condition: str = ""):
        self.space, self.condition = space, condition
        self.given = given_spaces(condition)
        self.x = every(space)
        weights = torch.from_numpy(BatchNoise(hashed("table"), 2).uniform((len(self.x),)).numpy()) ** 2 + 0.05
        if not condition:
            weights = weights[:1]
        self.p = (weights / weights.sum(1, keepdim=True)).double()  # (values of the condition, N)

    @property
    def entropy(self) -> float:
        """Nats, given the condition where there is one."""
        return float(-(self.p * self.p.log()).sum(1).mean())

    def count(self, split: str) -> int:
        return self.finite

    @cache  # noqa: B019
    def _pool(self, split: str) -> tuple[Tensor, Tensor]:
        """Values of the condition, by number, and indices of POOL draws."""
        draws = BatchNoise(hashed(split, "table"), POOL).uniform((2,)).double()
        value = (draws[:, 1] * len(self.p)).long()
        edges = self.p[value].cumsum(1)
        return value, torch.searchsorted(edges, draws[:, :1].contiguous(), right=True)[:, 0].clamp(max=len(self.x) - 1)

    def stream(self, split: str, cursor: int, n: int) -> Batch:
        value, index = self._pool(split)
        rows = torch.arange(cursor, cursor + n) % POOL
        return Batch(self.x[index[rows]], given_values(self.condition, value[rows]), index[rows])

    def once(self, split: str, cursor: int, n: int) -> Batch:
        return self.stream(split, cursor, max(0, min(n, self.finite - cursor)))


class Gaussian:
    """Correlated normal points in a plane, in awkward units."""

    space = PLANE
    chol = torch.tensor([[2.0, 0.0], [0.3, 0.4]])

    def __init__(self, condition: str = "", stretch: float = 1.0, shift: float = 0.0):
        self.condition, self.given = condition, given_spaces(condition)
        self.stretch, self.shift = stretch, shift
        center = tuple(value * stretch + shift for value in PLANE.center)
        self.space = replace(PLANE, center=center, scale=tuple(value * stretch for value in PLANE.scale))

    @property
    def entropy(self) -> float:
        return float(2 * 0.5 * math.log(2 * math.pi * math.e) + self.chol.diagonal().log().sum()) + 2 * math.log(self.stretch)

    def count(self, split: str) -> int:
        return 6000

    def stream(self, split: str, cursor: int, n: int) -> Batch:
        noise = BatchNoise(hashed(split, "gaussian", cursor), n)
        value = (noise.uniform((1,))[:, 0] * 2).long()
        x = noise.normal((2,)) @ self.chol.T + torch.tensor([1.0, -2.0])
        return Batch(x * self.stretch + self.shift, given_values(self.condition, value))

    def once(self, split: str, cursor: int, n: int) -> Batch:
        return self.stream(split, cursor, max(0, min(n, 6000 - cursor)))


@dataclass(frozen=True)
class Case:
    name: str  # of the recipe
    place: str  # of the tiny space
    condition: str  # one of CONDITIONS, or ""

    def __str__(self) -> str:
        return f"{self.name}-{self.place}{f'-given-{self.condition}' if self.condition else ''}"

    @property
    def data(self) -> Table | Gaussian:
        return tiny_data(self.place, self.condition)

    def recipe(self, **changes: object) -> Recipe:
        found = recipe_for(self.name, self.data.space, self.data.given, LIGHTER.get(self.name, {}))
        return replace(found, budget=Budget(steps=self.steps), batch=BATCHES.get(self.name, 64), **changes)

    @property
    def steps(self) -> int:
        """Of training: a text is learnt more slowly than a label."""
        slower = 2 if self.name == "flow-matching" and self.condition == "text" else 1
        return slower * LONGER.get(self.name, STEPS)

    def build(self) -> Model:
        return build(self.recipe(), self.data.space, self.data.given)


# Settings that make a recipe affordable here without changing what is tested.
LIGHTER: dict[str, dict[str, object]] = {
    "ddpm": {"model.width": 32, "model.depth": 1, "model.sampling_steps": 20},
    "flow-matching": {"model.width": 64, "model.depth": 2, "model.tolerance": 1e-2, "optim.rate": 6e-3},
    "gpt": {"model.layers": 1, "model.heads": 2, "model.width": 32},
    "rbm": {"optim.rate": 0.05},
    "gan": {"model.width": 64, "moves.discriminator.rate": 4e-3},
}
BATCHES = {"gan": 128}  # examples a step, where 64 tell a game too little
# Steps: more where a move follows only an approximation of the likelihood's gradient or a smooth map must learn the edges of
# cubes, fewer where they are enough.
LONGER = {"rbm": 1500, "flow-matching": 900, "ddpm": 400, "gpt": 400, "pixelcnn": 400}
DEAR = ("gan", "ddpm", "flow-matching")  # a text costs them more than the quick laws of a recipe may: a label is quick


@lru_cache
def tiny_data(place: str, condition: str) -> Table | Gaussian:
    return Gaussian(condition) if place == "plane" else Table(SPACES[place], condition)


CONDITIONAL = {
    ("pair", "label"),
    ("pair", "text"),
    ("bits", "label"),
    ("bits", "text"),
    ("bits", "source"),
    ("lines", "label"),
    ("lines", "text"),
    ("plane", "label"),
}


def learns(name: str, place: str) -> bool:
    """Whether the recipe takes this space: by its kind, and by its own word for what it cannot learn.

    Two bits are for models without likelihood alone: those with one afford four.
    """
    row = next(row for row in MODELS if row.name == name)
    if place == "pair" and row.likelihood != "none":
        return False
    if kind_of(SPACES[place]).name not in row.kinds:
        return False
    try:
        recipe_for(name, SPACES[place], {})
    except ValueError:
        return False
    return True


CASES = [
    Case(row.name, place, condition)
    for row in MODELS
    for place in SPACES
    for condition in ("", *CONDITIONS)
    if learns(row.name, place) and (not condition or (condition in row.uses and (place, condition) in CONDITIONAL))
]


def quick(case: Case) -> bool:
    """Whether a case is its recipe's first without a condition, or on the same space its last with one (its first, if dear)."""
    own = [other for other in CASES if other.name == case.name and other.place == first_place(case.name)]
    return case in (own[0], own[1 if case.name in DEAR else -1])


def first_place(name: str) -> str:
    """The first tiny space on which a recipe has cases with and without a condition."""
    conditional = {case.place for case in CASES if case.name == name and case.condition}
    return next(case.place for case in CASES if case.name == name and case.place in conditional)


def each(cases: Iterable[Case]) -> pytest.MarkDecorator:
    """Parametrises a law over cases; those that are not quick are slow tests."""
    marked = [pytest.param(case, id=str(case), marks=() if quick(case) else pytest.mark.slow) for case in cases]
    return pytest.mark.parametrize("case", marked)


@lru_cache
def trained(case: Case) -> Model:
    """The model after its few hundred steps, with averaged weights, in eval mode."""
    model, engine = case.build(), Engine("cpu")
    for _ in fit(model, case.data, case.recipe(), engine):
        pass
    engine.average.swap()
    return model


def scores(case: Case) -> bool:
    return isinstance(case.build(), Scores)


def claim(case: Case) -> str:
    model = case.build()
    return model.claim if isinstance(model, Scores) else "none"


@torch.no_grad()
def log_probs(model: Model, x: Tensor, given: Mapping[str, Tensor], times: int = 1, seed: int = 5, **options: object) -> Tensor:
    """(times, N) nats of each x given one value of the condition, independent draws of the model's own noise."""
    rows = x.repeat(times, *([1] * (x.ndim - 1)))
    found = model.log_prob(Batch(rows, rows_of(given, len(rows))), noise=Noise(seed, len(rows)), **options)
    return found.nats.reshape(times, len(x)).double()


@torch.no_grad()
def drawn(model: Model, n: int, given: Mapping[str, Tensor], seed: int = 3, **options: object) -> Tensor:
    *_, last = model.sample(n, rows_of(given, n), noise=Noise(seed, n), **options)
    return last


def frequencies(samples: Tensor, x: Tensor) -> Tensor:
    """(N,) share of the samples equal to each x; they must sum to one."""
    same = (samples.flatten(1)[:, None] == x.flatten(1)[None]).all(2)
    assert same.any(1).all(), "a sample lies outside its space"
    return same.double().mean(0)


def conditions_of(case: Case) -> tuple[Mapping[str, Tensor], ...]:
    """Each value of the case's condition, as one example is given it; nothing is the only value of no condition."""
    return tuple({case.condition: value} for value in CONDITIONS[case.condition][1]) if case.condition else ({},)


def rows_of(given: Mapping[str, Tensor], n: int) -> dict[str, Tensor]:
    """The same for n rows."""
    return {name: value.expand(n, *value.shape) for name, value in given.items()}
