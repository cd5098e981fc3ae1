"""Naive Bayes on binary features: a generative classifier that marginalises what it cannot see (chapter "bayes").

p(x, y) = p(y) prod_j p(x_j | y). Everything is float64 and in nats.
Left out: Gaussian features; binary pixels make the same points with fewer symbols.
"""

from typing import NamedTuple

import torch

from .densities import require


class NaiveBayes(NamedTuple):
    """p(x, y) = p(y) prod_j p(x_j | y): class probabilities (K,) and rates p(x_j = 1 | y), (K, D)."""

    prior: torch.Tensor
    rates: torch.Tensor


def fit(x, y, classes, alpha=1.0):
    """Posterior means of the rates under Beta(alpha, alpha) priors; class frequencies for the prior.

    x: (N, D) of 0 and 1. y: (N,) integers in [0, classes), each present. alpha > 0; 1 is Laplace's rule of succession.
    Float64. Source: the smoothing of scikit-learn's BernoulliNB.
    """
    x, y = _binary(x), torch.as_tensor(y).long()
    require(y.shape == x.shape[:1], f"y: expected {len(x)} labels, got shape {tuple(y.shape)}")
    require(y.min() >= 0 and y.max() < classes, f"y: expected labels in [0, {classes}), got {y.min().item()} to {y.max().item()}")
    members = torch.nn.functional.one_hot(y, classes).T.to(x.dtype)  # (K, N)
    sizes, ones = members.sum(1, keepdim=True), members @ x  # (K, 1), (K, D)
    require(sizes.min() > 0, f"y: expected each of {classes} classes, got none of class {int(sizes.argmin())}")
    return NaiveBayes(sizes[:, 0] / len(x), smoothed_rates(ones, sizes, alpha))


def smoothed_rates(ones, sizes, alpha):
    """Posterior mean of a Bernoulli rate under Beta(alpha, alpha), after `ones` out of `sizes`."""
    require(alpha > 0, f"alpha: expected a number > 0, got {alpha}")
    return (ones + alpha) / (sizes + 2 * alpha)


def _binary(x):
    x = torch.as_tensor(x)
    require(x.ndim == 2 and x.numel() > 0, f"x: expected shape (N, D), got {tuple(x.shape)}")
    require(((x == 0) | (x == 1)).all(), f"x: expected 0 and 1 only, got values from {x.min().item():g} to {x.max().item():g}")
    return x.double()


def _mask(x, observed):
    observed = torch.ones_like(x, dtype=torch.bool) if observed is None else torch.as_tensor(observed).bool()
    require(observed.shape in (x.shape, x.shape[1:]), f"observed: expected shape {tuple(x.shape)} or {tuple(x.shape[1:])}, got {tuple(observed.shape)}")
    return observed.expand(x.shape)


def class_log_joint(model, x, observed=None):
    """log p(x_observed, y), (N, K) (eq-missing).

    A missing pixel's factor sums to one over its values, so it is dropped.
    x: (N, D) of 0 and 1; what is not observed is never looked at and may hold anything.
    observed: (D,) or (N, D) booleans; None means all.
    """
    x = torch.as_tensor(x)
    mask = _mask(x, observed)
    x, seen = _binary(torch.where(mask, x, torch.zeros_like(x))), mask.double()
    wanted = model.rates.shape[1]
    require(x.shape[1] == wanted, f"x: expected {wanted} features, got {x.shape[1]}")
    log_one, log_zero = model.rates.log(), (1 - model.rates).log()  # (K, D)
    evidence = (x * seen) @ log_one.T + ((1 - x) * seen) @ log_zero.T  # (N, K)
    return model.prior.log() + evidence


def class_posterior(model, x, observed=None):
    """p(y | x_observed), (N, K): the softmax of the log joint."""
    return torch.softmax(class_log_joint(model, x, observed), -1)


def log_prob(model, x, observed=None):
    """log p(x_observed), (N,), in nats."""
    return torch.logsumexp(class_log_joint(model, x, observed), -1)


def log_odds_weights(model, k, j):
    """Weights (D,) and bias of log p(y=k | x) / p(y=j | x) = w . x + b: naive Bayes is linear in x (eq-linear)."""
    logits, zero = torch.logit(model.rates), (1 - model.rates).log().sum(1)
    bias = model.prior[k].log() - model.prior[j].log() + zero[k] - zero[j]
    return logits[k] - logits[j], bias


def predict_pixels(model, x, observed):
    """p(x_j = 1 | x_observed), (N, D): the mixture of the class rates, weighted by the class posterior."""
    return class_posterior(model, x, observed) @ model.rates


def impute(model, x, observed, generator=None):
    """One joint draw of the missing pixels from p(x_missing | x_observed): a class first, then its pixels. (N, D)."""
    x = torch.as_tensor(x)
    k = torch.multinomial(class_posterior(model, x, observed), 1, generator=generator)[:, 0]
    draw = torch.bernoulli(model.rates[k], generator=generator)
    return torch.where(_mask(x, observed), x.double(), draw)
