"""The bound, its gap, EM, importance weighting and gradients: against closed forms, quadrature, Monte Carlo, by properties."""

import math

import numpy as np
import pytest
import scipy.integrate
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gentutor import elbo, em
from gentutor.checks import check
from gentutor.densities import log_normal, log_normal_full

TOY = elbo.LinearGaussian([[2.0]], [0.0], 0.25)
X = [[1.2]]
Q = ([[0.3]], [[0.2]])  # mean, variance
LOG_PX = log_normal(1.2, 0.0, math.log(4.25))


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def case(seed, d=3, k=2, batch=4):
    """A random model, data and Gaussian q."""
    r = np.random.default_rng(seed)
    a = r.standard_normal((batch, k, k))
    model = elbo.LinearGaussian(r.standard_normal((d, k)), r.standard_normal(d), np.exp(r.uniform(-2, 1)))
    cov = torch.as_tensor(a @ a.transpose(0, 2, 1) + 0.1 * np.eye(k))
    return model, torch.as_tensor(2 * r.standard_normal((batch, d))), torch.as_tensor(r.standard_normal((batch, k))), cov


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


cases = st.builds(case, st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 3))


# --- the exact quantities ----------------------------------------------------------------------------------------

def test_worked_example():
    values = [elbo.log_evidence(TOY, X), elbo.elbo(TOY, X, *Q), elbo.gap(TOY, X, *Q), elbo.reconstruction(TOY, X, *Q), elbo.kl_to_prior(*Q)]
    assert [round(v.item(), 4) for v in values] == [-1.8118, -2.9955, 1.1837, -2.5458, 0.4497]
    mean, cov = elbo.posterior(TOY, X)
    assert mean.item() == pytest.approx(2.4 / 4.25) and cov.item() == pytest.approx(1 / 17)


@given(cases)
def test_evidence_is_that_of_the_marginal_gaussian(drawn):
    model, x, _, _ = drawn
    cov = model.weight @ model.weight.T + model.noise_var * torch.eye(len(model.bias)).double()
    assert torch.allclose(elbo.log_evidence(model, x), log_normal_full(x, model.bias, cov), rtol=1e-9)


def test_evidence_by_quadrature():
    integrand = lambda z: elbo.log_joint(TOY, X, [[[z]]]).exp().item()  # noqa: E731
    assert scipy.integrate.quad(integrand, -10, 10, points=[0.6])[0] == pytest.approx(LOG_PX.exp().item(), rel=1e-9)


@given(cases)
def test_identity(drawn):
    model, x, mean, cov = drawn
    log_px, bound, missing = elbo.log_evidence(model, x), elbo.elbo(model, x, mean, cov), elbo.gap(model, x, mean, cov)
    scale = log_px.abs() + bound.abs()
    assert ((log_px - bound - missing).abs() <= 1e-12 * scale).all() and (missing >= -1e-12 * scale).all()


@given(cases)
def test_bayes_rule_in_logarithms(drawn):
    model, x, z, _ = drawn
    mean, cov = elbo.posterior(model, x)
    log_posterior = log_normal_full(z - mean, torch.zeros(z.shape[1]).double(), cov)
    assert torch.allclose(elbo.log_joint(model, x, z), log_posterior + elbo.log_evidence(model, x), rtol=1e-9)


@given(cases)
def test_the_posterior_closes_the_gap_and_nothing_else_does(drawn):
    model, x, mean, cov = drawn
    exact = elbo.posterior(model, x)
    assert torch.allclose(elbo.gap(model, x, *exact), torch.zeros(len(x)).double(), atol=1e-9)
    assert (elbo.elbo(model, x, exact[0] + 0.1, exact[1]) < elbo.elbo(model, x, *exact)).all()
    assert (elbo.elbo(model, x, exact[0], 1.2 * exact[1]) < elbo.elbo(model, x, *exact)).all()


def test_gap_is_torchs_kl():
    model, x, mean, cov = case(3)
    make = torch.distributions.MultivariateNormal
    at, spread = elbo.posterior(model, x)
    assert torch.allclose(elbo.gap(model, x, mean, cov), torch.distributions.kl_divergence(make(mean, cov), make(at, spread)))
    prior = make(torch.zeros_like(mean), torch.eye(2).double())
    assert torch.allclose(elbo.kl_to_prior(mean, cov), torch.distributions.kl_divergence(make(mean, cov), prior))


