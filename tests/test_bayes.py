"""Bayes' rule, odds and conjugate updates: by enumeration, by quadrature, against SciPy; the famous bugs are caught."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gentutor import bayes, tables
from gentutor.checks import check

rates = st.floats(1e-6, 1 - 1e-6)
TABLE = np.array([[0.05, 0.25, 0.1], [0.2, 0.15, 0.25]])  # p(x, y): rows x, columns y


def grid_moments(log_density, x):
    """Mean and variance of an unnormalised density on an even grid."""
    w = np.exp(log_density - log_density.max())
    w /= w.sum()
    mean = (w * x).sum()
    return mean, (w * (x - mean) ** 2).sum()


# ---- the rule


@pytest.mark.parametrize("x", [0, 1])
def test_posterior_is_the_share_of_the_row(x):
    prior = TABLE.sum(0)
    measured = bayes.posterior(prior, TABLE[x] / prior)
    np.testing.assert_allclose(measured, TABLE[x] / TABLE[x].sum(), rtol=1e-14)
    np.testing.assert_allclose(bayes.log_evidence(prior, TABLE[x] / prior), np.log(TABLE[x].sum()), rtol=1e-14)


def test_posterior_of_a_thousand_people():
    ill, healthy = 10 * 0.9, 990 * 0.1
    assert bayes.posterior([0.01, 0.99], [0.9, 0.1])[0].item() == pytest.approx(ill / (ill + healthy), rel=1e-14)
    assert ill / (ill + healthy) == pytest.approx(1 / 12)


def test_posterior_broadcasts_and_keeps_certainty():
    batch = bayes.posterior([0.5, 0.5, 0.0], [[0.2, 0.6, 9.0], [0.0, 3.0, 1.0]])
    np.testing.assert_allclose(batch, [[0.25, 0.75, 0], [0, 1, 0]], rtol=1e-14)


def test_posterior_of_tiny_likelihoods_does_not_underflow():
    np.testing.assert_allclose(bayes.posterior([0.5, 0.5], [1e-300, 3e-300]), [0.25, 0.75], rtol=1e-12)


@given(st.lists(st.floats(0.01, 5), min_size=2, max_size=6), st.floats(0.01, 100))
def test_a_common_factor_of_the_likelihood_cancels(likelihood, c):
    prior = [1 / len(likelihood)] * len(likelihood)
    scaled = [c * v for v in likelihood]
    np.testing.assert_allclose(bayes.posterior(prior, likelihood), bayes.posterior(prior, scaled), rtol=1e-12)


@settings(max_examples=50)
@given(st.integers(2, 5), st.integers(0, 12), st.integers(0, 2**31))
def test_sequential_is_batch(k, n, seed):
    rng = np.random.default_rng(seed)
    prior, likelihoods = rng.dirichlet(np.ones(k)), rng.uniform(0.05, 2, (n, k))
    measured = bayes.sequential(prior, likelihoods)
    assert measured.shape == (n + 1, k)
    np.testing.assert_allclose(measured[-1], bayes.posterior(prior, likelihoods.prod(0)), rtol=0, atol=1e-12)


# ---- odds


@given(rates)
def test_log_odds_and_probability_are_inverse(p):
    assert bayes.probability(bayes.log_odds(p)).item() == pytest.approx(p, rel=1e-9)


@given(rates, st.lists(st.tuples(rates, rates), max_size=6))
def test_log_odds_add_to_the_batch_posterior(prior, evidence):
    ratios = [math.log(a / b) for a, b in evidence]
    batch = bayes.sequential([prior, 1 - prior], np.array(evidence).reshape(-1, 2))[:, 0]
    np.testing.assert_allclose(bayes.probability(bayes.add_evidence(bayes.log_odds(prior), ratios)), batch, rtol=0, atol=1e-12)


@settings(max_examples=60)
@given(rates, rates, rates, st.text("+-", max_size=4))
def test_diagnose_agrees_with_the_rule(prior, sensitivity, fpr, results):
    d = bayes.diagnose(prior, sensitivity, fpr, results)
    assert d.joint.sum().item() == pytest.approx(1, abs=1e-12) and d.joint.min() >= 0
    direct = d.joint[0, 0] / d.joint[0].sum()
    assert bayes.probability(d.log_odds[-1]).item() == pytest.approx(direct.item(), abs=1e-9)
    assert len(d.log_odds) == len(results) + 1


def test_repeats_with_a_shared_cause_by_enumeration():
    rate, shared = 0.1, 0.08
    other = (rate - shared) / (1 - shared)
    both = sum(p * r * r for p, r in [(shared, 1.0), (1 - shared, other)])
    assert bayes.repeated_positive(rate, 2, shared) == pytest.approx(both, rel=1e-14)
    assert bayes.repeated_positive(rate, 1, shared) == pytest.approx(rate, rel=1e-14)
    assert bayes.repeated_positive(rate, 3, 0.0) == pytest.approx(rate**3, rel=1e-14)
    assert bayes.repeated_positive(rate, 7, rate) == pytest.approx(rate, rel=1e-14)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8).filter(lambda v: sum(v) > 0.1), st.integers(1, 5000))
def test_largest_remainder(weights, total):
    shares = np.array(weights) / sum(weights)
    counts = bayes.largest_remainder(shares, total)
    assert sum(counts) == total and np.abs(np.array(counts) - shares * total).max() < 1


# ---- conjugate updates


@pytest.mark.parametrize("a, b, ones, zeros", [(1, 1, 0, 0), (1, 1, 7, 3), (2.5, 0.7, 0, 4), (12, 30, 55, 1)])
def test_beta_bernoulli_against_a_grid_and_scipy(a, b, ones, zeros):
    x = (np.arange(400_000) + 0.5) / 400_000
    log_density = (a - 1 + ones) * np.log(x) + (b - 1 + zeros) * np.log1p(-x)
    post = bayes.beta_bernoulli(a, b, ones, zeros)
    mean, var = grid_moments(log_density, x)
    exact = stats.beta(*(float(v) for v in post))
    assert mean == pytest.approx(exact.mean(), abs=1e-5) and var == pytest.approx(exact.var(), abs=1e-5)
    assert bayes.beta_mean(*post).item() == pytest.approx(exact.mean(), rel=1e-12)
    product = np.prod([(a + i) / (a + b + i) for i in range(ones)]) * np.prod([(b + j) / (a + b + ones + j) for j in range(zeros)])
    assert bayes.beta_log_evidence(a, b, ones, zeros).item() == pytest.approx(np.log(product), abs=1e-9)


def test_dirichlet_of_two_is_beta():
    d = bayes.dirichlet_categorical([2.0, 3.0], [4, 1])
    assert d.tolist() == [6, 4] == [v.item() for v in bayes.beta_bernoulli(2, 3, 4, 1)]


@given(st.floats(-3, 3), st.floats(0.05, 9), st.lists(st.floats(-4, 4), min_size=1, max_size=6), st.floats(0.05, 9))
def test_gaussian_update_against_a_grid(mean, var, x, noise):
    m, v = bayes.gaussian_gaussian(mean, var, x, noise)
    t = np.linspace(m.item() - 12 * v.item() ** 0.5, m.item() + 12 * v.item() ** 0.5, 4001)
    log_density = stats.norm(mean, var**0.5).logpdf(t) + sum(stats.norm(t, noise**0.5).logpdf(xi) for xi in x)
    expected = grid_moments(log_density, t)
    assert m.item() == pytest.approx(expected[0], abs=1e-8) and v.item() == pytest.approx(expected[1], rel=1e-8)


def test_gaussian_update_one_by_one_is_all_at_once():
    step = (0.5, 4.0)
    for x in (1.0, -0.3, 2.2):
        step = bayes.gaussian_gaussian(*step, [x], 0.7)
    np.testing.assert_allclose(step, bayes.gaussian_gaussian(0.5, 4.0, [1.0, -0.3, 2.2], 0.7), rtol=1e-13)


# ---- bad input


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: bayes.posterior([0.5, 0.6], [1, 1]), "expected probabilities that sum to 1, got a sum of 1.1"),
        (lambda: bayes.posterior([1.5, -0.5], [1, 1]), "expected probabilities >= 0, got -0.5"),
        (lambda: bayes.posterior([0.5, 0.5], [1, -1]), "likelihood: expected numbers >= 0, got -1"),
        (lambda: bayes.posterior([0.5, 0.5], [1, 1, 1]), "expected a likelihood for each of 2 hypotheses, got shape"),
        (lambda: bayes.posterior([0.5, 0.5], [1, math.nan]), "likelihood: expected finite numbers, got 1 that are not"),
        (lambda: bayes.posterior([], []), "prior: expected at least one number"),
        (lambda: bayes.posterior([1, 0], [0, 1]), "got evidence 0"),
        (lambda: bayes.log_odds(1.2), r"expected probabilities in \[0, 1\], got 1.2"),
        (lambda: bayes.diagnose(0, 0.9, 0.1), "strictly between 0 and 1"),
        (lambda: bayes.diagnose(0.1, 0.9, 0.1, "+?"), r"expected a string of \+ and -, got '\+\?'"),
        (lambda: bayes.repeated_positive(0.1, 2, 0.2), "expected 0 <= shared <= rate < 1, got shared = 0.2"),
        (lambda: bayes.beta_bernoulli(0, 1, 1, 1), "a: expected numbers > 0, got 0"),
        (lambda: bayes.beta_bernoulli(1, 1, -1, 1), "ones: expected counts >= 0, got -1"),
        (lambda: bayes.gaussian_gaussian(0, -1, [1], 1), "var: expected numbers > 0, got -1"),
        (lambda: bayes.gaussian_gaussian(0, 1, [], 1), "x: expected at least one number"),
        (lambda: bayes.add_evidence([0.0, 1.0], [0.5]), "prior_log_odds: expected one number"),
        (lambda: bayes.sequential([0.5, 0.5], [0.2, 0.3]), r"likelihoods: expected shape \(N, 2\), got \(2,\)"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---- the museum


def verify_rule():
    check("bayes.rule", bayes.posterior([0.01, 0.99], [0.9, 0.1])[0], 1 / 12, atol=1e-12)


def verify_sums():
    check("bayes.posterior-sums-to-one", bayes.posterior([0.01, 0.99], [0.9, 0.1]).sum(), 1, atol=1e-12)


def verify_odds():
    ratios = [math.log(9)] * 3
    check("bayes.sequential-odds", bayes.probability(bayes.add_evidence(bayes.log_odds(0.01), ratios))[-1], 729 / (729 + 99), atol=1e-12)


def verify_batch():
    steps = bayes.sequential([0.01, 0.99], [[0.9, 0.1]] * 3)
    check("bayes.sequential-batch", steps[-1], bayes.posterior([0.01, 0.99], [0.9**3, 0.1**3]), atol=1e-12)


def verify_shared():
    check("bayes.shared-cause", bayes.repeated_positive(0.1, 2, 0.08), 0.08 + 0.92 * (0.02 / 0.92) ** 2, atol=1e-12)


def verify_gaussian():
    check("bayes.gaussian-update", bayes.gaussian_gaussian(0.0, 4.0, [3.0], 1.0)[0], 2.4, atol=1e-12)


def verify_chain():
    check("bayes.chain-count", tables.count_chain(10), 2**10 - 1)


CLAIMS = {
    "bayes.rule": verify_rule, "bayes.posterior-sums-to-one": verify_sums, "bayes.sequential-odds": verify_odds, "bayes.sequential-batch": verify_batch,
    "bayes.shared-cause": verify_shared, "bayes.gaussian-update": verify_gaussian, "bayes.chain-count": verify_chain,
}  # fmt: skip


def test_float32_is_kept():
    assert bayes.posterior(torch.tensor([0.5, 0.5]), torch.tensor([1.0, 3.0])).dtype == torch.float32
