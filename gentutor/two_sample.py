"""Do two samples come from one law? Tests whose size is known (topic module of chapter "evaluation").

A *size* is how often a test rejects although the laws agree; a *power* how often it does when they differ.
Left out: the median rule for the kernel's bandwidth (hand one in; choose it on other data than those tested).
"""

import math
from typing import NamedTuple

import torch

from .densities import check_finite, require
from .distances import rbf_kernel


class TwoSample(NamedTuple):
    """value: the statistic of the samples as they are; p: if both come from one law, P(p <= a) <= a for every a."""

    value: float
    p: float


def permutation_test(x, y, statistic, rounds, generator):
    """Any statistic(x, y), large when two samples differ, calibrated: x (N, ...) and y (M, ...) are pooled and split anew `rounds` times.

    If both come from one law, every split is as likely as the one seen, whatever the statistic: so p is exact, not asymptotic.
    ValueError on fewer than one round or samples of different shape. Source: Gretton et al., JMLR 13 (2012); Phipson, Smyth (2010) for the 1 in p.
    """
    _check(x, y, rounds)
    pooled, n = torch.cat([x, y]), len(x)
    values = [float(statistic(pooled[mine], pooled[~mine])) for mine in _splits(n, len(y), rounds, generator)]
    return TwoSample(values[0], p_value(values[0], values[1:]))


def p_value(observed, permuted):
    """(1 + number of permuted values at or above the observed one) / (1 + number of them): the split seen is one of the splits."""
    slack = 1e-12 * max(1.0, abs(observed))  # a tie that rounding hides is a tie
    return (1 + sum(value >= observed - slack for value in permuted)) / (1 + len(permuted))


def mmd_test(x, y, bandwidth, rounds, generator):
    """`permutation_test` with `distances.mmd2_unbiased`, Gaussian kernel: x (N, D), y (M, D). The kernel is computed once, for all splits."""
    _check(x, y, rounds)
    n, m = len(x), len(y)
    require(min(n, m) > 1, f"expected two samples or more of each, got {n} and {m}")
    require(bandwidth > 0, f"bandwidth: expected a positive number, got {bandwidth}")
    pooled = torch.cat([x, y]).double()
    kernel = rbf_kernel(pooled, pooled, bandwidth).fill_diagonal_(0)
    mine = torch.stack(_splits(n, m, rounds, generator)).double()  # (rounds + 1, N + M)
    to_mine = mine @ kernel
    xx, xy = (to_mine * mine).sum(1), (to_mine * (1 - mine)).sum(1)
    yy = kernel.sum() - xx - 2 * xy
    values = (xx / (n * (n - 1)) + yy / (m * (m - 1)) - 2 * xy / (n * m)).tolist()
    return TwoSample(values[0], p_value(values[0], values[1:]))


def classifier_test(x, y, fit, generator):
    """Can a classifier tell x from y, both (N, ...)? It learns on half of each and is asked about the other half.

    fit(points, labels) -> a function of points to labels; 0 for x, 1 for y. value: share of right answers on the held-out half; p: the chance
    that a fair coin answers as well, exact binomial. Half of the held-out points bear each label, which makes the right answers
    vary less than a coin's, so p errs to the safe side. ValueError unless both have the same N >= 4. Source: Lopez-Paz, Oquab, arXiv:1610.06545.
    """
    _check(x, y, 1)
    require(len(x) == len(y) >= 4, f"expected two samples of one size, at least 4, got {len(x)} and {len(y)}")
    (x_fit, x_held), (y_fit, y_held) = halves(x, generator), halves(y, generator)
    answer = fit(torch.cat([x_fit, y_fit]), torch.tensor([0] * len(x_fit) + [1] * len(y_fit)))
    truth = torch.tensor([0] * len(x_held) + [1] * len(y_held))
    right, asked = (answer(torch.cat([x_held, y_held])) == truth).sum().item(), len(truth)
    return TwoSample(right / asked, sum(math.comb(asked, k) for k in range(right, asked + 1)) / 2**asked)


def halves(x, generator):
    """A random half of the rows of x, (N, ...), and the other half."""
    order = torch.randperm(len(x), generator=generator)
    return x[order[: len(x) // 2]], x[order[len(x) // 2 :]]


def _splits(n, m, rounds, generator):
    """Masks (N + M,) of N members: the split as it is, then random ones."""
    masks = [torch.arange(n + m) < n]
    for _ in range(rounds):
        mask = torch.zeros(n + m, dtype=torch.bool)
        mask[torch.randperm(n + m, generator=generator)[:n]] = True
        masks.append(mask)
    return masks


def _check(x, y, rounds):
    x, y = check_finite(x, "x"), check_finite(y, "y")
    shapes = f"got {tuple(x.shape)} and {tuple(y.shape)}"
    require(x.ndim == y.ndim >= 1 and x.shape[1:] == y.shape[1:], f"expected shapes (N, ...) and (M, ...), {shapes}")
    require(min(len(x), len(y)) > 0, f"expected one sample or more of each, {shapes}")
    require(isinstance(rounds, int) and rounds >= 1, f"rounds: expected an integer >= 1, got {rounds!r}")
