"""Entropy, cross-entropy and the Kullback-Leibler divergence (chapter "kl").

All logarithms are natural, so every result is in nats; `bits` converts. p is the truth or the first argument,
q the model or the second: KL(p || q) = E_p[log p - log q]. Distributions over K outcomes lie along the last axis.
Left out: distances that look at the geometry of the outcomes (`distances`), f-divergences other than KL and JS.
"""

import heapq
import math

import torch

from .densities import as_float, check_finite, check_probabilities, cholesky, require


# --- Surprise, entropy, cross-entropy ---------------------------------------------------------------------------

def softmax(logits):
    """Probabilities proportional to exp(logits) along the last axis, (..., K) -> (..., K), for any finite logits.

    Adding a constant to all logits changes nothing, so the largest is taken off first and nothing overflows.
    """
    logits = check_finite(logits, "logits")
    require(logits.ndim > 0, "logits: expected shape (..., K), got a single number")
    weights = (logits - logits.max(-1, keepdim=True).values).exp()
    return weights / weights.sum(-1, keepdim=True)


def entropy(p):
    """H(p) = -sum_x p(x) log p(x) in nats, (..., K) -> (...); between 0 and log K (Shannon 1948, section 6)."""
    p = check_probabilities(p, "p")
    return -torch.xlogy(p, p).sum(-1)  # xlogy(0, 0) = 0, the limit of p log p


def cross_entropy(p, q):
    """H(p, q) = -sum_x p(x) log q(x) in nats, (..., K) -> (...); inf where q(x) = 0 < p(x)."""
    p, q = _two_laws(p, q)
    return -torch.xlogy(p, q).sum(-1)


def bits(nats):
    """The same amount of information in bits: nats / log 2."""
    return as_float(nats) / math.log(2)


def perplexity(nats):
    """exp of an entropy, a cross-entropy or a mean negative log-likelihood **in nats**: n for n equally likely outcomes."""
    nats = as_float(nats)
    require(not nats.isnan().any(), "nats: expected a number, got NaN")
    return nats.exp()


def huffman_lengths(p):
    """Lengths in bits of the words of a shortest prefix code for p, (K,) -> list of K integers (Huffman 1952)."""
    p = check_probabilities(p, "p")
    require(p.ndim == 1 and len(p) > 1, f"p: expected shape (K,) with K > 1, got {tuple(p.shape)}")
    lengths = [0] * len(p)
    heap = [(prob, i, [i]) for i, prob in enumerate(p.tolist())]
    heapq.heapify(heap)
    while len(heap) > 1:  # join the two least likely groups: each member's word grows by one bit
        (p1, tie, group1), (p2, _, group2) = heapq.heappop(heap), heapq.heappop(heap)
        for i in group1 + group2:
            lengths[i] += 1
        heapq.heappush(heap, (p1 + p2, tie, group1 + group2))
    return lengths


# --- KL and JS of discrete laws ---------------------------------------------------------------------------------

def kl_discrete(p, q):
    """KL(p || q) = sum_x p(x) log(p(x)/q(x)) in nats, (..., K) -> (...).

    Outcomes with p(x) = 0 add nothing; one with q(x) = 0 < p(x) makes it
    inf. Leading axes broadcast. Chapter: kl-definition.
    """
    p, q = _two_laws(p, q)
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1)


def js_discrete(p, q):
    """JS(p, q) = KL(p || m)/2 + KL(q || m)/2 with m = (p + q)/2, in nats: symmetric, in [0, log 2] (Lin 1991), eq-js."""
    p, q = _two_laws(p, q)
    middle = (p + q) / 2
    return 0.5 * kl_discrete(p, middle) + 0.5 * kl_discrete(q, middle)


# --- KL of Gaussians --------------------------------------------------------------------------------------------

def gaussian_kl_full(mean1, cov1, mean2, cov2):
    """KL(N(mean1, cov1) || N(mean2, cov2)) in nats: (D,), (D, D) twice -> scalar.

    With cov = L L^T the trace is |L2^-1 L1|^2 and the quadratic form is
    |L2^-1 (mean1 - mean2)|^2: two triangular solves, no inverse. ValueError
    unless the covariances are positive definite. Chapter: kl-gaussians.
    """
    mean1, mean2 = check_finite(mean1, "mean1"), check_finite(mean2, "mean2")
    chol1, chol2 = cholesky(cov1, "cov1"), cholesky(cov2, "cov2")
    dim, shapes = mean1.numel(), [tuple(t.shape) for t in (mean1, chol1, mean2, chol2)]
    expected = [(dim,), (dim, dim)] * 2
    require(shapes == expected, f"expected shapes (D,), (D, D) twice, got {shapes}")
    shift = (mean1 - mean2).unsqueeze(-1)  # (D, 1)
    trace = torch.linalg.solve_triangular(chol2, chol1, upper=False).square().sum()
    quadratic = torch.linalg.solve_triangular(chol2, shift, upper=False).square().sum()
    log_det_ratio = 2 * (chol2.diagonal().log() - chol1.diagonal().log()).sum()
    return 0.5 * (log_det_ratio - dim + trace + quadratic)


def gaussian_kl_diag(mean1, var1, mean2, var2):
    """KL between Gaussians with diagonal covariances in nats, eq-kl-diagonal: the last axis is summed, (..., D) -> (...)."""
    mean1, var1, mean2, var2 = _same_axes(mean1=mean1, var1=var1, mean2=mean2, var2=var2)
    smallest = min(var1.min().item(), var2.min().item())
    require(smallest > 0, f"var1, var2: expected positive variances, got {smallest:g}")
    return gaussian_kl_log_var(mean1, var1.log(), mean2, var2.log())


