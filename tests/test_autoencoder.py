"""Linear autoencoders against PCA, denoisers against scores, push-forward densities against quadrature, by properties too."""

import math

import numpy as np
import pytest
import scipy.integrate
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gentutor import autoencoder, mixtures, runtime, train
from gentutor.checks import check
from gentutor.densities import Mixture1D, log_normal, log_normal_full
from gentutor.nets import mlp


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def points(seed, n=40, d=5):
    """Correlated points away from the origin, float64 (n, d)."""
    r = np.random.default_rng(seed)
    return torch.as_tensor(r.standard_normal((n, d)) @ r.standard_normal((d, d)) + 3)


def law(seed=0, m=3, d=2):
    r = np.random.default_rng(seed)
    a = r.standard_normal((m, d, d))
    return mixtures.Mixture(r.dirichlet(np.ones(m)), 2 * r.standard_normal((m, d)), a @ a.transpose(0, 2, 1) + 0.1 * np.eye(d))


GAUSS = mixtures.Mixture([1.0], [[1.0, -1.0]], [[[4.0, 0.0], [0.0, 0.25]]])
data = st.builds(points, st.integers(0, 10**6), st.integers(6, 40), st.integers(2, 6))


# --- linear autoencoders are PCA ---------------------------------------------------------------------------------

@settings(deadline=None, max_examples=25)
@given(data, st.integers(1, 6))
def test_loss_of_pca_is_the_variance_left_out(x, k):
    k = min(k, x.shape[1])
    p = autoencoder.pca(x, k)
    assert autoencoder.squared_error(x, p.decode(p.encode(x))).mean().item() == pytest.approx(p.residual.item(), rel=1e-8, abs=1e-10)
    singular = np.linalg.svd((x - x.mean(0)).numpy(), compute_uv=False)
    assert p.residual.item() == pytest.approx((singular[k:] ** 2).sum() / len(x), rel=1e-8, abs=1e-10)
    assert torch.allclose(p.axes.T @ p.axes, torch.eye(k).double(), atol=1e-10)


@settings(deadline=None, max_examples=25)
@given(data, st.integers(0, 10**6))
def test_no_linear_autoencoder_is_better(x, seed):
    S, p = autoencoder.scatter(x), autoencoder.pca(x, 2)
    encoder = torch.as_tensor(np.random.default_rng(seed).standard_normal((x.shape[1], 2)))
    assert autoencoder.linear_loss(S, encoder, autoencoder.best_decoder(S, encoder)) >= p.residual - 1e-9


def test_gradients_are_autograd_s_and_vanish_at_every_choice_of_eigenvectors():
    x = points(1)
    S, every = autoencoder.scatter(x), autoencoder.pca(x, 5).axes
    A, B = (torch.randn(*s, dtype=torch.float64, generator=generator(), requires_grad=True) for s in ((5, 2), (2, 5)))
    want = torch.autograd.grad(autoencoder.linear_loss(S, A, B), (A, B))
    assert all(torch.allclose(g, w) for g, w in zip(autoencoder.linear_gradients(S, A, B), want))
    for pair in ((0, 1), (0, 3), (2, 4)):
        V = every[:, pair]
        assert max(g.abs().max() for g in autoencoder.linear_gradients(S, V, V.T)) < 1e-10


def test_any_basis_of_the_subspace_is_as_good_and_the_decoder_is_not_the_transpose():
    x = points(2)
    S, V = autoencoder.scatter(x), autoencoder.pca(x, 2).axes
    M = torch.tensor([[2.0, 1.0], [0.0, 0.5]], dtype=torch.float64)
    best = autoencoder.pca(x, 2).residual
    assert autoencoder.linear_loss(S, V @ M, torch.linalg.inv(M) @ V.T) == pytest.approx(best.item())
    assert torch.allclose(autoencoder.best_decoder(S, V @ M), torch.linalg.inv(M) @ V.T)
    assert autoencoder.linear_loss(S, V @ M, (V @ M).T) > 1.5 * best


