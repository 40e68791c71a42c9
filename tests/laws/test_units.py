"""Laws 6 and 8: the answer does not depend on the units, and a fast path equals the plain one."""

from __future__ import annotations

import inspect
import math
from dataclasses import replace

import pytest
import torch

from genlab.core.fit import fit
from genlab.core.model import Model, Scores
from genlab.core.noise import Noise
from genlab.core.recipe import Budget
from genlab.core.space import Batch
from genlab.recipes.make import build
from genlab.runs.engine import Engine
from tests.laws.tiny import CASES, Case, Gaussian, drawn, labels_of

STRETCH, SHIFT = 100.0, 7.0


def learnt(case: Case, data: Gaussian) -> Model:
    recipe = replace(case.recipe(), budget=Budget(steps=5))
    model, engine = build(recipe, data.space, data.given), Engine("cpu")
    for _ in fit(model, data, recipe, engine):
        pass
    return model.eval()


@pytest.mark.parametrize("case", [case for case in CASES if case.place == "plane"], ids=str)
def test_points_in_other_units_have_the_same_model(case: Case) -> None:
    """x' = 100 x + 7: the samples follow, and log p changes by -log 100 a coordinate."""
    plain, scaled = Gaussian(case.labelled), Gaussian(case.labelled, STRETCH, SHIFT)
    one, two = learnt(case, plain), learnt(case, scaled)
    label = labels_of(case)[-1]
    torch.testing.assert_close(drawn(one, 16, label) * STRETCH + SHIFT, drawn(two, 16, label), rtol=1e-3, atol=STRETCH * 2e-3)
    if isinstance(one, Scores) and isinstance(two, Scores):
        batch = plain.stream("test", 0, 16)
        given = dict(batch.given)
        with torch.no_grad():
            before = one.log_prob(Batch(batch.x, given), noise=Noise(1, 16)).nats
            moved = Batch(batch.x * STRETCH + SHIFT, given)
            after = two.log_prob(moved, noise=Noise(1, 16)).nats
        torch.testing.assert_close(before - 2 * math.log(STRETCH), after, rtol=1e-3, atol=1e-2)


CACHED = [case for case in CASES if "cached" in inspect.signature(case.build().sample).parameters]


@pytest.mark.parametrize("case", CACHED, ids=str)
def test_cached_sampling_equals_the_plain_path(case: Case) -> None:
    model = case.build().double().eval()
    generator = torch.Generator().manual_seed(1)
    for value in model.parameters():  # away from an initial state in which everything is equally likely
        value.data += 0.3 * torch.randn(value.shape, generator=generator, dtype=torch.float64)
    label, draws = labels_of(case)[-1], []
    for cached in (True, False):
        given = None if label is None else {"label": torch.full((64,), label)}
        with torch.no_grad():
            *_, last = model.sample(64, given, noise=Noise(3, 64, dtype=torch.float64), cached=cached)
        draws.append(last)
    assert torch.equal(*draws)
    assert draws[0].flatten(1).unique(dim=0).shape[0] > 1
