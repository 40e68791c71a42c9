"""Every prediction is another view of the same example and noise."""

import pytest
import torch

from genlab.maths import predictions
from genlab.maths.schedules import Straight

PREDICTIONS = ("epsilon", "x0", "v", "velocity")


def drawn(*shape):
    torch.manual_seed(0)
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize(("alpha", "sigma"), [(0.8, 0.6), (0.3, 0.7), (1.0, 5.0)])
def test_what_was_mixed_comes_back(prediction, alpha, sigma):
    (x, eps), alpha, sigma = drawn(2, 5, 3), torch.tensor(alpha).double(), torch.tensor(sigma).double()
    x_t = alpha * x + sigma * eps
    said = predictions.target(prediction, x, eps, alpha, sigma)
    torch.testing.assert_close(predictions.denoised(prediction, said, x_t, alpha, sigma), predictions.Denoised(x, eps))


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_errors_differ_by_their_scale(prediction):
    (x, eps, x_hat), alpha, sigma = drawn(3, 5), torch.tensor(0.7).double(), torch.tensor(0.4).double()
    x_t = alpha * x + sigma * eps
    wrong = predictions.from_x0(x_hat, x_t, alpha, sigma)
    error = predictions.target(prediction, *wrong, alpha, sigma) - predictions.target(prediction, x, eps, alpha, sigma)
    torch.testing.assert_close(error.square(), predictions.error_scale(prediction, alpha, sigma) * (x_hat - x).square())


@pytest.mark.parametrize("prediction", ["v", "velocity"])
def test_v_and_velocity_hold_at_both_ends(prediction):
    """Where one of alpha and sigma is 0 noise or example cannot be divided out; these two need not."""
    x, eps = drawn(2, 4)
    for alpha, sigma in torch.eye(2, dtype=torch.float64):
        said = predictions.target(prediction, x, eps, alpha, sigma)
        found = predictions.denoised(prediction, said, alpha * x + sigma * eps, alpha, sigma)
        torch.testing.assert_close(found, predictions.Denoised(x, eps))


def test_the_velocity_of_a_straight_path_is_its_derivative():
    (x, eps), t = drawn(2, 4), torch.tensor(0.3, dtype=torch.float64)

    def path(t):
        alpha, sigma = Straight()(t)
        return alpha * x + sigma * eps

    _, rate = torch.func.jvp(path, (t,), (torch.ones_like(t),))
    torch.testing.assert_close(-predictions.target("velocity", x, eps, *Straight()(t)), rate)