def test_codes_are_u_sigma_with_more_examples_than_features():
    x = points(3, n=50, d=5)
    centred = (x - x.mean(0)).numpy()
    U, s, Vt = np.linalg.svd(centred, full_matrices=False)
    codes = autoencoder.pca(x, 2).encode(x).numpy()
    assert np.allclose(np.abs(codes), np.abs(U[:, :2] * s[:2])) and np.linalg.matrix_rank(centred @ centred.T) == 5


def test_trained_linear_autoencoder_reaches_pca():
    x = points(4)
    x = (x - x.mean(0)).float()
    g = runtime.seed(0)
    net = torch.nn.Sequential(mlp([5, 2], g), mlp([2, 5], g))
    state = train.State(net, torch.optim.Adam(net.parameters(), lr=0.02), schedule=train.linear_decay(1500))
    for record in train.fit(lambda _: autoencoder.squared_error(x, net(x)).mean(), range(1500), state):
        pass
    assert record["loss"] == pytest.approx(autoencoder.pca(x, 2).residual.item(), rel=1e-3)


# --- deep and stacked --------------------------------------------------------------------------------------------

def test_layers_of_the_stack_share_the_weights_of_the_net():
    net = autoencoder.Autoencoder([12, 8, 4, 2], generator())
    x = torch.rand(3, 12, generator=generator())
    first, middle, last = (autoencoder.layer(net, k) for k in range(3))
    hidden = first[0](x)
    assert hidden.shape == (3, 8) and first(x).shape == x.shape and 0 < first(x).min() and first(x).max() < 1
    assert middle(hidden).shape == hidden.shape and last[0](middle[0](hidden)).shape == (3, 2)
    assert torch.equal(last[0](middle[0](hidden)), net.encode(x))
    inner = last[1](net.encode(x))
    assert torch.allclose(first[2](first[1](middle[1](inner))), net(x))
    together = {id(p) for k in range(3) for p in autoencoder.layer(net, k).parameters()}
    assert together == {id(p) for p in net.parameters()}


# --- denoising ---------------------------------------------------------------------------------------------------

def score(a_law, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(mixtures.log_prob(a_law, x).sum(), x)[0]


def test_exact_denoiser_of_a_gaussian_gives_the_score_of_the_blurred_law():
    x = 3 * torch.randn(50, 2, dtype=torch.float64, generator=generator())
    implied = autoencoder.implied_score(mixtures.optimal_denoiser(GAUSS, x, 0.5), x, 0.5)
    exact = -(x - GAUSS.means[0]) / torch.tensor([4.25, 0.5]).double()
    assert (implied - exact).abs().max() < 1e-12


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 3), st.floats(0.1, 3))
def test_tweedie_for_any_mixture(seed, m, d, std):
    a_law = law(seed, m, d)
    x = 3 * torch.randn(20, d, dtype=torch.float64, generator=generator(seed))
    implied = autoencoder.implied_score(mixtures.optimal_denoiser(a_law, x, std), x, std)
    assert torch.allclose(implied, score(mixtures.blurred(a_law, std), x), rtol=1e-8, atol=1e-8)


def test_denoiser_is_the_posterior_mean_by_quadrature():
    one, x = mixtures.Mixture([0.3, 0.7], [[-1.0], [2.0]], [[[0.25]], [[1.0]]]), 0.4
    u = torch.linspace(-12, 12, 4001, dtype=torch.float64)
    joint = (mixtures.log_prob(one, u.unsqueeze(-1)) + log_normal(x, u, math.log(0.49))).exp()
    top, bottom = torch.trapezoid(u * joint, u).item(), torch.trapezoid(joint, u).item()
    assert mixtures.optimal_denoiser(one, torch.tensor([[x]], dtype=torch.float64), 0.7).item() == pytest.approx(top / bottom, rel=1e-8)


def test_denoising_beats_any_other_map_and_vincent_s_constant():
    g = generator()
    clean = mixtures.sample(GAUSS, 40_000, g)
    noisy = autoencoder.corrupt_gaussian(clean, 0.5, g)
    best = autoencoder.denoising_loss(lambda x: mixtures.optimal_denoiser(GAUSS, x, 0.5), clean, noisy).mean()
    assert best.item() == pytest.approx(4 * 0.25 / 4.25 + 0.25 * 0.25 / 0.5, rel=0.02)  # the posterior's variances
    for worse in (lambda x: x, lambda x: 0.9 * x, lambda x: GAUSS.means[0].expand_as(x)):
        assert autoencoder.denoising_loss(worse, clean, noisy).mean() > 1.1 * best


