"""The VAE: its loss against exact laws, its likelihoods, its measures, and what bad input meets."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gentutor import conv_vae, elbo, latents, vae, weights
from gentutor._recipes import vae_mnist
from gentutor.checks import check
from gentutor.densities import log_normal_diag


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def exact(dim=5, latent=2, seed=0, log_var=-1.0):
    """A linear VAE whose encoder is the posterior."""
    r = torch.linalg.qr(torch.randn(dim, latent, generator=generator(seed), dtype=torch.float64))[0]
    return vae.linear_vae(r * torch.linspace(2.0, 0.8, latent, dtype=torch.float64), torch.linspace(-1, 1, dim), log_var)


def worsened(model, shift=0.3, wider=0.5):
    """The same decoder with an encoder that is off."""
    with torch.no_grad():
        d = len(model.encoder[0].bias) // 2
        model.encoder[0].bias[:d] += shift
        model.encoder[0].bias[d:] += wider
    return model


def data(n=6, dim=5, seed=3):
    return 1.5 * torch.randn(n, dim, generator=generator(seed), dtype=torch.float64)


def bernoulli(pixels=6, latent=2, seed=1):
    return vae.mlp_vae(pixels, [7], latent, generator=generator(seed)).double()


MEAN, LOG_VAR = tensor([0.7, -1.2, 0.1]), tensor([-0.9, 0.4, math.log(0.25)])

# --- the claims, each with the check that catches its bugs ---------------------------------------------------------


def kl_monte_carlo():
    z = MEAN + (LOG_VAR / 2).exp() * torch.randn(200_000, 3, generator=generator(1), dtype=torch.float64)
    sampled = (log_normal_diag(z, MEAN, LOG_VAR) - log_normal_diag(z, 0.0, torch.zeros(3, dtype=torch.float64))).mean()
    check("vae.kl-monte-carlo", vae.kl_to_prior(MEAN, LOG_VAR), sampled, atol=0.01)


def kl_descent():
    mean, log_var = tensor([1.5]).requires_grad_(), tensor([-0.3]).requires_grad_()
    for _ in range(60):
        grads = torch.autograd.grad(vae.kl_to_prior(mean, log_var), (mean, log_var))
        mean, log_var = ((v - 0.1 * g).detach().requires_grad_() for v, g in zip((mean, log_var), grads))
    check("vae.kl-descent", 0.5 * (mean**2 + log_var.exp() - 1 - log_var), at_most=0.01)


def elbo_equals_evidence():
    model, x = exact(), data(1)
    with torch.no_grad():
        terms = vae.elbo_terms(model, x.expand(40_000, -1), generator(2))
        check("vae.elbo-equals-evidence", terms.elbo.mean(), vae.exact_log_likelihood(model, x)[0], atol=0.05)


def elbo_below_evidence():
    model, x = worsened(exact()), data(20)
    with torch.no_grad():
        terms = [vae.elbo_terms(model, x, generator(s)).elbo for s in range(300)]
        check("vae.elbo-below-evidence", torch.stack(terms).mean(0) - vae.exact_log_likelihood(model, x), at_most=0.0)


def constant_weights():
    model, x = exact(), data()
    value, error = vae.importance_log_likelihood(model, x, 20, generator(4))
    check("vae.constant-weights", torch.stack([value - vae.exact_log_likelihood(model, x), error]), 0.0, atol=1e-9)


def importance_exact():
    model, x = worsened(exact()), data()
    value, _ = vae.importance_log_likelihood(model, x, 20_000, generator(5))
    check("vae.importance-exact", value - vae.exact_log_likelihood(model, x), 0.0, atol=0.03)


def sample_variance():
    z = vae.reparameterise(MEAN, LOG_VAR, generator(6), 100_000)
    check("vae.sample-variance", z.var(0) / LOG_VAR.exp(), 1.0, atol=0.02)


def reparameterised_gradient():
    """d/d(mean, log_var) of E z^2 = mean^2 + e^log_var is (2 mean, e^log_var)."""
    mean, log_var = MEAN.clone().requires_grad_(), LOG_VAR.clone().requires_grad_()
    (vae.reparameterise(mean, log_var, generator(7), 200_000) ** 2).mean(0).sum().backward()
    got = [v.grad if v.grad is not None else torch.zeros(3) for v in (mean, log_var)]
    check("vae.reparameterised-gradient", torch.cat(got), torch.cat([2 * MEAN, LOG_VAR.exp()]), atol=0.02)


def generated_covariance():
    model = exact(3, 1)
    x = latents.generate(model, 100_000, 1, generator(8), draw=True)
    weight = model.decoder[0].weight.detach()
    check("vae.generated-covariance", torch.cov(x.T), weight @ weight.T + math.exp(-1) * torch.eye(3), atol=0.06)


def certain_pixels():
    model = bernoulli()
    with torch.no_grad():
        model.decoder[-1].weight.zero_()
        model.decoder[-1].bias.copy_(tensor([30.0, -30, 30, -30, 30, -30]))
        cost = -vae.log_likelihood(model, tensor([[1.0, 0, 1, 0, 1, 0]]), torch.zeros(1, 2, dtype=torch.float64))
    check("vae.certain-pixels", cost, at_most=1e-9)


def learned_variance():
    x, mean = data(50), data(50, seed=9)
    log_var = vae.best_log_var(x, mean).requires_grad_()
    model = exact()
    model.log_var = torch.nn.Parameter(log_var.detach().clone())
    model.decode = lambda z: mean
    vae.log_likelihood(model, x, None).mean().backward()
    check("vae.learned-variance", model.log_var.grad, 0.0, atol=1e-10)


def slerp_norm():
    a, b = (torch.randn(40, generator=generator(s), dtype=torch.float64) for s in (1, 2))
    b = b * a.norm() / b.norm()
    check("vae.slerp-norm", latents.slerp(a, b, torch.linspace(0, 1, 9)).norm(dim=-1) / a.norm(), 1.0, atol=1e-12)


def imputation_exact():
    """Half of x unseen, under an encoder that is off: mean and variance of the draws are those of the Gaussian conditional."""
    model, x = worsened(exact(4, 1), 0.5, 1.0), data(1, 4)
    seen = torch.tensor([True, True, False, False])
    weight, bias = model.decoder[0].weight.detach(), model.decoder[0].bias.detach()
    cov = weight @ weight.T + math.exp(-1) * torch.eye(4)
    gain = cov[2:, :2] @ torch.linalg.inv(cov[:2, :2])
    mean, spread = bias[2:] + gain @ (x[0, :2] - bias[:2]), cov[2:, 2:] - gain @ cov[:2, 2:]
    chain = latents.impute(model, x.expand(4000, -1), seen, 60, generator(10))
    kept = torch.cat([filled[:, 2:] for step, (filled, _, _) in enumerate(chain) if step >= 40 and step % 5 == 0])
    check("vae.imputation-exact", torch.cat([kept.mean(0) - mean, kept.var(0) - spread.diagonal()]), 0.0, atol=0.08)


def active_units():
    means = torch.randn(5000, 4, generator=generator(11)) * torch.tensor([1.0, 0.2, 0.05, 0.0])
    check("vae.active-units", vae.active_units(means).sum(), 2, atol=0)


CLAIMS = {f"vae.{f.__name__.replace('_', '-')}": f for f in (
    kl_monte_carlo, kl_descent, elbo_equals_evidence, elbo_below_evidence, constant_weights, importance_exact, sample_variance,
    reparameterised_gradient, generated_covariance, certain_pixels, learned_variance, slerp_norm, imputation_exact, active_units)}


# --- identities -------------------------------------------------------------------------------------------------------

@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_kl_is_autograds_and_never_negative(seed, d):
    mean, log_var = (2 * torch.randn(4, d, generator=generator(seed + i), dtype=torch.float64) for i in (0, 1))
    kl = vae.kl_to_prior(mean, log_var)
    reference = torch.distributions.kl_divergence(torch.distributions.Normal(mean, (log_var / 2).exp()), torch.distributions.Normal(0.0, 1.0))
    assert torch.allclose(kl, reference.sum(-1), atol=1e-10) and (kl >= 0).all()
    mean.requires_grad_(), log_var.requires_grad_()
    grads = torch.autograd.grad(vae.kl_to_prior(mean, log_var).sum(), (mean, log_var))
    assert torch.allclose(grads[0], mean) and torch.allclose(grads[1], (log_var.exp() - 1) / 2)


def states(n, levels=2):
    return torch.cartesian_prod(*[torch.arange(levels)] * n)


def test_the_discrete_likelihoods_sum_to_one_over_every_image():
    z = torch.randn(1, 2, generator=generator(3), dtype=torch.float64)
    binary = vae.log_likelihood(bernoulli(), states(6).double(), z.expand(64, -1))
    assert binary.exp().sum().item() == pytest.approx(1, abs=1e-12)
    model = vae.mlp_vae(4, [5], 2, "categorical", generator(2), levels=3).double()
    levels = vae.log_likelihood(model, states(4, 3), z.expand(81, -1))
    assert levels.exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_a_mean_over_pixels_is_a_beta_of_their_number():
    """Gradients of (1/D) reconstruction loss + KL are 1/D of those with beta = D."""
    model, x = bernoulli(), states(6)[::5].double()
    terms = vae.elbo_terms(model, x, generator(1))
    wrong = torch.autograd.grad((terms.kl - terms.reconstruction / 6).mean(), model.parameters())
    right = torch.autograd.grad(vae.loss(model, x, generator(1), beta=6.0)["loss"], model.parameters())
    assert all(torch.allclose(6 * w, r, atol=1e-12) for w, r in zip(wrong, right))


def test_fixed_variance_is_weighted_squared_error_with_its_constants():
    model, x = exact(log_var=-0.7), data()
    z = torch.randn(6, 2, generator=generator(1), dtype=torch.float64)
    squared = ((x - model.decode(z)) ** 2).sum(-1)
    expected = -squared / (2 * math.exp(-0.7)) - 5 / 2 * math.log(2 * math.pi * math.exp(-0.7))
    assert torch.allclose(vae.log_likelihood(model, x, z), expected)


def test_linear_vae_is_the_linear_gaussian_model_of_elbo():
    model, x = exact(), data()
    other = elbo.LinearGaussian(model.decoder[0].weight.detach(), model.decoder[0].bias.detach(), math.exp(-1))
    mean, cov = elbo.posterior(other, x)
    ours, log_var = model.encode(x)
    assert torch.allclose(ours, mean) and torch.allclose(log_var.exp(), cov.diagonal().expand(6, -1))
    assert torch.allclose(vae.exact_log_likelihood(model, x), elbo.log_evidence(other, x))


def test_ppca_has_the_largest_likelihood():
    x = data(200) @ torch.diag(tensor([3, 2, 1, 0.5, 0.2]))
    best = elbo.ppca(x, 2)
    top = vae.exact_log_likelihood(vae.linear_vae(best.weight, best.bias, best.noise_var.log()), x).mean()
    assert top.item() == pytest.approx(vae.ppca_maximum(x, 2).item(), abs=1e-10)
    worse = vae.linear_vae(1.1 * best.weight, best.bias, best.noise_var.log())
    assert vae.exact_log_likelihood(worse, x).mean() < top


def test_importance_bound_rises_with_k_to_the_evidence():
    model, x = worsened(exact(), 0.4, 0.7), data(4)
    bound = [torch.stack([vae.importance_log_likelihood(model, x, k, generator(s))[0] for s in range(8000 // k)]).mean() for k in (2, 10, 100)]
    assert bound[0] < bound[1] < bound[2] < vae.exact_log_likelihood(model, x).mean() + 0.02


def test_blocks_change_nothing_but_the_draws():
    x = data(7)
    whole, parts = (vae.importance_log_likelihood(worsened(exact()), x, 4000, generator(1), rows=rows) for rows in (10**6, 1500))
    assert whole[0].shape == parts[0].shape == (7,)
    assert ((whole[0] - parts[0]).abs() < 5 * (whole[1] ** 2 + parts[1] ** 2).sqrt()).all()


def test_aggregated_posterior_of_the_exact_model_is_the_prior():
    model = exact()
    x = latents.generate(model, 50_000, 2, generator(1), draw=True)
    mean, variance = vae.aggregate_moments(*(t.detach() for t in model.encode(x)))
    assert torch.allclose(mean, torch.zeros(2, dtype=torch.float64), atol=0.02)
    assert torch.allclose(variance, torch.ones(2, dtype=torch.float64), atol=0.03)


def test_loss_is_minus_the_elbo_and_beta_weighs_the_kl():
    model, x = bernoulli(), states(6)[::7].double()
    terms = vae.elbo_terms(model, x, generator(1))
    for beta in (0.0, 1.0, 4.0):
        got = vae.loss(model, x, generator(1), beta)
        assert got["loss"].item() == pytest.approx((beta * terms.kl - terms.reconstruction).mean().item())
    assert terms.elbo.shape == (len(x),) and vae.loss(model, x, generator(1))["loss"].item() == pytest.approx(-terms.elbo.mean().item())


def test_the_reparameterised_gradient_is_far_less_noisy_than_the_score():
    mean, log_std = tensor([0.5]), tensor([0.0])
    eps = torch.randn(20_000, 1, generator=generator(1), dtype=torch.float64)
    f = lambda z: -0.5 * ((3.0 - z) ** 2).sum(-1)  # noqa: E731
    path, score = elbo.pathwise_gradients(f, mean, log_std, eps)[0], elbo.score_gradients(f, mean, log_std, eps)[0]
    assert path.mean().item() == pytest.approx(2.5, abs=0.05) and score.mean().item() == pytest.approx(2.5, abs=0.3)
    assert score.var() > 10 * path.var()


# --- what a trained model is used for ------------------------------------------------------------------------------

def test_midpoint_of_two_prior_draws_is_shorter_by_root_two():
    a, b = (torch.randn(2000, 512, generator=generator(s)) for s in (1, 2))
    assert (((a + b) / 2).norm(dim=1) / a.norm(dim=1)).mean().item() == pytest.approx(1 / math.sqrt(2), abs=0.005)


def test_paths_start_and_end_at_their_codes():
    a, b = tensor([1.0, 2.0, 0.5]), tensor([-0.3, 1.0, 2.0])
    for path in (latents.lerp, latents.slerp):
        z = path(a, b, torch.linspace(0, 1, 5))
        assert z.shape == (5, 3) and torch.allclose(z[0], a) and torch.allclose(z[-1], b)
    assert torch.allclose(latents.slerp(a, a, tensor([0.3])), a)
    right = latents.slerp(tensor([1.0, 0]), tensor([0, 1.0]), tensor([0.5]))[0]
    assert torch.allclose(right, tensor([math.sqrt(0.5)] * 2))


def test_attribute_direction_is_a_difference_of_means():
    codes, has = tensor([[0.0, 1], [2, 1], [5, 3]]), torch.tensor([True, True, False])
    assert torch.equal(latents.attribute_direction(codes, has), tensor([-4.0, -2.0]))


def test_draws_follow_their_likelihood():
    z = torch.zeros(1, 2, dtype=torch.float64).expand(60_000, -1)
    for model in (bernoulli(), vae.mlp_vae(3, [4], 2, "categorical", generator(4), levels=4).double(), exact(3, 2)):
        with torch.no_grad():
            drawn, mean = latents.draw_pixels(model, z, generator(2)).double(), latents.mean_pixels(model, z[:1])[0]
        assert torch.allclose(drawn.mean(0), mean, atol=0.02)


def test_imputation_keeps_what_was_seen_and_leaves_the_input_alone():
    model, x = bernoulli(), states(6)[::9].double()
    before, seen = x.clone(), torch.arange(6) < 3
    for filled, z, accepted in latents.impute(model, x, seen, 4, generator(1)):
        assert torch.equal(filled[:, :3], x[:, :3]) and 0 <= accepted <= 1 and z.shape == (len(x), 2)
    assert torch.equal(x, before)


def test_convolutional_nets_have_the_shapes_of_the_perceptrons():
    model = conv_vae.conv_vae(5, 4, 6, 3, bias=torch.linspace(-3, 3, 784))
    x = (torch.rand(3, 784, generator=generator(1)) < 0.2).float()
    mean, log_var = model.encode(x)
    assert mean.shape == log_var.shape == (3, 5) and model.decode(mean).shape == (3, 784)
    assert model.decode(torch.zeros(2, 4, 5)).shape == (2, 4, 784)
    terms = vae.elbo_terms(model, x, generator(1))
    assert terms.elbo.shape == (3,) and terms.elbo.isfinite().all()


def test_autocast_does_not_reach_the_sums():
    model, x = vae.mlp_vae(784, [16], 3, generator=generator(1)), (torch.rand(4, 784, generator=generator(2)) < 0.3).float()
    exact_terms = vae.elbo_terms(model, x, generator(3))
    with torch.autocast("cpu", torch.bfloat16):
        terms = vae.elbo_terms(model, x, generator(3))
    assert terms.elbo.dtype == torch.float32
    assert torch.allclose(terms.elbo, exact_terms.elbo, rtol=0.02)


# --- the packaged model -----------------------------------------------------------------------------------------------

@pytest.mark.slow
def test_packaged_vae_is_as_good_as_its_card_says():
    """The first 300 test images again, from the file: within the noise of the importance weights and of so few images."""
    card = weights.card("vae_mnist")["quality"]
    assert card["nll_nats"] <= 86.0 and (card["test_images"], card["importance_samples"]) == (10_000, 500)
    again = vae_mnist.measure(weights.load("vae_mnist"), count=300)
    assert again["nll_nats"] == pytest.approx(82.65, abs=0.15)
    assert abs(again["nll_nats"] - card["nll_nats"]) < 4 * again["nll_standard_error"]
    assert again["nll_nats"] < again["negative_elbo_nats"]


# --- bad input -------------------------------------------------------------------------------------------------------

def toy(likelihood="bernoulli", **options):
    return vae.mlp_vae(4, [3], 2, likelihood, generator(), **options)


BAD = {
    "pixel above one": lambda: vae.elbo_terms(toy(), torch.full((2, 4), 1.5)),
    "pixel below zero": lambda: vae.elbo_terms(toy(), torch.full((2, 4), -0.1)),
    "bytes": lambda: vae.elbo_terms(toy(), torch.full((2, 4), 1, dtype=torch.uint8)),
    "nan": lambda: vae.elbo_terms(toy(), torch.full((2, 4), math.nan)),
    "one image without its axis": lambda: vae.elbo_terms(toy(), torch.zeros(4)),
    "an image of rows and columns": lambda: vae.elbo_terms(toy(), torch.zeros(2, 2, 2)),
    "no image": lambda: vae.elbo_terms(toy(), torch.zeros(0, 4)),
    "wrong number of pixels": lambda: vae.elbo_terms(toy(), torch.zeros(2, 5)),
    "a list": lambda: vae.elbo_terms(toy(), [[0.0] * 4]),
    "level too high": lambda: vae.elbo_terms(toy("categorical", levels=3), torch.full((2, 4), 3)),
    "levels as floats": lambda: vae.elbo_terms(toy("categorical"), torch.zeros(2, 4)),
    "infinite grey": lambda: vae.elbo_terms(toy("gaussian"), torch.full((2, 4), math.inf)),
    "no latent": lambda: vae.mlp_vae(4, [3], 0),
    "no pixel": lambda: vae.mlp_vae(0, [3], 2),
    "unknown likelihood": lambda: vae.mlp_vae(4, [3], 2, "poisson"),
    "one level": lambda: toy("categorical", levels=1),
    "log-variance nan": lambda: toy("gaussian", log_var=math.nan),
    "conv without latent": lambda: conv_vae.conv_vae(0),
    "k of one": lambda: vae.importance_log_likelihood(toy(), torch.zeros(2, 4), 1),
    "one code": lambda: vae.active_units(torch.zeros(1, 3)),
    "slanted columns": lambda: vae.linear_vae([[1.0, 1.0], [0.0, 1.0]], [0.0, 0.0], 0.0),
    "as many latents as pixels": lambda: vae.ppca_maximum(data(), 5),
    "not linear": lambda: vae.exact_log_likelihood(toy("gaussian"), torch.zeros(2, 4)),
    "zero code": lambda: latents.slerp(torch.zeros(2), torch.ones(2), [0.5]),
    "opposite codes": lambda: latents.slerp(-torch.ones(2), torch.ones(2), [0.5]),
    "attribute that all have": lambda: latents.attribute_direction(torch.zeros(3, 2), torch.ones(3, dtype=torch.bool)),
    "mask of another size": lambda: next(latents.impute(toy(), torch.zeros(2, 4), torch.ones(3, dtype=torch.bool), 2)),
    "no image to generate": lambda: latents.generate(toy(), 0, 2),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_value_error_that_says_what_came(name):
    with pytest.raises(ValueError, match="expected .*"):
        BAD[name]()
