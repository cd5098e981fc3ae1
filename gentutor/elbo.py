"""Latent variables, the evidence lower bound, importance weighting, gradient estimators (chapter "elbo"; see also `em`).

The oracle is the linear-Gaussian model p(z) = N(0, I), p(x | z) = N(Wz + b, sigma^2 I), where the evidence, the posterior
and each part of the bound are closed forms. q is a Gaussian: mean (B, K), cov (K, K) or (B, K, K). Values are in nats, one
per example, never averaged over the batch. Left out: learned encoders and nonlinear decoders (chapter "vae").
"""

import math
from dataclasses import dataclass

import torch

from .densities import LOG_2PI, check_finite, log_normal, require


# --- the model: exact evidence and posterior ----------------------------------------------------------------------

@dataclass(frozen=True)
class LinearGaussian:
    """theta: weight (D, K), bias (D,), noise_var = sigma^2 > 0. ValueError for shapes or values that do not fit."""

    weight: torch.Tensor
    bias: torch.Tensor
    noise_var: torch.Tensor

    def __post_init__(self):
        for name in ("weight", "bias", "noise_var"):
            object.__setattr__(self, name, _numbers(getattr(self, name), name))
        shapes = [tuple(t.shape) for t in (self.weight, self.bias, self.noise_var)]
        dim = self.bias.numel()
        fits = self.weight.ndim == 2 and shapes == [(dim, self.weight.shape[-1]), (dim,), ()]
        require(fits, f"weight, bias, noise_var: expected shapes (D, K), (D,) and (), got {shapes}")
        require(self.noise_var > 0, f"noise_var: expected a positive number, got {self.noise_var.item():g}")


def posterior_precision(model):
    """Lambda = I + W^T W / sigma^2, (K, K): the inverse of the posterior's covariance, the same for every x."""
    return torch.eye(model.weight.shape[1], dtype=model.weight.dtype) + model.weight.T @ model.weight / model.noise_var


def posterior(model, x):
    """Mean (B, K) and cov (K, K) of p(z | x), proposition elbo-linear-gaussian: Lambda^-1 W^T (x - b) / sigma^2 and Lambda^-1."""
    cov = torch.linalg.inv(posterior_precision(model))
    return _centred(model, x) @ model.weight @ cov / model.noise_var, cov


def log_evidence(model, x):
    """log p(x) = log N(x; b, W W^T + sigma^2 I), (B, D) -> (B,), by solves of size K (Tipping & Bishop 1999, eq. 4).

    |W W^T + sigma^2 I| = sigma^(2D) |Lambda|, and the quadratic form is (|r|^2 - r^T W E[z | x]) / sigma^2 with r = x - b.
    """
    r, (mean, _) = _centred(model, x), posterior(model, x)
    quadratic = ((r**2).sum(-1) - (r @ model.weight * mean).sum(-1)) / model.noise_var
    log_det = r.shape[1] * model.noise_var.log() + torch.logdet(posterior_precision(model))
    return -0.5 * (r.shape[1] * LOG_2PI + log_det + quadratic)


# --- the bound and its gap ----------------------------------------------------------------------------------------

def reconstruction(model, x, mean, cov):
    """E_q[log p(x | z)], (B,): a log-likelihood, so larger is better."""
    mean, cov = _gaussian(mean, cov)
    r = _centred(model, x) - mean @ model.weight.T  # (B, D)
    spread = ((model.weight @ cov) * model.weight).sum((-1, -2))
    squares = (r**2).sum(-1) + spread  # |r|^2 + tr(W cov W^T)
    log_scale = LOG_2PI + model.noise_var.log()
    return -0.5 * (r.shape[1] * log_scale + squares / model.noise_var)


def kl_to_prior(mean, cov):
    """KL(q || N(0, I)), (B,)."""
    mean, cov = _gaussian(mean, cov)
    return 0.5 * (_trace(cov) + (mean**2).sum(-1) - mean.shape[1] - torch.logdet(cov))


def elbo(model, x, mean, cov):
    """E_q[log p(x | z)] - KL(q || prior), (B,), eq. elbo: at most log p(x).

    Maximised; the loss is minus this.
    """
    return reconstruction(model, x, mean, cov) - kl_to_prior(mean, cov)


def gap(model, x, mean, cov):
    """KL(q || p(z | x)) = log p(x) - ELBO >= 0, (B,), eq. elbo.

    Computed from the posterior, not by subtraction.
    """
    mean, cov = _gaussian(mean, cov)
    precision = posterior_precision(model)  # Lambda
    off = mean - posterior(model, x)[0]
    log_dets = torch.logdet(precision) + torch.logdet(cov)
    trace, shift = _trace(precision @ cov), (off @ precision * off).sum(-1)
    return 0.5 * (trace + shift - mean.shape[1] - log_dets)


