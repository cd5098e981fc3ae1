"""The law that guidance is aimed at, and the laws that it samples (chapter "guidance").

Aimed at: q_w(x) = p(x | y)^w p(x)^(1 - w) / Z, which is p(x) p(y | x)^w up to a constant. To sample it, the field at each time would
have to be the score of *q_w, noised*. Guidance takes w times one noised score plus 1 - w times the other: tilted after the noise,
not before. Here both are known: in closed form for two Gaussians, by quadrature for mixtures on the line.
float64. Left out: correctors that sample q_w after all.
"""

import math
from typing import NamedTuple

import numpy as np
import torch

from .ddpm import score
from .denoisers import Cloud, cloud_log_parts
from .densities import LOG_2PI, check_finite, require
from .guidance import ddim, final


# --- two Gaussians ------------------------------------------------------------------------------------------------

class Normal(NamedTuple):
    """A law on the line, by its mean and variance."""

    mean: float
    var: float


class GuidedGaussian(NamedTuple):
    """What guidance is aimed at, and what it samples in the limit of many steps: without noise (DDIM) and with it (DDPM)."""

    claimed: Normal
    ddim: Normal
    ddpm: Normal


def guided_gaussian(mean, var, w):
    """`GuidedGaussian` for p(x) = N(0, 1) and p(x | y) = N(m, c), theorem guidance-gaussian:

    claimed  N(w m / P, c / P) with P = w + (1 - w) c
    ddim     N(m (1 + (w - 1) c^(w/2) I), c^w) with I the integral over u from 0 to 1 of (1 - (1 - c) u^2)^(-w/2)
    ddpm     N(m (1 - c^w) / (1 - c), (c - c^(2 w)) / ((2 w - 1)(1 - c)))

    ValueError where the claimed law is none, P <= 0.
    """
    require(var > 0, f"var: expected a number > 0, got {var:g}")
    precision = w + (1 - w) * var
    require(precision > 0, f"w: expected w + (1 - w) var > 0 for var = {var:g}, got w = {w:g}: a normal law has no precision <= 0")
    node, weight = np.polynomial.legendre.leggauss(200)
    integral = (weight / 2 * (1 - (1 - var) * ((node + 1) / 2) ** 2) ** (-w / 2)).sum()
    one = _mean_power(var, 1)
    return GuidedGaussian(
        Normal(w * mean / precision, var / precision),
        Normal(float(mean * (1 + (w - 1) * var ** (w / 2) * integral)), var**w),
        Normal(mean * w * _mean_power(var, w) / one, var * _mean_power(var, 2 * w - 1) / one),
    )  # fmt: skip


def _mean_power(c, n):
    """(1 - c^n) / n, for ratios of two of them: with the limit -log c at n = 0, and 1 where c = 1."""
    if c == 1:
        return 1.0
    return -math.expm1(n * math.log(c)) / n if n else -math.log(c)


# --- labelled mixtures --------------------------------------------------------------------------------------------

def given(law, labels, y):
    """The `Cloud` p(x | y): the components k with labels[k] == y, their weights made to sum to one."""
    keep = _of_class(law, labels, y)
    return Cloud(law.weights[keep] / law.weights[keep].sum(), law.means[keep], law.stds[keep])


def class_log_prob(schedule, law, labels, y, xt, t):
    """log p_t(y | x_t), (B,): the perfect classifier of noisy data, for `guidance.classifier_guided`."""
    parts = cloud_log_parts(schedule, law, xt, t)
    return torch.logsumexp(parts[:, _of_class(law, labels, y)], 1) - torch.logsumexp(parts, 1)


def _of_class(law, labels, y):
    labels = torch.as_tensor(labels)
    require(labels.shape == law.weights.shape, f"labels: expected one for each of {len(law.weights)} components, got shape {tuple(labels.shape)}")
    require((labels == y).any(), f"y: expected a class among {sorted(set(labels.tolist()))}, got {y!r}")
    return labels == y


# --- the law guidance is aimed at, by quadrature ------------------------------------------------------------------

def log_density(law, x):
    """log p(x) of a `Cloud` with stds > 0, (..., D) -> (...)."""
    x = check_finite(x, "x").double()
    require(law.stds.min() > 0, "law: expected stds > 0, for points have no density")
    gap = ((x.unsqueeze(-2) - law.means) ** 2).sum(-1)  # (..., K)
    return torch.logsumexp(law.weights.log() - gap / (2 * law.stds**2) - law.means.shape[1] * (LOG_2PI / 2 + law.stds.log()), -1)


def claimed(cond, uncond, w, grid):
    """q_w as a fine `Cloud`: the points of an even grid (N, D), weighed by p(x | y)^w p(x)^(1 - w), eq. guidance-claimed.

    Its `cloud_denoiser` is that of q_w noised, the field that would sample q_w. The grid has to reach where q_w has vanished.
    """
    grid = check_finite(grid, "grid").double()
    weights = torch.softmax(w * log_density(cond, grid) + (1 - w) * log_density(uncond, grid), 0)
    return Cloud(weights, grid, torch.zeros(len(grid)))


# --- the law that is sampled, on the line -------------------------------------------------------------------------

def sampled_quantiles(schedule, denoise, levels, steps=None):
    """Quantiles (N,) at `levels`, in (0, 1), of what DDIM samples on the line, start N(0, 1): the images of the start's quantiles.

    Exact up to the size of the steps, for paths on the line do not cross, so that the sampler is a rising map. ValueError if steps
    so coarse that it is not.
    """
    levels = check_finite(levels, "levels").double()
    require(0 < levels.min() and levels.max() < 1 and (levels.diff() > 0).all(), "levels: expected rising numbers strictly between 0 and 1")
    x = final(ddim(schedule, denoise, torch.special.ndtri(levels).unsqueeze(1), steps or schedule.T)).squeeze(1)
    require((x.diff() >= 0).all(), f"steps: expected enough for a rising map, got {steps}")
    return x


def point_quantiles(law, levels):
    """Quantiles (N,) of a `Cloud` of points on the line that stand in rising order."""
    require(law.means.shape[1] == 1 and (law.means[:, 0].diff() > 0).all(), "law: expected points on the line in rising order")
    centres = law.weights.cumsum(0) - law.weights / 2  # half of a point's weight lies on either side
    high = torch.searchsorted(centres, levels.contiguous()).clamp(1, len(centres) - 1)
    share = (levels - centres[high - 1]) / (centres[high] - centres[high - 1])
    x = law.means[:, 0]
    return x[high - 1] + share.clamp(0, 1) * (x[high] - x[high - 1])


def guided_score(schedule, denoise, x, t):
    """The field -eps_hat / sqrt(1 - alpha_bar_t) at x, (B, D), as a sampler reads it off a denoiser."""
    return score(schedule, denoise(x, torch.full((len(x),), t)), t)