def test_corruption():
    x = torch.ones(20_000, 3)
    assert autoencoder.corrupt_gaussian(x, 0.5, generator()).std().item() == pytest.approx(0.5, rel=0.02)
    masked = autoencoder.corrupt_mask(x, 0.25, generator())
    assert set(masked.unique().tolist()) == {0.0, 1.0} and masked.mean().item() == pytest.approx(0.75, abs=0.01)
    assert torch.equal(autoencoder.corrupt_mask(x, 0.25, generator()), masked)


# --- push-forward and manifolds ----------------------------------------------------------------------------------

def parabola(z):
    return torch.cat([z, z**2], -1)


def curve_density(z):
    return autoencoder.pushforward_log_prob(log_normal(z[:, 0], 0.0, 0.0), autoencoder.jacobian(parabola, z)).exp()


def test_push_forward_onto_a_curve():
    z = torch.linspace(-9, 9, 4001, dtype=torch.float64).unsqueeze(-1)
    speed = (1 + 4 * z[:, 0] ** 2).sqrt()
    assert torch.trapezoid(curve_density(z) * speed, z[:, 0]).item() == pytest.approx(1, abs=1e-9)
    assert curve_density(torch.tensor([[0.5]]).double()).item() == pytest.approx(math.exp(-0.125) / math.sqrt(2 * math.pi) / math.sqrt(2))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(0, 2))
def test_push_forward_of_a_gaussian_by_a_linear_map(seed, k, more):
    r = np.random.default_rng(seed)
    W, z = torch.as_tensor(r.standard_normal((k + more, k))), torch.as_tensor(r.standard_normal((4, k)))
    log_q = log_normal(z, 0.0, 0.0).sum(-1)
    ours = autoencoder.pushforward_log_prob(log_q, autoencoder.jacobian(lambda u: u @ W.T, z))
    Q, R = torch.linalg.qr(W)  # coordinates along the subspace: W z = Q (R z)
    assert torch.allclose(ours, log_normal_full(z @ R.T, torch.zeros(k).double(), R @ R.T), rtol=1e-6, atol=1e-6)


def test_density_of_a_code_has_the_slope():
    z = torch.linspace(-9, 9, 2001, dtype=torch.float64)
    x = (2 * z).unsqueeze(-1)
    density = autoencoder.pushforward_log_prob(log_normal(x[:, 0], 0.0, math.log(4)), autoencoder.jacobian(lambda u: u / 2, x)).exp()
    assert torch.trapezoid(density, z).item() == pytest.approx(1) and torch.trapezoid(z**2 * density, z).item() == pytest.approx(1)


def test_likelihood_of_the_wrong_law_grows_without_bound():
    x = torch.randn(200_000, dtype=torch.float64, generator=generator())
    for tau, s in ((1.0, 1e-2), (3.0, 1e-6)):
        sampled = (log_normal(x, 0.0, 2 * math.log(tau)) + log_normal(0.0, 0.0, 2 * math.log(s))).mean()
        assert autoencoder.line_log_likelihood(tau, s).item() == pytest.approx(sampled.item(), abs=0.02)
    assert autoencoder.line_log_likelihood(3.0, 1e-6) > autoencoder.line_log_likelihood(1.0, 1e-2) + 8


@settings(deadline=None, max_examples=25)
@given(st.floats(0, 3), st.floats(0, 3), st.floats(-3, 3), st.floats(0.1, 2))
def test_spread_kl_is_finite_and_below_the_transport_bound(sp, sq, mean, noise):
    value = autoencoder.spread_kl([0.0], [sp**2], [mean], [sq**2], noise).item()
    assert -1e-12 <= value <= (mean**2 + (sp - sq) ** 2) / (2 * noise**2) + 1e-12