# --- importance weights -------------------------------------------------------------------------------------------

def sample_q(mean, cov, n, generator=None):
    """n draws mean + L eps of q with cov = L L^T, (n, B, K)."""
    mean, cov = _gaussian(mean, cov)
    eps = torch.randn(n, *mean.shape, dtype=mean.dtype, generator=generator)
    return mean + (torch.linalg.cholesky(cov) @ eps.unsqueeze(-1)).squeeze(-1)


def log_joint(model, x, z):
    """log p(x, z) = log p(x | z) + log p(z) for z (..., B, K) -> (..., B)."""
    z = _numbers(z, "z")
    log_likelihood = log_normal(_centred(model, x) - z @ model.weight.T, 0.0, model.noise_var.log()).sum(-1)
    return log_likelihood + log_normal(z, 0.0, 0.0).sum(-1)


def log_weights(model, x, mean, cov, n, generator=None):
    """log w = log p(x, z) - log q(z | x) for n draws z of q, (n, B): E_q[w] = p(x), E_q[log w] = ELBO."""
    mean, cov = _gaussian(mean, cov)
    z = sample_q(mean, cov, n, generator)
    chol = torch.linalg.cholesky(cov)
    eps = torch.linalg.solve_triangular(chol, (z - mean).unsqueeze(-1), upper=False).squeeze(-1)
    log_q = log_normal(eps, 0.0, 0.0).sum(-1) - chol.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return log_joint(model, x, z) - log_q


def importance_bound(log_w, k=1):
    """IWAE_k = E[log (1/k) sum_i w_i], eq. iwae, from log-weights (n, B).

    They are cut into n // k independent groups: mean (B,), std error (B,).
    k = 1 is the ELBO by Monte Carlo (Burda et al. 2016, eq. 8). ValueError
    with fewer than two groups.
    """
    log_w, groups = _grouped(log_w, k)  # (groups, k, B)
    bounds = torch.logsumexp(log_w, 1) - math.log(k)  # (groups, B)
    return bounds.mean(0), bounds.std(0) / math.sqrt(groups)


def iwae_exact(model, x, mean, cov, k, n=2001):
    """IWAE_k without sampling, for one x (1, D) and one latent: a number in nats, eq. elbo-frullani.

    E log S = int_0^inf (e^-t - E e^(-tS)) dt / t (Frullani), and S is a mean of k independent weights, so that
    E e^(-tS) = (E e^(-tw/k))^k: two integrals over a line, by the trapezoid rule in z (n points) and in u = log t.
    """
    mean, cov = _gaussian(mean, cov)
    at, spread = posterior(model, x)
    require(mean.numel() == at.numel() == 1, f"expected one x and one latent, got mean of shape {tuple(mean.shape)}")
    mean, std, at, reach = mean[0, 0], cov.sqrt().flatten()[0], at[0, 0], 10 * torch.maximum(cov, spread).max().sqrt()
    z = torch.linspace(float(torch.minimum(mean, at) - reach), float(torch.maximum(mean, at) + reach), n, dtype=torch.float64)
    log_q = log_normal(z, mean, 2 * std.log())
    log_ratio = log_joint(model, x, z.reshape(-1, 1, 1))[:, 0] - log_q - log_evidence(model, x)  # log w / p(x)
    last = -log_ratio[(z - mean).abs() < 8 * std].min().item()  # beyond t = 1/w nothing of e^(-tw) is left
    u = torch.arange(-40.0, max(last, 5.0) + 5, 0.25, dtype=torch.float64)
    lost = -torch.expm1(-(u.unsqueeze(-1) + log_ratio - math.log(k)).exp())  # 1 - e^(-tw/k), (U, n)
    one_minus_laplace = (lost * log_q.exp()).sum(-1) * (z[1] - z[0])
    transform = (k * torch.log1p(-one_minus_laplace.clamp(max=1))).exp()
    return log_evidence(model, x)[0] + ((-u.exp()).exp() - transform).sum() * 0.25


def prior_sampling_cost(model, x, error=0.1):
    """Draws from the prior for a relative standard error of p(x) ~ mean p(x | z): log10 of their number, (B,).

    (E p(x | z)^2 / p(x)^2 - 1) / error^2, where N(x; m, s^2 I)^2 = (4 pi s^2)^(-D/2) N(x; m, s^2 I / 2).
    """
    half = LinearGaussian(model.weight, model.bias, model.noise_var / 2)
    log_square = log_evidence(half, x) - 0.5 * len(model.bias) * (math.log(2) + LOG_2PI + model.noise_var.log())
    log_ratio = log_square - 2 * log_evidence(model, x)
    return (log_ratio + torch.log(-torch.expm1(-log_ratio)) - 2 * math.log(error)) / math.log(10)