def test_one_cov_for_all_is_the_same_as_one_each():
    model, x, mean, cov = case(5)
    shared = cov[0]
    for f in (elbo.elbo, elbo.gap):
        assert torch.allclose(f(model, x, mean, shared), f(model, x, mean, shared.expand(4, 2, 2)))


def widening(a, data_var=5.0):
    """(ELBO, gap) of p(z) = N(0, I_2), p(x | z) = N(a z1 + a z2, 1) at the best factorised q, averaged over the data."""
    model = elbo.LinearGaussian([[a, a]], [0.0], 1.0)
    x = tensor([[math.sqrt(data_var)]])
    q = elbo.posterior(model, x)[0], (1 / elbo.posterior_precision(model).diagonal()).diag()
    return elbo.elbo(model, x, *q).item(), elbo.gap(model, x, *q).item()


def test_raising_the_bound_in_theta_can_widen_the_gap():
    (low, narrow), (high, wide) = widening(0.0), widening(1.0)
    assert [round(v, 3) for v in (low, high, narrow, wide)] == [-3.419, -2.445, 0.0, 0.144]


# --- Monte Carlo and importance weights --------------------------------------------------------------------------

def test_weights_average_to_the_evidence_and_log_weights_to_the_bound():
    model, x, mean, cov = case(1, d=2, k=1)
    mean, cov = elbo.posterior(model, x)[0] + 0.2, 1.5 * elbo.posterior(model, x)[1]
    log_w = elbo.log_weights(model, x, mean, cov, 40_000, generator())
    bound, error = elbo.importance_bound(log_w)
    assert log_w.shape == (40_000, 4) and ((bound - elbo.elbo(model, x, mean, cov)).abs() < 4 * error).all()
    w = log_w.exp()
    assert ((w.mean(0) - elbo.log_evidence(model, x).exp()).abs() < 4 * w.std(0) / 200).all()


def test_exact_posterior_gives_constant_weights():
    model, x, _, _ = case(2)
    log_w = elbo.log_weights(model, x, *elbo.posterior(model, x), 50, generator())
    assert torch.allclose(log_w, elbo.log_evidence(model, x).expand(50, 4))


@settings(max_examples=25, deadline=None)
@given(st.floats(-0.5, 1.5), st.floats(0.02, 1.0))
def test_iwae_rises_with_k_from_the_bound_to_the_evidence(mean, var):
    q = [[mean]], [[var]]
    values = [elbo.iwae_exact(TOY, X, *q, k).item() for k in (1, 2, 3, 5, 50)]
    assert values[0] == pytest.approx(elbo.elbo(TOY, X, *q).item(), abs=1e-8)
    assert all(a <= b + 1e-10 for a, b in zip(values, [*values[1:], LOG_PX.item()]))


@pytest.mark.parametrize("k", [2, 5, 50])
def test_iwae_by_sampling_agrees_with_the_exact_value(k):
    log_w = elbo.log_weights(TOY, X, *Q, 100_000, generator(k))
    value, error = elbo.importance_bound(log_w, k)
    assert abs(value - elbo.iwae_exact(TOY, X, *Q, k)) < 4 * error and error < 0.01


def test_iwae_2_by_double_quadrature():
    e = torch.linspace(-9, 9, 1201, dtype=torch.float64)
    log_w = elbo.log_joint(TOY, X, (0.3 + math.sqrt(0.2) * e).reshape(-1, 1, 1))[:, 0] - log_normal(math.sqrt(0.2) * e, 0, math.log(0.2))
    density = log_normal(e, 0.0, 0.0).exp() * (e[1] - e[0])
    twice = (density[:, None] * density * (torch.logaddexp(log_w[:, None], log_w) - math.log(2))).sum()
    assert elbo.iwae_exact(TOY, X, *Q, 2).item() == pytest.approx(twice.item(), abs=1e-9)


