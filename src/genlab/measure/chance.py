"""Statistics over seeds: a model's value with its interval, and when two models differ beyond chance.

Of a model trained with S seeds there are values v_1 .. v_S, each with a 95% interval through the finite samples it was
taken from. Two models differ beyond chance

    with two seeds each or more     if |m_a - m_b| > t s sqrt(1/S_a + 1/S_b), the two-sample t-test on the means m: s^2 is
                                    the pooled variance of the seeds, but never below the mean variance that the samples
                                    alone give a run; t the 97.5% quantile for S_a + S_b - 2 degrees of freedom
    with one                        if the samples' intervals do not overlap, which says something of these runs only. Where
                                    it is known what each real example did to both values (e_j, f_j), chance that they share
                                    cancels: if |a - b| > z sqrt(var a + var b - 2 sum_j e_j f_j)
    with one, and no interval       unknown

Student (W. S. Gosset), "The Probable Error of a Mean", 1908.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

Z = 1.959964  # 97.5% of a normal distribution
FEW = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706)  # the same of Student's, 1 to 5 degrees of freedom
MOST_SEEDS = 20  # that anyone would train to tell two models apart
Span = tuple[float, float]


@dataclass(frozen=True)
class Value:
    """One model's number: over its seeds, in the order of the rows, each with its 95% interval where one is known.

    effects   of each real example on a single seed's number, where they are known
    """

    name: str
    seeds: Sequence[float]
    spans: Sequence[Span | None] = field(default=())
    effects: Sequence[float] = field(default=())

    @property
    def mean(self) -> float:
        return sum(self.seeds) / len(self.seeds) if len(self.seeds) > 1 else self.seeds[0]

    @property
    def low(self) -> float:
        """The least of several seeds, the lower end of one seed's interval."""
        return min(self.seeds) if len(self.seeds) > 1 else self._span()[0]

    @property
    def high(self) -> float:
        return max(self.seeds) if len(self.seeds) > 1 else self._span()[1]

    @property
    def reach(self) -> Span:
        """From the lowest end of the seeds' intervals to the highest."""
        ends = [span or (value, value) for value, span in zip(self.seeds, self._spans(), strict=True)]
        return min(low for low, _ in ends), max(high for _, high in ends)

    @property
    def known(self) -> bool:
        """Whether its uncertainty is known."""
        return len(self.seeds) > 1 or self._spans()[0] is not None

    @property
    def sampling(self) -> float:
        """Variance of one run's value through its samples; 0 where it is unknown."""
        spreads = [((high - low) / (2 * Z)) ** 2 for low, high in filter(None, self._spans())]
        return sum(spreads) / len(spreads) if spreads else 0.0

    @property
    def error(self) -> float:
        """Standard error of the mean through the samples alone."""
        return math.sqrt(self.sampling / len(self.seeds))

    @property
    def variance(self) -> float:
        """Over the seeds, of which there are two or more."""
        mean = self.mean
        return sum((value - mean) ** 2 for value in self.seeds) / (len(self.seeds) - 1)

    def interval(self) -> Span | None:
        """95% of the mean over the seeds, where there are several: mean -+ t s / sqrt(S)."""
        if len(self.seeds) < 2:
            return self._spans()[0]
        half = t_quantile(len(self.seeds) - 1) * math.sqrt(max(self.variance, self.sampling) / len(self.seeds))
        return self.mean - half, self.mean + half

    def logarithm(self) -> Value:
        """The logarithm of a positive value, to compare by factors, as times are."""
        spans = [None if span is None else (_log(span[0]), _log(span[1])) for span in self._spans()]
        return Value(self.name, [_log(value) for value in self.seeds], spans)

    def _spans(self) -> Sequence[Span | None]:
        return self.spans or (None,) * len(self.seeds)

    def _span(self) -> Span:
        return self._spans()[0] or (self.seeds[0], self.seeds[0])


def _log(value: float) -> float:
    return math.log(max(value, 1e-12))


def t_quantile(freedom: int) -> float:
    """97.5% quantile of Student's distribution: a table, then Fisher and Cornish's series in 1/freedom (1960)."""
    if freedom <= len(FEW):
        return FEW[freedom - 1]
    z, n = Z, freedom
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / n**power for power, term in enumerate(terms, 1))


def several(a: Value, b: Value) -> bool:
    """Whether both have the seeds that a t-test needs."""
    return min(len(a.seeds), len(b.seeds)) > 1


def pooled_std(a: Value, b: Value) -> float:
    """s: the pooled standard deviation of a run, not below what the samples alone explain."""
    freedom = len(a.seeds) + len(b.seeds) - 2
    pooled = ((len(a.seeds) - 1) * a.variance + (len(b.seeds) - 1) * b.variance) / freedom
    return math.sqrt(max(pooled, (a.sampling + b.sampling) / 2))


def separated(a: Value, b: Value) -> bool | None:
    """Whether two values differ beyond chance; None where that is not known."""
    if not (a.known and b.known):
        return None
    if several(a, b):
        counts = len(a.seeds), len(b.seeds)
        least = t_quantile(sum(counts) - 2) * pooled_std(a, b) * math.sqrt(sum(1 / count for count in counts))
        return abs(a.mean - b.mean) > least
    error = paired_error(a, b)
    if error is not None:
        return abs(a.mean - b.mean) > Z * error
    (low_a, high_a), (low_b, high_b) = a.reach, b.reach
    return high_a < low_b or high_b < low_a


def paired_error(a: Value, b: Value) -> float | None:
    """Standard error of the difference of two single runs, without what the same real examples did to both; None unless that
    is known."""
    if len(a.seeds) + len(b.seeds) > 2 or not a.effects or len(a.effects) != len(b.effects):
        return None
    shared = sum(one * other for one, other in zip(a.effects, b.effects, strict=True))
    return math.sqrt(max(0.0, a.sampling + b.sampling - 2 * shared))


def seeds_needed(a: Value, b: Value) -> int | None:
    """Seeds of each that it takes to separate two models that have several now, if the difference seen here and its scatter
    are the true ones: the smallest n with t_{2n-2} s sqrt(2/n) below the difference. So many do it about every second time,
    as the estimate itself is made from few. None where it is more than MOST_SEEDS."""
    s, difference = pooled_std(a, b), abs(a.mean - b.mean)
    first = max(len(a.seeds), len(b.seeds)) + 1
    fitting = (n for n in range(first, MOST_SEEDS + 1) if t_quantile(2 * n - 2) * s * math.sqrt(2 / n) < difference)
    return next(fitting, None)


def samples_factor(a: Value, b: Value) -> float:
    """The factor of samples with which the intervals of two single runs, which shrink with its root, would separate."""
    upper, lower = (a, b) if a.mean > b.mean else (b, a)
    difference, error = upper.mean - lower.mean, paired_error(a, b)
    if error is not None:
        return (Z * error / difference) ** 2 if difference > 0 else math.inf
    halves = (upper.mean - upper.reach[0]) + (lower.reach[1] - lower.mean)
    return (halves / difference) ** 2 if difference > 0 else math.inf
