"""Likelihood of a split under a model, with the claim the model makes about it.

A split of N examples with costs -log p(x_i) nats and sizes d_i scored entries (Space.sizes) has the cost per entry
c = sum_i -log p(x_i) / sum_i d_i. Where every d_i is the same its standard error is that of a mean; in general, for a ratio
of means, it is sqrt(sum_i (-log p(x_i) - c d_i)^2 / (N (N - 1))) / mean d (Cochran, "Sampling Techniques", 1977, eq. 2.46).
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from genlab.core.data import Data, Split, blocks, size_of
from genlab.core.kinds import kind_of
from genlab.core.model import Claim, Model, Scores
from genlab.core.noise import Noise
from genlab.core.space import Space
from genlab.measure.estimate import Z

Unit = Literal["bits_per_dim", "nats_per_character", "nats"]
SIGNS = {"exact": "", "lower": "≤ ", "estimate": "≈ "}  # of -log p, where the claim is about log p
KEPT = 1_000  # examples up to which their effects are kept
LABELS: dict[Unit, str] = {"bits_per_dim": "bits/dim", "nats_per_character": "nats/character", "nats": "nats"}


@dataclass(frozen=True)
class Likelihood:
    """Costs (-log p, lower is better), each with its standard error over examples.

    effects   of each example on `value`, whose squares add up to its variance: two models are compared on the same examples,
              and what these did to both cancels. () of many examples, or of one
    """

    nats: float  # per example
    nats_error: float
    per_entry: float  # nats per scored entry: pixel and channel, character (also where tokens are longer), coordinate
    per_entry_error: float
    claim: Claim
    how: str
    unit: Unit  # what people quote
    split: Split
    examples: int
    of: int  # examples of the whole split
    seed: int
    note: str = ""
    given: tuple[str, ...] = ()  # conditions
    effects: tuple[float, ...] = ()

    @property
    def bits(self) -> float:
        """Bits per scored entry."""
        return self.per_entry / math.log(2)

    @property
    def value(self) -> float:
        """-log p in the usual unit of such data."""
        return {"bits_per_dim": self.bits, "nats_per_character": self.per_entry, "nats": self.nats}[self.unit]

    @property
    def label(self) -> str:
        """The unit as it is written: bits/dim."""
        return LABELS[self.unit]

    @property
    def sign(self) -> str:
        """What stands before `value`: ≤ where it is a bound, ≈ where it is an estimate."""
        return SIGNS[self.claim] if math.isfinite(self.value) else ""

    @property
    def how_given(self) -> str:
        """How it was computed, given what: "ELBO, given label and text"."""
        return ", ".join([self.how, *([f"given {' and '.join(self.given)}"] if self.given else [])])

    @property
    def error(self) -> float:
        """Standard error of `value`."""
        errors = {"bits_per_dim": self.per_entry_error / math.log(2), "nats_per_character": self.per_entry_error}
        return errors.get(self.unit, self.nats_error)

    @property
    def low(self) -> float:
        """Lower end of the 95% interval of `value`, over examples."""
        return self.value - Z * self.error

    @property
    def high(self) -> float:
        return self.value + Z * self.error

    def line(self) -> str:
        more = f", {self.bits:.4g} bits/character" if self.unit == "nats_per_character" else ""
        counted = f"{self.examples:,} of {self.of:,}" if self.examples < self.of else f"all {self.of:,}"
        note = f", {self.note}" if self.note else ""
        value = f"{self.sign}{self.value:.4f} ± {self.error:.2g} {self.label}{more}"
        return f"{value} ({self.how_given}; {counted} of {self.split}{note})"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values: the fields, and the value with its 95% interval in the unit that people quote."""
        error = {"error": self.error, "low": self.low, "high": self.high} if math.isfinite(self.error) else {}
        effects = {"effects": [float(f"{effect:.4g}") for effect in self.effects]}
        return {"value": self.value, **error, **asdict(self), "given": list(self.given), **effects}


def unit_of(space: Space) -> Unit:
    """The unit the field quotes: bits/dim for pictures with levels, nats a picture for binary ones, nats a character, nats."""
    return kind_of(space).unit or ("bits_per_dim" if space.kind == "ordinal" else "nats")


def likelihood_of(
    model: Model, data: Data, split: Split = "test", noise_seed: int = 0, limit: int | None = None, batch: int = 64
) -> Likelihood | None:
    """The cost of a split under the model, or None if it has no likelihood.

    noise_seed   of the noise of a bound or an estimate: row i of the split has its own stream, whatever the batch
    limit        largest number of examples, in blocks spaced evenly over the split
    """
    if not isinstance(model, Scores):
        return None
    steps = likelihood_steps(model, data, split, noise_seed, limit, batch)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@torch.no_grad()
def likelihood_steps(
    model: Any, data: Data, split: Split = "test", noise_seed: int = 0, limit: int | None = None, batch: int = 64
) -> Generator[float, None, Likelihood]:
    """`likelihood_of` a model that `Scores`; yields the share that is done, 0..1, after each batch."""
    device = next((tensor.device for tensor in (*model.parameters(), *model.buffers())), torch.device("cpu"))
    longer = characters_per_token(data, split)
    costs: list[Tensor] = []
    sizes: list[Tensor] = []
    claim, how, given = model.claim, "", ()
    of = size_of(data, split)
    total = min(of, limit or of)
    for first, part in blocks(data, split, total, batch):
        noise = Noise(noise_seed, range(first, first + len(part.x)), device)
        nats, claim, how, given = model.log_prob(part.to(device), noise=noise)
        costs.append(-nats.double().cpu())
        sizes.append(longer * data.space.sizes(part).double().cpu())
        yield sum(len(cost) for cost in costs) / total
    cost, d = torch.cat(costs), torch.cat(sizes)
    c = float(cost.sum() / d.sum())
    return Likelihood(
        nats=float(cost.mean()),
        nats_error=standard_error(cost),
        per_entry=c,
        per_entry_error=standard_error(cost - c * d) / float(d.mean()),
        claim=claim,
        how=how,
        unit=unit_of(data.space),
        split=split,
        examples=len(cost),
        of=of,
        seed=noise_seed,
        note=data.space.note,
        given=given,
        effects=_effects(cost, d, unit_of(data.space)),
    )


def _effects(cost: Tensor, d: Tensor, unit: Unit) -> tuple[float, ...]:
    """See `Likelihood`; from costs (N,) in nats and numbers of entries (N,)."""
    n = len(cost)
    if not 1 < n <= KEPT:
        return ()
    apart = cost - cost.mean() if unit == "nats" else (cost - cost.sum() / d.sum() * d) / d.mean()
    scale = math.log(2) if unit == "bits_per_dim" else 1.0
    return tuple((apart / math.sqrt(n * (n - 1)) / scale).tolist())


def characters_per_token(data: Data, split: Split) -> float:
    """Characters in a token of a text whose tokens were learnt, so that its cost is per character; 1 for all other data."""
    tokens, characters = getattr(data, "tokens", None), getattr(data, "characters", None)
    return characters(split) / tokens(split) if tokens and characters else 1.0


def standard_error(values: Tensor) -> float:
    """The standard error of the mean of values (N,); nan for one."""
    return float(values.std() / math.sqrt(len(values))) if len(values) > 1 else float("nan")
