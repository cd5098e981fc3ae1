"""EM for the linear-Gaussian model (chapter "elbo"); where it must end is `elbo.ppca`.

All that it needs of the data is their mean and their scatter matrix, so a step costs D^2 K whatever the number of data.
In float64. Left out: EM for other models (the chapter's exercise on mixtures).
"""

import torch

from .densities import LOG_2PI
from .elbo import LinearGaussian, posterior_precision, scatter_of


def e_step(model, scatter):
    """Means over the data of r E[z]^T (D, K) and E[z z^T] (K, K), and cov.

    Under the exact posteriors, whose common cov (K, K) comes third; eq.
    elbo-e-step. scatter: (D, D), the mean of r r^T with r = x - b.
    """
    cov = torch.linalg.inv(posterior_precision(model))
    read = model.weight @ cov / model.noise_var  # E[z | x] = read^T r
    cross = scatter @ read
    return cross, cov + read.T @ cross, cov


def m_step(cross, second, scatter):
    """W = A B^-1, sigma^2 = (tr scatter - tr(A^T W)) / D, eq. elbo-m-step."""
    weight = torch.linalg.solve(second, cross.T).T
    left = scatter.trace() - (cross * weight).sum()
    return weight, left / len(scatter)


def fit_em(x, latent, steps=50, generator=None):
    """Fit p(x) to data (N, D) with `latent` < D dimensions by EM (Dempster et al. 1977; Tipping & Bishop 1999, app. B).

    A generator; yields **after** each update {"step", "model", "log_likelihood_nats", "elbo_nats"}, means per example:
    `elbo_nats` is the bound between the M-step and the next E-step. The bias is the mean of the data from the start.
    """
    bias, scatter = scatter_of(x, latent)
    scale = scatter.diagonal().mean()
    weight = torch.randn(len(bias), latent, dtype=bias.dtype, generator=generator) * (scale / latent).sqrt()
    model = LinearGaussian(weight, bias, scale)
    for step in range(1, steps + 1):
        cross, second, cov = e_step(model, scatter)
        weight, noise_var = m_step(cross, second, scatter)
        model = LinearGaussian(weight, bias, noise_var)
        fit = scatter.trace() - 2 * (cross * model.weight).sum() + (model.weight @ second * model.weight).sum()
        expected = -0.5 * (len(bias) * (LOG_2PI + model.noise_var.log()) + fit / model.noise_var)
        bound = expected - 0.5 * (second.trace() - latent - torch.logdet(cov))
        yield {"step": step, "model": model, "log_likelihood_nats": mean_log_evidence(model, scatter), "elbo_nats": bound}


def mean_log_evidence(model, scatter):
    """Mean of log p(x) over the data with this scatter about the model's bias: a number."""
    cross, _, _ = e_step(model, scatter)
    quadratic = (scatter.trace() - (cross * model.weight).sum()) / model.noise_var
    log_det = len(scatter) * model.noise_var.log() + torch.logdet(posterior_precision(model))
    return -0.5 * (len(scatter) * LOG_2PI + log_det + quadratic)
