"""A number taken from finitely many samples, with the interval that belongs to it.

Every interval here is meant to contain the value for infinitely many samples in 95 of 100 repetitions, and says what varies
between these: the samples, the real examples, or both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Z = 1.959964  # standard normal: 95% lie within


class Estimate(NamedTuple):
    """value with its interval low..high at 95%; `over` says what would vary: "samples, delta method".

    effects   of each real example on the value: their squares add up to the variance that the real examples cause. Two values
              from the same real examples share that part, see `measure.chance.separated`
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    over: str = ""
    effects: tuple[float, ...] = ()

    @property
    def error(self) -> float | None:
        """The standard error that a normal interval of this width has; None where there is no interval."""
        width = self.high - self.low
        return width / (2 * Z) if math.isfinite(width) else None


def normal(value: float, error: float, over: str, floor: float = -math.inf, ceiling: float = math.inf) -> Estimate:
    """value +- Z error, cut at what the quantity can be."""
    return Estimate(value, max(floor, value - Z * error), min(ceiling, value + Z * error), over)


def share(hits: float, n: float, over: str) -> Estimate:
    """A proportion hits / n with Wilson's interval (Wilson, "Probable Inference ...", 1927), right at 0 and at 1 too."""
    p, z2 = hits / n, Z * Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return Estimate(p, min(p, max(0.0, middle - half)), max(p, min(1.0, middle + half)), over)


def mean(values: Tensor, over: str) -> Estimate:
    """The mean of independent values (n,), n > 1."""
    values = values.double()
    return normal(float(values.mean()), float(values.std()) / math.sqrt(len(values)), over)


def bootstrap(measure: Callable[[Tensor], float], n: int, over: str, draws: int = 200, seed: int = 0) -> Estimate:
    """`measure(rows)` of all n rows, with the interval value +- Z sd over `draws` resamples of the rows (Efron, 1979).

    Their standard deviation is used rather than their quantiles: rows that occur twice bias measures of distances, by the same
    amount in every resample.
    """
    stream = torch.Generator().manual_seed(seed)
    again = [measure(torch.randint(n, (n,), generator=stream)) for _ in range(draws)]
    spread = float(torch.tensor(again, dtype=torch.float64).std())
    return normal(measure(torch.arange(n)), spread, over)


def jackknife(value: float, over: str, *left_out: Tensor, floor: float = -math.inf, ceiling: float = math.inf) -> Estimate:
    """`value` with an interval from its values without each example: (n,) without a sample, (m,) without a real one.

    The sides add up: variance = sum over sides of (n - 1)^2 / n times the variance of that side's n values (Tukey, 1958).
    """
    variance = sum(float(values.double().var()) * (len(values) - 1) ** 2 / len(values) for values in left_out)
    return normal(value, math.sqrt(variance), over, floor, ceiling)


def influence(value: float, over: str, *effects: Tensor, floor: float = -math.inf, ceiling: float = math.inf) -> Estimate:
    """`value` with a first-order error: one side's examples move it by the mean of their effects (n,) (the delta method)."""
    variance = sum(float(effect.double().var()) / len(effect) for effect in effects)
    return normal(value, math.sqrt(variance), over, floor, ceiling)


def ratio(hits: Tensor, of: Tensor, over: str) -> Estimate:
    """The proportion sum(hits) / sum(of), with hits (n,) and of (n,) counted in each of n independent examples.

    Wilson's interval for as many independent trials as have the standard error of that ratio (Cochran, 1977, eq. 2.46); for
    n trials where hits of one kind only leave no spread to see. nan where nothing was counted.
    """
    hits, of = hits.double(), of.double()
    n, total = len(of), float(of.sum())
    if not total:
        return Estimate(math.nan, over=over)
    p = float(hits.sum()) / total
    error = float((hits - p * of).std()) / math.sqrt(n) / (total / n) if n > 1 else 0.0
    trials = p * (1 - p) / error**2 if error > 1e-12 else n
    return share(p * trials, trials, over)


def distinct_sides(x: Tensor, y: Tensor) -> None:
    """ValueError unless x (n, ...) and y (n', ...) are two different sets, of examples of one shape, all finite."""
    if x.shape[1:] != y.shape[1:]:
        raise ValueError(
            f"samples of shape {tuple(x.shape[1:])} cannot be compared with real examples of shape {tuple(y.shape[1:])}; "
            "take both through the same features"
        )
    if min(len(x), len(y)) < 2:
        raise ValueError(f"a distance needs at least two examples on each side, got {len(x)} and {len(y)}; draw more samples")
    for side, values in (("samples", x), ("real examples", y)):
        if values.is_floating_point() and not bool(values.isfinite().all()):
            raise ValueError(
                f"the {side} hold numbers that are not finite; find out where they come from before measuring them"
            )
    if x.shape == y.shape and (x.data_ptr() == y.data_ptr() or torch.equal(x, y.to(x))):
        raise ValueError(
            "real and generated are identical; give the model's samples on one side and held-out examples on the other"
        )
