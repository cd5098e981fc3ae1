"""Comparing families from a few seeds each: intervals, tests, and fronts (chapter "comparison").

    mean_interval([41.0, 44.5, 39.2]).high       # 95 % for the mean over all seeds, not for these three
    welch(fids["vae"], fids["gan"]).p            # could seeds alone have made that difference?
    front(torch.tensor([[fid, seconds], ...]))   # the rows that nothing beats in every respect

Seeds are taken as independent draws from a normal law, one for each family, with a spread of its own. Numbers in, floats out, all in float64.
Left out: pairing by seed (families of one seed share their test images, which makes these tests cautious), and the bootstrap, which has
nothing to draw from at three seeds. Topic module: `likelihoods` (one unit for all).
"""

import functools
import math
from typing import NamedTuple

import torch

from .densities import check_finite, require


class Interval(NamedTuple):
    """mean of n values, and an interval around it, all in the unit of the values."""

    mean: float
    low: float
    high: float
    n: int


class Difference(NamedTuple):
    """value = mean(a) - mean(b), an interval around it, p of no difference (two sides), and the degrees of freedom."""

    value: float
    low: float
    high: float
    p: float
    df: float


# ---- Student's law ------------------------------------------------------------------------------------------------------


def t_tail(t, df):
    """P(T > t) of Student's law with df >= 1 degrees of freedom, which need not be whole. ValueError otherwise.

    With T = sqrt(df) sinh(s), the density of s is cosh(s)^-df up to a constant: 1 over its integral. Source: Student (1908).
    """
    require(math.isfinite(t), f"t: expected a finite number, got {t}")
    require(1 <= df < math.inf, f"df: expected a finite number >= 1, got {df}")
    part = _cosh_integral(math.asinh(abs(t) / math.sqrt(df)), df) / _cosh_integral(0.0, df) / 2
    return part if t >= 0 else 1 - part


@functools.lru_cache
def t_quantile(p, df):
    """The t with P(T <= t) = p, 0 < p < 1: t_quantile(0.975, 2) = 4.3027, where a normal law has 1.9600.

    Newton's method from 0: the tail is convex there, so that no step goes too far.
    """
    require(0 < p < 1, f"p: expected a number between 0 and 1, got {p}")
    if p < 0.5:
        return -t_quantile(1 - p, df)
    t = 0.0
    for _ in range(100):
        density = (1 + t * t / df) ** (-(df + 1) / 2) / (2 * math.sqrt(df) * _cosh_integral(0.0, df))
        step = (t_tail(t, df) - (1 - p)) / density
        t += step
        if step <= 1e-13 * t:
            break
    return t


@functools.lru_cache
def _cosh_integral(start, power):
    """Integral of cosh(s)^-power over s from start >= 0 to infinity, to about 1e-13 of itself.

    With s = start + c exp(w - exp(-w)) it falls off so fast at both ends of w that the trapezoidal rule is enough.
    Source: Takahasi, Mori (1974).
    """
    w = torch.linspace(-4, 4, 161, dtype=torch.float64)
    c = math.acosh(math.exp(40 / power)) / 50  # at w = 4 no value is above e^-40 of the first
    gone = c * (w - (-w).exp()).exp()
    s = start + gone
    log_cosh = s + torch.log1p((-2 * s).exp()) - math.log(2)
    return (((-power * log_cosh).exp() * gone * (1 + (-w).exp())).sum() * (w[1] - w[0])).item()


# ---- one family: what a few seeds say -----------------------------------------------------------------------------------


def mean_interval(values, level=0.95):
    """Student's interval for the mean over all seeds, from n >= 2 of them: mean ± t s / sqrt(n), s with n - 1 in its denominator.

    It covers that mean with probability `level` if the values are normal, whatever their spread. Source: Student (1908).
    """
    return _around(values, level, lambda n: 1 / n)


def prediction_interval(values, level=0.95):
    """Where one further seed falls with probability `level`, given n >= 2: mean ± t s sqrt(1 + 1/n). Source: Fisher (1935)."""
    return _around(values, level, lambda n: 1 + 1 / n)


