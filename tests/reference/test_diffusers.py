"""Law 9: chains of the ancestral and the DDIM sampler are those of diffusers' schedulers, for the same network and noise."""

from __future__ import annotations

import pytest
import torch

from genlab.core.space import Space
from genlab.maths.schedules import spread
from genlab.models.diffusion.ddpm import DDPM, DDPMConfig
from genlab.objectives.denoising import example_from
from genlab.samplers import diffusion

schedulers = pytest.importorskip("diffusers.schedulers")

T = 1000
SAYS = {"noise": "epsilon", "example": "sample", "v": "v_prediction"}
BETAS = {
    "linear": {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"},
    "cosine": {"beta_schedule": "squaredcos_cap_v2"},
}
VARIANCE = {"small": "fixed_small", "large": "fixed_large"}


def says(x, t):
    """A stand-in for a network: smooth, bounded, of no special form. t: diffusers' count, from 0."""
    return torch.sin(x + t / 100).roll(1, -1)


def ours(schedule, predicts, variance="small"):
    config = DDPMConfig(net="mlp", width=4, depth=1, T=T, schedule=schedule, predicts=predicts, variance=variance)
    return DDPM(config, Space((6,), "D", "real"))


def denoiser(model):
    process = model.forward_process

    def denoise(x, t):
        alpha, sigma = spread(process.alpha, t, x), spread(process.sigma, t, x)
        return example_from(model.config.predicts, says(x, t - 1), x, alpha, sigma)

    return denoise


def sharpened(scheduler):
    """Its tables in float64 from its own betas: in float32 the product loses the digits of 1 - alpha-bar at small t."""
    scheduler.betas = scheduler.betas.double()
    scheduler.alphas = 1 - scheduler.betas
    scheduler.alphas_cumprod = scheduler.alphas.cumprod(0)
    return scheduler


@pytest.fixture
def start():
    torch.manual_seed(0)
    return torch.randn(4, 6, dtype=torch.float64)


@pytest.mark.parametrize("variance", VARIANCE)
@pytest.mark.parametrize("schedule", BETAS)
@pytest.mark.parametrize("predicts", SAYS)
def test_ancestral_is_their_ddpm(start, predicts, schedule, variance):
    options = {"num_train_timesteps": T, "variance_type": VARIANCE[variance], "clip_sample": False, **BETAS[schedule]}
    scheduler = sharpened(schedulers.DDPMScheduler(prediction_type=SAYS[predicts], **options))
    generator, x, wanted = torch.Generator().manual_seed(1), start, []
    for t in range(120, -1, -1):
        x = scheduler.step(says(x, t), t, x, generator=generator).prev_sample
        wanted.append(x)
    generator, model = torch.Generator().manual_seed(1), ours(schedule, predicts, variance)
    normals = [torch.randn(4, 6, dtype=torch.float64, generator=generator) for _ in range(120)]
    times = list(range(121, -1, -1))
    steps = diffusion.ancestral(denoiser(model), model.forward_process, start, times, model.variances(times).tolist(),
                                iter([*normals, torch.zeros(4, 6)]))  # fmt: skip
    for (found, _), theirs in zip(steps, wanted, strict=True):
        torch.testing.assert_close(found, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("schedule", BETAS)
@pytest.mark.parametrize("predicts", SAYS)
def test_ddim_is_theirs(start, predicts, schedule):
    options = {"num_train_timesteps": T, "clip_sample": False, "set_alpha_to_one": True, **BETAS[schedule]}
    scheduler = sharpened(schedulers.DDIMScheduler(prediction_type=SAYS[predicts], **options))
    scheduler.set_timesteps(50)
    x, wanted, estimates = start, [], []
    for t in scheduler.timesteps.tolist():
        step = scheduler.step(says(x, t), t, x, eta=0.0)
        x = step.prev_sample
        wanted.append(x)
        estimates.append(step.pred_original_sample)
    model = ours(schedule, predicts)
    times = [t + 1 for t in scheduler.timesteps.tolist()] + [0]
    for (found, x_hat), theirs, estimate in zip(
        diffusion.ddim(denoiser(model), model.forward_process, start, times), wanted, estimates, strict=True
    ):
        torch.testing.assert_close(found, theirs, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(x_hat, estimate, rtol=1e-5, atol=1e-5)