def test_spread_kl_of_two_points_and_by_quadrature():
    assert autoencoder.spread_kl([0.0], [0.0], [1.7], [0.0], 0.5).item() == pytest.approx(5.78)
    p, q = Mixture1D([1.0], [0.0], [math.sqrt(1.25)]), Mixture1D([1.0], [1.0], [0.5])
    def integrand(u):
        u = torch.tensor(u, dtype=torch.float64)
        return (p.prob(u) * (p.log_prob(u) - q.log_prob(u))).item()
    assert autoencoder.spread_kl([0.0], [1.0], [1.0], [0.0], 0.5).item() == pytest.approx(scipy.integrate.quad(integrand, -12, 12)[0], rel=1e-8)


# --- laws of codes -----------------------------------------------------------------------------------------------

def test_one_component_is_the_gaussian_of_the_codes():
    z = points(5)
    fitted = mixtures.fit_mixture(z)
    assert torch.allclose(fitted.means[0], z.mean(0)) and torch.allclose(fitted.covs[0], autoencoder.scatter(z))


def test_em_climbs_and_finds_two_clusters():
    truth = mixtures.Mixture([0.25, 0.75], [[-3.0, 0.0], [3.0, 1.0]], torch.stack([0.5 * torch.eye(2), torch.eye(2)]))
    z = mixtures.sample(truth, 4000, generator())
    climb = [mixtures.log_prob(mixtures.fit_mixture(z, 2, steps, generator=generator()), z).mean() for steps in (1, 2, 5, 30)]
    assert all(b >= a - 1e-6 for a, b in zip(climb, climb[1:]))
    assert climb[-1] == pytest.approx(mixtures.log_prob(truth, z).mean().item(), abs=0.01)
    assert mixtures.fit_mixture(z, 2, generator=generator()).weights.min().item() == pytest.approx(0.25, abs=0.02)


def test_samples_have_the_law_s_moments():
    a_law = law(7)
    z = mixtures.sample(a_law, 100_000, generator())
    mean = a_law.weights @ a_law.means
    second = (a_law.weights[:, None, None] * (a_law.covs + a_law.means[:, :, None] * a_law.means[:, None, :])).sum(0)
    assert torch.allclose(z.mean(0), mean, atol=0.05) and torch.allclose(z.T @ z / len(z), second, atol=0.15)


def test_near_counts_samples_among_data_and_data_with_a_sample():
    grid = torch.cartesian_prod(torch.arange(5.0), torch.arange(5.0))
    near = autoencoder.near(torch.tensor([[0.5, 0.5], [2.0, 3.9], [9.0, 9.0]]), grid, 1)
    assert near.any(1).tolist() == [True, True, False] and near.any(0).sum() == 4 + 2


# --- planted bugs ------------------------------------------------------------------------------------------------

def verify_pca():
    x = points(8)
    p, singular = autoencoder.pca(x, 2), torch.linalg.svdvals(x - x.mean(0))
    check("autoencoder.eckart-young", p.residual, (singular[2:] ** 2).sum() / len(x), atol=1e-10)
    check("autoencoder.pca-residual", autoencoder.squared_error(x, p.decode(p.encode(x))).mean(), p.residual, atol=1e-10)
    S, A = autoencoder.scatter(x), p.axes @ torch.tensor([[2.0, 1.0], [0.0, 0.5]], dtype=torch.float64)
    check("autoencoder.best-decoder", autoencoder.linear_loss(S, A, autoencoder.best_decoder(S, A)), p.residual, atol=1e-10)


def verify_denoising():
    x = 3 * torch.randn(50, 2, dtype=torch.float64, generator=generator())
    implied = autoencoder.implied_score(mixtures.optimal_denoiser(GAUSS, x, 0.5), x, 0.5)
    exact = -(x - GAUSS.means[0]) / torch.tensor([4.25, 0.5]).double()
    check("autoencoder.gaussian-score", (implied - exact).abs().max(), at_most=1e-8)
    implied = autoencoder.implied_score(mixtures.optimal_denoiser(law(), x, 0.5), x, 0.5)
    check("autoencoder.tweedie-mixture", (implied - score(mixtures.blurred(law(), 0.5), x)).abs().max(), at_most=1e-8)
    clean = torch.randn(20_000, 1, dtype=torch.float64, generator=generator())
    noisy, slopes = autoencoder.corrupt_gaussian(clean, 0.5, generator(1)), torch.linspace(0.5, 1.1, 61)
    losses = torch.stack([autoencoder.denoising_loss(lambda u: a * u, clean, noisy).mean() for a in slopes])
    check("autoencoder.clean-target", slopes[losses.argmin()], 0.8, atol=0.02)