# --- the best model, in closed form ------------------------------------------------------------------------------

def ppca(x, latent):
    """The best model in closed form, from data (N, D): sigma^2 is the mean of the eigenvalues left out, and
    W = U (L - sigma^2 I)^(1/2) from the `latent` largest (Tipping & Bishop 1999, eqs. 7 and 8)."""
    bias, scatter = scatter_of(x, latent)
    values, vectors = torch.linalg.eigh(scatter)  # ascending
    noise_var = values[:-latent].mean()
    weight = vectors[:, -latent:] * (values[-latent:] - noise_var).clamp(min=0).sqrt()
    return LinearGaussian(weight.flip(1), bias, noise_var)


def scatter_of(x, latent):
    """Mean (D,) and scatter about it, the mean of r r^T, (D, D), of data (N, D) for a model with `latent` < D dimensions."""
    x = _numbers(x, "x")
    require(x.ndim == 2 and len(x) > 1, f"x: expected shape (N, D) with N > 1, got {tuple(x.shape)}")
    require(1 <= latent < x.shape[1], f"latent: expected a number from 1 to D - 1 = {x.shape[1] - 1}, got {latent}")
    r = x - x.mean(0)
    return x.mean(0), r.T @ r / len(x)


# --- gradients of E_q[f(z)] for q = N(mean, diag(exp(2 log_std))) -------------------------------------------------

def score_gradients(f, mean, log_std, eps, leave_one_out=False):
    """f(z) grad log q(z) for each draw z = mean + std eps (Williams 1992).

    By mean (n, K) and by log_std (n, K). f: (n, K) -> (n,), used by value
    only. leave_one_out: from each f(z) subtract its mean at the other draws.
    """
    mean, log_std, eps = _draws(mean, log_std, eps)
    n, std = len(eps), log_std.exp()
    value = f(mean + std * eps).detach().unsqueeze(-1)  # (n, 1)
    if leave_one_out:
        value = (value - value.mean()) * n / (n - 1)
    return value * eps / std, value * (eps**2 - 1)


def pathwise_gradients(f, mean, log_std, eps):
    """f'(z) and f'(z) std eps for each draw z = mean + std eps, (n, K) each.

    f must be differentiable in z (Kingma & Welling 2014, section 2.4;
    Rezende et al. 2014).
    """
    mean, log_std, eps = _draws(mean, log_std, eps)
    std = log_std.exp()
    with torch.enable_grad():
        z = (mean + std * eps).detach().requires_grad_()
        (slope,) = torch.autograd.grad(f(z).sum(), z)
    return slope, slope * std * eps


# --- shapes -------------------------------------------------------------------------------------------------------

def _numbers(x, name):
    return check_finite(x, name).double()


def _centred(model, x):
    x = _numbers(x, "x")
    dim = len(model.bias)
    require(x.ndim == 2 and x.shape[1] == dim, f"x: expected shape (B, {dim}), got {tuple(x.shape)}")
    return x - model.bias


def _gaussian(mean, cov):
    mean, cov = _numbers(mean, "mean"), _numbers(cov, "cov")
    dim = mean.shape[-1] if mean.ndim == 2 else 0
    require(tuple(cov.shape) in {(dim, dim), (*mean.shape[:1], dim, dim)},
            f"expected mean (B, K) and cov (K, K) or (B, K, K), got {tuple(mean.shape)} and {tuple(cov.shape)}")
    bad = torch.linalg.cholesky_ex(cov)[1].any() or not torch.allclose(cov, cov.mT)
    require(not bad, "cov: expected symmetric positive definite matrices, got one that is not")
    return mean, cov


def _grouped(log_w, k):
    log_w = _numbers(log_w, "log_w")
    require(log_w.ndim == 2, f"log_w: expected shape (n, B), got {tuple(log_w.shape)}")
    groups = len(log_w) // k if k >= 1 else 0
    require(groups >= 2, f"k: expected 1 <= k <= n/2 with n = {len(log_w)} log-weights, got {k}")
    return log_w[: groups * k].reshape(groups, k, -1), groups


def _trace(matrices):
    return matrices.diagonal(dim1=-2, dim2=-1).sum(-1)


def _draws(mean, log_std, eps):
    mean, log_std, eps = _numbers(mean, "mean"), _numbers(log_std, "log_std"), _numbers(eps, "eps")
    shapes = [tuple(t.shape) for t in (mean, log_std, eps)]
    fits = mean.ndim == 1 and eps.ndim == 2 and shapes == [shapes[0], shapes[0], (len(eps), *shapes[0])] and len(eps) > 1
    require(fits, f"mean, log_std, eps: expected shapes (K,), (K,) and (n, K) with n > 1, got {shapes}")
    return mean, log_std, eps