def _around(values, level, share):
    """mean ± t s sqrt(share(n))."""
    mean, var, n = _summary(values, "values")
    half = _student(level, n - 1) * math.sqrt(var * share(n))
    return Interval(mean, mean - half, mean + half, n)


def expected_best(n):
    """E max of n standard normals: by how many standard deviations the best of n seeds is better than their mean.

    0 at n = 1, 1/sqrt(pi) at 2, 3/(2 sqrt(pi)) at 3, 1.16296 at 5. The density of the largest is n phi(x) Phi(x)^(n-1).
    """
    require(isinstance(n, int) and n >= 1, f"n: expected an integer >= 1, got {n!r}")
    x = torch.linspace(-12, 12, 2401, dtype=torch.float64)
    log_density = math.log(n) - x.square() / 2 - math.log(2 * math.pi) / 2 + (n - 1) * torch.special.log_ndtr(x)
    return torch.trapezoid(x * log_density.exp(), x).item()


# ---- two families, and many ---------------------------------------------------------------------------------------------


def welch(a, b, level=0.95):
    """Do two families differ in the mean, each with a spread of its own? Values (n,) and (m,), two or more of each -> `Difference`.

    df is Welch and Satterthwaite's, between min(n, m) - 1 and n + m - 2. ValueError if neither varies: then there is nothing to
    measure a difference by. Source: Welch, Biometrika 34 (1947).
    """
    (mean_a, var_a, n), (mean_b, var_b, m) = _summary(a, "a"), _summary(b, "b")
    u, v = var_a / n, var_b / m
    require(u + v > 0, f"a, b: expected values that vary, got {n} times {mean_a:g} and {m} times {mean_b:g}")
    df = 1 / ((u / (u + v)) ** 2 / (n - 1) + (v / (u + v)) ** 2 / (m - 1))
    value, error = mean_a - mean_b, math.sqrt(u + v)
    half = _student(level, df) * error
    return Difference(value, value - half, value + half, 2 * t_tail(abs(value) / error, df), df)


def holm(p_values):
    """Adjusted p-values of m tests, (m,) float64: those <= a hold together, wrong in any of them with probability at most a.

    The smallest is multiplied by m, the next by m - 1, and so on; none may be below one that came before it, or above 1. The tests may
    depend on each other in any way. Source: Holm, Scandinavian Journal of Statistics 6 (1979).
    """
    p = check_finite(p_values, "p_values").double()
    require(p.ndim == 1 and bool(((p >= 0) & (p <= 1)).all()), f"p_values: expected numbers from 0 to 1, of shape (m,), got {p.tolist()}")
    order = p.argsort()
    raised = (p[order] * torch.arange(len(p), 0, -1)).cummax(0).values.clamp(max=1)
    return torch.empty_like(raised).index_copy_(0, order, raised)


def front(points):
    """Which rows of (N, M) no other row dominates, smaller being better in every column: bool (N,).

    A row dominates another if it is nowhere larger and somewhere smaller; of equal rows neither does, so both stay. Turn the sign of a
    column where larger is better. Source: Pareto (1896).
    """
    x = check_finite(points, "points")
    require(x.ndim == 2, f"points: expected shape (N, M), got {tuple(x.shape)}")
    nowhere_larger, smaller = (x[:, None] <= x).all(2), (x[:, None] < x).any(2)
    return ~(nowhere_larger & smaller).any(0)


# ---- small parts --------------------------------------------------------------------------------------------------------


def _summary(values, name):
    """Mean, variance (n - 1) and count of two or more numbers."""
    x = check_finite(values, name).double()
    require(x.ndim == 1 and len(x) >= 2, f"{name}: expected two or more numbers, of shape (n,), got shape {tuple(x.shape)}")
    return x.mean().item(), x.var().item(), len(x)


def _student(level, df):
    require(0 < level < 1, f"level: expected a number between 0 and 1, got {level}")
    return t_quantile((1 + level) / 2, df)
