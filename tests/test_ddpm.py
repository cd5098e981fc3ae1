"""Diffusion: schedules, both processes, the bound and the perfect denoisers, against each other and against exact laws."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gentutor import bugs, ddpm, denoisers, mixtures
from gentutor.checks import check

F64 = torch.float64
ONE, ZERO = torch.ones(1, 1, dtype=F64), torch.zeros(1, 1, dtype=F64)
SCHEDULES = {"linear": ddpm.linear, "cosine": ddpm.cosine, "short": lambda: ddpm.linear(50, 1e-3, 0.2),
             "custom": lambda: ddpm.from_alpha_bar(torch.linspace(0.999, 0.001, 200, dtype=F64) ** 2)}  # fmt: skip


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=F64)


def gaussian(schedule, mean, var):
    """The perfect denoiser of N(mean, var) on the line."""
    return denoisers.gaussian_denoiser(schedule, torch.tensor([mean], dtype=F64), torch.tensor([[var]], dtype=F64))


def cloud():
    return denoisers.Cloud([0.3, 0.7], [[0.0, 1.0], [2.0, -1.0]], [0.2, 0.5])


def last(steps):
    *_, step = steps
    return step.x


# --- the claims, each with the check that catches its bugs ---------------------------------------------------------


def recursion():
    """Factors of x_0 and of the noise: step by step, and in one."""
    errors = []
    for make in SCHEDULES.values():
        schedule = make()
        mean, var = 1.0, 0.0
        for t in range(1, schedule.T + 1):
            mean *= ddpm.forward_step(schedule, ONE, t, ZERO).item()
            var = schedule.alpha[t].item() * var + schedule.beta[t].item()
            merged = ddpm.diffuse(schedule, ONE, t, ZERO).item(), ddpm.diffuse(schedule, ZERO, t, ONE).item() ** 2
            errors += [mean - merged[0], var - merged[1]]
    check("ddpm.recursion-closed-form", errors, 0.0, atol=1e-12)


def simulated():
    schedule, x = ddpm.linear(), torch.full((20_000, 1), 2.0, dtype=F64)
    for t in range(1, 301):
        x = ddpm.forward_step(schedule, x, t, noise(*x.shape, seed=t))
    check("ddpm.forward-simulated", x.mean(), 2 * schedule.alpha_bar[300].sqrt(), atol=0.03)
    check("ddpm.forward-simulated-var", x.var(), 1 - schedule.alpha_bar[300], atol=0.03)


def precise():
    schedule = ddpm.linear()
    exact = -torch.expm1(torch.log1p(-schedule.beta[1:]).cumsum(0))
    check("ddpm.float64-schedule", ((1 - schedule.alpha_bar[1:]) / exact - 1).abs().max(), at_most=1e-10)


def posterior_product():
    """q(x_{t-1} | x_0) q(x_t | x_{t-1}): precisions add."""
    errors = []
    for make in SCHEDULES.values():
        schedule = make()
        t = torch.arange(2, schedule.T + 1)
        x0, xt = noise(len(t), 1, seed=4), noise(len(t), 1, seed=5)
        before, alpha, beta = (table[i][:, None] for table, i in ((schedule.alpha_bar, t - 1), (schedule.alpha, t), (schedule.beta, t)))
        precision = 1 / (1 - before) + alpha / beta
        product = (before.sqrt() * x0 / (1 - before) + alpha.sqrt() * xt / beta) / precision
        mean, var = ddpm.posterior(schedule, xt, x0, t)
        errors += [mean - product, var - 1 / precision]
    check("ddpm.posterior-product", torch.cat(errors), 0.0, atol=1e-10)


def mean_forms():
    schedule = ddpm.linear()
    t = torch.arange(1, 1001)
    x0, eps = noise(1000, 3, seed=6), noise(1000, 3, seed=7)
    xt = ddpm.diffuse(schedule, x0, t, eps)
    check("ddpm.mean-forms", ddpm.posterior(schedule, xt, x0, t)[0] - ddpm.posterior_mean_eps(schedule, xt, eps, t), 0.0, atol=1e-10)


def conversions():
    schedule, t = ddpm.linear(), torch.arange(1, 1001)
    x0, eps = noise(1000, 3, seed=13), noise(1000, 3, seed=14)
    xt = ddpm.diffuse(schedule, x0, t, eps)
    signal, spread = ddpm.scales(schedule, t, xt)
    true, to = {"eps": eps, "x0": x0, "v": signal * eps - spread * x0}, {"eps": ddpm.to_eps, "x0": ddpm.to_x0, "v": ddpm.to_v}
    worst = [(to[b](schedule, xt, t, true[a], a) - true[b]).abs().max() for a in true for b in true]
    check("ddpm.conversions", torch.stack(worst), 0.0, atol=1e-10)


def score_form():
    schedule, t = ddpm.linear(), torch.randint(1, 1001, (200,), generator=generator(17))
    x = (2 * noise(200, 2, seed=16)).requires_grad_()
    slope = torch.autograd.grad(denoisers.cloud_log_prob(schedule, cloud(), x, t).sum(), x)[0]
    check("ddpm.score-form", (ddpm.score(schedule, denoisers.cloud_denoiser(schedule, cloud())(x, t), t) - slope).detach(), 0.0, atol=1e-8)


def expected_terms(schedule, data_var, var):
    """E of each term over x_0 ~ N(0, data_var) and eps: exact, for each is quadratic in both."""
    corners = torch.tensor([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=F64).repeat(schedule.T, 1)
    t = torch.arange(1, schedule.T + 1).repeat_interleave(4)
    x0 = math.sqrt(data_var) * corners[:, :1]
    return ddpm.bound_term(schedule, gaussian(schedule, 0.0, data_var), x0, t, corners[:, 1:], var).view(-1, 4).mean(1), ddpm.prior_term(schedule, x0[:1])


def bound_tight():
    schedule = ddpm.linear()
    terms, prior = expected_terms(schedule, 1.0, schedule.beta)
    check("ddpm.bound-tight-beta", terms.sum() + prior, 0.5 * math.log(2 * math.pi * math.e), atol=1e-6)


def sampling_std():
    schedule = ddpm.linear()
    x = last(ddpm.sample(schedule, gaussian(schedule, 0.0, 1.0), noise(5000, 1), generator(1), var=schedule.beta))
    check("ddpm.sampling-std", x.std(), 1.0, atol=0.05)


def reverse_step_exact():
    """Data N(2, 1/4): the mean of a step is E[x_{t-1} | x_t] of two jointly Gaussian numbers."""
    schedule, xt, errors = SCHEDULES["short"](), torch.tensor([[-1.0], [0.5], [2.0]], dtype=F64), []
    denoise = gaussian(schedule, 2.0, 0.25)
    for t in range(1, 51):
        before, a = schedule.alpha_bar[t - 1], schedule.alpha[t]
        mean, var = 2 * before.sqrt(), before / 4 + 1 - before
        gain = a.sqrt() * var / (a * var + 1 - a)
        errors.append(ddpm.reverse_step(schedule, denoise, xt, t, torch.zeros_like(xt)).x - (mean + gain * (xt - a.sqrt() * mean)))
    check("ddpm.reverse-step-exact", torch.stack(errors), 0.0, atol=1e-10)


def last_step_quiet():
    schedule = ddpm.linear()
    quiet, loud = (ddpm.reverse_step(schedule, gaussian(schedule, 0.0, 1.0), ONE, 1, z, var=schedule.beta).x for z in (ZERO, ONE))
    check("ddpm.last-step-quiet", loud - quiet, 0.0, atol=0)


CLAIMS = {
    "ddpm.recursion-closed-form": recursion, "ddpm.forward-simulated-var": simulated, "ddpm.float64-schedule": precise,
    "ddpm.posterior-product": posterior_product, "ddpm.mean-forms": mean_forms, "ddpm.conversions": conversions, "ddpm.score-form": score_form,
    "ddpm.bound-tight-beta": bound_tight, "ddpm.sampling-std": sampling_std, "ddpm.reverse-step-exact": reverse_step_exact,
    "ddpm.last-step-quiet": last_step_quiet,
}  # fmt: skip


# --- schedules -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEDULES)
def test_tables(name):
    schedule = SCHEDULES[name]()
    for table in (schedule.beta, schedule.alpha, schedule.alpha_bar, schedule.snr, schedule.log_snr, schedule.posterior_var):
        assert table.shape == (schedule.T + 1,) and table.dtype == F64
    assert schedule.alpha_bar[0] == 1 and schedule.beta[0] == 0 and schedule.posterior_var[0] == schedule.posterior_var[1] == 0
    assert (schedule.alpha_bar.diff() < 0).all() and (schedule.log_snr[1:].diff() < 0).all()
    assert (schedule.posterior_var[2:] < schedule.beta[2:]).all() and (schedule.posterior_var[2:] > 0).all()
    torch.testing.assert_close(schedule.log_snr[1:].sigmoid(), schedule.alpha_bar[1:], rtol=1e-9, atol=0)


def test_published_schedules():
    assert abs(ddpm.linear().alpha_bar[-1].item() / 4.0358e-5 - 1) < 1e-4 and abs(ddpm.linear(100).alpha_bar[-1].item() - 0.36356) < 1e-5
    assert ddpm.cosine().beta.max() == 0.999 and ddpm.cosine().alpha_bar[-1] < 1e-8
    f = lambda t: math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2  # noqa: E731
    assert abs(ddpm.cosine().alpha_bar[300].item() - f(300) / f(0)) < 1e-12


@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=30))
@settings(max_examples=50)
def test_any_falling_table_is_a_schedule(ratios):
    values = torch.tensor(ratios, dtype=F64).cumprod(0)
    torch.testing.assert_close(ddpm.from_alpha_bar(values).alpha_bar[1:], values, rtol=1e-12, atol=0)


def test_skipped_steps_are_a_schedule():
    """The marginals at the steps kept are those of the whole schedule."""
    whole, steps = ddpm.cosine(100), torch.arange(10, 101, 10)
    few = ddpm.from_alpha_bar(whole.alpha_bar[steps])
    x0, eps = noise(4, 3), noise(4, 3, seed=1)
    for k, t in enumerate(steps.tolist(), start=1):
        torch.testing.assert_close(ddpm.diffuse(few, x0, k, eps), ddpm.diffuse(whole, x0, t, eps))


def test_dtype_and_device_follow_the_data():
    schedule, x = ddpm.linear(10, 0.01, 0.2), torch.randn(3, 1, 4, 4)
    t = torch.tensor([1, 5, 10])
    assert ddpm.diffuse(schedule, x, t, x).dtype == torch.float32 and ddpm.diffuse(schedule, x.double(), 4, x.double()).dtype == F64
    each = torch.cat([ddpm.diffuse(schedule, x[i : i + 1], int(t[i]), x[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(ddpm.diffuse(schedule, x, t, x), each)
    assert schedule.to("cpu").beta.equal(schedule.beta)


# --- steps, losses -------------------------------------------------------------------------------------------------


def test_drawn_steps():
    schedule = ddpm.linear(20, 0.01, 0.2)
    for law in ("uniform", "logit-normal"):
        t = ddpm.draw_steps(schedule, 40_000, generator(), law)
        counts = torch.bincount(t, minlength=21)
        assert t.dtype == torch.int64 and counts[0] == 0 and len(counts) == 21 and t.max() == 20
        edges = torch.special.logit(torch.arange(21, dtype=F64) / 20)
        expected = torch.full((20,), 0.05, dtype=F64) if law == "uniform" else torch.special.ndtr(edges).diff()
        assert ((counts[1:] / 40_000 - expected).abs() < 5 * (expected / 40_000).sqrt() + 1e-4).all()


@pytest.mark.parametrize("kind", ddpm.KINDS)
def test_losses_of_the_three_predictions(kind):
    """A net's loss is the squared error of what it predicts; whatever it predicts, its denoiser's eps loss is a known multiple."""
    schedule, t = ddpm.linear(), torch.randint(1, 1001, (50,), generator=generator())
    x0, eps, guess = (noise(50, 2, seed=s) for s in (1, 2, 3))
    own = ddpm.simple_loss(schedule, lambda x, t: guess, x0, t, eps, kind)
    as_eps = ddpm.simple_loss(schedule, ddpm.as_denoiser(schedule, lambda x, t: guess, kind), x0, t, eps)
    factor = {"eps": torch.ones(50, dtype=F64), "x0": schedule.snr[t], "v": schedule.alpha_bar[t]}[kind]
    assert own.shape == (50,)
    torch.testing.assert_close(as_eps, factor * own, rtol=1e-9, atol=1e-9)


def test_no_denoiser_beats_the_perfect_one():
    schedule, law, n = ddpm.linear(), cloud(), 40_000
    x0, eps = denoisers.cloud_sample(law, n, generator()), noise(n, 2, seed=1)
    t = torch.full((n,), 300)
    best = denoisers.cloud_denoiser(schedule, law)
    losses = [ddpm.simple_loss(schedule, net, x0, t, eps).mean() for net in (best, lambda x, t: best(x, t) + 0.1 * x, lambda x, t: 0.9 * best(x, t))]
    assert losses[0] < min(losses[1:])


def test_denoising_score_matching():
    """Regressing on the score of q(x_t | x_0) or of q(x_t): the losses differ by a constant, whatever the candidate."""
    schedule, t = ddpm.linear(), 400
    ab, eps = schedule.alpha_bar[t].item(), torch.linspace(-9, 9, 4001, dtype=F64)[None]
    mass = torch.exp(-(eps**2) / 2) / math.sqrt(2 * math.pi) * (eps[0, 1] - eps[0, 0]) / 2
    xt = math.sqrt(ab) * torch.tensor([[1.0], [-1.0]], dtype=F64) + math.sqrt(1 - ab) * eps
    points, flat = denoisers.Cloud([0.5, 0.5], [[1.0], [-1.0]], [0.0, 0.0]), xt.reshape(-1, 1)
    slope = ddpm.score(schedule, denoisers.cloud_denoiser(schedule, points)(flat, torch.full((len(flat),), t)), t).view_as(xt)
    gap = lambda guess: (((guess + eps / math.sqrt(1 - ab)) ** 2 - (guess - slope) ** 2) * mass).sum()  # noqa: E731
    torch.testing.assert_close(gap(-xt), gap(torch.sin(3 * xt)), rtol=0, atol=1e-9)
    assert gap(-xt) > 0.1


# --- the bound -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data_var", [0.25, 1.0, 4.0])
def test_bound_of_gaussian_data_term_by_term(data_var):
    """With the perfect denoiser and the right variances the sum is the entropy plus KL(q(x_T) || p(x_T)), and each term is the mutual
    information of x_0 and x_{t-1} given x_t."""
    schedule = ddpm.linear(40, 1e-3, 0.3)
    terms, prior = expected_terms(schedule, data_var, denoisers.gaussian_reverse_var(schedule, data_var))
    end = schedule.alpha_bar[-1] * data_var + 1 - schedule.alpha_bar[-1]
    entropy = 0.5 * math.log(2 * math.pi * math.e * data_var)
    torch.testing.assert_close(terms.sum() + prior[0], entropy + 0.5 * (end - 1 - end.log()), rtol=1e-10, atol=0)
    information = 0.5 * (denoisers.gaussian_reverse_var(schedule, data_var)[2:] / schedule.posterior_var[2:]).log()
    torch.testing.assert_close(terms[1:], information, rtol=1e-8, atol=1e-12)
    for worse in (schedule.beta, 1.3 * denoisers.gaussian_reverse_var(schedule, data_var)):
        assert expected_terms(schedule, data_var, worse)[0].sum() > terms.sum() - 1e-12


def test_bound_of_draws():
    schedule = ddpm.linear(20, 1e-2, 0.4)
    x0 = 0.5 * noise(20_000, 1)
    var = denoisers.gaussian_reverse_var(schedule, 0.25)
    rows = ddpm.bound(schedule, gaussian(schedule, 0.0, 0.25), x0, generator(1), var)
    terms, prior = expected_terms(schedule, 0.25, var)
    assert rows.shape == (21, 20_000)
    error = rows.std(1) / math.sqrt(20_000)
    assert ((rows.mean(1) - torch.cat([prior, terms])).abs()[1:] < 5 * error[1:] + 1e-12).all()


def test_weights_of_the_bound():
    """L_{t-1} moves with |eps - eps_hat|^2 by exactly loss_weights."""
    schedule, t = ddpm.linear(30, 1e-3, 0.3), torch.arange(2, 31)
    x0, eps, guess = (noise(29, 2, seed=s) for s in (1, 2, 3))
    difference = ddpm.bound_term(schedule, lambda x, t: guess, x0, t, eps) - ddpm.bound_term(schedule, lambda x, t: eps, x0, t, eps)
    torch.testing.assert_close(difference, ddpm.loss_weights(schedule)[t] * ((guess - eps) ** 2).sum(1), rtol=1e-8, atol=1e-10)
    assert ddpm.loss_weights(schedule)[0] == 0 and abs(ddpm.loss_weights(ddpm.linear())[2].item() - 0.27269) < 1e-5


# --- sampling ------------------------------------------------------------------------------------------------------


def test_sampler_has_the_moments_of_its_recursion():
    schedule = ddpm.linear(60, 1e-3, 0.2)
    for var in (schedule.beta, schedule.posterior_var, denoisers.gaussian_reverse_var(schedule, 0.25)):
        mean, variance = denoisers.gaussian_chain(schedule, 2.0, 0.25, var)
        x = last(ddpm.sample(schedule, gaussian(schedule, 2.0, 0.25), noise(20_000, 1, seed=2), generator(3), var=var))
        assert abs(x.mean() - mean) < 0.02 and abs(x.var() / variance - 1) < 0.05
    right = denoisers.gaussian_chain(schedule, 2.0, 0.25, var, 2 * schedule.alpha_bar[-1].sqrt(), schedule.alpha_bar[-1] / 4 + 1 - schedule.alpha_bar[-1])
    torch.testing.assert_close(torch.stack(right), torch.tensor([2.0, 0.25], dtype=F64) + torch.tensor([0.0, -denoisers.gaussian_reverse_var(schedule, 0.25)[1]]), rtol=1e-9, atol=1e-9)


def test_without_noise_the_samples_collapse():
    schedule = ddpm.linear()
    with bugs.planted("ddpm.no-noise"):
        x = last(ddpm.sample(schedule, gaussian(schedule, 0.0, 1.0), noise(4000, 1), generator()))
    assert abs(x.std() / schedule.alpha_bar[-1].sqrt() - 1) < 0.05 and abs(x.std() - 0.0064) < 5e-4


def test_a_truncated_schedule_biases():
    schedule = ddpm.linear(100)
    mean, _ = denoisers.gaussian_chain(schedule, 2.0, 1.0, schedule.beta)
    assert abs(mean - 2 * (1 - schedule.alpha_bar[-1])) < 1e-9
    assert abs(denoisers.gaussian_chain(ddpm.linear(100, 1e-3, 0.2), 2.0, 1.0, ddpm.linear(100, 1e-3, 0.2).beta)[0] - 2) < 1e-3


def test_sampling_a_mixture_recovers_its_moments():
    schedule, law, n = ddpm.linear(), cloud(), 4000
    x = last(ddpm.sample(schedule, denoisers.cloud_denoiser(schedule, law), noise(n, 2), generator(1)))
    true = denoisers.cloud_sample(law, 400_000, generator(2))
    assert (x.mean(0) - true.mean(0)).abs().max() < 0.08 and (torch.cov(x.T) - torch.cov(true.T)).abs().max() < 0.1


def test_sampling_a_set_of_points_ends_on_them():
    schedule = ddpm.cosine(200)
    law = denoisers.Cloud([0.25] * 4, [[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [0.0] * 4)
    x = last(ddpm.sample(schedule, denoisers.cloud_denoiser(schedule, law), noise(500, 2), generator(1)))
    near = torch.cdist(x, law.means).min(1)
    assert near.values.max() < 1e-3 and torch.bincount(near.indices, minlength=4).min() > 80


def test_steps_of_the_sampler():
    schedule = ddpm.linear(5, 0.1, 0.5)
    steps = list(ddpm.sample(schedule, lambda x, t: 0 * x + 3, noise(4, 1, 2, 2), generator(), clip=1.0))
    assert [s.t for s in steps] == [5, 4, 3, 2, 1] and all(s.x.shape == (4, 1, 2, 2) for s in steps)
    assert max(s.x0_hat.abs().max() for s in steps) <= 1 and not steps[-1].x.requires_grad
    again = list(ddpm.sample(schedule, lambda x, t: 0 * x + 3, noise(4, 1, 2, 2), generator(), clip=1.0))
    assert torch.equal(steps[-1].x, again[-1].x)


def test_perfect_denoisers_agree_with_other_derivations():
    schedule, law, x = ddpm.linear(), cloud(), 2 * noise(20, 2)
    full = mixtures.Mixture(law.weights, law.means, torch.stack([s**2 * torch.eye(2, dtype=F64) for s in law.stds]))
    for t in (1, 40, 400, 900):
        ab = schedule.alpha_bar[t]
        other = mixtures.optimal_denoiser(full, x / ab.sqrt(), ((1 - ab) / ab).sqrt())
        mine = ddpm.to_x0(schedule, x, t, denoisers.cloud_denoiser(schedule, law)(x, torch.full((20,), t)))
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-9)
    cov, t = torch.tensor([[1.0, 0.6], [0.6, 0.5]], dtype=F64), torch.randint(1, 1001, (20,), generator=generator())
    one = mixtures.Mixture([1.0], [[0.5, -1.0]], cov[None])
    mine = denoisers.gaussian_denoiser(schedule, one.means[0], cov)(x, t)
    for i in range(20):
        ab = schedule.alpha_bar[t[i]]
        x0 = mixtures.optimal_denoiser(one, x[i : i + 1] / ab.sqrt(), ((1 - ab) / ab).sqrt())
        torch.testing.assert_close(mine[i : i + 1], (x[i] - ab.sqrt() * x0) / (1 - ab).sqrt(), rtol=1e-8, atol=1e-8)
    nowhere_else = denoisers.gaussian_denoiser(schedule, [0.5, -1.0], torch.zeros(2, 2))(x, t)  # data at one point: x_0 is known
    torch.testing.assert_close(ddpm.to_x0(schedule, x, t, nowhere_else), one.means.expand(20, 2), rtol=1e-9, atol=1e-9)


# --- bad input -----------------------------------------------------------------------------------------------------

X = torch.zeros(3, 2, dtype=F64)
SHORT = ddpm.linear(10)


@pytest.mark.parametrize("make, words", [
    (lambda: ddpm.Schedule([0.1, 0.2]), r"beta: expected beta\[0\] = 0, the clean data, got 0.1"),
    (lambda: ddpm.Schedule([0.0, 1.0]), "beta: expected numbers strictly between 0 and 1, got 1 to 1"),
    (lambda: ddpm.Schedule([0.0]), r"beta: expected shape \(T\+1,\) with T >= 1, got \(1,\)"),
    (lambda: ddpm.Schedule([0.0, float("nan")]), "beta: expected finite numbers"),
    (lambda: ddpm.linear(0), "T: expected an integer >= 1, got 0"),
    (lambda: ddpm.cosine(10, -1), "s: expected a number >= 0, got -1"),
    (lambda: ddpm.from_alpha_bar([0.5, 0.6]), "expected numbers in .0, 1. that fall, got 0.5 to 0.6"),
    (lambda: ddpm.from_alpha_bar([1.0, 0.6]), "that fall"),
    (lambda: ddpm.diffuse(SHORT, X, 11, X), r"t: expected 0\.\.\.10, got 11 to 11"),
    (lambda: ddpm.forward_step(SHORT, X, 0, X), r"t: expected 1\.\.\.10, got 0 to 0"),
    (lambda: ddpm.posterior(SHORT, X, X, torch.tensor([0, 1, 2])), r"got -1 to 1|got 0 to 2"),
    (lambda: ddpm.diffuse(SHORT, X, torch.tensor([1, 2]), X), r"t: expected an integer or shape \(3,\), got \(2,\)"),
    (lambda: ddpm.diffuse(SHORT, X, 0.5, X), "t: expected integers, got torch.float"),
    (lambda: ddpm.to_x0(SHORT, X, 1, X, "noise"), "kind: expected one of eps, x0, v; got 'noise'"),
    (lambda: ddpm.as_denoiser(SHORT, None, "e"), "kind: expected"),
    (lambda: ddpm.simple_loss(SHORT, lambda x, t: x, X, 1, X, "score"), "kind: expected"),
    (lambda: ddpm.draw_steps(SHORT, 3, law="cosine"), "law: expected uniform or logit-normal, got 'cosine'"),
    (lambda: ddpm.bound_term(SHORT, lambda x, t: x, X, 1, X, SHORT.posterior_var), "var: expected variances > 0"),
    (lambda: next(ddpm.sample(SHORT, lambda x, t: x, torch.full((1, 1), float("inf")))), "x_T: expected finite numbers"),
    (lambda: denoisers.gaussian_denoiser(SHORT, [0.0, 1.0], [[1.0]]), r"expected mean \(D,\) and cov \(D, D\)"),
    (lambda: denoisers.gaussian_denoiser(SHORT, [0.0], [[-1.0]]), "cov: expected eigenvalues >= 0, got -1"),
    (lambda: denoisers.Cloud([1.0], [[0.0]], [-0.1]), "stds: expected numbers >= 0, got -0.1"),
    (lambda: denoisers.Cloud([0.5, 0.5], [[0.0]], [0.1]), r"expected weights \(K,\), means \(K, D\), stds \(K,\)"),
    (lambda: denoisers.gaussian_reverse_var(SHORT, -1.0), "data_var: expected a number >= 0, got -1"),
])  # fmt: skip
def test_bad_input_says_expected_and_got(make, words):
    with pytest.raises(ValueError, match=words):
        make()
