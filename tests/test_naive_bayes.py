"""Naive Bayes against brute force over the missing pixels, against scikit-learn, and against its own linear form."""

import itertools

import numpy as np
import pytest
import torch
from sklearn.naive_bayes import BernoulliNB

from gentutor import naive_bayes
from gentutor.checks import check

MODEL = naive_bayes.NaiveBayes(
    torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64),
    torch.tensor([[0.9, 0.1, 0.4, 0.7], [0.3, 0.6, 0.5, 0.2], [0.05, 0.8, 0.9, 0.5]], dtype=torch.float64),
)
IMAGES = torch.tensor(list(itertools.product([0, 1], repeat=4)))


def joint(x):
    """p(x, y) for one image, written out."""
    return MODEL.prior * torch.where(torch.as_tensor(x, dtype=torch.bool), MODEL.rates, 1 - MODEL.rates).prod(1)


def data(n=300, d=12, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, n)
    return (rng.random((n, d)) < rng.random((4, d))[y]).astype(int), y


def completions(x, observed):
    return [z for z in IMAGES if (z == x)[observed].all()]


def test_the_joint_sums_to_one():
    assert naive_bayes.class_log_joint(MODEL, IMAGES).exp().sum().item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("observed", list(itertools.product([False, True], repeat=4)))
def test_missing_pixels_are_summed_out(observed):
    mask = torch.tensor(observed)
    for x in IMAGES:
        brute = sum(joint(z) for z in completions(x, mask))
        torch.testing.assert_close(naive_bayes.class_log_joint(MODEL, x[None], mask)[0].exp(), brute, rtol=1e-12, atol=0)
        torch.testing.assert_close(naive_bayes.log_prob(MODEL, x[None], mask)[0].exp(), brute.sum(), rtol=1e-12, atol=0)


def test_what_is_missing_is_never_looked_at():
    mask = torch.tensor([True, False, True, False])
    x = torch.tensor([[1.0, torch.nan, 0.0, 99.0]])
    expected = naive_bayes.class_posterior(MODEL, torch.tensor([[1, 0, 0, 0]]), mask)
    torch.testing.assert_close(naive_bayes.class_posterior(MODEL, x, mask), expected)


def test_imputation_follows_the_conditional_law():
    mask = torch.tensor([True, False, False, True])
    x = torch.tensor([1, 0, 0, 0])
    law = {tuple(z.tolist()): joint(z).sum().item() for z in completions(x, mask)}
    total, n = sum(law.values()), 40_000
    draws = naive_bayes.impute(MODEL, x.expand(n, 4), mask, torch.Generator().manual_seed(0))
    assert (draws[:, mask] == x[mask]).all()
    for z, p in law.items():
        share = (draws == torch.tensor(z)).all(1).double().mean().item()
        assert abs(share - p / total) < 5 * (0.25 / n) ** 0.5
    mean = sum(p / total * torch.tensor(z).double() for z, p in law.items())
    torch.testing.assert_close(naive_bayes.predict_pixels(MODEL, x[None], mask)[0][~mask], mean[~mask], rtol=1e-12, atol=0)


@pytest.mark.parametrize("alpha", [0.1, 1.0, 7.0])
def test_parity_with_scikit_learn(alpha):
    x, y = data()
    ours, theirs = naive_bayes.fit(x, y, 4, alpha), BernoulliNB(alpha=alpha).fit(x, y)
    np.testing.assert_allclose(ours.rates.log(), theirs.feature_log_prob_, rtol=1e-12)
    np.testing.assert_allclose(naive_bayes.class_posterior(ours, x), theirs.predict_proba(x), atol=1e-12)
    np.testing.assert_allclose(naive_bayes.class_log_joint(ours, x), theirs.predict_joint_log_proba(x), atol=1e-10)


def test_the_log_odds_are_linear():
    x, y = data()
    model = naive_bayes.fit(x, y, 4)
    w, b = naive_bayes.log_odds_weights(model, 2, 0)
    both = naive_bayes.class_log_joint(model, x)
    torch.testing.assert_close(torch.as_tensor(x).double() @ w + b, both[:, 2] - both[:, 0], rtol=1e-12, atol=1e-10)


def verify_marginalised():
    mask = torch.tensor([False, True, False, True])
    x = torch.tensor([1, 1, 1, 0])
    brute = sum(joint(z).sum() for z in completions(x, mask))
    check("bayes.marginalised", naive_bayes.log_prob(MODEL, x[None], mask)[0].exp(), brute, atol=1e-12)


def verify_unseen():
    model = naive_bayes.fit([[0, 0], [0, 1], [0, 0], [0, 1]], [0, 0, 1, 1], 2)
    check("bayes.unseen-pixel", naive_bayes.class_posterior(model, [[1, 1]]).sum(), 1, atol=1e-12)


CLAIMS = {"bayes.marginalised": verify_marginalised, "bayes.unseen-pixel": verify_unseen}


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: naive_bayes.fit([[0, 2]], [0], 1), "expected 0 and 1 only, got values from 0 to 2"),
        (lambda: naive_bayes.fit([0, 1], [0, 1], 2), r"x: expected shape \(N, D\), got \(2,\)"),
        (lambda: naive_bayes.fit([[0], [1]], [0], 2), "y: expected 2 labels, got shape"),
        (lambda: naive_bayes.fit([[0], [1]], [0, 5], 2), r"expected labels in \[0, 2\), got 0 to 5"),
        (lambda: naive_bayes.fit([[0], [1]], [0, 0], 2), "expected each of 2 classes, got none of class 1"),
        (lambda: naive_bayes.fit([[0], [1]], [0, 1], 2, alpha=0), "alpha: expected a number > 0, got 0"),
        (lambda: naive_bayes.log_prob(MODEL, [[0, 1]]), "x: expected 4 features, got 2"),
        (lambda: naive_bayes.log_prob(MODEL, IMAGES, [True]), r"observed: expected shape \(16, 4\) or \(4,\), got \(1,\)"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
