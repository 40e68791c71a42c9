"""Every measure against an independent implementation of it, within a thousandth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import linalg, stats
from torch import Tensor, nn

from genlab.measure.frechet import extrapolated, frechet
from genlab.measure.inception_score import inception_score
from genlab.measure.kernel import kernel_distance
from genlab.measure.manifold import manifold
from genlab.measure.points import energy_distance, mmd
from genlab.measure.sliced import _distances, descriptors, sliced_wasserstein
from genlab.measure.two_sample import two_sample

pytestmark = pytest.mark.filterwarnings("ignore:Metric:UserWarning", "ignore:std:UserWarning")


def features(seed: int, n: int = 300, m: int = 250, d: int = 12) -> tuple[Tensor, Tensor]:
    torch.manual_seed(seed)
    return torch.randn(n, d) @ torch.randn(d, d) + 0.3, torch.randn(m, d) @ torch.randn(d, d)


class Flat(nn.Module):
    """Features that are the numbers themselves, for what wants a network of pictures."""

    num_features = 12

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)


def filled(metric: Any, samples: Tensor, real: Tensor) -> Any:
    metric.update(real.view(-1, 3, 2, 2), real=True)
    metric.update(samples.view(-1, 3, 2, 2), real=False)
    return metric.compute()


def frechet_torchmetrics(x: Tensor, y: Tensor) -> float:
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(feature=Flat(), normalize=True, input_img_size=(3, 2, 2)).set_dtype(torch.float64)
    return float(filled(metric, x.double(), y.double()))


def frechet_scipy(x: Tensor, y: Tensor) -> float:
    a, b = x.double().numpy(), y.double().numpy()
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s + t) - 2 * np.trace(linalg.sqrtm(s @ t).real)


def kernel_torchmetrics(x: Tensor, y: Tensor) -> float:
    """Its one subset is everything, so both sides must have as many."""
    from torchmetrics.image.kid import KernelInceptionDistance

    metric = KernelInceptionDistance(feature=Flat(), subsets=1, subset_size=len(x), normalize=True)
    return float(filled(metric, x, y)[0])


def unbiased(kernel: Any, x: Tensor, y: Tensor) -> float:
    a, b = x.double().numpy(), y.double().numpy()
    n, m = len(a), len(b)
    within = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (kernel(a, a), kernel(b, b))]
    return within[0] + within[1] - 2 * kernel(a, b).sum() / (n * m)


def kernel_sklearn(x: Tensor, y: Tensor) -> float:
    from sklearn.metrics.pairwise import polynomial_kernel

    return unbiased(lambda a, b: polynomial_kernel(a, b, degree=3, gamma=1 / a.shape[1], coef0=1), x, y)


def mmd_sklearn(x: Tensor, y: Tensor) -> float:
    from sklearn.metrics.pairwise import rbf_kernel

    return unbiased(lambda a, b: (rbf_kernel(a, b, 1 / (2 * 3.0**2)) + rbf_kernel(a, b, 1 / (2 * 1.5**2))) / 2, x, y)


def prdc_of(which: str, x: Tensor, y: Tensor) -> float:
    from prdc import compute_prdc

    return float(compute_prdc(y.double().numpy(), x.double().numpy(), nearest_k=5)[which])


def energy_scipy(x: Tensor, y: Tensor) -> float:
    """Its root of the mean over all pairs, with themselves too, turned into ours over pairs of different points."""
    a, b = x[:, 0].double(), y[:, 0].double()
    biased = stats.energy_distance(a.numpy(), b.numpy()) ** 2
    return biased - float(torch.pdist(a[:, None], 1).mean() / len(a) + torch.pdist(b[:, None], 1).mean() / len(b))


def vote_sklearn(x: Tensor, y: Tensor) -> float:
    from sklearn.neighbors import KNeighborsClassifier

    stream, n = torch.Generator().manual_seed(0), min(len(x), len(y)) // 2
    a, b = (side[torch.randperm(len(side), generator=stream)[: 2 * n]] for side in (x, y))
    label = np.arange(2 * n) < n
    classifier = KNeighborsClassifier(math.isqrt(2 * n)).fit(torch.cat([a[:n], b[:n]]).numpy(), label)
    chance = classifier.predict_proba(torch.cat([a[n:], b[n:]]).numpy())[:, 1]
    right = np.where(label, chance, 1 - chance)
    return float((right > 0.5).mean() + 0.5 * (right == 0.5).mean())


def inception_torchmetrics(x: Tensor, y: Tensor) -> float:
    from torchmetrics.image.inception import InceptionScore

    metric = InceptionScore(feature=Flat(), splits=1)
    metric.update(x.view(-1, 3, 2, 2))
    return float(metric.compute()[0])


EQUAL = {"n": 250}
CASES = [
    ("Fréchet distance, torchmetrics", lambda x, y: frechet(x, y), frechet_torchmetrics, {}),
    ("Fréchet distance, scipy", lambda x, y: frechet(x, y), frechet_scipy, {}),
    ("kernel distance, torchmetrics", lambda x, y: kernel_distance(x, y), kernel_torchmetrics, EQUAL),
    ("kernel distance, scikit-learn", lambda x, y: kernel_distance(x, y), kernel_sklearn, {}),
    ("MMD, scikit-learn", lambda x, y: mmd(x, y, [3.0, 1.5]), mmd_sklearn, {}),
    ("precision, prdc", lambda x, y: manifold(x, y).precision, lambda x, y: prdc_of("precision", x, y), {}),
    ("recall, prdc", lambda x, y: manifold(x, y).recall, lambda x, y: prdc_of("recall", x, y), {}),
    ("density, prdc", lambda x, y: manifold(x, y).density, lambda x, y: prdc_of("density", x, y), {}),
    ("coverage, prdc", lambda x, y: manifold(x, y).coverage, lambda x, y: prdc_of("coverage", x, y), {}),
    ("energy distance, scipy", lambda x, y: energy_distance(x[:, :1], y[:, :1]), energy_scipy, {}),
    ("two-sample accuracy, scikit-learn", lambda x, y: two_sample(x, y), vote_sklearn, {}),
    ("Inception score, torchmetrics", lambda x, y: inception_score(x.softmax(1)), inception_torchmetrics, {}),
]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("ours", "theirs", "sizes"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_agrees(ours, theirs, sizes, seed):
    x, y = features(seed, **sizes)
    assert ours(x, y).value == pytest.approx(theirs(x, y), rel=1e-3)


@pytest.mark.parametrize("level", [0, 1])
def test_sliced_wasserstein_of_a_level_agrees_with_pot(level):
    """The same patches along the same directions."""
    import ot

    torch.manual_seed(0)
    x, y = torch.rand(60, 3, 28, 28), torch.rand(60, 3, 28, 28) ** 2
    a, b = (descriptors(side, level, 8, torch.Generator().manual_seed(1)) for side in (x, y))
    ours = _distances(a, b, 8, 32, torch.Generator().manual_seed(2))[0]
    theta = torch.randn(147, 32, generator=torch.Generator().manual_seed(2))
    theirs = ot.sliced_wasserstein_distance(a.numpy(), b.numpy(), projections=(theta / theta.norm(dim=0)).numpy(), p=1)
    assert ours == pytest.approx(float(theirs), rel=1e-3)


# --- what must come out ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", [frechet, extrapolated], ids=["plain", "extrapolated"])
def test_two_gaussians_are_as_far_apart_as_is_known(measure):
    """N(m, s^2 I) and N(0, I): |m|^2 + d (s - 1)^2."""
    torch.manual_seed(0)
    m = torch.tensor([1.0, -2.0, 0, 0])
    found = measure(1.5 * torch.randn(20_000, 4, dtype=torch.float64) + m, torch.randn(20_000, 4, dtype=torch.float64))
    assert found.low <= 5 + 4 * 0.25 <= found.high
    assert found.value == pytest.approx(6, rel=0.02)


@pytest.mark.parametrize(
    ("measure", "zero"),
    [
        (extrapolated, 0),
        (kernel_distance, 0),
        (energy_distance, 0),
        (lambda x, y: mmd(x, y, [2.0]), 0),
        (two_sample, 0.5),
    ],
    ids=["extrapolated Fréchet", "kernel", "energy", "MMD", "two-sample"],
)
def test_one_distribution_is_at_no_distance_from_itself(measure, zero):
    torch.manual_seed(1)
    found = [measure(x, y) for x, y in torch.randn(20, 2, 300, 4)]
    assert sum(one.low <= zero <= one.high for one in found) >= 18


def test_sets_that_share_nothing():
    torch.manual_seed(2)
    x, y = torch.randn(200, 3), torch.randn(200, 3) + 100
    assert two_sample(x, y).value == 1
    assert [one.value for one in manifold(x, y)] == [0, 0, 0, 0]
    assert mmd(x, y, [1.0]).low > 0
    assert energy_distance(x, y).value == pytest.approx(2 * 100 * 3**0.5, rel=0.05)


@pytest.mark.parametrize("classes", [2, 10])
def test_sharp_verdicts_on_all_classes_score_their_number_and_equal_verdicts_one(classes):
    sharp = torch.eye(classes).repeat(30, 1)
    assert inception_score(sharp).value == pytest.approx(classes)
    assert inception_score(torch.full((40, classes), 1 / classes)).value == pytest.approx(1)
    assert inception_score(torch.eye(classes)[:1].repeat(40, 1)).value == pytest.approx(1)


def test_names_of_classes_do_not_matter():
    torch.manual_seed(3)
    p = (3 * torch.randn(200, 7)).softmax(1)
    assert inception_score(p[:, torch.randperm(7)])[:3] == pytest.approx(inception_score(p)[:3])


def test_the_inception_score_s_interval_is_the_spread_over_fresh_draws():
    torch.manual_seed(4)
    found = [inception_score((3 * torch.randn(300, 5)).softmax(1)) for _ in range(200)]
    spread = float(torch.tensor([one.value for one in found]).std())
    assert sum(one.error or 0 for one in found) / 200 == pytest.approx(spread, rel=0.15)


def test_no_probabilities_are_refused():
    with pytest.raises(ValueError, match="softmax"):
        inception_score(torch.randn(10, 4))


def test_order_of_dimensions_and_examples_does_not_matter():
    x, y = features(5)
    turn, rows = torch.randperm(12), torch.randperm(len(x))
    for measure in (frechet, kernel_distance, energy_distance, lambda a, b: manifold(a, b).density):
        assert measure(x[rows][:, turn], y[:, turn])[:3] == pytest.approx(measure(x, y)[:3], rel=1e-6)


def test_every_distance_of_pictures_refuses_the_same_pictures():
    x = torch.rand(20, 1, 14, 14)
    with pytest.raises(ValueError, match="real and generated are identical"):
        sliced_wasserstein(x, x)
