"""Denoising diffusion: learn to take away the noise of a fixed process, then run the process backwards.

    q(x_t | x) = N(alpha_t x, sigma_t^2)        given: noise is added at T levels
    p(x_s | x_t) = N(a x^ + b x_t, var)         learnt: q(x_s | x_t, x) with x^, what the network expects x to be, in place of x

Training draws t and eps and makes the network say the noise, the example or v at x_t. The chain over any times
0 < t_1 < ... < t_S = T is a latent variable model, and its variational bound L_T + sum L_t + L_0 is what `log_prob` reports:
for the `steps` that `sample` takes too, so the score is that of the samples. The variance is either of Ho's two, or the best
there is: it needs the mean squared error e^2 of x^ at every t, which a second move of training keeps account of.

Ho, Jain & Abbeel, "Denoising Diffusion Probabilistic Models", 2020. The formulas are in `objectives.denoising`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor

from genlab.core.model import Claim, Given, LogProb
from genlab.core.moves import Apply, Descend, Draws, Now, Readings, Stage
from genlab.core.recipe import knob
from genlab.core.space import Batch, Space
from genlab.maths.schedules import SCHEDULES, spread
from genlab.models.diffusion.network import Denoiser, DenoiserConfig, Guided, network
from genlab.nets.units import centred, log_volume, restored
from genlab.objectives import denoising
from genlab.samplers import diffusion

KNOTS = 50  # places in t where the denoiser's error is kept
KEPT = 0.99  # of the account after a step
DETERMINISTIC = {"ddim": diffusion.ddim, "heun": diffusion.heun}


@dataclass(frozen=True)
class DDPMConfig(DenoiserConfig):
    schedule: Literal["linear", "cosine"] = knob("cosine", "how the noise grows")
    T: int = knob(1000, "noise levels of training", low=1, high=100_000)
    predicts: Literal["noise", "example", "v", "levels"] = knob("v", "noise, example, v between the two, or odds of levels")
    weights: Literal["simple", "bound", "min-snr"] = knob("simple", "of the errors: all 1, lambda_t of the bound, or min-SNR")
    variance: Literal["best", "small", "large"] = knob("best", "of a backward step: from the measured error, or Ho's two")
    steps: int = knob(100, "backward steps of sampling and scoring", low=1, high=100_000)


class DDPM(Denoiser):
    """Points and pictures of any size, with or without labels. Scores with a lower bound; samples can be guided."""

    claim: ClassVar[Claim] = "lower"
    error: Tensor
    counted: Tensor

    def __init__(self, config: DDPMConfig, space: Space, given: Mapping[str, Space] | None = None):
        super().__init__(space, given, config.unlabelled)
        if config.predicts == "levels" and not space.discrete:
            raise ValueError("only data with levels have odds of levels: --set model.predicts=v")
        self.config = config
        with torch.device("cpu"):  # its numbers are looked at, also where the model is only outlined
            self.forward_process = SCHEDULES[config.schedule](config.T)
        # Where the last step sets out from: with odds of levels, where noise is as wide as half the distance between two.
        noisier = int((self.forward_process.snr > (space.levels - 1) ** 2).sum()) if config.predicts == "levels" else 1
        self.first = min(noisier, config.T)
        if config.steps > config.T - self.first + 1:
            most = config.T - self.first + 1
            raise ValueError(
                f"{config.T} noise levels leave room for {most} steps: --set model.steps={most} or a larger model.T"
            )
        self.weights = denoising.weights(config.weights, config.predicts, self.forward_process)
        self.net = network(config, space, self.classes)
        # Squared error of x^ over sigma^2, summed, and how often, near each knot; a network that says nothing has about 1.
        self.register_buffer("error", torch.ones(KNOTS + 1))
        self.register_buffer("counted", torch.ones(KNOTS + 1))

    # --- training ----------------------------------------------------------------------------------------------------

    def stages(self) -> Iterator[Stage]:
        descend = Descend("denoise", [self.net], self.loss)
        yield Stage("fit", [descend, Apply("account", [self.error, self.counted], self.keep_account)])

    def loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        """Weighted squared error an entry."""
        process = self.forward_process
        x = centred(batch.x, self.space).to(self.dtype)
        t = 1 + (now.noise.uniform(()) * process.T).long().clamp(max=process.T - 1)
        eps = now.noise.normal(self.space.shape).to(x)
        label = self.dropped(self.heard(batch.given), now.noise)
        alpha, sigma = self._at(t, x)
        x_t = alpha * x + sigma * eps
        said = self.said(self.net(x_t, t.to(x) / process.T, label), x_t, alpha, sigma)
        wrong = (said - denoising.target(self.config.predicts, x, eps, alpha, sigma)).square().flatten(1).mean(1)
        x_hat = self.example(said.detach(), x_t, alpha, sigma)
        now.notes["t"], now.notes["error"] = t, ((x_hat - x) / sigma).square().flatten(1).mean(1)
        return (spread(self.weights, t, wrong) * wrong).mean(), {"error": wrong.detach().mean()}

    def keep_account(self, batch: Batch, now: Now) -> Readings:
        """A running mean of the error of x^ over sigma^2, at knots in t with straight lines between."""
        t, error = now.gather(now.notes["t"]), now.gather(now.notes["error"])
        place = t.to(error) * (KNOTS / self.forward_process.T)
        below = place.long().clamp(max=KNOTS - 1)
        above = place - below
        for buffer, value in ((self.error, error), (self.counted, torch.ones_like(error))):
            buffer.mul_(KEPT)
            buffer.index_add_(0, below, ((1 - above) * value).to(buffer))
            buffer.index_add_(0, below + 1, (above * value).to(buffer))
        return {}

    # --- the chain ---------------------------------------------------------------------------------------------------

    def said(self, answer: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """The prediction in the network's answer at x_t: itself, unless it is odds."""
        if self.config.predicts != "levels":
            return answer
        return denoising.level_mean(denoising.level_log_probs(answer, x_t, alpha, sigma, self.space.levels))

    def example(self, said: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """x^ that goes with a prediction, inside the range of the levels where there are levels."""
        x_hat = denoising.example_from(self.config.predicts, said, x_t, alpha, sigma)
        return x_hat.clamp(-1, 1) if self.space.discrete else x_hat

    def log_levels(self, answer: Tensor, x_t: Tensor, t: int | Tensor) -> Tensor:
        """log P(level | x_t) from odds, (B, *shape, levels)."""
        return denoising.level_log_probs(answer, x_t, *self._at(t, x_t), self.space.levels)

    def _at(self, t: int | Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """alpha and sigma."""
        return spread(self.forward_process.alpha, t, like), spread(self.forward_process.sigma, t, like)

    def expected(self, answer: Tensor, x_t: Tensor, t: int | Tensor) -> Tensor:
        """x^ from the network's answer at x_t."""
        alpha, sigma = self._at(t, x_t)
        return self.example(self.said(answer, x_t, alpha, sigma), x_t, alpha, sigma)

    def errors(self) -> Tensor:
        """e^2, the mean squared error of x^ at t = 0 .. T: (T+1,) float64."""
        process = self.forward_process
        known = (self.error / self.counted).double().cpu()
        place = torch.arange(process.T + 1, dtype=torch.float64) * (KNOTS / process.T)
        below = place.long().clamp(max=KNOTS - 1)
        return torch.lerp(known[below], known[below + 1], place - below) * process.sigma.square()

    def variances(self, times: list[int]) -> Tensor:
        """Of p(x_s | x_t) for each step of descending `times`, (steps,) float64; the last is the decoder's."""
        t, s = torch.tensor(times[:-1]), torch.tensor(times[1:])
        on_x, _, posterior = self.forward_process.reverse(s, t)
        if self.config.variance == "best":
            return denoising.best_variance(posterior, on_x, self.errors()[t]).clamp(min=1e-12)
        if self.config.variance == "large":
            return self.forward_process.fresh(s, t)
        decoder = posterior[-2:-1] if len(times) > 2 else self.forward_process.fresh(s, t)
        return torch.cat([posterior[:-1], decoder])  # Ho's choice, because at s = 0 the posterior has no width

    def denoise(self, net: Guided, x_t: Tensor, t: int) -> Tensor:
        """x^ at one time for all rows."""
        return self.expected(net(x_t, t / self.forward_process.T), x_t, t)

    # --- scoring -----------------------------------------------------------------------------------------------------

    def log_prob(self, batch: Batch, *, noise: Draws, steps: int | None = None, terms: int = 16) -> LogProb:
        """Minus the bound of the chain with `steps` steps; see `bound`."""
        steps = self.config.steps if steps is None else steps
        costs = self.bound(batch, noise=noise, steps=steps, terms=terms)
        drawn = f", {terms} of its terms drawn" if terms < steps - 1 else ""
        nats = -(costs["L_T"] + costs["L_t"] + costs["L_0"])
        return LogProb(nats, "lower", f"variational bound of {steps} steps{drawn}", tuple(self.given))

    def bound(self, batch: Batch, *, noise: Draws, steps: int | None = None, terms: int = 16) -> dict[str, Tensor]:
        """{"L_T", "L_t", "L_0"}, each (B,) nats: in expectation over the noise their sum is at least -log p(x).

        terms   L_t is a sum over steps - 1 steps. These fall into so many runs; one step is drawn from each and counted as
                often as its run is long, which is unbiased. With terms >= steps - 1 every step is computed.
        """
        process = self.forward_process
        times = process.times(self.config.steps if steps is None else steps, self.first)
        t, s = torch.tensor(times[:-1]), torch.tensor(times[1:])
        on_x, _, posterior = process.reverse(s, t)
        variance = self.variances(times)
        x, label = centred(batch.x, self.space).to(self.dtype), self.heard(batch.given)
        chosen, often = runs(len(t) - 1, terms, noise)
        normals = diffusion.path(noise, self.space.shape, len(often) + 1, x.dtype)
        middle = torch.zeros_like(x.flatten(1)[:, 0])
        for i, count in zip(chosen.unbind(1), often, strict=True):
            x_hat = self.expected(*self._asked(x, label, t[i], next(normals)), t[i])
            a, c, var = (spread(table, i, x) for table in (on_x, posterior, variance))
            middle = middle + count * denoising.step_cost(x, x_hat, a, c, var)
        asked = self._asked(x, label, t[-1].expand(len(x)), next(normals))
        last = self._decoder_cost(batch.x, *asked, times[-2], variance[-1].to(x))
        return {"L_T": denoising.prior_cost(x, process), "L_t": middle, "L_0": last}

    def _asked(self, x: Tensor, label: Tensor | None, t: Tensor, eps: Tensor) -> tuple[Tensor, Tensor]:
        """The network's answer to a draw of x_t, each row at its own time, and the x_t."""
        x_t = self.forward_process.diffuse(x, t, eps)
        return self.net(x_t, t.to(x) / self.forward_process.T, label), x_t

    def _decoder_cost(self, x: Tensor, answer: Tensor, x_t: Tensor, t: int, variance: Tensor) -> Tensor:
        """L_0 of x in the space's units."""
        if self.config.predicts == "levels":
            return -self.log_levels(answer, x_t, t).gather(-1, x.long()[..., None]).flatten(1).sum(1)
        x_hat = self.expected(answer, x_t, t)
        if self.space.discrete:
            return denoising.decoder_cost(x, x_hat, variance, self.space.levels)
        return denoising.decoder_cost(centred(x, self.space).to(x_hat), x_hat, variance) - log_volume(self.space)

    # --- sampling ----------------------------------------------------------------------------------------------------

    def sample(
        self,
        n: int,
        given: Given | None = None,
        *,
        noise: Draws,
        steps: int | None = None,
        sampler: Literal["ancestral", "ddim", "heun"] = "ancestral",
        guidance: float = 1.0,
        frames: Literal["states", "estimates"] = "states",
    ) -> Iterator[Tensor]:
        """steps + 1 frames (n, *shape): x_T, ..., x_0, or with frames="estimates" what each step took the result to be.

        ancestral   a draw from the chain that `log_prob` scores, the decoder's draw included
        ddim, heun  deterministic given x_T; good with fewer steps
        guidance    1: as learnt; above: what the label changes, exaggerated
        """
        label = self.chosen(given, noise)
        net = self.guided(label, guidance)
        times = self.forward_process.times(self.config.steps if steps is None else steps, self.first)
        x = noise.normal(self.space.shape).to(self.dtype)
        yield restored(x, self.space)
        for s, (x_s, x_hat) in zip(times[1:], self._walk(sampler, net, x, times, noise), strict=True):
            yield restored(x_hat if frames == "estimates" and s else x_s, self.space)

    def _walk(self, sampler: str, net: Guided, x: Tensor, times: list[int], noise: Draws) -> diffusion.Steps:
        denoise, process = partial(self.denoise, net), self.forward_process
        if sampler == "ancestral":
            return self._chain(net, x, times, diffusion.path(noise, self.space.shape, len(times) - 1, x.dtype))
        if sampler not in DETERMINISTIC:
            raise ValueError(f"sampler {sampler!r}: choose ancestral, {' or '.join(DETERMINISTIC)}")
        return DETERMINISTIC[sampler](denoise, process, x, times)

    def _chain(self, net: Guided, x: Tensor, times: list[int], normals: Iterator[Tensor]) -> diffusion.Steps:
        """A draw of what `log_prob` scores, its decoder included."""
        variances, table = self.variances(times).tolist(), self.config.predicts == "levels"
        walked = times[:-1] if table else times
        for step in diffusion.ancestral(partial(self.denoise, net), self.forward_process, x, walked, variances, normals):
            yield step
            x = step[0]
        if table:
            t = times[-2]
            log_p = self.log_levels(net(x, t / self.forward_process.T), x, t)
            level = denoising.level_quantile(log_p, torch.special.ndtr(next(normals)))
            yield centred(level, self.space).to(x), denoising.level_mean(log_p)

    def decode(self, z: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor:
        """Where ddim ends from x_T = z, in the data's units. Labels must be given where the model has them."""
        net, times = self.guided(self.heard(given or {}), 1.0), self.forward_process.times(self.config.steps, self.first)
        *_, (x, _) = diffusion.ddim(partial(self.denoise, net), self.forward_process, z.to(self.dtype), times)
        return restored(x, self.space)


def runs(steps: int, terms: int, noise: Draws) -> tuple[Tensor, list[int]]:
    """Positions 0 .. steps - 1 cut into min(steps, terms) runs: one drawn from each, (B, runs), and the runs' lengths."""
    count = min(steps, terms)
    edges = [steps * run // count for run in range(count + 1)] if count else [0]
    lengths = [later - edge for edge, later in pairwise(edges)]
    size = torch.tensor(lengths, dtype=torch.float64)
    within = (noise.uniform((count,)).double().cpu() * size).long().clamp(max=(size - 1).long())
    return torch.tensor(edges[:-1], dtype=torch.long) + within, lengths
