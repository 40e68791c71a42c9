"""The losses of a discriminator and a generator, as functions of the discriminator's scores.

A discriminator gives real examples x ~ p scores r = D(x) and generated ones G(z) ~ q scores f = D(G(z)), both (B,) logits.
An adversarial loss is a pair of pure functions, both to be minimised: discriminator(r, f, target) and generator(r, f). `target`
is the probability of "real" that the discriminator should give real examples; 1 - target is one-sided label smoothing (Salimans
et al., "Improved Techniques for Training GANs", 2016). At the optimal discriminator the game measures how q differs from p:

    name            discriminator minimises                      optimum D(x)      value there
    minimax         -E log s(r) - E log(1 - s(f))                log p/q           log 4 - 2 JS(p, q)
    nonsaturating   the same; generator: -E log s(f)
    least-squares   E (r - 1)^2 / 2 + E f^2 / 2                  p / (p + q)       1/2 sum pq / (p + q)
    hinge           E max(0, 1 - r) + E max(0, 1 + f)            sign(p - q)       2 - 2 TV(p, q)
    wasserstein     -E r + E f                                   1-Lipschitz       -W1(p, q)
    relativistic    E softplus(f - r), in pairs                  log p/q + const   log 2 - ...

with s the logistic function, JS the Jensen-Shannon divergence, TV total variation (half the L1 distance) and W1 the
earth mover's distance.

The scores of all but wasserstein also classify. An example is classified as real where its score is positive, which is where
s(D) exceeds 1/2; for least-squares where the score exceeds 1/2; for relativistic the higher of a pair is. A Wasserstein critic
only ranks: its scores have no origin.

Sources: Goodfellow et al., "Generative Adversarial Nets", 2014 (minimax, nonsaturating); Mao et al., "Least Squares
Generative Adversarial Networks", 2017; Lim & Ye, "Geometric GAN", 2017 (hinge); Arjovsky et al., "Wasserstein GAN", 2017;
Jolicoeur-Martineau, "The relativistic discriminator", 2019, and Huang et al., "The GAN is dead; long live the GAN!", 2024.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import relu, softplus


class AdversarialLoss(NamedTuple):
    """Both players' losses; scores and targets are (B,) tensors or floats, results are scalars."""

    discriminator: Callable[[Tensor, Tensor, float], Tensor]  # (real, fake, target) -> loss
    generator: Callable[[Tensor, Tensor], Tensor]  # (real, fake) -> loss
    smooths: bool = False  # whether a target below 1 means something
    paired: bool = False  # whether the generator's loss looks at real scores
    accuracy: Callable[[Tensor, Tensor], Tensor] | None = None  # (real, fake) -> share classified rightly; None: they only rank


def logistic_discriminator(real: Tensor, fake: Tensor, target: float = 1.0) -> Tensor:
    """Cross-entropy of "is it real?": -log s(r) = softplus(-r), -log(1 - s(f)) = softplus(f)."""
    return target * softplus(-real).mean() + (1 - target) * softplus(real).mean() + softplus(fake).mean()


def minimax_generator(_: Tensor, fake: Tensor) -> Tensor:
    """E log(1 - s(f)): the discriminator's own term with its sign turned; flat where the discriminator is sure."""
    return -softplus(fake).mean()


def nonsaturating_generator(_: Tensor, fake: Tensor) -> Tensor:
    """-E log s(f): the same fixed point, steep where the discriminator is sure."""
    return softplus(-fake).mean()


def least_squares_discriminator(real: Tensor, fake: Tensor, target: float = 1.0) -> Tensor:
    return 0.5 * (real - target).square().mean() + 0.5 * fake.square().mean()


def least_squares_generator(_: Tensor, fake: Tensor) -> Tensor:
    return 0.5 * (fake - 1).square().mean()


def hinge_discriminator(real: Tensor, fake: Tensor, _: float = 1.0) -> Tensor:
    return relu(1 - real).mean() + relu(1 + fake).mean()


def wasserstein_critic(real: Tensor, fake: Tensor, _: float = 1.0) -> Tensor:
    """Kantorovich's dual: over 1-Lipschitz critics its minimum is minus the earth mover's distance."""
    return fake.mean() - real.mean()


def raise_scores(_: Tensor, fake: Tensor) -> Tensor:
    return -fake.mean()


def relativistic_discriminator(real: Tensor, fake: Tensor, _: float = 1.0) -> Tensor:
    """Each real example should look more real than the generated one it is paired with."""
    return softplus(fake - real).mean()


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(real - fake).mean()


def accuracy_by_sign(real: Tensor, fake: Tensor) -> Tensor:
    """Share of scores on their side of 0, both kinds of examples weighing the same."""
    return ((real > 0).float().mean() + (fake < 0).float().mean()) / 2


def accuracy_by_half(real: Tensor, fake: Tensor) -> Tensor:
    return accuracy_by_sign(real - 0.5, fake - 0.5)


def accuracy_by_pair(real: Tensor, fake: Tensor) -> Tensor:
    """Share of pairs in which the real example has the higher score."""
    return (real > fake).float().mean()


LOSSES: dict[str, AdversarialLoss] = {
    "minimax": AdversarialLoss(logistic_discriminator, minimax_generator, smooths=True, accuracy=accuracy_by_sign),
    "nonsaturating": AdversarialLoss(logistic_discriminator, nonsaturating_generator, smooths=True, accuracy=accuracy_by_sign),
    "least-squares": AdversarialLoss(
        least_squares_discriminator, least_squares_generator, smooths=True, accuracy=accuracy_by_half
    ),
    "hinge": AdversarialLoss(hinge_discriminator, raise_scores, accuracy=accuracy_by_sign),
    "wasserstein": AdversarialLoss(wasserstein_critic, raise_scores),  # its critic is kept Lipschitz by clipping weights
    "wasserstein-gp": AdversarialLoss(wasserstein_critic, raise_scores),  # ... and here by a penalty on its slope
    "relativistic": AdversarialLoss(relativistic_discriminator, relativistic_generator, paired=True, accuracy=accuracy_by_pair),
}
