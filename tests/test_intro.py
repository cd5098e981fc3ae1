"""The two views of a two-class problem: by quadrature, against SciPy and scikit-learn; the planted bugs are caught."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KernelDensity

from gentutor import intro
from gentutor.bugs import BUGS, planted
from gentutor.checks import CheckFailed, check

SHARED = intro.two_classes(0.4, [[-1, 0], [1, 0.5]], [[1, 0.6], [0.6, 1]])
OWN = intro.two_classes(0.3, [[0, 0], [1, 1]], [[[1, 0.5], [0.5, 2]], [[0.5, -0.3], [-0.3, 0.5]]])
MODELS = {"shared": SHARED, "own": OWN}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def points(n=50, seed=1, wide=2):
    return 2 * torch.randn(n, wide, dtype=torch.float64, generator=rng(seed))


# ---- generative

@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_joint_is_scipys(model):
    x = points()
    for y, prior in enumerate((1 - model.share, model.share)):
        law = stats.multivariate_normal(model.means[y], model.covs[y])
        np.testing.assert_allclose(intro.log_joint(model, x)[:, y], math.log(prior) + law.logpdf(x), rtol=1e-12)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_missing_feature_is_integrated_out(model):
    hidden = torch.linspace(-14, 14, 2801, dtype=torch.float64)
    for x0 in (-1.3, 0.2, 2.0):
        line = torch.stack([torch.full_like(hidden, x0), hidden], 1)
        by_sum = intro.log_joint(model, line).exp().sum(0) * 0.01
        marginal = intro.log_joint(model, [[x0, math.nan]], [True, False]).exp()[0]
        np.testing.assert_allclose(marginal, by_sum, rtol=1e-12)


def test_nothing_observed_leaves_the_prior_and_everything_is_the_default():
    x = points(3)
    np.testing.assert_allclose(intro.log_joint(OWN, x, [False, False]).exp(), [[0.7, 0.3]] * 3, rtol=1e-12)
    assert torch.equal(intro.log_prob(OWN, x), intro.log_prob(OWN, x, [True, True]))


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_density_integrates_to_one(model):
    side = torch.linspace(-12, 12, 481, dtype=torch.float64)
    cells = torch.cartesian_prod(side, side)
    assert (intro.log_prob(model, cells).exp().sum() * 0.05**2).item() == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_draws_follow_the_model(model):
    n = 200_000
    x, y = intro.sample(model, n, rng())
    assert abs(y.double().mean() - model.share) < 4 * math.sqrt(0.25 / n)
    for k in (0, 1):
        mine = x[y == k]
        assert (mine.mean(0) - model.means[k]).abs().max() < 0.03 and (torch.cov(mine.T) - model.covs[k]).abs().max() < 0.05


@pytest.mark.parametrize("shared", [True, False])
def test_the_fit_is_maximum_likelihood_and_scikit_learns(shared):
    x, y = intro.sample(OWN, 400, rng())
    fitted = intro.fit_generative(x, y, shared)
    theirs = LinearDiscriminantAnalysis(solver="lsqr") if shared else QuadraticDiscriminantAnalysis(reg_param=0)
    theirs.fit(x, y)
    if shared:
        np.testing.assert_allclose(intro.log_odds(fitted, points()), theirs.decision_function(points()), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(fitted.means, theirs.means_, rtol=1e-10)

    def likelihood(model):
        return intro.log_joint(model, x).gather(1, y[:, None]).mean()

    for moved in (fitted._replace(means=fitted.means + 0.01), fitted._replace(covs=1.02 * fitted.covs), fitted._replace(share=fitted.share + 0.02)):
        assert likelihood(moved) < likelihood(fitted)


@given(st.floats(0.05, 0.95), st.floats(-0.9, 0.9), st.lists(st.floats(-3, 3), min_size=4, max_size=4))
def test_one_covariance_makes_the_log_odds_linear(share, correlation, means):
    model = intro.two_classes(share, np.reshape(means, (2, 2)), [[1, correlation], [correlation, 1]])
    weights, bias = intro.linear_log_odds(model)
    np.testing.assert_allclose(points() @ weights + bias, intro.log_odds(model, points()), rtol=1e-9, atol=1e-8)


def test_completion_follows_the_conditional_law():
    n, x0, seen = 100_000, 0.5, torch.tensor([True, False])
    drawn = intro.complete(OWN, [[x0, math.nan]] * n, seen, rng())
    assert (drawn[:, 0] == x0).all()
    hidden = torch.linspace(-10, 10, 4001, dtype=torch.float64)
    density = intro.log_prob(OWN, torch.stack([torch.full_like(hidden, x0), hidden], 1)).exp()
    law = density.cumsum(0) / density.sum()
    gap = (torch.searchsorted(drawn[:, 1].sort().values, hidden) / n - law).abs().max()
    assert gap < 1.95 / math.sqrt(n) + 0.003  # Kolmogorov, and the grid


# ---- discriminative

def test_logistic_regression_is_scikit_learns():
    x, y = intro.sample(OWN, 500, rng(3))
    ours, theirs = intro.fit_logistic(x, y), LogisticRegression(C=1e10, tol=1e-10, max_iter=1000).fit(x, y)
    np.testing.assert_allclose(ours.weights, theirs.coef_[0], rtol=1e-4)
    np.testing.assert_allclose(ours.log_odds(points()), theirs.decision_function(points()), rtol=1e-3, atol=1e-4)


def test_logistic_regression_finds_the_generative_line():
    x, y = intro.sample(SHARED, 200_000, rng())
    ours, (weights, bias) = intro.fit_logistic(x, y), intro.linear_log_odds(SHARED)
    assert (ours.weights - weights).abs().max() < 0.05 and abs(ours.bias - bias) < 0.05


def test_separable_classes_are_refused():
    with pytest.raises(ValueError, match="a plane separates"):
        intro.fit_logistic([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])


# ---- explicit and implicit

def test_the_kernel_density_is_scikit_learns():
    data = points(40, 2)
    theirs = KernelDensity(bandwidth=0.4).fit(data).score_samples(points())
    np.testing.assert_allclose(intro.kernel_log_prob(points(), data, 0.4), theirs, rtol=1e-8)


def test_kernel_draws_have_the_kernel_density_s_moments():
    data = points(40, 2)
    drawn = intro.kernel_sample(100_000, data, 0.4, rng())
    expected = torch.cov(data.T, correction=0) + 0.16 * torch.eye(2, dtype=torch.float64)
    assert (drawn.mean(0) - data.mean(0)).abs().max() < 0.04 and (torch.cov(drawn.T) - expected).abs().max() < 0.1


def test_the_spiral_stays_near_its_curve():
    x = intro.spiral(points(1000) / 2)
    assert x.shape == (1000, 2) and 0.3 < x.norm(dim=1).min() and x.norm(dim=1).max() < 3.5
    on_curve = intro.spiral(torch.zeros(1, 2, dtype=torch.float64))
    np.testing.assert_allclose(on_curve.norm(), 3 * 0.625, rtol=1e-12)


# ---- two demands

def test_order_and_place():
    p = torch.tensor([0.5, 0.3, 0.195, 0.005], dtype=torch.float64)
    assert intro.order_agreement(p, p**0.2 / (p**0.2).sum()) == 1 and intro.order_agreement(p, p.flip(0)) == 0
    assert intro.share_inside(p, p).item() == pytest.approx(0.995) and intro.share_inside(p, p.flip(0)).item() == pytest.approx(0.5)
    assert intro.order_agreement(p, torch.full_like(p, 0.25)) == 0  # ties are no order


@pytest.mark.parametrize("call, words", [
    (lambda: intro.two_classes(1, [[0.0], [1.0]], [[1.0]]), "share: expected one number strictly between 0 and 1"),
    (lambda: intro.two_classes(0.5, [0.0, 1.0], [[1.0]]), r"means: expected shape \(2, D\)"),
    (lambda: intro.two_classes(0.5, [[0.0], [1.0]], [[-1.0]]), r"covs\[0\]: expected a positive definite"),
    (lambda: intro.two_classes(0.5, [[0.0], [1.0]], [1.0]), "covs: expected shape"),
    (lambda: intro.fit_generative([[0.0], [1.0]], [1, 1]), "labels 0 and 1, both"),
    (lambda: intro.fit_logistic([[0.0], [1.0]], [0, 2]), "labels 0 and 1"),
    (lambda: intro.fit_logistic([[0.0], [1.0]], [0]), "y: expected 2 labels"),
    (lambda: intro.log_joint(OWN, [[1.0]]), r"x: expected shape \(N, 2\)"),
    (lambda: intro.log_joint(OWN, [[1.0, math.nan]]), "expected finite numbers"),
    (lambda: intro.log_joint(OWN, [[1.0, 1.0]], [True]), "observed: expected 2 booleans"),
    (lambda: intro.linear_log_odds(OWN), "one covariance for both"),
    (lambda: intro.kernel_log_prob(points(), points(), 0), "bandwidth: expected a number > 0"),
    (lambda: intro.kernel_log_prob(points(), points(wide=3), 1), r"expected \(B, D\) and \(N, D\)"),
    (lambda: intro.share_inside(torch.ones(2), torch.ones(2) / 2), "p: expected probabilities that sum to 1"),
    (lambda: intro.order_agreement(torch.ones(1), torch.ones(2) / 2), "the same cells"),
])
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# ---- the bug museum

def verify_missing():
    check("intro.missing-feature", intro.log_odds(OWN, [[0.4, 9.0]], [True, False])[0], log_odds_by_sum(OWN, 0.4), atol=1e-9)


def log_odds_by_sum(model, x0):
    hidden = torch.linspace(-14, 14, 2801, dtype=torch.float64)
    joint = intro.log_joint(model, torch.stack([torch.full_like(hidden, x0), hidden], 1)).exp().sum(0)
    return (joint[1] / joint[0]).log()


def verify_linear():
    weights, bias = intro.linear_log_odds(SHARED)
    check("intro.linear-log-odds", points() @ weights + bias, intro.log_odds(SHARED, points()), atol=1e-10)


def verify_kernel():
    side = torch.linspace(-9, 9, 361, dtype=torch.float64)
    mass = intro.kernel_log_prob(torch.cartesian_prod(side, side), points(20) / 2, 0.4).exp().sum() * 0.05**2
    check("intro.kernel-normalised", mass, 1, atol=1e-6)


CLAIMS = {"intro.missing-feature": verify_missing, "intro.linear-log-odds": verify_linear, "intro.kernel-normalised": verify_kernel}


def test_a_bug_is_the_check_s_business_alone():
    with planted("intro.missing-as-mean"), pytest.raises(CheckFailed, match="intro.missing-feature"):
        verify_missing()
