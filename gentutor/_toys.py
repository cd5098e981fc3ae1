"""2-D toy laws that can be sampled and whose density is known. Reached through `gentutor.data`.

Every law lies within [-4, 4] x [-4, 4], but for the far tails of its Gaussian noise. Each toy has

    sample(n, generator, dtype=torch.float32) -> (n, 2)    independent draws, on the generator's device
    log_prob(x) -> (...)                                   log density in nats at x of shape (..., 2), in x's dtype

Numbers are drawn and densities evaluated in float64. `log_prob` can be differentiated (the score).
Left out: laws without a density, and more than two dimensions; the chapters make those where they need them.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from numbers import Integral

import numpy as np
import torch

CELLS = 2**21  # points x centres evaluated at once: bounds the memory of log_prob to some tens of MB


@dataclass(frozen=True)
class Toy:
    """A law on the plane: its name, and in words what is drawn."""

    name: str
    law: str

    def sample(self, n, generator, dtype=torch.float32):
        """n >= 1 independent draws, (n, 2), decided by the state of `generator` alone."""
        if not isinstance(n, Integral) or n < 1:
            raise ValueError(f"{self.name}: expected a number of points n >= 1, got {n!r}")
        if not isinstance(generator, torch.Generator):
            raise ValueError(f"{self.name}: expected a torch.Generator, got {type(generator).__name__}")
        return self._draw(n, {"generator": generator, "device": generator.device, "dtype": torch.float64}).to(dtype)

    def log_prob(self, x):
        """log p(x) in nats, one per point: (..., 2) -> (...). ValueError on another shape or a number not finite."""
        if not (isinstance(x, torch.Tensor) and x.is_floating_point()):
            x = torch.as_tensor(x, dtype=torch.float64)
        if x.ndim < 1 or x.shape[-1] != 2:
            raise ValueError(f"{self.name}: expected points of shape (..., 2), got {tuple(x.shape)}")
        if not torch.isfinite(x).all():
            raise ValueError(f"{self.name}: expected finite points, got some that are not")
        return self._log_prob(x.double().reshape(-1, 2)).reshape(x.shape[:-1]).to(x.dtype)


@dataclass(frozen=True)
class NoisyPoints(Toy):
    """One of `centres` (K, 2), each equally likely, plus Gaussian noise: p(x) = mean_k N(x; c_k, std^2 I). Exact."""

    centres: tuple
    std: float

    def _draw(self, n, kind):
        centres = torch.tensor(self.centres, dtype=torch.float64, device=kind["device"])
        which = torch.randint(len(centres), (n,), generator=kind["generator"], device=kind["device"])
        return centres[which] + self.std * torch.randn(n, 2, **kind)

    def _log_prob(self, x):
        centres = torch.tensor(self.centres, dtype=torch.float64)
        weights = torch.full((len(centres),), 1 / len(centres), dtype=torch.float64)
        return log_mixture(x, centres, weights, self.std)


@dataclass(frozen=True)
class NoisyCurves(Toy):
    """A point of one of several curves, each equally likely, plus Gaussian noise.

    curves: functions (N,) -> (N, 2) of v in [0, 1]; v has the density (power + 1) v^power: with power = 1 the points of
    an Archimedean spiral lie about evenly along its length. The density p(x) = mean_k ∫ N(x; c_k(v), std^2 I) p(v) dv
    has no closed form: `nodes` Gauss-Legendre nodes a curve give log p within [-4, 4]^2 to 1e-9 nats (a test
    compares with twice as many).
    """

    curves: tuple
    std: float
    nodes: int
    power: int = 0

    def _draw(self, n, kind):
        v = torch.rand(n, **kind) ** (1 / (1 + self.power))
        which = torch.randint(len(self.curves), (n, 1), generator=kind["generator"], device=kind["device"])
        points = self.curves[0](v)
        for k, curve in enumerate(self.curves[1:], start=1):
            points = torch.where(which == k, curve(v), points)
        return points + self.std * torch.randn(n, 2, **kind)

    @cached_property
    def _mixture(self):
        node, weight = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(self.nodes))
        v = (node + 1) / 2
        weight = weight / 2 * (1 + self.power) * v**self.power / len(self.curves)
        return torch.cat([curve(v) for curve in self.curves]), weight.repeat(len(self.curves))

    def _log_prob(self, x):
        return log_mixture(x, *self._mixture, self.std)


@dataclass(frozen=True)
class Checkerboard(Toy):
    """Uniform on the eight closed dark squares, of side 2, of a board on [-4, 4]^2: p(x) = 1/32 there, else 0. Exact.

    Closed, so that a draw which rounds to an edge in a short dtype still lies in its square.
    """

    def _draw(self, n, kind):
        which = torch.randint(8, (n,), generator=kind["generator"], device=kind["device"])
        row = which // 2
        column = 2 * (which % 2) + row % 2
        return 2 * (torch.stack([column, row], -1) + torch.rand(n, 2, **kind)) - 4

    def _log_prob(self, x):
        cells = (x / 2).floor(), (x / 2).ceil() - 1  # they differ on an edge only
        inside = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        for column, row in product(cells, cells):
            column, row = column[:, 0], row[:, 1]
            inside |= (column.abs() <= 2) & (row.abs() <= 2) & (column < 2) & (row < 2) & ((column + row) % 2 == 0)
        zero = 0 * x.sum(-1)  # keeps the (zero) gradient
        return torch.where(inside, zero - math.log(32), zero - math.inf)


def log_mixture(x, centres, weights, std):
    """log Σ_k w_k N(x; c_k, std^2 I) for x (N, 2), centres (K, 2), weights (K,) -> (N,), in blocks of rows."""
    centres, log_weights = centres.to(x.device), weights.to(x.device).log()
    const = math.log(2 * math.pi * std**2)

    def block(rows):
        square = (rows[:, :1] - centres[:, 0]) ** 2 + (rows[:, 1:] - centres[:, 1]) ** 2  # (rows, K)
        return torch.logsumexp(log_weights - square / (2 * std**2), -1) - const

    return torch.cat([block(rows) for rows in x.split(max(1, CELLS // len(centres)))])


def polar(radius, angle):
    """Cartesian points (..., 2) of polar ones."""
    return torch.stack([radius * angle.cos(), radius * angle.sin()], -1)


def upper_moon(v):
    return polar(2.0, math.pi * v) + torch.tensor([-1.0, -0.5], dtype=v.dtype, device=v.device)


def lower_moon(v):
    return -upper_moon(v)


def roll(v):
    angle = 1.5 * math.pi * (1 + 2 * v)
    return polar(0.26 * angle, angle)


def arm(v):
    return polar(3.6 * v, 3 * math.pi * v)


def opposite_arm(v):
    return -arm(v)


RING = tuple((3 * math.cos(k * math.pi / 4), 3 * math.sin(k * math.pi / 4)) for k in range(8))

TOYS = {
    toy.name: toy
    for toy in (
        NoisyCurves("moons", "two interleaved half circles of radius 2, noise 0.15",
                    (upper_moon, lower_moon), std=0.15, nodes=256),
        NoisyPoints("eight-gaussians", "eight Gaussians of standard deviation 0.3 on a circle of radius 3",
                    RING, std=0.3),
        NoisyCurves("swiss-roll", "the spiral r = 0.26 t, t uniform on [1.5 pi, 4.5 pi], noise 0.1",
                    (roll,), std=0.1, nodes=832),
        NoisyCurves("spiral", "two arms r = 3.6 v, angle 3 pi v, v of density 2v on [0, 1], noise 0.1",
                    (arm, opposite_arm), std=0.1, nodes=640, power=1),
        Checkerboard("checkerboard", "uniform on eight squares of side 2"),
    )
}  # fmt: skip


def toy(name):
    """The toy of that name; ValueError naming the choices otherwise."""
    if name not in TOYS:
        raise ValueError(f"toy: expected one of {', '.join(TOYS)}; got {name!r}")
    return TOYS[name]
