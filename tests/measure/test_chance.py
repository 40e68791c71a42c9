"""Separation is Student's t-test, never surer than the samples allow, and silent where nothing is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from genlab.measure.chance import MOST_SEEDS, Value, pooled_std, samples_factor, seeds_needed, separated, t_quantile
from genlab.measure.kernel import kernel_distance

SIDES = ((30, 0.0), (200, 0.5), (200, 0.5))  # (examples, mean): real ones, and two samples of one distribution beside them


def around(name: str, value: float, half: float) -> Value:
    """One run with an interval."""
    return Value(name, [value], [(value - half, value + half)])


@pytest.mark.parametrize("freedom", [*range(1, 41), 100, 1000])
def test_quantiles_are_students(freedom: int) -> None:
    assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=5e-5)


@pytest.mark.parametrize(("n", "m"), [(2, 2), (2, 3), (3, 3), (5, 4), (10, 10)])
def test_separation_of_seeds_is_the_pooled_t_test(n: int, m: int) -> None:
    stream = np.random.default_rng(n * 100 + m)
    seen = set()
    for shift in np.linspace(0, 6, 60):
        a, b = stream.normal(size=n), stream.normal(size=m) + shift
        assert separated(Value("a", list(a)), Value("b", list(b))) == (stats.ttest_ind(a, b).pvalue < 0.05)
        seen.add(separated(Value("a", list(a)), Value("b", list(b))))
    assert seen == {True, False}


def test_equal_models_are_separated_in_one_of_twenty_repetitions() -> None:
    stream = np.random.default_rng(0)
    wrong = [separated(Value("a", list(stream.normal(size=3))), Value("b", list(stream.normal(size=3)))) for _ in range(4000)]
    assert 0.035 < np.mean(wrong) < 0.065


def test_seeds_that_agree_by_luck_are_not_surer_than_their_samples() -> None:
    wide = [(0.0, 2.0), (0.0, 2.0)]
    a, b = Value("a", [1.0, 1.0], wide), Value("b", [1.5, 1.5], [(0.5, 2.5)] * 2)
    assert pooled_std(a, b) == pytest.approx(1 / 1.959964)
    assert separated(a, b) is False
    assert separated(Value("a", [1.0, 1.0]), Value("b", [1.5, 1.5])) is True


def test_single_runs_are_separated_where_their_intervals_do_not_overlap() -> None:
    assert separated(around("a", 1.0, 0.2), around("b", 1.5, 0.2)) is True
    assert separated(around("a", 1.0, 0.3), around("b", 1.5, 0.2)) is False
    assert separated(Value("a", [1.0, 1.1]), around("b", 1.5, 0.2)) is True, "one has seeds: what they reach over"
    assert separated(Value("a", [1.0, 1.4]), around("b", 1.5, 0.2)) is False


def test_without_seeds_and_intervals_nobody_knows() -> None:
    assert separated(Value("a", [1.0]), Value("b", [100.0])) is None
    assert separated(around("a", 1.0, 0.1), Value("b", [100.0])) is None


def test_seeds_needed_is_the_smallest_number_that_would_do() -> None:
    a, b = Value("a", [1.0, 1.2]), Value("b", [1.2, 1.4])
    s, found = pooled_std(a, b), seeds_needed(a, b)
    assert found is not None

    def least(n: int) -> float:
        return float(stats.t.ppf(0.975, 2 * n - 2)) * s * math.sqrt(2 / n)

    assert least(found) < 0.2 <= least(found - 1)


def test_seeds_needed_are_more_than_there_are() -> None:
    many, two = Value("a", [1.0, 1.02, 0.98, 1.01, 0.99]), Value("b", [1.04, 1.44])
    assert separated(many, two) is False
    needed = seeds_needed(many, two)
    assert needed is not None
    assert needed > 5


def test_seeds_needed_gives_up() -> None:
    assert seeds_needed(Value("a", [1.0, 2.0]), Value("b", [1.01, 2.01])) is None
    assert MOST_SEEDS == 20


def test_so_many_times_the_samples_make_the_intervals_touch() -> None:
    a, b = around("a", 1.0, 0.3), around("b", 1.2, 0.1)
    factor = samples_factor(a, b)
    assert factor == pytest.approx(4.0)
    half = math.sqrt(factor)
    assert separated(around("a", 1.0, 0.99 * 0.3 / half), around("b", 1.2, 0.99 * 0.1 / half)) is True
    assert samples_factor(a, around("b", 1.0, 0.3)) == math.inf


def test_the_interval_of_a_mean_is_students() -> None:
    value = Value("a", [1.0, 2.0, 4.0])
    expected = stats.t.interval(0.95, 2, loc=value.mean, scale=stats.sem(value.seeds))
    assert value.interval() == pytest.approx(expected, rel=5e-5)
    assert around("a", 1.0, 0.5).interval() == (0.5, 1.5)
    assert Value("a", [1.0]).interval() is None


def test_what_a_value_says_of_itself() -> None:
    seeds = Value("a", [3.0, 1.0], [(2.5, 3.5), (0.8, 1.2)])
    assert (seeds.mean, seeds.low, seeds.high, seeds.reach) == (2.0, 1.0, 3.0, (0.8, 3.5))
    assert (around("a", 2.0, 0.5).low, around("a", 2.0, 0.5).high) == (1.5, 2.5)
    assert around("a", 2.0, 1.959964).error == pytest.approx(1.0)
    logged = seeds.logarithm()
    assert logged.seeds == [math.log(3.0), 0.0]
    assert logged.reach == (math.log(0.8), math.log(3.5))


class TestTheSameRealExamples:
    """Two values taken on the same real examples: what these did to both says nothing of their difference."""

    def test_shared_chance_cancels(self):
        a, b = (Value(name, [at], [(at - 1.0, at + 1.0)], [0.5, -0.5]) for name, at in (("a", 1.0), ("b", 1.5)))
        assert separated(a, b) is True
        alone = Value("b", b.seeds, b.spans)
        assert separated(a, alone) is False, "without the effects, the intervals overlap"

    def test_opposite_effects_do_not(self):
        a = Value("a", [1.0], [(0.0, 2.0)], [0.5, -0.5])
        b = Value("b", [2.1], [(1.1, 3.1)], [-0.5, 0.5])
        assert separated(a, b) is False

    def test_kernel_distances_of_one_real_side_differ_as_often_as_said(self):
        """Two equal models on the same few real examples: at most about 5% are called different; overlap finds fewer."""
        stream = torch.Generator().manual_seed(0)
        found = []
        for _ in range(300):
            real, *samples = (torch.randn(n, 4, generator=stream, dtype=torch.float64) + at for n, at in SIDES)
            a, b = (kernel_distance(x, real) for x in samples)
            found.append(separated(*(Value("", [e.value], [(e.low, e.high)], e.effects) for e in (a, b))))
        assert 0.01 < sum(found) / len(found) < 0.09
