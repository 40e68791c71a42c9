"""Points in the plane whose density is known.

Four families, each a map from uniform numbers to points with its density p(x) beside it:

    Gaussians      K round Gaussians of one width: the log-sum-exp of their densities
    Curves         t uniform on a curve c(t), plus N(0, s^2 I): p(x) = int N(x; c(t), s^2 I) dt, by Gauss-Legendre quadrature
                   (with NODES nodes a curve the error is below 1e-9 of the density)
    Squares        uniform on a set of squares
    Pinwheel       Gaussians R_k y, y ~ N((1, 0), diag(s_r^2, s_t^2)), turned by an angle that grows with |y|; turning each
                   circle keeps areas, so p(x) = sum_k N(turned back x) / K without a Jacobian
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from genlab.core.space import Space
from genlab.data.drawn import COUNTS, Drawn
from genlab.data.options import Request

NODES = 256  # of the quadrature along a curve
HALF = 0.5 * math.log(2 * math.pi)
Curve = Callable[[np.ndarray], np.ndarray]  # (n,) in [0, 1] -> (n, 2)


def normals(u: np.ndarray) -> np.ndarray:
    """Uniform (n, 2) -> independent standard normal (n, 2) (Box & Muller, 1958)."""
    radius, angle = np.sqrt(-2 * np.log1p(-u[:, 0])), 2 * math.pi * u[:, 1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


def mixture(x: Tensor, centers: Tensor, log_weights: Tensor, sigma: float) -> Tensor:
    """log sum_k w_k N(x; c_k, sigma^2 I), (n,) of x (n, 2) and centres (k, 2)."""
    squared = x.square().sum(1, keepdim=True) - 2 * x @ centers.T + centers.square().sum(1)  # float64: good to 1e-13
    return torch.logsumexp(log_weights - squared / (2 * sigma**2), 1) - 2 * (HALF + math.log(sigma))


class Plane(ABC):
    """A density over the plane: entropy in nats; for a mixture of equal round modes, these (k, 2) and their deviation."""

    entropy: float
    modes: Tensor | None = None
    mode_std: float | None = None

    @abstractmethod
    def make(self, u: np.ndarray) -> np.ndarray:
        """Uniform (n, 3) -> points (n, 2)."""

    @abstractmethod
    def log_density(self, x: Tensor) -> Tensor:
        """Nats, (n,) of x (n, 2) float64."""


class Gaussians(Plane):
    """K equally likely round Gaussians, so far apart (8 widths at least) that overlaps add less than 1e-12 nats of entropy."""

    def __init__(self, centers: np.ndarray, sigma: float):
        self.modes, self.mode_std = torch.from_numpy(centers), sigma
        self.entropy = math.log(len(centers)) + 2 * (HALF + 0.5 + math.log(sigma))

    def make(self, u: np.ndarray) -> np.ndarray:
        assert self.modes is not None
        centers = self.modes.numpy()
        return centers[(u[:, 0] * len(centers)).astype(np.int64)] + self.mode_std * normals(u[:, 1:])

    def log_density(self, x: Tensor) -> Tensor:
        assert self.modes is not None
        assert self.mode_std is not None
        return mixture(
            x, self.modes, torch.full((len(self.modes),), -math.log(len(self.modes)), dtype=torch.float64), self.mode_std
        )


@dataclass
class Curves(Plane):
    """Equally likely curves, blurred. The entropy is by quadrature; a test repeats it."""

    curves: tuple[Curve, ...]
    sigma: float
    entropy: float
    nodes: Tensor = field(init=False)
    log_weights: Tensor = field(init=False)

    def __post_init__(self) -> None:
        places, weights = np.polynomial.legendre.leggauss(NODES)
        nodes = [curve((places + 1) / 2) for curve in self.curves]
        self.nodes = torch.from_numpy(np.concatenate(nodes))
        self.log_weights = torch.from_numpy(np.log(np.tile(weights / 2, len(nodes)) / len(nodes)))

    def make(self, u: np.ndarray) -> np.ndarray:
        t, which = np.modf(u[:, 0] * len(self.curves))
        bare = np.empty((len(u), 2))
        for number, curve in enumerate(self.curves):
            bare[which == number] = curve(t[which == number])
        return bare + self.sigma * normals(u[:, 1:])

    def log_density(self, x: Tensor) -> Tensor:
        return torch.cat([mixture(part, self.nodes, self.log_weights, self.sigma) for part in x.split(4096)] or [x[:, 0]])


class Squares(Plane):
    """The black unit squares of a 4 x 4 board around the origin."""

    entropy = math.log(8)
    corners = np.array([(i - 2.0, j - 2.0) for i in range(4) for j in range(4) if (i + j) % 2 == 0])

    def make(self, u: np.ndarray) -> np.ndarray:
        return self.corners[(u[:, 0] * 8).astype(np.int64)] + u[:, 1:]

    def log_density(self, x: Tensor) -> Tensor:
        i, j = (x + 2).floor().unbind(1)
        black = (x.abs().amax(1) <= 2) & ((i + j) % 2 == 0)
        return torch.where(black, -self.entropy, -math.inf).to(x.dtype)


class Pinwheel(Plane):
    """Five blades, as in Johnson et al., "Composing Graphical Models with Neural Networks", 2016, but turned by the radius."""

    blades, sigma_r, sigma_t, size = 5, 0.3, 0.08, 2.0
    entropy = 2.09942658  # by quadrature

    def twist(self, radius: np.ndarray) -> np.ndarray:
        return 1.5 * np.exp(-radius)

    def make(self, u: np.ndarray) -> np.ndarray:
        y = normals(u[:, 1:]) * (self.sigma_r, self.sigma_t) + (1, 0)
        radius = np.hypot(y[:, 0], y[:, 1])
        angle = (
            np.arctan2(y[:, 1], y[:, 0]) + np.floor(u[:, 0] * self.blades) * (2 * math.pi / self.blades) + self.twist(radius)
        )
        return self.size * radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)

    def log_density(self, x: Tensor) -> Tensor:
        radius = x.norm(dim=1) / self.size
        angle = torch.atan2(x[:, 1], x[:, 0]) - 1.5 * torch.exp(-radius)
        angle = angle[:, None] - torch.arange(self.blades) * (2 * math.pi / self.blades)
        r, t = radius[:, None] * angle.cos() - 1, radius[:, None] * angle.sin()
        blades = -0.5 * ((r / self.sigma_r).square() + (t / self.sigma_t).square())
        scale = math.log(self.blades * self.sigma_r * self.sigma_t * self.size**2) + 2 * HALF
        return torch.logsumexp(blades, 1) - scale


def arc(center: tuple[float, float], radius: float, first: float, extent: float) -> Curve:
    """Part of a circle from the angle `first` on, both in half turns, at uniform speed."""
    return lambda t: (
        np.array(center)
        + radius * np.stack([np.cos(math.pi * (first + extent * t)), np.sin(math.pi * (first + extent * t))], 1)
    )


def spiral(first: float) -> Curve:
    """One and a half turns outward to radius 3, beginning at the angle `first` (half turns), dense evenly in area."""

    def curve(t: np.ndarray) -> np.ndarray:
        r = np.sqrt(0.02 + 0.98 * t)
        angle = math.pi * (first + 3 * r)
        return 3 * r[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)

    return curve


ANGLES = np.arange(8) * (math.pi / 4)
PLANES: dict[str, Callable[[], Plane]] = {
    "ring": lambda: Gaussians(2 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1), 0.1),
    "grid": lambda: Gaussians(np.array([(i - 2.0, j - 2.0) for i in range(5) for j in range(5)]), 0.06),
    "moons": lambda: Curves((arc((-0.75, -0.375), 1.5, 0, 1), arc((0.75, 0.375), 1.5, 1, 1)), 0.12, 1.58632084),
    "spirals": lambda: Curves((spiral(0), spiral(1)), 0.1, 2.46999702),
    "checkerboard": Squares,
    "pinwheel": Pinwheel,
    "line": lambda: Curves((lambda t: np.stack([4 * t - 2, 2 * t - 1], 1),), 0.1, 0.65461179),
    "circle": lambda: Curves((arc((0, 0), 2, 0, 2),), 0.1, 1.64675072),
}


class Points(Drawn):
    """One of PLANES. log_density (n, 2) -> (n,) nats; entropy in nats; modes (k, 2) and their standard deviation, or None."""

    width = 3

    def __init__(self, request: Request):
        super().__init__(request, "points")
        request.options.suit(self.name, "points")
        self.plane = PLANES[self.name.removeprefix("points/")]()
        self.entropy, self.modes, self.mode_std = self.plane.entropy, self.plane.modes, self.plane.mode_std
        self.space = Space((2,), "D", "real")
        train = self.once("train", 0, COUNTS["train"]).x.double()
        center, scale = train.mean(0), train.std(0, correction=0)
        self.space = Space((2,), "D", "real", center=tuple(center.tolist()), scale=tuple(scale.tolist()))

    def make(self, u: np.ndarray) -> np.ndarray:
        return self.plane.make(u).astype(np.float32)

    def log_density(self, x: Tensor) -> Tensor:
        """Nats, (n,) float64 of x (n, 2)."""
        return self.plane.log_density(x.detach().double().cpu())

    log_prob = log_density