def gaussian_kl_log_var(mean1, log_var1, mean2, log_var2):
    """The same from log-variances log sigma^2, in nats: any real numbers will do, (..., D) -> (...)."""
    mean1, log_var1, mean2, log_var2 = _same_axes(mean1=mean1, log_var1=log_var1, mean2=mean2, log_var2=log_var2)
    gap = log_var1 - log_var2
    return 0.5 * ((mean1 - mean2) ** 2 / log_var2.exp() + gap.exp() - gap - 1).sum(-1)


def gaussian_kl_standard(mean, log_var):
    """KL(N(mean, diag(exp(log_var))) || N(0, I)) in nats, (..., D) -> (...).

    Summed over the D dimensions: one value per example. A VAE **minimises**
    it (Kingma & Welling 2014, appendix B). Chapter: eq-kl-standard.
    """
    mean, log_var = _same_axes(mean=mean, log_var=log_var)
    return 0.5 * (mean**2 + log_var.exp() - log_var - 1).sum(-1)


# --- KL and JS of any two densities -----------------------------------------------------------------------------

def simpson(values, width):
    """Simpson's rule along the last axis: an odd number of equally spaced values on an interval of this width."""
    n = values.shape[-1]
    require(n >= 3 and n % 2 == 1, f"values: expected an odd number >= 3 of them, got {n}")
    weights = torch.full((n,), 2.0, dtype=values.dtype)
    weights[1::2] = 4.0
    weights[0] = weights[-1] = 1.0
    return (values * weights).sum(-1) * width / (3 * (n - 1))


def kl_quadrature(log_p, log_q, lo, hi, n=4001):
    """KL(p || q) in nats by Simpson's rule with n points on [lo, hi]; log_p, log_q: callables on tensors.

    For mixtures of Gaussians whose narrowest std is 10 steps or more, and with 10 stds on either side, it is exact
    to 1e-9. ValueError when p has not all its mass on the interval, or q has more than one, to 1e-3.
    """
    x, log_px, log_qx = _on_grid(log_p, log_q, lo, hi, n)
    _mass(log_px, hi - lo, "p", at_least=1 - 1e-3)
    _mass(log_qx, hi - lo, "q")
    return simpson(_kl_integrand(log_px, log_qx), hi - lo)


def js_quadrature(log_p, log_q, lo, hi, n=4001):
    """JS(p, q) in nats by Simpson's rule, as in `kl_quadrature`; both laws must have all their mass on [lo, hi]."""
    x, log_px, log_qx = _on_grid(log_p, log_q, lo, hi, n)
    _mass(log_px, hi - lo, "p", at_least=1 - 1e-3)
    _mass(log_qx, hi - lo, "q", at_least=1 - 1e-3)
    log_middle = torch.logaddexp(log_px, log_qx) - math.log(2)
    return simpson(_kl_integrand(log_px, log_middle) + _kl_integrand(log_qx, log_middle), hi - lo) / 2


def mean_with_error(values):
    """Mean of independent values (N,) and its standard error std/sqrt(N): two scalars."""
    require(values.ndim == 1 and len(values) > 1, f"expected shape (N,) with N > 1, got {tuple(values.shape)}")
    return values.mean(), values.std() / math.sqrt(len(values))


def kl_monte_carlo(log_p, log_q, x, low_variance=False):
    """KL(p || q) in nats from draws x of p, and its standard error: two scalars.

    x: (N,) or (N, D). Averages -log r with r = q(x)/p(x). `low_variance`
    averages (r - 1) - log r instead: the same mean when p > 0 wherever q is,
    never negative, quieter while q is near p (Schulman 2020), and not safe where
    q has heavier tails than p, for r then may have no variance. eq-kl-quiet.
    """
    x = check_finite(x, "x")
    log_px = log_p(x)
    drawn = torch.isfinite(log_px).all()
    require(drawn, "x: expected draws of p, got some where log p is not finite")
    log_ratio = log_q(x) - log_px
    terms = log_ratio.expm1() - log_ratio if low_variance else -log_ratio
    return mean_with_error(terms)


def _two_laws(p, q):
    p, q = check_probabilities(p, "p"), check_probabilities(q, "q")
    try:
        matched = p.shape[-1] == q.shape[-1] and torch.broadcast_shapes(p.shape, q.shape)
    except RuntimeError:
        matched = False
    require(matched, f"expected p and q over the same outcomes, got shapes {tuple(p.shape)} and {tuple(q.shape)}")
    return p, q


def _same_axes(**tensors):
    tensors = {name: check_finite(t, name) for name, t in tensors.items()}
    shapes = {name: tuple(t.shape) for name, t in tensors.items()}
    try:
        matched = len({shape[-1] for shape in shapes.values()}) == 1 and torch.broadcast_shapes(*shapes.values())
    except (RuntimeError, IndexError):
        matched = False
    require(matched, f"expected shapes (..., D) with one D that broadcast, got {shapes}")
    return tensors.values()


def _on_grid(log_p, log_q, lo, hi, n):
    require(math.isfinite(lo) and math.isfinite(hi) and lo < hi, f"expected finite lo < hi, got {lo} and {hi}")
    x = torch.linspace(lo, hi, n, dtype=torch.float64)
    return x, log_p(x), log_q(x)


def _mass(log_density, width, name, at_least=0.0):
    mass = simpson(log_density.exp(), width).item()
    require(at_least <= mass <= 1 + 1e-3, f"{name}: expected a density of mass 1 on the interval, got {mass:.6g}")


def _kl_integrand(log_p, log_q):
    p = log_p.exp()
    return torch.where(p > 0, p * (log_p - log_q), torch.zeros_like(p))
