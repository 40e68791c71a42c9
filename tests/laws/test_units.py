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
from genlab.models.autoregressive.sequence import Autoregressive
from genlab.recipes.make import build
from genlab.runs.engine import Engine
from genlab.samplers.tokens import token_by_token
from tests.laws.tiny import CASES, Case, Gaussian, conditions_of, drawn, rows_of

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
    plain, scaled = Gaussian(case.condition), Gaussian(case.condition, STRETCH, SHIFT)
    one, two = learnt(case, plain), learnt(case, scaled)
    given = conditions_of(case)[-1]
    torch.testing.assert_close(drawn(one, 16, given) * STRETCH + SHIFT, drawn(two, 16, given), rtol=1e-3, atol=STRETCH * 2e-3)
    if isinstance(one, Scores) and isinstance(two, Scores):
        batch = plain.stream("test", 0, 16)
        given = dict(batch.given)
        with torch.no_grad():
            before = one.log_prob(Batch(batch.x, given), noise=Noise(1, 16)).nats
            moved = Batch(batch.x * STRETCH + SHIFT, given)
            after = two.log_prob(moved, noise=Noise(1, 16)).nats
        torch.testing.assert_close(before - 2 * math.log(STRETCH), after, rtol=1e-3, atol=1e-2)


def readers(model: Model) -> list[Autoregressive]:
    """The parts of a model that can read with and without a cache."""
    parts = (part for part in model.modules() if isinstance(part, Autoregressive))
    return [part for part in parts if "cached" in inspect.signature(part.reader).parameters]


@pytest.mark.parametrize("case", [case for case in CASES if readers(case.build())], ids=str)
def test_cached_sampling_equals_the_plain_path(case: Case) -> None:
    model, n = case.build().double().eval(), 64
    generator = torch.Generator().manual_seed(1)
    for name, value in model.named_parameters():  # away from an initial state in which everything is equally likely
        size = 0.01 if "cond." in name else 0.3  # a condition must not decide everything
        value.data += size * torch.randn(value.shape, generator=generator, dtype=torch.float64)
    for part in readers(model):
        blank = torch.zeros(n, part.space.size, dtype=torch.int64)
        u = Noise(3, n, dtype=torch.float64).uniform((part.space.size,))
        given, draws = rows_of(conditions_of(case)[-1], n), []
        for cached in (True, False):
            predict = part.reader(n, given, cached=cached)  # pyright: ignore[reportCallIssue]
            with torch.no_grad():
                *_, last = token_by_token(predict, blank, u, end=part.space.end)
            draws.append(last)
        assert torch.equal(*draws)
        assert draws[0].unique(dim=0).shape[0] > 1
