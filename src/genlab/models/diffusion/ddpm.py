"""Denoising diffusion: learn to take away the noise of a fixed process, then run the process backwards.

    q(x_t | x) = N(alpha_t x, sigma_t^2)        given: noise is added at T levels, t = 1/T .. 1
    p(x_s | x_t) = N(a x^ + b x_t, var)         learnt: q(x_s | x_t, x) with x^, what the network expects x to be, in place of x

Training draws t and eps and makes the network predict the noise, the example or v at x_t. The chain over any times
0 < t_1 < ... < t_S = 1 is a latent variable model, and its variational bound L_T + sum L_t + L_0 is what `log_prob` reports:
for the `sampling_steps` that `sample` takes too, so the score is that of ancestral samples. The variance is either of Ho's
two, or the best there is: it needs the mean squared error e^2 of x^ at every t, whose moving average a second move of training
updates.

Ho, Jain & Abbeel, "Denoising Diffusion Probabilistic Models", 2020. The formulas are in `objectives.denoising`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor

from genlab.core.model import Claim, Given, LogProb
from genlab.core.moves import Apply, Descend, Draws, Now, Readings, Stage
from genlab.core.recipe import setting
from genlab.core.space import Batch, Space
from genlab.maths import predictions, schedules
from genlab.maths.densities import categorical_quantile
from genlab.maths.double import precise
from genlab.maths.predictions import Denoised
from genlab.maths.schedules import SCHEDULES, Time, broadcast
from genlab.models.diffusion.network import DenoiserConfig, Diffusion
from genlab.nets.units import centred, log_volume, restored
from genlab.objectives import denoising
from genlab.samplers import ode
from genlab.samplers.denoiser import Denoiser
from genlab.samplers.diffusion import DDIM, Ancestral, AngularRungeKutta, DPMSolver2M, Steps, normals_of_steps

KNOTS = 50  # intervals of t between the knots at which the denoiser's error is averaged
ERROR_DECAY = 0.99  # what a step leaves of the sums behind the moving average of the error


@dataclass(frozen=True)
class DDPMConfig(DenoiserConfig):
    schedule: Literal["linear", "cosine"] = setting("cosine", "how the noise grows")
    timesteps: int = setting(1000, "noise levels of training", low=1, high=100_000)
    prediction: Literal["epsilon", "x0", "v", "levels"] = setting(
        "v", "the network predicts: the noise, the example, v between the two, or odds of levels"
    )
    loss_weighting: Literal["simple", "bound", "min-snr"] = setting(
        "simple", "weights of the errors: all 1, lambda_t of the bound, or min-SNR"
    )
    variance: Literal["best", "small", "large"] = setting("best", "of a backward step: from the measured error, or Ho's two")
    sampling_steps: int = setting(100, "backward steps of sampling and scoring", low=1, high=100_000)
    sampler: Literal["ancestral", "ddim", "heun", "dpm++"] = setting(
        "ancestral", "how samples are drawn; ancestral is the chain that is scored"
    )


class DDPM(Diffusion):
    """Points and pictures of any size, with or without conditions. Scores with a lower bound; samples can be guided."""

    claim: ClassVar[Claim] = "lower"
    error_sum: Tensor
    error_weight: Tensor

    def __init__(self, config: DDPMConfig, space: Space, given: Mapping[str, Space] | None = None):
        super().__init__(config, space, given)
        if config.prediction == "levels" and not space.discrete:
            raise ValueError("only data with levels have odds of levels: --set model.prediction=v")
        self.config = config
        self.prediction: predictions.Prediction = "x0" if config.prediction == "levels" else config.prediction
        with torch.device("cpu"):  # its numbers are looked at, also where the model is only outlined
            self.schedule = SCHEDULES[config.schedule](config.timesteps)
            level = self.schedule(schedules.levels(config.timesteps))
        # Where the last step sets out from: with odds of levels, where noise is as wide as half the distance between two.
        noisier = int((level.snr > (space.levels - 1) ** 2).sum()) if config.prediction == "levels" else 1
        self.first = min(noisier, config.timesteps)
        if config.sampling_steps > config.timesteps - self.first + 1:
            most = config.timesteps - self.first + 1
            raise ValueError(
                f"{config.timesteps} noise levels leave room for {most} steps: "
                f"--set model.sampling_steps={most} or a larger model.timesteps"
            )
        self.loss_weights = denoising.loss_weights(config.loss_weighting, self.prediction, level)
        # Sums of ||x^ - x||^2 / sigma^2 near each knot, and of their weights; an untrained network's error is about 1.
        self.register_buffer("error_sum", torch.ones(KNOTS + 1))
        self.register_buffer("error_weight", torch.ones(KNOTS + 1))

    # --- training ----------------------------------------------------------------------------------------------------

    def stages(self) -> Iterator[Stage]:
        descend = Descend("denoise", [self.net], self.loss)
        yield Stage("fit", [descend, Apply("error_ema", [self.error_sum, self.error_weight], self.update_error_ema)])

    def loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        """Weighted squared error an entry."""
        x = centred(batch.x, self.space).to(self.dtype)
        k = 1 + (now.noise.uniform(()) * self.config.timesteps).long().clamp(max=self.config.timesteps - 1)
        t = precise(k) / self.config.timesteps
        eps = now.noise.normal(self.space.shape).to(x)
        cond_mask = self.cond_mask(batch.given, now.noise)
        alpha, sigma = self.schedule.at(t, x)
        x_t = alpha * x + sigma * eps
        predicted = self.predicted(self.predict(x_t, t, batch.given, cond_mask), x_t, alpha, sigma)
        wrong = (predicted - predictions.target(self.prediction, x, eps, alpha, sigma)).square().flatten(1).mean(1)
        x_hat = self.denoised(predicted.detach(), x_t, alpha, sigma).x
        now.notes["t"], now.notes["error"] = t, ((x_hat - x) / sigma).square().flatten(1).mean(1)
        return (self.loss_weights.to(t)[k] * wrong).to(wrong).mean(), {"error": wrong.detach().mean()}

    def update_error_ema(self, batch: Batch, now: Now) -> Readings:
        """The moving average of ||x^ - x||^2 / sigma^2 an entry, at knots in t, with straight lines between them."""
        t, error = now.gather(now.notes["t"]), now.gather(now.notes["error"])
        position = t.to(error) * KNOTS
        below = position.long().clamp(max=KNOTS - 1)
        above = position - below
        for buffer, value in ((self.error_sum, error), (self.error_weight, torch.ones_like(error))):
            buffer.mul_(ERROR_DECAY)
            buffer.index_add_(0, below, ((1 - above) * value).to(buffer))
            buffer.index_add_(0, below + 1, (above * value).to(buffer))
        return {}

    # --- the chain ---------------------------------------------------------------------------------------------------

    def predicted(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """The prediction, from the network's output at x_t: the output itself, unless it is odds of levels."""
        if self.config.prediction != "levels":
            return output
        return denoising.level_mean(denoising.level_log_probs(output, x_t, alpha, sigma, self.space.levels))

    def denoised(self, predicted: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Denoised:
        """x^ and eps^ from a prediction; x^ is clamped to the range of the levels where there are levels."""
        found = predictions.denoised(self.prediction, predicted, x_t, alpha, sigma)
        return predictions.from_x0(found.x.clamp(-1, 1), x_t, alpha, sigma) if self.space.discrete else found

    def interpret(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Denoised:
        return self.denoised(self.predicted(output, x_t, alpha, sigma), x_t, alpha, sigma)

    def log_levels(self, output: Tensor, x_t: Tensor, t: Time) -> Tensor:
        """log P(level | x_t) from odds, (B, *shape, levels)."""
        return denoising.level_log_probs(output, x_t, *self.schedule.at(t, x_t), self.space.levels)

    def errors(self, t: Tensor) -> Tensor:
        """e^2, the mean squared error of x^ at each of some times: float64, shaped like t (float64, on the CPU)."""
        known = (self.error_sum / self.error_weight).cpu().double()
        below = (t * KNOTS).long().clamp(max=KNOTS - 1)
        return torch.lerp(known[below], known[below + 1], t * KNOTS - below) * self.schedule(t).sigma.square()

    def variances(self, times: Sequence[float]) -> Tensor:
        """The variance of p(x_s | x_t) for each step of descending `times`, (steps,) float64; the last is the decoder's."""
        t = torch.tensor(times[:-1], dtype=torch.float64)
        now, then = self.schedule(t), self.schedule(torch.tensor(times[1:], dtype=torch.float64))
        on_x, _, posterior = schedules.reverse(then, now)
        if self.config.variance == "best":
            return denoising.best_variance(posterior, on_x, self.errors(t)).clamp(min=1e-12)
        forward = schedules.forward_variance(then, now)
        if self.config.variance == "large":
            return forward
        decoder = posterior[-2:-1] if len(times) > 2 else forward
        return torch.cat([posterior[:-1], decoder])  # Ho's choice, because at s = 0 the posterior has no width

    def times(self, steps: int | None = None, sampler: str = "ancestral") -> list[float]:
        """`steps` + 1 times from 1 down to 0; the config's number of steps where none is given."""
        steps = self.config.sampling_steps if steps is None else steps
        if sampler == "dpm++":
            return schedules.log_snr_times(self.schedule, steps, self.first / self.config.timesteps)
        return schedules.times(self.config.timesteps, steps, self.first)

    # --- scoring -----------------------------------------------------------------------------------------------------

    def log_prob(self, batch: Batch, *, noise: Draws, sampling_steps: int | None = None, terms: int = 16) -> LogProb:
        """Minus the bound of the chain with so many steps, (B,) nats; see `bound`."""
        steps = self.config.sampling_steps if sampling_steps is None else sampling_steps
        costs = self.bound(batch, noise=noise, sampling_steps=steps, terms=terms)
        drawn = f", {terms} of its terms drawn" if terms < steps - 1 else ""
        nats = -(costs["L_T"] + costs["L_t"] + costs["L_0"])
        return LogProb(nats, "lower", f"variational bound of {steps} steps{drawn}", tuple(self.given))

    def bound(self, batch: Batch, *, noise: Draws, sampling_steps: int | None = None, terms: int = 16) -> dict[str, Tensor]:
        """{"L_T", "L_t", "L_0"}, each (B,) nats: in expectation over the noise their sum is at least -log p(x).

        sampling_steps   S, the steps of the chain; the config's unless given
        terms            L_t is a sum over S - 1 steps. These are cut into so many runs; one step is drawn from each run and
                         weighted by the run's length, which is unbiased. With terms >= S - 1 every step is computed.
        """
        times = self.times(sampling_steps)
        t, s = torch.tensor(times[:-1], dtype=torch.float64), torch.tensor(times[1:], dtype=torch.float64)
        on_x, _, posterior = schedules.reverse(self.schedule(s), self.schedule(t))
        variance = self.variances(times)
        x, denoise = centred(batch.x, self.space).to(self.dtype), self.denoiser(batch.given)
        chosen, often = runs(len(t) - 1, terms, noise)
        normals = normals_of_steps(noise, self.space.shape, len(often) + 1, x.dtype)
        middle = torch.zeros_like(x.flatten(1)[:, 0])
        for i, count in zip(chosen.unbind(1), often, strict=True):
            x_t = self.diffused(x, t[i], next(normals))
            x_hat = denoise(x_t, t[i]).x
            a, c, var = (broadcast(table[i], x) for table in (on_x, posterior, variance))
            middle = middle + count * denoising.step_cost(x, x_hat, a, c, var)
        x_t = self.diffused(x, times[-2], next(normals))
        last = self._decoder_cost(batch.x, denoise.predict(x_t, times[-2]), x_t, times[-2], variance[-1].to(x))
        return {"L_T": denoising.prior_cost(x, *self.schedule.at(1.0, x)), "L_t": middle, "L_0": last}

    def diffused(self, x: Tensor, t: Time, eps: Tensor) -> Tensor:
        """x_t from x and eps (B, *shape)."""
        alpha, sigma = self.schedule.at(t, x)
        return alpha * x + sigma * eps

    def _decoder_cost(self, x: Tensor, output: Tensor, x_t: Tensor, t: float, variance: Tensor) -> Tensor:
        """L_0 of x in the space's units."""
        if self.config.prediction == "levels":
            return -self.log_levels(output, x_t, t).gather(-1, x.long()[..., None]).flatten(1).sum(1)
        x_hat = self.interpret(output, x_t, *self.schedule.at(t, x_t)).x
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
        sampling_steps: int | None = None,
        sampler: Literal["ancestral", "ddim", "heun", "dpm++"] | None = None,
        eta: float = 0.0,
        guidance: float = 1.0,
        frames: Literal["states", "estimates"] = "states",
    ) -> Iterator[Tensor]:
        """sampling_steps + 1 frames (n, *shape): x_1, ..., x_0, or with frames="estimates" x^ at each of them.

        sampling_steps     the config's unless given, and so is the sampler
        ancestral          a draw from the chain that `log_prob` scores, the decoder's draw included
        ddim, heun, dpm++  deterministic given x_1, good with fewer steps; of order 1, 2 (at two evaluations a step) and 2
        eta                0 to 1: fresh noise in the steps of ddim
        guidance           1: as learnt; above: what the conditions change, exaggerated
        """
        denoise, sampler = self.denoiser(given, guidance), sampler or self.config.sampler
        times = self.times(sampling_steps, sampler)
        x = noise.normal(self.space.shape).to(self.dtype)
        yield restored(x, self.space)
        for s, (x_s, x_hat) in zip(times[1:], self._walk(sampler, denoise, x, times, noise, eta), strict=True):
            yield restored(x_hat if frames == "estimates" and s else x_s, self.space)

    def _walk(self, sampler: str, denoise: Denoiser, x: Tensor, times: list[float], noise: Draws, eta: float) -> Steps:
        if (eta and sampler != "ddim") or not 0 <= eta <= 1:
            raise ValueError(f"eta {eta}: a share from 0 to 1, of sampler ddim only")
        normals = normals_of_steps(noise, self.space.shape, len(times) - 1, x.dtype)
        if sampler == "ancestral":
            return self._chain(denoise, x, times, normals)
        if sampler == "ddim":
            return DDIM(denoise, eta, normals).walk(x, times)
        if sampler == "heun":
            return AngularRungeKutta(denoise, ode.HEUN).walk(x, times)
        if sampler == "dpm++":
            return DPMSolver2M(denoise).walk(x, times)
        raise ValueError(f"sampler {sampler!r}: choose ancestral, ddim, heun or dpm++")

    def _chain(self, denoise: Denoiser, x: Tensor, times: list[float], normals: Iterator[Tensor]) -> Steps:
        """A draw of what `log_prob` scores, its decoder included."""
        variances, by_level = iter(self.variances(times).tolist()), self.config.prediction == "levels"
        for step in Ancestral(denoise, variances, normals).walk(x, times[:-1] if by_level else times):
            yield step
            x = step[0]
        if by_level:
            log_p = self.log_levels(denoise.predict(x, times[-2]), x, times[-2])
            level = categorical_quantile(torch.special.ndtr(next(normals)), log_p)
            yield centred(level, self.space).to(x), denoising.level_mean(log_p)

    def decode(self, z: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor:
        """The end of ddim from x_1 = z, in the data's units. Conditions must be given where the model has them."""
        *_, (x, _) = DDIM(self.denoiser(given)).walk(z.to(self.dtype), self.times())
        return restored(x, self.space)


def runs(steps: int, terms: int, noise: Draws) -> tuple[Tensor, list[int]]:
    """Positions 0 .. steps - 1 cut into min(steps, terms) runs: one drawn from each, (B, runs), and the runs' lengths."""
    count = min(steps, terms)
    edges = [steps * run // count for run in range(count + 1)] if count else [0]
    lengths = [later - edge for edge, later in pairwise(edges)]
    size = torch.tensor(lengths, dtype=torch.float64)
    within = (noise.uniform((count,)).cpu().double() * size).long().clamp(max=(size - 1).long())
    return torch.tensor(edges[:-1], dtype=torch.long) + within, lengths