def verify_manifold():
    z = torch.linspace(-9, 9, 2001, dtype=torch.float64).unsqueeze(-1)
    speed = (1 + 4 * z[:, 0] ** 2).sqrt()
    check("autoencoder.pushforward-mass", torch.trapezoid(curve_density(z) * speed, z[:, 0]), 1, atol=1e-6)
    check("autoencoder.spread-points", autoencoder.spread_kl([0.0], [0.0], [1.7], [0.0], 0.5), 5.78, atol=1e-10)
    check("autoencoder.line", autoencoder.line_log_likelihood(3.0, 1e-6), 10.8234, atol=1e-3)


CLAIMS = {f"autoencoder.{id}": verify for verify, ids in (
    (verify_pca, ("eckart-young", "pca-residual", "best-decoder")),
    (verify_denoising, ("gaussian-score", "tweedie-mixture", "clean-target")),
    (verify_manifold, ("pushforward-mass", "spread-points", "line")),
) for id in ids}


# --- bad input ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("call, words", [
    (lambda: autoencoder.pca(torch.rand(5, 3), 4), "latent: expected a number from 1 to D = 3, got 4"),
    (lambda: autoencoder.pca(torch.rand(5, 3), 0), "latent: expected a number from 1 to D = 3, got 0"),
    (lambda: autoencoder.pca(torch.rand(5), 1), r"x: expected shape \(N, D\)"),
    (lambda: autoencoder.pca(torch.full((5, 3), math.nan), 1), "x: expected finite numbers"),
    (lambda: autoencoder.squared_error(torch.rand(5, 3), torch.rand(5)), "x_hat: expected the shape of x"),
    (lambda: autoencoder.linear_loss(torch.eye(3), torch.rand(3, 2), torch.rand(3, 2)), "S, encoder, decoder"),
    (lambda: autoencoder.best_decoder(torch.eye(3), torch.ones(3, 2)), "linearly independent"),
    (lambda: autoencoder.Autoencoder([784, 0]), "sizes"),
    (lambda: autoencoder.layer(autoencoder.Autoencoder([4, 2]), 1), "k: expected a layer from 0 to 0, got 1"),
    (lambda: autoencoder.corrupt_gaussian(torch.rand(2), -1), "noise_std: expected a number >= 0, got -1"),
    (lambda: autoencoder.corrupt_mask(torch.rand(2), 1.5), "share: expected a probability, got 1.5"),
    (lambda: autoencoder.pushforward_log_prob(torch.zeros(1), torch.ones(1, 1, 2)), "D >= K"),
    (lambda: autoencoder.pushforward_log_prob(torch.zeros(1), torch.zeros(1, 2, 1)), "full rank"),
    (lambda: autoencoder.line_log_likelihood(1.0, 0.0), "tau, s: expected positive"),
    (lambda: autoencoder.spread_kl([0.0], [1.0], [0.0], [1.0], 0.0), "noise_std > 0"),
    (lambda: autoencoder.near(torch.rand(3, 2), torch.rand(3, 2), 3), "k: expected a number from 1 to N - 1 = 2"),
    (lambda: mixtures.Mixture([0.5, 0.4], [[0.0], [1.0]], [[[1.0]], [[1.0]]]), "weights: expected probabilities that sum to 1"),
    (lambda: mixtures.Mixture([1.0], [[0.0, 0.0]], [[[1.0]]]), "expected weights"),
    (lambda: mixtures.fit_mixture(torch.rand(3, 2), 3), "components: expected a number from 1 to N - 1 = 2, got 3"),
    (lambda: mixtures.fit_mixture(torch.rand(3)), "z: expected shape"),
])
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()
