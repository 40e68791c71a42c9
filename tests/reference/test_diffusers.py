"""Law 9: chains of the ancestral and the DDIM sampler are those of diffusers' schedulers, for the same network and noise."""

from __future__ import annotations

import pytest
import torch

from genlab.core.space import Space
from genlab.maths.schedules import levels
from genlab.models.diffusion.ddpm import DDPM, DDPMConfig
from genlab.samplers.denoiser import Denoiser
from genlab.samplers.diffusion import DDIM, Ancestral, DPMSolver2M

schedulers = pytest.importorskip("diffusers.schedulers")

T = 1000
SAYS = {"epsilon": "epsilon", "x0": "sample", "v": "v_prediction"}
BETAS = {
    "linear": {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"},
    "cosine": {"beta_schedule": "squaredcos_cap_v2"},
}
VARIANCE = {"small": "fixed_small", "large": "fixed_large"}


def says(x, t):
    """A stand-in for a network: smooth, bounded, of no special form. t: diffusers' count, from 0."""
    return torch.sin(x + t / 100).roll(1, -1)


def ours(schedule, prediction, variance="small"):
    config = DDPMConfig(net="mlp", width=4, depth=1, timesteps=T, schedule=schedule, prediction=prediction, variance=variance)
    return DDPM(config, Space((6,), "D", "real"))


def denoiser(model):
    return Denoiser(lambda x, t: says(x, round(t * T) - 1), model.interpret, model.schedule)


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
@pytest.mark.parametrize("prediction", SAYS)
def test_ancestral_is_their_ddpm(start, prediction, schedule, variance):
    options = {"num_train_timesteps": T, "variance_type": VARIANCE[variance], "clip_sample": False, **BETAS[schedule]}
    scheduler = sharpened(schedulers.DDPMScheduler(prediction_type=SAYS[prediction], **options))
    generator, x, wanted = torch.Generator().manual_seed(1), start, []
    for t in range(120, -1, -1):
        x = scheduler.step(says(x, t), t, x, generator=generator).prev_sample
        wanted.append(x)
    generator, model = torch.Generator().manual_seed(1), ours(schedule, prediction, variance)
    normals = [torch.randn(4, 6, dtype=torch.float64, generator=generator) for _ in range(120)]
    times = levels(T)[: 121 + 1].flip(0).tolist()
    variances = iter(model.variances(times).tolist())
    steps = Ancestral(denoiser(model), variances, iter([*normals, torch.zeros(4, 6)])).walk(start, times)
    for (found, _), theirs in zip(steps, wanted, strict=True):
        torch.testing.assert_close(found, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("eta", [0.0, 0.5])
@pytest.mark.parametrize("schedule", BETAS)
@pytest.mark.parametrize("prediction", SAYS)
def test_ddim_is_theirs(start, prediction, schedule, eta):
    options = {"num_train_timesteps": T, "clip_sample": False, "set_alpha_to_one": True, **BETAS[schedule]}
    scheduler = sharpened(schedulers.DDIMScheduler(prediction_type=SAYS[prediction], **options))
    scheduler.set_timesteps(50)
    torch.manual_seed(2)
    normals = torch.randn(50, 4, 6, dtype=torch.float64)
    x, wanted, estimates = start, [], []
    for t, z in zip(scheduler.timesteps.tolist(), normals, strict=True):
        step = scheduler.step(says(x, t), t, x, eta=eta, variance_noise=z if eta else None)
        x = step.prev_sample
        wanted.append(x)
        estimates.append(step.pred_original_sample)
    times = [(t + 1) / T for t in scheduler.timesteps.tolist()] + [0.0]
    steps = DDIM(denoiser(ours(schedule, prediction)), eta, iter(normals)).walk(start, times)
    for (found, x_hat), theirs, estimate in zip(steps, wanted, estimates, strict=True):
        torch.testing.assert_close(found, theirs, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(x_hat, estimate, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("schedule", BETAS)
@pytest.mark.parametrize("prediction", ["epsilon", "v"])
def test_dpm_solver_is_theirs(start, prediction, schedule):
    """DPM-Solver++(2M) over the same times, down to the last of them, where theirs makes a step of its own."""
    options = {"num_train_timesteps": T, "algorithm_type": "dpmsolver++", "solver_order": 2, **BETAS[schedule]}
    scheduler = schedulers.DPMSolverMultistepScheduler(
        prediction_type=SAYS[prediction], lower_order_final=False, final_sigmas_type="zero", **options
    )
    model = ours(schedule, prediction)
    scheduler.set_timesteps(20)
    alpha, sigma = model.schedule(torch.tensor([(t + 1) / T for t in scheduler.timesteps.tolist()]).double())
    scheduler.sigmas[:-1] = sigma / alpha  # theirs are rounded to float32, which the largest of cosine's are too steep for
    x, wanted = start, []
    for t in scheduler.timesteps.tolist()[:-1]:
        x = scheduler.step(says(x, t), t, x).prev_sample
        wanted.append(x)
    times = [(t + 1) / T for t in scheduler.timesteps.tolist()]
    for (found, _), theirs in zip(DPMSolver2M(denoiser(model)).walk(start, times), wanted, strict=True):
        torch.testing.assert_close(found, theirs.double(), rtol=1e-4, atol=1e-4)
