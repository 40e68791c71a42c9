"""The worked example of CONTRIBUTING.md runs: the model trains, obeys its own test, and keeps to its rooms."""

from __future__ import annotations

import importlib
import math
import re
import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from genlab.core.fit import fit
from genlab.core.noise import Noise, hashed
from genlab.core.recipe import Budget
from genlab.core.space import Batch, Space
from genlab.recipes import index, make
from genlab.runs.engine import Engine
from tests import test_rooms

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```python\n# (\S+\.py)\n(.*?)```", TEXT, re.DOTALL))
(ROW,) = re.findall(r"```python\n(Entry\(.*?)```", TEXT, re.DOTALL)


class Blobs:
    """Two far Gaussians in a plane, the label saying which: log 2 more nats than one, without the label."""

    space = Space((2,), "D", "real", center=(0.0, 0.0), scale=(5.0, 1.0))

    def __init__(self, labelled: bool):
        self.given = {"label": Space((), "", "token", 2)} if labelled else {}
        self.entropy = math.log(2 * math.pi * math.e) + (0 if labelled else math.log(2))

    def count(self, split: str) -> int:
        return 10_000

    def stream(self, split: str, cursor: int, n: int) -> Batch:
        noise = Noise(hashed(split), range(cursor, cursor + n))
        label = (noise.uniform(()) < 0.5).long()
        x = noise.normal((2,)) + torch.stack([10.0 * label - 5, torch.zeros(n)], 1)
        return Batch(x, {"label": label} if self.given else {})

    once = stream


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The example's modules as if their files existed; its test is returned."""
    monkeypatch.setattr(index, "MODELS", (*index.MODELS, eval(ROW, {"Entry": index.Entry})))
    for path, source in BLOCKS.items():
        name = path.removeprefix("src/").removesuffix(".py").replace("/", ".")
        module = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        package = name.rpartition(".")[0]
        if package not in sys.modules:
            try:
                importlib.import_module(package)
            except ModuleNotFoundError:
                monkeypatch.setitem(sys.modules, package, types.ModuleType(package))
        exec(compile(source, path, "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("labelled", [False, True])
def test_the_example_learns(example: types.ModuleType, labelled: bool) -> None:
    data = Blobs(labelled)
    recipe = make.recipe_for("mixture", data.space, data.given, {"model.components": "4"})
    model, batch = make.build(recipe, data.space, data.given), data.stream("test", 0, 2000)
    noise = Noise(0, len(batch.x))

    def cost() -> float:
        with torch.no_grad():
            return -model.log_prob(batch, noise=noise).nats.mean().item()

    before = cost()
    for _ in fit(model, data, replace(recipe, budget=Budget(steps=400)), Engine("cpu")):
        pass
    assert cost() < before
    assert data.entropy - 0.1 < cost() < data.entropy + 0.1
    with torch.no_grad():
        *_, x = model.sample(64, {"label": torch.arange(64) % 2}, noise=Noise(1, 64))
    assert x.shape == (64, 2)


def test_the_examples_test_passes(example: types.ModuleType) -> None:
    tests = [value for name, value in vars(example).items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()


@pytest.mark.parametrize("path", [path for path in BLOCKS if path.startswith("src/")])
def test_the_example_keeps_to_its_rooms(path: str) -> None:
    assert test_rooms.broken(test_rooms.SOURCE / path.removeprefix("src/genlab/"), BLOCKS[path]) == []
