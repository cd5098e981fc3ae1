"""Distances that know how far apart outcomes lie: Wasserstein on the line and MMD (chapters "kl", "evaluation").

Left out: optimal transport in more than one dimension.
"""

import torch

from .densities import check_finite, require


def wasserstein_1d(x, y):
    """W1 between the empirical laws of two samples, (N,) and (M,), in the units of x: the area between their CDFs.

    For N = M it is the mean of |x_(i) - y_(i)| over the sorted samples (Villani 2003, section 2.2).
    """
    x, y = check_finite(x, "x"), check_finite(y, "y")
    require(x.ndim == y.ndim == 1, f"expected shapes (N,) and (M,), got {tuple(x.shape)} and {tuple(y.shape)}")
    knots = torch.cat([x, y]).sort().values
    steps = knots.diff()
    cdf_x = torch.searchsorted(x.sort().values, knots[:-1], right=True).to(x.dtype) / len(x)
    cdf_y = torch.searchsorted(y.sort().values, knots[:-1], right=True).to(x.dtype) / len(y)
    return ((cdf_x - cdf_y).abs() * steps).sum()


def wasserstein_cdf(cdf_p, cdf_q, lo, hi, n=4001):
    """W1 = integral of |F - G| over [lo, hi] from two CDFs (callables on tensors), by the trapezoid rule.

    ValueError when a CDF does not climb from 0 to 1 on the interval, to 1e-3. Accurate to about (step)^2.
    """
    require(lo < hi, f"expected lo < hi, got {lo} and {hi}")
    x = torch.linspace(lo, hi, n, dtype=torch.float64)
    cdfs = {"cdf_p": cdf_p(x), "cdf_q": cdf_q(x)}
    for name, cdf in cdfs.items():
        first, last = cdf[0].item(), cdf[-1].item()
        require(first <= 1e-3 and last >= 1 - 1e-3, f"{name}: expected values from 0 to 1 on the interval, got {first:g} to {last:g}")
    return torch.trapezoid((cdfs["cdf_p"] - cdfs["cdf_q"]).abs(), x)


def rbf_kernel(x, y, bandwidth):
    """exp(-|x_i - y_j|^2 / (2 bandwidth^2)), (N, D) and (M, D) -> (N, M)."""
    return (-torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square() / (2 * bandwidth**2)).exp()


def mmd2_unbiased(x, y, bandwidth):
    """Unbiased estimate of MMD^2, eq-mmd, with a Gaussian kernel: a scalar.

    x, y: samples (N, D) and (M, D), or (N,) and (M,). The mean of k(x_i, x_j)
    over i != j, plus that of y, less twice the mean of k(x_i, y_j) (Gretton et
    al. 2012, eq. 3). It can be negative; with the pairs i = j it could not,
    and would be biased upwards.
    """
    x, y = check_finite(x, "x"), check_finite(y, "y")
    x, y = (t.unsqueeze(-1) if t.ndim == 1 else t for t in (x, y))
    shapes = f"got {tuple(x.shape)} and {tuple(y.shape)}"
    matched = x.ndim == y.ndim == 2 and x.shape[1] == y.shape[1]
    require(matched, f"expected shapes (N, D) and (M, D), {shapes}")
    require(min(len(x), len(y)) > 1, f"expected two samples or more of each, {shapes}")
    require(bandwidth > 0, f"bandwidth: expected a positive number, got {bandwidth}")
    return _likeness(x, bandwidth) + _likeness(y, bandwidth) - 2 * rbf_kernel(x, y, bandwidth).mean()


def _likeness(x, bandwidth):
    """Mean kernel over the pairs i != j."""
    n = len(x)
    return (rbf_kernel(x, x, bandwidth).sum() - n) / (n * (n - 1))
