"""Likelihoods of every family in one unit, bits per dimension of 8-bit pixels (chapter "comparison").

A pixel is a level, 0...255. A model that ends in a mean image gets its pixel law by counting: how often is a pixel k where the
model's mean was about m? One that ends in a Gaussian step gets the mass of each level's cell, and one with a density is fed noisy levels.
Long sums are estimated from a few terms, and the divergence of a flow from one random direction, both without bias.
Log-probabilities are summed over pixels, in nats. Left out: pixel laws that are trained with the network, which do better.
"""

import math
from typing import NamedTuple

import torch

from .densities import check_finite, log_normal, require

LEVELS = 256


class LevelTable(NamedTuple):
    """edges (K-1,), increasing; log_prob (K, 256): the law of a pixel's level in each of the K bins of the model's mean."""

    edges: torch.Tensor
    log_prob: torch.Tensor


def count_levels(mean, levels, bins=64):
    """The `LevelTable` with the highest likelihood but for smoothing: counts in `bins` quantiles of the mean.

    mean: (N, D), a model's output for each pixel, on any increasing scale; levels: uint8 (N, D). One count, spread evenly over the 256
    levels, is added to each bin, so that no level is impossible. ValueError on other shapes, types or bins < 1.
    """
    mean, levels = _pair(mean, levels)
    require(isinstance(bins, int) and bins >= 1, f"bins: expected an integer >= 1, got {bins!r}")
    flat = mean.flatten()
    few = flat[torch.linspace(0, len(flat) - 1, min(len(flat), 1_000_000)).long()]  # quantile() takes no more
    edges = few.quantile(torch.arange(1, bins, dtype=flat.dtype) / bins).unique()
    where = torch.bucketize(flat, edges) * LEVELS + levels.flatten().long()
    counts = torch.bincount(where, minlength=(len(edges) + 1) * LEVELS).view(-1, LEVELS).double() + 1 / LEVELS
    return LevelTable(edges, (counts / counts.sum(1, keepdim=True)).log())


def level_log_prob(table, mean, levels):
    """log P(levels | mean), summed over pixels: (..., D) and uint8 (..., D), of shapes that broadcast -> (...) float64."""
    mean, levels = _pair(mean, levels)
    return table.log_prob[torch.bucketize(mean, table.edges), levels.long()].sum(-1)


def discretised_normal(levels, mean, std):
    """log of the mass that N(mean, std^2) gives to each level's cell, summed over pixels: (..., D) -> (...) float64.

    levels: uint8; mean in the units of x = level / 127.5 - 1, std > 0 a number or of the mean's shape. The cell of a level
    is 2/255 wide, that of 0 and that of 255 reach to infinity, so the masses of a pixel's 256 levels add to 1.
    Source: Ho, Jain, Abbeel, arXiv:2006.11239, eq. 13.
    """
    mean, levels = _pair(mean, levels)
    std = torch.as_tensor(std, dtype=torch.float64)
    require(bool(std.isfinite().all()) and bool((std > 0).all()), "std: expected finite numbers > 0")
    x = levels.double() / 127.5 - 1
    low = ((x - 1 / 255 - mean) / std).masked_fill(levels == 0, -math.inf)
    high = ((x + 1 / 255 - mean) / std).masked_fill(levels == LEVELS - 1, math.inf)
    low, high = torch.where(low > 0, -high, low), torch.where(low > 0, -low, high)  # in the left tail, where digits are not lost
    top = torch.special.log_ndtr(high)
    return (top + torch.log1p(-(torch.special.log_ndtr(low) - top).exp())).sum(-1)


def dequantise(levels, generator=None):
    """Levels plus uniform noise on [0, 1), in float64: uint8 (..., D) -> (..., D) in [0, 256)."""
    require(levels.dtype == torch.uint8, f"levels: expected uint8, got {levels.dtype}")
    return levels + torch.rand(levels.shape, dtype=torch.float64, generator=generator)


def bits_per_dim(nats, dimensions):
    """nats / (dimensions log 2)."""
    return nats / (dimensions * math.log(2))


# --- long sums, and flows -----------------------------------------------------------------------------------------


def stratified_sum(term, first, last, strata, n, generator=None):
    """An estimate without bias of sum_t term(t), t = first...last, for each of n examples, from `strata` terms: (n,).

    The range is cut into equal parts; in each, every example draws its own t. term: LongTensor (n,) -> (n,). ValueError unless
    `strata` divides the number of terms.
    """
    count = last - first + 1
    require(strata >= 1 and count >= 1 and count % strata == 0, f"strata: expected a divisor of the {count} terms, got {strata}")
    width = count // strata
    return sum(width * term(start + torch.randint(width, (n,), generator=generator)) for start in range(first, last + 1, width))


def flow_log_prob(velocity, x0, steps=50, generator=None):
    """An estimate of log p(x0), (B,) nats, of the flow dx/dtau = velocity(x, tau) whose x at tau = 1 is N(0, I).

    log p(x0) = log N(x1; 0, I) + the integral of div v along the path from x0, by `steps` midpoint steps; div v = E[s . (dv/dx) s] by one vector
    s of random signs a step, which is without bias. Sources: Chen et al., arXiv:1806.07366, theorem 1; Grathwohl et al., arXiv:1810.01367, eq. 7.
    """
    x, gained = check_finite(x0, "x0"), torch.zeros(len(x0), dtype=x0.dtype)
    require(isinstance(steps, int) and steps >= 1, f"steps: expected an integer >= 1, got {steps!r}")
    for k in range(steps):
        with torch.no_grad():
            middle = x + velocity(x, x.new_full((len(x),), k / steps)) / (2 * steps)
        signs = 2 * torch.randint(2, x.shape, generator=generator).to(x.dtype) - 1
        with torch.enable_grad():
            v = velocity(middle.requires_grad_(), x.new_full((len(x),), (k + 0.5) / steps))
            (pulled,) = torch.autograd.grad(v, middle, signs)
        gained += (pulled * signs).flatten(1).sum(1) / steps
        x = x + v.detach() / steps
    return log_normal(x, 0.0, 0.0).flatten(1).sum(1) + gained


def _pair(mean, levels):
    require(levels.dtype == torch.uint8, f"levels: expected uint8, got {levels.dtype}")
    require(mean.ndim >= 1 and mean.shape[-1:] == levels.shape[-1:], f"expected as many pixels, got shapes {tuple(mean.shape)} and {tuple(levels.shape)}")
    return check_finite(mean, "mean").double(), levels