def chi_square(model, x, mean, var):
    """E_q[(w / p(x))^2] - 1 for one latent: the integral of posterior^2 / q, minus one."""
    at, spread = (v.item() for v in elbo.posterior(model, x))
    return var / math.sqrt(spread * (2 * var - spread)) * math.exp((at - mean) ** 2 / (2 * var - spread)) - 1


def test_iwae_gap_falls_as_one_over_k():
    for k in (1000, 10_000):
        missing = (LOG_PX - elbo.iwae_exact(TOY, X, *Q, k)).item()
        assert k * missing == pytest.approx(chi_square(TOY, X, 0.3, 0.2) / 2, rel=2 / k)


def test_prior_sampling_cost():
    z = torch.linspace(-9, 9, 4001, dtype=torch.float64)
    w = log_normal(1.2, 2 * z, math.log(0.25)).exp()
    density = log_normal(z, 0.0, 0.0).exp() * (z[1] - z[0])
    mean, square = (density * w).sum(), (density * w**2).sum()
    assert elbo.prior_sampling_cost(TOY, X).item() == pytest.approx(math.log10((square / mean**2 - 1) / 0.01), abs=1e-9)


# --- EM ----------------------------------------------------------------------------------------------------------

def data(n=500, d=6, k=2, seed=0):
    r = np.random.default_rng(seed)
    return torch.as_tensor(r.standard_normal((n, k)) @ r.standard_normal((k, d)) + 0.5 * r.standard_normal((n, d)) + r.standard_normal(d))


def test_em_climbs_and_the_bound_lies_between_two_likelihoods():
    records = list(em.fit_em(data(), 2, 40, generator()))
    values, bounds = ([r[name].item() for r in records] for name in ("log_likelihood_nats", "elbo_nats"))
    assert [r["step"] for r in records] == list(range(1, 41))
    for before, bound, after in zip(values, bounds[1:], values[1:]):
        assert before - 1e-12 <= bound <= after + 1e-12
    x = data()
    assert elbo.log_evidence(records[3]["model"], x).mean().item() == pytest.approx(values[3], abs=1e-10)


def test_elbo_between_the_steps_is_the_bound_with_the_old_posterior():
    x = data()
    first, second = list(em.fit_em(x, 2, 2, generator()))
    mean, cov = elbo.posterior(first["model"], x)
    assert elbo.elbo(second["model"], x, mean, cov).mean().item() == pytest.approx(second["elbo_nats"].item(), abs=1e-10)


def test_m_step_is_the_maximum_of_the_bound():
    x = data()
    first = next(em.fit_em(x, 2, 1, generator()))["model"]
    q = elbo.posterior(first, x)
    scatter = (x - x.mean(0)).T @ (x - x.mean(0)) / len(x)
    weight, noise_var = em.m_step(*em.e_step(first, scatter)[:2], scatter)
    at = torch.cat([weight.flatten(), noise_var.log().reshape(1)])

    def bound(v):
        return _elbo_of(v, x, *q)

    assert torch.autograd.functional.jacobian(bound, at).abs().max() < 1e-10
    assert torch.linalg.eigvalsh(torch.autograd.functional.hessian(bound, at)).max() < 0


def _elbo_of(v, x, mean, cov):
    """Expected complete-data log-likelihood, differentiable in (W, log sigma^2), written out afresh."""
    d = x.shape[1]
    weight, log_var = v[:-1].reshape(d, -1), v[-1]
    r = x - x.mean(0) - mean @ weight.T
    return -0.5 * (d * log_var + ((r**2).sum(-1).mean() + (weight @ cov @ weight.T).trace()) / log_var.exp())


@pytest.mark.parametrize("latent", [1, 2, 4])
def test_em_reaches_the_closed_form(latent):
    x = data()
    *_, last = em.fit_em(x, latent, 3000, generator())
    best = elbo.ppca(x, latent)
    assert torch.isclose(last["log_likelihood_nats"], elbo.log_evidence(best, x).mean(), atol=1e-8)
    assert torch.isclose(last["model"].noise_var, best.noise_var, rtol=1e-5)
    ours = last["model"].weight @ last["model"].weight.T  # W is known up to a rotation of z
    assert torch.allclose(ours, best.weight @ best.weight.T, atol=1e-4)


# --- gradients ---------------------------------------------------------------------------------------------------

