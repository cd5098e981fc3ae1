"""Entropy, KL, distances and fits: against quadrature, Monte Carlo, scipy, torch, and by their properties."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st

from gentutor import densities, distances, fits, kl
from gentutor.checks import check
from gentutor.densities import Mixture1D

DIE, FAIR = [0.7, 0.2, 0.1], [1 / 3] * 3
BIMODAL = Mixture1D([0.6, 0.4], [-2.0, 2.5], [0.7, 0.5])


def laws(k):
    """Probability vectors of length k, zeros among them."""
    parts = st.lists(st.one_of(st.just(0.0), st.floats(1e-6, 1)), min_size=k, max_size=k).filter(lambda v: sum(v) > 0)
    return parts.map(lambda v: torch.tensor(v, dtype=torch.float64) / sum(v))


def pairs():
    return st.integers(2, 6).flatmap(lambda k: st.tuples(laws(k), laws(k)))


def vectors(d, low=-3, high=3):
    return st.lists(st.floats(low, high), min_size=d, max_size=d).map(lambda v: torch.tensor(v, dtype=torch.float64))


def gaussian_pair(seed, d):
    r = np.random.default_rng(seed)
    a, b = r.standard_normal((2, d, d))
    m1, m2 = torch.as_tensor(r.standard_normal((2, d)))
    return m1, torch.as_tensor(a @ a.T + np.eye(d)), m2, torch.as_tensor(b @ b.T + np.eye(d))


def normal(mean, std):
    return lambda x: densities.log_normal(x, mean, 2 * math.log(std))


# --- discrete ----------------------------------------------------------------------------------------------------

def test_worked_examples():
    assert kl.entropy(DIE).item() == pytest.approx(0.801819, abs=1e-6)
    assert kl.kl_discrete(DIE, FAIR).item() == pytest.approx(0.296793, abs=1e-6)
    assert kl.kl_discrete(FAIR, DIE).item() == pytest.approx(0.324287, abs=1e-6)
    p = kl.softmax([2.0, 1.0, 0.1])
    assert p.tolist() == pytest.approx([0.6590, 0.2424, 0.0986], abs=5e-5)
    assert -p[0].log().item() == pytest.approx(0.4170, abs=5e-5)
    nats = kl.cross_entropy([1.0, 0, 0], [0.6, 0.3, 0.1])
    assert nats.item() == pytest.approx(0.511, abs=5e-4) and kl.bits(nats).item() == pytest.approx(0.737, abs=5e-4)
    assert kl.perplexity(nats).item() == pytest.approx(1 / 0.6, rel=1e-12)


@given(pairs())
def test_against_scipy(pair):
    p, q = pair
    assert kl.entropy(p).item() == pytest.approx(scipy.stats.entropy(p), abs=1e-12)
    assert kl.kl_discrete(p, q).item() == pytest.approx(scipy.stats.entropy(p, q), abs=1e-12)


@given(pairs())
def test_properties_of_kl_and_js(pair):
    p, q = pair
    value, js = kl.kl_discrete(p, q).item(), kl.js_discrete(p, q).item()
    assert value >= -1e-12 and abs(kl.kl_discrete(p, p).item()) < 1e-12
    assert -1e-12 <= js <= math.log(2) + 1e-12
    assert js == pytest.approx(kl.js_discrete(q, p).item(), abs=1e-12)
    assert value >= 0.5 * (p - q).abs().sum().item() ** 2 - 1e-12  # Pinsker
    if math.isfinite(value):
        assert kl.cross_entropy(p, q).item() == pytest.approx(value + kl.entropy(p).item(), abs=1e-12)


def test_support():
    assert kl.kl_discrete([0.5, 0.5], [1.0, 0.0]).item() == math.inf
    assert kl.kl_discrete([1.0, 0.0], [0.5, 0.5]).item() == pytest.approx(math.log(2))
    assert kl.cross_entropy([0.5, 0.5, 0], [0.5, 0.5, 0]).item() == pytest.approx(math.log(2))
    assert kl.js_discrete([1.0, 0], [0, 1.0]).item() == pytest.approx(math.log(2))


@given(st.integers(0, 10**6))
def test_chain_rule_and_data_processing(seed):
    """KL of joints = KL of marginals + mean KL of conditionals; merging outcomes cannot raise it."""
    r = np.random.default_rng(seed)
    p, q = torch.as_tensor(r.dirichlet(np.ones(12), 2)).reshape(2, 3, 4)
    joint = kl.kl_discrete(p.flatten(), q.flatten())
    marginal = kl.kl_discrete(p.sum(1), q.sum(1))
    conditional = kl.kl_discrete(p / p.sum(1, keepdim=True), q / q.sum(1, keepdim=True))  # (3,)
    assert torch.isclose(joint, marginal + (p.sum(1) * conditional).sum(), atol=1e-12)
    assert marginal <= joint + 1e-12


def test_leading_axes_broadcast():
    p = torch.softmax(torch.randn(4, 1, 5, dtype=torch.float64), -1)
    matrix = kl.kl_discrete(p, p.transpose(0, 1))
    assert matrix.shape == (4, 4) and matrix[1, 2] == kl.kl_discrete(p[1, 0], p[2, 0])


@given(st.integers(1, 50))
def test_perplexity_of_uniform_is_the_number_of_outcomes(n):
    assert kl.perplexity(kl.entropy([1 / n] * n)).item() == pytest.approx(n)


@given(vectors(5, -1000, 1000), st.floats(-1000, 1000))
def test_softmax(logits, shift):
    p = kl.softmax(logits)
    assert p.sum().item() == pytest.approx(1) and torch.allclose(p, torch.softmax(logits, -1), atol=1e-15)
    assert torch.allclose(p, kl.softmax(logits + shift), atol=1e-9)


def test_gradient_of_cross_entropy_is_softmax_minus_target():
    logits = torch.tensor([2.0, 1.0, 0.1], dtype=torch.float64, requires_grad=True)
    target = torch.tensor(DIE, dtype=torch.float64)
    kl.cross_entropy(target, kl.softmax(logits)).backward()
    assert torch.allclose(logits.grad, kl.softmax(logits.detach()) - target, atol=1e-12)


@given(laws(6))
def test_huffman_is_a_prefix_code_within_one_bit(p):
    lengths = kl.huffman_lengths(p)
    mean = sum(prob * length for prob, length in zip(p.tolist(), lengths))
    assert sum(2.0**-length for length in lengths) == pytest.approx(1)  # Kraft, with equality
    assert kl.bits(kl.entropy(p)).item() - 1e-9 <= mean <= kl.bits(kl.entropy(p)).item() + 1


# --- Gaussians ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("d", [1, 2, 5])
def test_full_gaussian_against_torch(d):
    m1, c1, m2, c2 = gaussian_pair(d, d)
    make = torch.distributions.MultivariateNormal
    expected = torch.distributions.kl_divergence(make(m1, c1), make(m2, c2))
    assert torch.isclose(kl.gaussian_kl_full(m1, c1, m2, c2), expected, rtol=1e-10)


def test_the_example_of_the_errata():
    r = np.random.default_rng(0)
    a, b = r.standard_normal((2, 3, 3))
    m1, m2 = r.standard_normal((2, 3))
    value = kl.gaussian_kl_full(m1, a @ a.T + np.eye(3), m2, b @ b.T + np.eye(3))
    assert value.item() == pytest.approx(2.3431, abs=5e-5)


@given(vectors(3), vectors(3), vectors(3), vectors(3))
def test_the_forms_agree_and_are_non_negative(m1, l1, m2, l2):
    diag = kl.gaussian_kl_diag(m1, l1.exp(), m2, l2.exp())
    assert torch.isclose(diag, kl.gaussian_kl_log_var(m1, l1, m2, l2), rtol=1e-9, atol=1e-9)
    assert torch.isclose(diag, kl.gaussian_kl_full(m1, l1.exp().diag(), m2, l2.exp().diag()), rtol=1e-9, atol=1e-9)
    assert diag >= -1e-9
    standard = kl.gaussian_kl_log_var(m1, l1, torch.zeros(3).double(), torch.zeros(3).double())
    assert torch.isclose(kl.gaussian_kl_standard(m1, l1), standard, rtol=1e-12, atol=1e-12)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_invariant_under_affine_maps(seed, other):
    m1, c1, m2, c2 = gaussian_pair(seed, 3)
    shift, matrix, _, _ = gaussian_pair(other, 3)
    mapped = [matrix @ m1 + shift, matrix @ c1 @ matrix.T, matrix @ m2 + shift, matrix @ c2 @ matrix.T]
    mapped[1::2] = [(c + c.T) / 2 for c in mapped[1::2]]
    assert torch.isclose(kl.gaussian_kl_full(*mapped), kl.gaussian_kl_full(m1, c1, m2, c2), rtol=1e-6)


@given(vectors(6), vectors(6))
def test_additive_over_dimensions(mean, log_var):
    one_by_one = sum(kl.gaussian_kl_standard(m.reshape(1), v.reshape(1)) for m, v in zip(mean, log_var))
    assert torch.isclose(kl.gaussian_kl_standard(mean, log_var), one_by_one, rtol=1e-12)


def test_one_value_per_example_and_the_gradients():
    mean = torch.tensor([[1.5, -0.5], [0.0, 2.0]], dtype=torch.float64, requires_grad=True)
    log_var = torch.tensor([[0.3, -1.0], [0.0, 1.0]], dtype=torch.float64, requires_grad=True)
    value = kl.gaussian_kl_standard(mean, log_var)
    assert value.shape == (2,)
    by_mean, by_log_var = torch.autograd.grad(value.sum(), (mean, log_var))
    assert torch.allclose(by_mean, mean) and torch.allclose(by_log_var, (log_var.exp() - 1) / 2)


# --- any densities -----------------------------------------------------------------------------------------------

@given(st.floats(-2, 2), st.floats(0.3, 2), st.floats(-2, 2), st.floats(0.3, 2))
def test_quadrature_against_the_closed_form(m1, s1, m2, s2):
    closed = kl.gaussian_kl_diag([m1], [s1**2], [m2], [s2**2]).item()
    assert kl.kl_quadrature(normal(m1, s1), normal(m2, s2), -25, 25).item() == pytest.approx(closed, abs=1e-9, rel=1e-9)


@pytest.mark.parametrize("low_variance", [False, True])
def test_monte_carlo_within_its_standard_error(low_variance):
    q = normal(-0.5, 0.9) if low_variance else normal(0.5, 1.5)
    p = Mixture1D([0.5, 0.5], [-0.5, 0.0], [1.0, 1.0]) if low_variance else BIMODAL
    exact = kl.kl_quadrature(p.log_prob, q, -30, 30)
    x = p.sample(40_000, torch.Generator().manual_seed(1))
    value, error = kl.kl_monte_carlo(p.log_prob, q, x, low_variance=low_variance)
    assert abs(value - exact) < 4 * error and error < 0.02


def test_the_low_variance_estimator_is_quieter_near_p_and_never_negative():
    p, q = normal(0, 1), normal(0.1, 1)
    x = torch.randn(2000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    plain, quiet = (kl.kl_monte_carlo(p, q, x, low_variance=b) for b in (False, True))
    assert quiet[1] < plain[1] / 5 and quiet[0] >= 0
    assert abs(quiet[0] - 0.005) < 4 * quiet[1]


def test_js_quadrature():
    far = kl.js_quadrature(normal(-10, 0.5), normal(10, 0.5), -20, 20)
    assert far.item() == pytest.approx(math.log(2), abs=1e-9)
    assert kl.js_quadrature(normal(1, 2), normal(1, 2), -30, 30).item() == pytest.approx(0, abs=1e-12)
    there, back = kl.js_quadrature(normal(0, 1), normal(1, 2), -30, 30), kl.js_quadrature(normal(1, 2), normal(0, 1), -30, 30)
    assert torch.isclose(there, back, rtol=1e-12) and 0 < there < math.log(2)


def test_kl_is_infinite_where_q_misses_p():
    box = lambda lo, hi: lambda x: torch.where((x >= lo) & (x <= hi), -math.log(hi - lo), -math.inf)  # noqa: E731
    assert kl.kl_quadrature(box(0, 2), box(0, 1), 0, 2).item() == math.inf
    assert kl.kl_quadrature(box(0, 1), box(0, 2), 0, 2, n=40_001).item() == pytest.approx(math.log(2), abs=1e-3)


# --- distances ---------------------------------------------------------------------------------------------------

samples = st.lists(st.floats(-5, 5), min_size=1, max_size=30)


@given(samples, samples)
def test_wasserstein_against_scipy(x, y):
    ours = distances.wasserstein_1d(torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)).item()
    assert ours == pytest.approx(scipy.stats.wasserstein_distance(x, y), abs=1e-9)
    if len(x) == len(y):
        assert ours == pytest.approx(np.abs(np.sort(x) - np.sort(y)).mean(), abs=1e-9)


@given(st.floats(-3, 3), st.floats(0, 4))
def test_wasserstein_of_a_shift_is_the_shift(start, shift):
    p, q = Mixture1D([1], [start], [0.7]), Mixture1D([1], [start + shift], [0.7])
    assert distances.wasserstein_cdf(p.cdf, q.cdf, -20, 20).item() == pytest.approx(shift, abs=1e-4)


def test_mmd_against_brute_force():
    r = np.random.default_rng(0)
    x, y = r.standard_normal((7, 2)), r.standard_normal((5, 2)) + 1
    k = lambda a, b: math.exp(-((a - b) ** 2).sum() / (2 * 0.8**2))  # noqa: E731
    within = [np.mean([k(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j]) for z in (x, y)]
    expected = sum(within) - 2 * np.mean([k(a, b) for a in x for b in y])
    assert distances.mmd2_unbiased(x, y, 0.8).item() == pytest.approx(expected, abs=1e-12)


def test_mmd_is_unbiased():
    g = torch.Generator().manual_seed(0)
    draw = lambda: torch.randn(20, dtype=torch.float64, generator=g)  # noqa: E731
    same = torch.stack([distances.mmd2_unbiased(draw(), draw(), 1.0) for _ in range(400)])
    moved = torch.stack([distances.mmd2_unbiased(draw(), draw() + 1, 1.0) for _ in range(400)])
    mean, error = kl.mean_with_error(same)
    assert abs(mean) < 4 * error and same.min() < 0
    # E k over N(a, 1) and N(b, 1) with bandwidth 1 is exp(-(a - b)^2 / 6) / sqrt(3)
    exact = 2 / math.sqrt(3) * (1 - math.exp(-1 / 6))
    mean, error = kl.mean_with_error(moved)
    assert abs(mean - exact) < 4 * error


# --- fits --------------------------------------------------------------------------------------------------------

def test_forward_fit_beats_its_neighbours():
    mean, std = (v.item() for v in fits.forward_fit(BIMODAL))
    best = kl.kl_quadrature(BIMODAL.log_prob, normal(mean, std), -40, 40)
    for dm, ds in [(0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.05)]:
        assert kl.kl_quadrature(BIMODAL.log_prob, normal(mean + dm, std + ds), -40, 40) > best


def test_reverse_kl_against_quadrature():
    for mean, std in [(-2.0, 0.7), (0.3, 2.0), (2.5, 0.3)]:
        value = fits.reverse_kl(BIMODAL, torch.tensor(mean).double(), torch.tensor(std).double().log())
        exact = kl.kl_quadrature(normal(mean, std), BIMODAL.log_prob, -25, 25, n=20_001)
        assert value.item() == pytest.approx(exact.item(), abs=1e-7)


def test_reverse_fit_descends_to_the_optimum_of_its_side():
    for start, side in [(-3.0, -2.0), (3.5, 2.5)]:
        records = list(fits.reverse_fit(BIMODAL, start, 1.0, steps=80))
        values = torch.stack([r["kl_nats"] for r in records])
        assert [r["step"] for r in records] == list(range(1, 81)) and (values.diff() <= 0).all()
        last = records[-1]
        assert last["gradient"] < 1e-5 and abs(last["mean"] - side) < 0.01
        assert torch.isclose(last["kl_nats"], fits.reverse_kl(BIMODAL, last["mean"], last["std"].log()))


@pytest.mark.parametrize("p, count", [
    (BIMODAL, 2), (Mixture1D([1], [0.5], [0.8]), 1), (Mixture1D([0.3, 0.4, 0.3], [-3.0, 0, 3], [0.5] * 3), 4),
])
def test_reverse_optima_are_minima(p, count):
    optima = fits.reverse_optima(p)
    assert len(optima) == count and [v[2] for v in optima] == sorted(v[2] for v in optima)
    for mean, std, _ in optima:
        at = torch.tensor([mean, math.log(std)], dtype=torch.float64)
        f = lambda v: fits.reverse_kl(p, v[0], v[1])  # noqa: E731
        assert torch.autograd.functional.jacobian(f, at).abs().max() < 1e-5
        assert torch.linalg.eigvalsh(torch.autograd.functional.hessian(f, at)).min() > 0


# --- the bug museum: the named check catches each ----------------------------------------------------------------

def claim_gaussian():
    m1, c1, m2, c2 = gaussian_pair(0, 3)
    make = torch.distributions.MultivariateNormal
    exact = torch.distributions.kl_divergence(make(m1, c1), make(m2, c2))
    check("kl.gaussian-closed-form", kl.gaussian_kl_full(m1, c1, m2, c2), exact, atol=1e-9)


def claim_log_var():
    mean, log_var = torch.tensor([[1.5], [0.3]], dtype=torch.float64)
    exact = kl.kl_quadrature(normal(1.5, math.exp(0.15)), normal(0, 1), -15, 15)
    check("kl.log-var-form", kl.gaussian_kl_standard(mean, log_var), exact, atol=1e-9)


def claim_descent():
    at = torch.tensor([1.5, -0.3], dtype=torch.float64, requires_grad=True)
    for _ in range(100):
        (gradient,) = torch.autograd.grad(kl.gaussian_kl_standard(at[:1], at[1:]), at)
        at = (at - 0.1 * gradient).detach().requires_grad_()
    check("kl.descent-to-prior", at.detach().abs().max(), at_most=0.01)


def claim_additive():
    mean, log_var = torch.tensor([1.5, -0.5, 0.2]).double(), torch.tensor([0.3, -1.0, 0.0]).double()
    parts = sum(kl.gaussian_kl_standard(m.reshape(1), v.reshape(1)) for m, v in zip(mean, log_var))
    check("kl.additive", kl.gaussian_kl_standard(mean, log_var), parts, atol=1e-12)


def claim_density_mass():
    side = torch.linspace(-8, 8, 161, dtype=torch.float64)
    x = torch.stack(torch.meshgrid(side, side, indexing="ij"), -1)
    cov = torch.tensor([[1.0, 0.3], [0.3, 0.5]], dtype=torch.float64)
    mass = densities.log_normal_full(x, torch.zeros(2).double(), cov).exp().sum() * 0.1**2
    check("kl.density-mass", mass, 1.0, atol=1e-6)


def claim_learned_variance():
    log_var = torch.linspace(-3, 7, 1001, dtype=torch.float64)
    best = log_var[densities.log_normal(2.0, 0.0, log_var).argmax()].exp()
    check("kl.learned-variance", best, 4.0, atol=0.05)


def claim_mmd():
    g = torch.Generator().manual_seed(0)
    draw = lambda: torch.randn(20, dtype=torch.float64, generator=g)  # noqa: E731
    mean, error = kl.mean_with_error(torch.stack([distances.mmd2_unbiased(draw(), draw(), 1.0) for _ in range(200)]))
    check("kl.mmd-unbiased", mean / error, 0.0, atol=4)


CLAIMS = {
    "kl.entropy-cross-entropy": lambda: check("kl.entropy-cross-entropy", kl.kl_discrete(DIE, FAIR), kl.cross_entropy(DIE, FAIR) - kl.entropy(DIE), atol=1e-12),
    "kl.perplexity-of-uniform": lambda: check("kl.perplexity-of-uniform", kl.perplexity(math.log(10)), 10.0, atol=1e-9),
    "kl.die": lambda: check("kl.die", kl.kl_discrete(DIE, FAIR), 0.2968, atol=1e-4),
    "kl.js-bound": lambda: check("kl.js-bound", kl.js_discrete([1 - 1e-6, 1e-6], [1e-6, 1 - 1e-6]), at_most=math.log(2)),
    "kl.log-var-form": claim_log_var,
    "kl.descent-to-prior": claim_descent,
    "kl.additive": claim_additive,
    "kl.gaussian-closed-form": claim_gaussian,
    "kl.density-mass": claim_density_mass,
    "kl.learned-variance": claim_learned_variance,
    "kl.mmd-unbiased": claim_mmd,
}


# --- bad input ---------------------------------------------------------------------------------------------------

EYE = torch.eye(2).double()
BAD = {
    "negative": lambda: kl.entropy([1.5, -0.5]),
    "unnormalised": lambda: kl.kl_discrete([0.5, 0.4], [0.5, 0.5]),
    "empty": lambda: kl.entropy([]),
    "one number": lambda: kl.entropy(1.0),
    "not finite": lambda: kl.cross_entropy([0.5, 0.5], [math.nan, 1]),
    "other outcomes": lambda: kl.kl_discrete([0.5, 0.5], [0.5, 0.25, 0.25]),
    "other rows": lambda: kl.js_discrete(torch.full((2, 2), 0.5), torch.full((3, 2), 0.5)),
    "infinite logits": lambda: kl.softmax([math.inf, 0.0]),
    "perplexity of nan": lambda: kl.perplexity(math.nan),
    "one outcome to code": lambda: kl.huffman_lengths([1.0]),
    "not positive definite": lambda: kl.gaussian_kl_full([0, 0], [[1, 2], [2, 1]], [0, 0], EYE),
    "asymmetric": lambda: kl.gaussian_kl_full([0, 0], [[1, 0.5], [0, 1]], [0, 0], EYE),
    "not square": lambda: kl.gaussian_kl_full([0, 0], torch.ones(2, 3), [0, 0], EYE),
    "mean too long": lambda: kl.gaussian_kl_full([0, 0, 0], EYE, [0, 0], EYE),
    "variance zero": lambda: kl.gaussian_kl_diag([0.0], [0.0], [0.0], [1.0]),
    "scalar mean": lambda: kl.gaussian_kl_standard(0.0, 0.0),
    "other dimension": lambda: kl.gaussian_kl_standard(torch.zeros(2, 3), torch.zeros(2, 1)),
    "nan mean": lambda: kl.gaussian_kl_log_var([math.nan], [0.0], [0.0], [0.0]),
    "interval too short": lambda: kl.kl_quadrature(normal(0, 1), normal(0, 1), -1, 1),
    "interval reversed": lambda: kl.kl_quadrature(normal(0, 1), normal(0, 1), 10, -10),
    "even n": lambda: kl.kl_quadrature(normal(0, 1), normal(0, 1), -10, 10, n=100),
    "not a density": lambda: kl.kl_quadrature(normal(0, 1), lambda x: normal(0, 1)(x) + 1, -10, 10),
    "js off the interval": lambda: kl.js_quadrature(normal(0, 1), normal(50, 1), -10, 10),
    "one draw": lambda: kl.kl_monte_carlo(normal(0, 1), normal(1, 1), [0.0]),
    "not a draw of p": lambda: kl.kl_monte_carlo(lambda x: torch.full_like(x, -math.inf), normal(0, 1), [0.0, 1.0]),
    "matrix of samples": lambda: distances.wasserstein_1d(EYE, EYE),
    "no samples": lambda: distances.wasserstein_1d([], [1.0]),
    "cdf cut": lambda: distances.wasserstein_cdf(BIMODAL.cdf, BIMODAL.cdf, 0, 1),
    "bandwidth": lambda: distances.mmd2_unbiased([0.0, 1], [0.0, 1], 0),
    "dimensions": lambda: distances.mmd2_unbiased(EYE, torch.ones(3, 3), 1.0),
    "start width": lambda: next(fits.reverse_fit(BIMODAL, 0.0, 0.0)),
    "start nan": lambda: next(fits.reverse_fit(BIMODAL, math.nan, 1.0)),
    "start shapes": lambda: next(fits.reverse_fit(BIMODAL, [0.0, 1.0], [1.0])),
    "rate": lambda: next(fits.reverse_fit(BIMODAL, 0.0, 1.0, rate=2.0)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_says_what_was_expected_and_what_came(name):
    with pytest.raises(ValueError, match="(?s)expected.*got"):
        BAD[name]()
