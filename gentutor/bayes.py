"""Bayes' rule, odds and conjugate updates (chapter "bayes"; see also `naive_bayes` and `tables`).

Probabilities come in as probabilities and are multiplied as logarithms, natural ones.
Left out: Monte Carlo inference; every posterior here is a finite sum or a conjugate update.
"""

import math
from typing import NamedTuple

import torch

from .densities import as_float, check_finite, check_probabilities, require

# ---- the rule ---------------------------------------------------------------------------------------------------


def posterior(prior, likelihood):
    """p(y | x) = p(x | y) p(y) / p(x) over K hypotheses (eq-bayes).

    prior: (..., K), sums to one. likelihood: (..., K), p(x | y) >= 0 of the data that
    came; it need not sum to one over y, and as a density it may exceed one.
    Returns (..., K), which sums to one. ValueError when the data have probability
    zero under every hypothesis.
    """
    evidence = log_evidence(prior, likelihood).unsqueeze(-1)  # (..., 1)
    return (log_joint(prior, likelihood) - evidence).exp()


def log_joint(prior, likelihood):
    """log p(x, y) = log p(x | y) + log p(y), (..., K)."""
    prior, likelihood = check_probabilities(prior, "prior"), check_finite(likelihood, "likelihood")
    require(likelihood.min() >= 0, f"likelihood: expected numbers >= 0, got {likelihood.min().item():g}")
    require(likelihood.ndim > 0 and prior.shape[-1] == likelihood.shape[-1],
            f"expected a likelihood for each of {prior.shape[-1]} hypotheses, got shape {tuple(likelihood.shape)}")
    return likelihood.log() + prior.log()


def log_evidence(prior, likelihood):
    """log p(x) = log sum_y p(x | y) p(y), (...): total probability, by log-sum-exp."""
    total = torch.logsumexp(log_joint(prior, likelihood), -1)
    possible = torch.isfinite(total).all()
    require(possible, "expected data that some hypothesis can produce, got evidence 0")
    return total


def sequential(prior, likelihoods):
    """Posteriors after 0, 1, ..., N pieces of evidence: yesterday's posterior is today's prior.

    prior: (K,). likelihoods: (N, K), pieces that are independent given the hypothesis. Returns (N + 1, K).
    """
    prior, likelihoods = check_probabilities(prior, "prior"), as_float(likelihoods)
    require(likelihoods.ndim == 2 and likelihoods.shape[1] == len(prior),
            f"likelihoods: expected shape (N, {len(prior)}), got {tuple(likelihoods.shape)}")
    steps = [prior]
    for likelihood in likelihoods:
        steps.append(posterior(steps[-1], likelihood))
    return torch.stack(steps)


# ---- odds -------------------------------------------------------------------------------------------------------


def log_odds(p):
    """log p / (1 - p) in nats, elementwise; p in [0, 1]."""
    p = check_finite(p, "p")
    require(p.min() >= 0 and p.max() <= 1, f"p: expected probabilities in [0, 1], got {p.min().item():g} to {p.max().item():g}")
    return torch.logit(p)


def probability(log_odds):
    """The probability whose log-odds these are: the logistic sigmoid, elementwise."""
    return torch.sigmoid(as_float(log_odds))


def add_evidence(prior_log_odds, log_ratios):
    """Log-odds after 0, 1, ..., N pieces of evidence: log likelihood ratios add (eq-log-odds).

    log_ratios: (N,), log p(x_i | y = 1) - log p(x_i | y = 0), of pieces that are
    independent given y. Returns (N + 1,).
    """
    start, steps = as_float(prior_log_odds), as_float(log_ratios)
    one = start.numel() == 1
    require(one, f"prior_log_odds: expected one number, got shape {tuple(start.shape)}")
    return torch.cat([start.reshape(1), steps.reshape(-1)]).cumsum(0)


class Diagnosis(NamedTuple):
    joint: torch.Tensor  # (2, 2): row 0 the results as observed, row 1 any others; column 0 ill, column 1 healthy
    log_odds: torch.Tensor  # (N + 1,): of being ill, before and after each result