AT = tensor([0.3]), tensor([math.log(0.2) / 2])


def toy_joint(z):
    return elbo.log_joint(TOY, X, z.unsqueeze(1))[:, 0]


def exact_gradient():
    """Of E_q log p(x, z) in (mean, log std): W(x - W m)/s^2 - m and -v(1 + W^2/s^2), with the numbers of the toy model."""
    return tensor([2 * (1.2 - 0.6) / 0.25 - 0.3, -0.2 * 17])


def noise(n, k=1, seed=0):
    return torch.randn(n, k, dtype=torch.float64, generator=generator(seed))


def test_exact_gradient_by_autograd():
    mean, log_std = (v.clone().requires_grad_() for v in AT)
    z = mean + log_std.exp() * torch.linspace(-9, 9, 4001, dtype=torch.float64).unsqueeze(-1)
    weight = log_normal(torch.linspace(-9, 9, 4001, dtype=torch.float64), 0.0, 0.0).exp() * 18 / 4000
    value = (weight * toy_joint(z)).sum()
    assert torch.allclose(torch.cat(torch.autograd.grad(value, (mean, log_std))), exact_gradient(), atol=1e-9)


ESTIMATORS = {
    "score": elbo.score_gradients,
    "leave-one-out": lambda *a: elbo.score_gradients(*a, leave_one_out=True),
    "pathwise": elbo.pathwise_gradients,
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_are_unbiased(name):
    gradients = torch.cat(ESTIMATORS[name](toy_joint, *AT, noise(100_000)), 1)
    assert ((gradients.mean(0) - exact_gradient()).abs() < 4 * gradients.std(0) / math.sqrt(100_000)).all()


def test_variances_are_ordered():
    spread = {name: torch.cat(f(toy_joint, *AT, noise(50_000)), 1).var(0) for name, f in ESTIMATORS.items()}
    assert (spread["score"] > spread["leave-one-out"]).all() and (spread["leave-one-out"] > spread["pathwise"]).all()
    assert spread["pathwise"][0].item() == pytest.approx(17**2 * 0.2, rel=0.05)  # the slope is linear: (1 + W^2/s^2)^2 var z


def test_leave_one_out_uses_the_other_draws():
    value = torch.arange(4.0).double()
    by_mean, _ = elbo.score_gradients(lambda z: value, *AT, noise(4), leave_one_out=True)
    others = torch.stack([value[torch.arange(4) != i].mean() for i in range(4)])
    assert torch.allclose(by_mean[:, 0], (value - others) * noise(4)[:, 0] / AT[1].exp())


def test_gradients_with_several_latents():
    f = lambda z: -0.5 * ((z - tensor([1.0, -2.0])) ** 2 * tensor([3.0, 0.5])).sum(-1)  # noqa: E731
    mean, log_std = tensor([0.5, 0.1]), tensor([-0.3, 0.4])
    exact = torch.cat([tensor([1.5, -1.05]), -tensor([3.0, 0.5]) * (2 * log_std).exp()])
    for estimate in ESTIMATORS.values():
        gradients = torch.cat(estimate(f, mean, log_std, noise(60_000, 2)), 1)
        assert ((gradients.mean(0) - exact).abs() < 4.5 * gradients.std(0) / math.sqrt(60_000)).all()


# --- the bug museum: the named check catches each ----------------------------------------------------------------

def claim_identity():
    model, x, mean, cov = case(0)
    residual = elbo.log_evidence(model, x) - elbo.elbo(model, x, mean, cov) - elbo.gap(model, x, mean, cov)
    check("elbo.identity", residual.abs().max(), at_most=1e-11)


def claim_below():
    check("elbo.below-evidence", (elbo.elbo(TOY, X, *Q) - elbo.log_evidence(TOY, X)).max(), at_most=0)


def claim_monte_carlo():
    value, error = elbo.importance_bound(elbo.log_weights(TOY, X, *Q, 20_000, generator()))
    check("elbo.monte-carlo", (value - elbo.elbo(TOY, X, *Q)) / error, 0.0, atol=4)


def claim_iwae():
    log_w = elbo.log_weights(TOY, X, *Q, 20_000, generator())
    check("elbo.iwae-sampled", elbo.importance_bound(log_w, 5)[0], elbo.iwae_exact(TOY, X, *Q, 5), atol=0.05)


def claim_em():
    *_, last = em.fit_em(data(), 2, 500, generator())
    check("elbo.em-ppca", last["log_likelihood_nats"], elbo.log_evidence(elbo.ppca(data(), 2), data()).mean(), atol=1e-6)


def claim_gradient(name, estimate):
    def verify():
        gradients = torch.cat(estimate(toy_joint, *AT, noise(20_000)), 1)
        error = gradients.std(0) / math.sqrt(20_000)
        check(name, (gradients.mean(0) - exact_gradient()) / error.clamp(min=1e-9), torch.zeros(2), atol=4)
    return verify


CLAIMS = {
    "elbo.identity": claim_identity,
    "elbo.below-evidence": claim_below,
    "elbo.monte-carlo": claim_monte_carlo,
    "elbo.iwae-sampled": claim_iwae,
    "elbo.em-ppca": claim_em,
    "elbo.score-gradient": claim_gradient("elbo.score-gradient", lambda *a: elbo.score_gradients(*a)),
    "elbo.pathwise-gradient": claim_gradient("elbo.pathwise-gradient", lambda *a: elbo.pathwise_gradients(*a)),
}


# --- bad input ---------------------------------------------------------------------------------------------------

BAD = {
    "weight is a vector": lambda: elbo.LinearGaussian([2.0], [0.0], 0.25),
    "bias too long": lambda: elbo.LinearGaussian([[2.0]], [0.0, 1.0], 0.25),
    "noise zero": lambda: elbo.LinearGaussian([[2.0]], [0.0], 0.0),
    "noise per pixel": lambda: elbo.LinearGaussian([[2.0]], [0.0], [0.25]),
    "weight nan": lambda: elbo.LinearGaussian([[math.nan]], [0.0], 0.25),
    "x is a vector": lambda: elbo.log_evidence(TOY, [1.2]),
    "x too wide": lambda: elbo.log_evidence(TOY, [[1.2, 0.0]]),
    "no x": lambda: elbo.log_evidence(TOY, torch.zeros(0, 1)),
    "x infinite": lambda: elbo.elbo(TOY, [[math.inf]], *Q),
    "mean is a vector": lambda: elbo.elbo(TOY, X, [0.3], [[0.2]]),
    "variance for cov": lambda: elbo.elbo(TOY, X, [[0.3]], [0.2]),
    "cov negative": lambda: elbo.gap(TOY, X, [[0.3]], [[-0.2]]),
    "cov asymmetric": lambda: elbo.kl_to_prior([[0.0, 0.0]], [[1.0, 0.5], [0.0, 1.0]]),
    "log-weights flat": lambda: elbo.importance_bound(torch.zeros(10), 2),
    "k zero": lambda: elbo.importance_bound(torch.zeros(10, 1), 0),
    "k too large": lambda: elbo.importance_bound(torch.zeros(10, 1), 6),
    "two latents": lambda: elbo.iwae_exact(elbo.LinearGaussian([[1.0, 1.0]], [0.0], 1.0), X, [[0.0, 0.0]], torch.eye(2), 5),
    "one datum": lambda: next(em.fit_em([[1.0, 2.0]], 1)),
    "latent zero": lambda: next(em.fit_em(torch.zeros(5, 3), 0)),
    "latent too many": lambda: elbo.ppca(torch.zeros(5, 3), 3),
    "constant data": lambda: next(em.fit_em(torch.ones(5, 3), 1)),
    "mean matrix": lambda: elbo.score_gradients(toy_joint, torch.zeros(1, 1), torch.zeros(1), torch.zeros(5, 1)),
    "noise of another size": lambda: elbo.pathwise_gradients(toy_joint, torch.zeros(1), torch.zeros(1), torch.zeros(5, 2)),
    "one draw": lambda: elbo.score_gradients(toy_joint, torch.zeros(1), torch.zeros(1), torch.zeros(1, 1)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_says_what_was_expected_and_what_came(name):
    with pytest.raises(ValueError, match="(?s)expected.*got"):
        BAD[name]()
