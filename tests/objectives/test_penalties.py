"""Penalties of discriminators whose slope is known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genlab.nets.discriminator import spectrally_normal
from genlab.nets.flat_gan import FlatDiscriminator
from genlab.objectives.penalties import between, clip_weights, squared_slope, unit_slope, zero_slope


def test_a_linear_discriminator_has_the_same_slope_everywhere():
    w = torch.tensor([3.0, -4.0], dtype=torch.float64, requires_grad=True)
    x = torch.randn(7, 2, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(squared_slope(x @ w, x), torch.full((7,), 25.0, dtype=torch.float64))
    assert zero_slope(x @ w, x).item() == pytest.approx(12.5)
    assert unit_slope(x @ w, x).item() == pytest.approx(16)  # (5 - 1)^2
    (gradient,) = torch.autograd.grad(unit_slope(x @ w, x), w)
    torch.testing.assert_close(gradient, 2 * (5 - 1) * w.detach() / 5)  # d/dw (|w| - 1)^2


def test_a_quadratic_discriminator_has_its_slope_at_each_point():
    x = torch.randn(5, 3, 2, dtype=torch.float64, requires_grad=True)
    scores = x.square().flatten(1).sum(1) / 2  # gradient x
    torch.testing.assert_close(squared_slope(scores, x), x.detach().square().flatten(1).sum(1))


def test_a_flat_discriminator_is_penalised_without_a_nan():
    w = torch.zeros(2, requires_grad=True)
    x = torch.randn(4, 2, requires_grad=True)
    loss = unit_slope(x @ w, x)
    loss.backward()
    assert loss.detach() == pytest.approx(1, abs=1e-5)
    assert w.grad is not None
    assert w.grad.isfinite().all()


def test_between_lies_on_the_line():
    a, b = torch.randn(2, 4, 1, 2, 2)
    torch.testing.assert_close(between(a, b, torch.ones(4)), a)
    torch.testing.assert_close(between(a, b, torch.zeros(4)), b)
    torch.testing.assert_close(between(a, b, torch.full((4,), 0.25)), b + 0.25 * (a - b))


def test_clipping_bounds_every_weight_and_counts():
    layer = nn.Linear(10, 10)
    with torch.no_grad():
        layer.weight.fill_(0.5)
        layer.bias.fill_(0.005)
    assert clip_weights(layer.parameters(), 0.01) == pytest.approx(100 / 110)
    assert float(layer.weight.max()) == pytest.approx(0.01)
    assert float(layer.bias.max()) == pytest.approx(0.005)


def test_a_spectrally_normal_discriminator_is_lipschitz():
    discriminator = spectrally_normal(FlatDiscriminator((6,), width=16)).train()
    x = torch.randn(64, 6)
    for _ in range(50):  # power iteration
        discriminator(x)
    discriminator.eval()
    a, b = torch.randn(2, 500, 6)
    steepness = (discriminator(a) - discriminator(b)).abs() / (a - b).norm(dim=1)
    assert float(steepness.max()) <= 1 + 1e-3
    weights = [layer.weight for layer in discriminator.modules() if isinstance(layer, nn.Linear)]
    for weight in weights:
        assert float(torch.linalg.matrix_norm(weight, 2)) == pytest.approx(1, abs=1e-2)


def test_a_spectrally_normal_convolution_may_stretch_by_the_root_of_its_kernel():
    """All ones, 3 x 3, becomes 1/3 everywhere: the output of a constant picture is three times the picture."""
    layer = nn.Conv2d(1, 1, 3, bias=False, padding=1, padding_mode="circular").double()
    nn.init.ones_(layer.weight)
    layer = spectrally_normal(layer).eval()
    constant = torch.ones(1, 1, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(constant), 3 * constant)

    layer = spectrally_normal(nn.Conv2d(2, 4, 3, bias=False, padding=1, padding_mode="circular").double())
    for _ in range(100):  # power iteration
        layer(torch.zeros(1, 2, 6, 6, dtype=torch.float64))
    columns = layer.eval()(torch.eye(72, dtype=torch.float64).view(72, 2, 6, 6)).flatten(1)
    assert 1 < float(torch.linalg.matrix_norm(columns, 2)) <= 3