def diagnose(prior, sensitivity, false_positive_rate, results="+"):
    """What a string of test results, such as "+" or "+-", says about being ill.

    prior, sensitivity = p(+ | ill), false_positive_rate = p(+ | healthy): in (0, 1). The results are independent given
    the state of health. Raises ValueError for anything else.
    """
    rates = check_finite([prior, sensitivity, false_positive_rate], "rates")
    require(rates.min() > 0 and rates.max() < 1, f"rates: expected numbers strictly between 0 and 1, got {rates.tolist()}")
    require(set(results) <= {"+", "-"}, f"results: expected a string of + and -, got {results!r}")
    plus = rates[1:]  # (2,): ill, healthy
    by_result = torch.stack([plus if r == "+" else 1 - plus for r in results] + [torch.ones_like(plus)])  # (N + 1, 2)
    base = torch.stack([rates[0], 1 - rates[0]])
    observed = base * by_result.prod(0)
    ratios = (by_result[:-1, 0] / by_result[:-1, 1]).log()
    return Diagnosis(torch.stack([observed, base - observed]), add_evidence(log_odds(rates[0]), ratios))


def repeated_positive(rate, n, shared):
    """p(n positives | healthy) when a share `shared` of the healthy carries what always triggers the test.

    The single-test rate stays `rate`, and given the carrier state the repeats are independent; unless `shared` is 0
    they are not independent given health. 0 <= shared <= rate < 1.
    """
    require(0 <= shared <= rate < 1, f"expected 0 <= shared <= rate < 1, got shared = {shared}, rate = {rate}")
    return shared + (1 - shared) * ((rate - shared) / (1 - shared)) ** n


def largest_remainder(shares, total):
    """Whole numbers near shares * total that sum to `total` (Hamilton's method; ties go to the first). List of ints."""
    exact = [s * total for s in check_probabilities(shares, "shares").tolist()]
    counts = [math.floor(e) for e in exact]
    order = sorted(range(len(exact)), key=lambda i: (counts[i] - exact[i], i))
    for i in order[: total - sum(counts)]:
        counts[i] += 1
    return counts


# ---- conjugate updates ------------------------------------------------------------------------------------------


def _positive(x, name):
    x = check_finite(x, name)
    require(x.min() > 0, f"{name}: expected numbers > 0, got {x.min().item():g}")
    return x


def _counts(x, name):
    x = check_finite(x, name)
    require(x.min() >= 0, f"{name}: expected counts >= 0, got {x.min().item():g}")
    return x


def beta_bernoulli(a, b, ones, zeros):
    """Beta(a, b) prior on a coin's rate, then `ones` heads and `zeros` tails: the posterior's (a, b) (eq-beta-update)."""
    return _positive(a, "a") + _counts(ones, "ones"), _positive(b, "b") + _counts(zeros, "zeros")


def dirichlet_categorical(alpha, counts):
    """Dirichlet(alpha) prior on K probabilities, then `counts`: the posterior's alpha, (..., K)."""
    return _positive(alpha, "alpha") + _counts(counts, "counts")


def beta_mean(a, b):
    """E[rate] = a / (a + b): also the predictive probability that the next toss is a head."""
    a, b = _positive(a, "a"), _positive(b, "b")
    return a / (a + b)


def beta_log_evidence(a, b, ones, zeros):
    """log p(this sequence of tosses) = log B(a + ones, b + zeros) - log B(a, b)."""
    def log_beta(a, b):
        return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)

    return log_beta(*beta_bernoulli(a, b, ones, zeros)) - log_beta(_positive(a, "a"), _positive(b, "b"))


def gaussian_gaussian(mean, var, x, noise_var):
    """N(mean, var) prior, then n readings x (n,) with noise N(0, noise_var): posterior (mean, var).

    Precisions add, and the posterior mean is the precision-weighted mean (eq-gauss-update).
    """
    mean, x = as_float(mean), check_finite(x, "x")
    var, noise_var = _positive(var, "var"), _positive(noise_var, "noise_var")
    precision = 1 / var + x.numel() / noise_var
    return (mean / var + x.sum() / noise_var) / precision, 1 / precision
