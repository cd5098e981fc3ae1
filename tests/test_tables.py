"""Parameter counts against the entries of enumerated tables, the chain rule, and exponential families."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gentutor import tables


def table(n, k, seed=0):
    return torch.as_tensor(np.random.default_rng(seed).dirichlet(np.ones(k**n)).reshape((k,) * n))


def free_entries(factor):
    """Entries of a table of conditionals that are not fixed by its rows summing to one."""
    return factor.numel() - factor.numel() // factor.shape[-1]


@pytest.mark.parametrize("n, k", [(1, 2), (2, 2), (5, 2), (3, 3), (4, 5)])
def test_counts_are_the_free_entries(n, k):
    joint = table(n, k)
    assert tables.count_full(n, k) == joint.numel() - 1
    assert tables.count_chain(n, k) == sum(free_entries(f) for f in tables.chain_factors(joint)) == tables.count_full(n, k)
    assert tables.count_independent(n, k) == sum(free_entries(torch.ones(k)) for _ in range(n))
    markov = [torch.ones(k)] + [torch.ones(k, k)] * (n - 1)
    assert tables.count_markov(n, k) == sum(free_entries(f) for f in markov)
    classes = 3
    naive = [torch.ones(classes)] + [torch.ones(classes, k)] * n
    assert tables.count_naive_bayes(n, classes, k) == sum(free_entries(f) for f in naive)


def test_counts_of_the_chapter():
    assert tables.count_full(3, 256) == 16_777_215
    assert tables.count_full(784) == tables.count_chain(784) == 2**784 - 1
    assert len(str(tables.count_full(784))) == 237  # about 1.0e236
    assert tables.count_independent(784) == 784 and tables.count_markov(784) == 2 * 784 - 1
    assert tables.count_naive_bayes(784, 10) == 7849


@given(st.integers(1, 5), st.integers(2, 3), st.integers(0, 999))
def test_the_chain_rule_is_an_identity(n, k, seed):
    joint = table(n, k, seed)
    factors = tables.chain_factors(joint)
    for factor in factors:
        torch.testing.assert_close(factor.sum(-1), torch.ones_like(factor.sum(-1)), rtol=0, atol=1e-12)
    torch.testing.assert_close(tables.chain_product(factors), joint, rtol=0, atol=1e-14)


def test_any_conditionals_make_a_law():
    rng = np.random.default_rng(1)
    factors = [torch.as_tensor(rng.dirichlet(np.ones(3), size=(3,) * i)) for i in range(4)]
    assert tables.chain_product(factors).sum().item() == pytest.approx(1, abs=1e-12)


def test_a_markov_chain_is_conditionally_independent():
    rng = np.random.default_rng(2)
    first, step = torch.as_tensor(rng.dirichlet([1, 1])), torch.as_tensor(rng.dirichlet([1, 1], size=2))
    joint = first[:, None, None] * step[:, :, None] * step[None]
    third = tables.chain_factors(joint)[2]  # p(x3 | x1, x2)
    torch.testing.assert_close(third[0], third[1])  # does not look at x1
    assert not torch.allclose(joint.sum(1), joint.sum((1, 2))[:, None] * joint.sum((0, 1)))  # yet x1 and x3 depend


# ---- exponential families


@given(st.floats(-8, 8))
def test_bernoulli_moments(eta):
    mean, cov = tables.moments(lambda e: tables.bernoulli_log_partition(e[0]), [eta])
    rate = stats.logistic.cdf(eta)
    assert mean.item() == pytest.approx(rate, rel=1e-10) and cov.item() == pytest.approx(rate * (1 - rate), rel=1e-8)


def test_categorical_moments_are_softmax_and_its_covariance():
    eta = np.array([2.0, 1.0, 0.1])
    mean, cov = tables.moments(tables.categorical_log_partition, eta)
    p = np.exp(eta) / np.exp(eta).sum()
    np.testing.assert_allclose(mean, p, rtol=1e-12)
    np.testing.assert_allclose(cov, np.diag(p) - np.outer(p, p), atol=1e-12)


@given(st.floats(-4, 4), st.floats(0.1, 9))
def test_gaussian_moments_and_density(mean, var):
    eta = np.array([mean / var, -1 / (2 * var)])
    m, cov = tables.moments(tables.gaussian_log_partition, eta)
    np.testing.assert_allclose(m, [mean, mean**2 + var], rtol=1e-9, atol=1e-9)
    expected = [[var, 2 * mean * var], [2 * mean * var, 4 * mean**2 * var + 2 * var**2]]
    np.testing.assert_allclose(cov, expected, rtol=1e-8, atol=1e-8)
    x = np.linspace(-5, 5, 11)
    log_p = eta[0] * x + eta[1] * x**2 - tables.gaussian_log_partition(eta).item() - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(log_p, stats.norm(mean, var**0.5).logpdf(x), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: tables.count_full(0), "n: expected a whole number >= 1, got 0"),
        (lambda: tables.count_markov(3, 2.0), "k: expected a whole number >= 1, got 2.0"),
        (lambda: tables.chain_factors(torch.full((2, 2), 0.3)), "sum to 1, got a sum of 1.2"),
        (lambda: tables.chain_factors(torch.tensor([[0.5, 0.5], [0.0, 0.0]])), "every prefix to have positive probability"),
        (lambda: tables.gaussian_log_partition([1.0, 0.5]), "expected a negative second entry, got 0.5"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_counts_stay_exact_where_floats_end():
    for n, k in itertools.product((100, 784), (2, 256)):
        assert tables.count_full(n, k) + 1 == k**n
