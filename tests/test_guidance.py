"""Fewer steps, guidance, the law it samples, flow matching and codes: against closed forms, and what bad input meets."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gentutor import ddpm, denoisers, flow_matching, guidance, latent_diffusion, tilted
from gentutor.checks import check
from gentutor.densities import Mixture1D


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def zeros_and_ones(n):
    return torch.zeros(n, dtype=torch.float64), torch.eye(n, dtype=torch.float64)


SCHEDULE = ddpm.cosine(100)
LAW = denoisers.Cloud(tensor([0.3, 0.2, 0.5]), tensor([[-1.0, 0.0], [1.0, 0.5], [0.0, -1.0]]), tensor([0.3, 0.5, 0.2]))
LABELS = torch.tensor([0, 1, 1])
LINE = denoisers.Cloud(tensor([0.5, 0.5]), tensor([[-1.0], [1.0]]), tensor([0.7, 0.7]))
GRID = torch.linspace(-6, 8, 2801, dtype=torch.float64).unsqueeze(1)


def labelled(schedule, law=LAW, labels=LABELS):
    """The perfect net of a labelled mixture: denoise(x_t, t, y), label 2 for none."""
    laws = [tilted.given(law, labels, y) for y in (0, 1)] + [law]
    nets = [denoisers.cloud_denoiser(schedule, each) for each in laws]
    return lambda xt, t, y: torch.stack([net(xt, t) for net in nets])[y, torch.arange(len(xt))]


def guided_line(w, schedule):
    """The classifier-free denoiser of the mixture on the line, asked for its right half."""
    uncond, cond = (denoisers.cloud_denoiser(schedule, law) for law in (LINE, tilted.given(LINE, [0, 1], 1)))
    return lambda xt, t: guidance.guide(uncond(xt, t), cond(xt, t), w)


def gaussian_run(schedule, mean, var, w, eta, steps=None):
    """Mean and variance that the sampler's own steps give with the guided denoiser of N(0, 1) and N(mean, var): each step is
    a x + b + sigma z, so two points tell a and b, and no draw is needed."""
    uncond = denoisers.gaussian_denoiser(schedule, tensor([0.0]), tensor([[1.0]]))
    cond = denoisers.gaussian_denoiser(schedule, tensor([mean]), tensor([[var]]))
    moments, two = (0.0, 1.0), tensor([[0.0], [1.0]])
    for t, s in guidance.transitions(schedule.T, steps or schedule.T):
        guided = lambda xt, t: guidance.guide(uncond(xt, t), cond(xt, t), w)  # noqa: E731
        b, a = guidance.ddim_step(schedule, guided, two, t, s, eta, 0 * two).x.flatten().tolist()
        a, sigma = a - b, guidance.ddim_std(schedule, t, s, eta)
        moments = (a * moments[0] + b, a**2 * moments[1] + sigma**2)
    return moments


# --- the claims, each with the check that catches its bugs ---------------------------------------------------------

def marginals():
    """A step from q(x_t | x_0) lands in q(x_s | x_0): mean factor and variance, for every move and eta."""
    worst = 0.0
    for t, s in [(t, s) for t in range(1, 101, 3) for s in {0, t // 2, t - 1}]:
        for eta in (0.0, 0.3, 1.0):
            std, (signal, noise) = guidance.ddim_std(SCHEDULE, t, s, eta), ddpm.scales(SCHEDULE, t, torch.zeros(1, dtype=torch.float64))
            by_x0, by_eps = (guidance.ddim_mean(SCHEDULE, tensor([u]), tensor([v]), s, std) for u, v in ((1.0, 0.0), (0.0, 1.0)))
            at_s = SCHEDULE.alpha_bar[s]
            worst = max(worst, (by_x0 - at_s.sqrt()).abs().item(), (by_eps**2 + std**2 - 1 + at_s).abs().item())
    check("guidance.marginals", worst, 0.0, atol=1e-12)


def eta_one():
    worst = 0.0
    for t in range(1, 101):
        xt, x0 = normal(4, 3, seed=t), normal(4, 3, seed=t + 1)
        mean, var = ddpm.posterior(SCHEDULE, xt, x0, t)
        std = guidance.ddim_std(SCHEDULE, t, t - 1, 1.0)
        mine = guidance.ddim_mean(SCHEDULE, x0, ddpm.to_eps(SCHEDULE, xt, t, x0), t - 1, std)
        worst = max(worst, (mine - mean).abs().max().item(), abs(std**2 - var.item()))
    check("guidance.eta-one", worst, 0.0, atol=1e-10)


def contraction(steps=10, id="guidance.contraction"):
    schedule, (mean, cov) = ddpm.cosine(1000), zeros_and_ones(1)
    angle = torch.arccos(schedule.alpha_bar.sqrt())
    times = list(range(1000, -1, -1000 // steps))
    expected = (angle[times[:-1]] - angle[times[1:]]).cos().prod()
    got = guidance.final(guidance.ddim(schedule, denoisers.gaussian_denoiser(schedule, mean, cov), cov, steps))
    check(id, got, expected, atol=1e-10)


def w_zero():
    free = guidance.classifier_free(labelled(SCHEDULE), torch.tensor([0, 1, 0, 1]), 0, no_label=2)
    x, t = normal(4, 2), torch.tensor([1, 20, 60, 100])
    plain = denoisers.cloud_denoiser(SCHEDULE, LAW)(x, t)
    check("guidance.w-zero", torch.stack([free(x, t) - plain, guidance.guide(plain, x, 0) - plain]), 0.0, atol=1e-12)


def w_one():
    y, x, t = torch.tensor([0, 1, 0, 1]), normal(4, 2), torch.tensor([1, 20, 60, 100])
    net = labelled(SCHEDULE)
    cond = net(x, t, y)
    check("guidance.w-one", torch.stack([guidance.classifier_free(net, y, 1, 2)(x, t) - cond, guidance.guide(x, cond, 1) - cond]), 0.0, atol=1e-12)


def null_label():
    y, x, t = torch.tensor([0, 1, 0, 1]), normal(4, 2), torch.tensor([1, 20, 60, 100])
    net = labelled(SCHEDULE)
    expected = guidance.guide(denoisers.cloud_denoiser(SCHEDULE, LAW)(x, t), net(x, t, y), 2.5)
    check("guidance.null-label", guidance.classifier_free(net, y, 2.5, 2)(x, t) - expected, 0.0, atol=1e-12)


def bayes_score():
    x, t = normal(30, 2), torch.randint(1, 101, (30,), generator=generator())
    cond, uncond = (denoisers.cloud_denoiser(SCHEDULE, law)(x, t) for law in (tilted.given(LAW, LABELS, 1), LAW))
    difference = ddpm.score(SCHEDULE, cond, t) - ddpm.score(SCHEDULE, uncond, t)
    gradient = guidance.class_gradient(lambda x, t: tilted.class_log_prob(SCHEDULE, LAW, LABELS, 1, x, t), x, t)
    check("guidance.bayes-score", gradient - difference, 0.0, atol=1e-8)


def classifier_equals_free():
    x, t = normal(30, 2), torch.randint(1, 101, (30,), generator=generator())
    uncond = denoisers.cloud_denoiser(SCHEDULE, LAW)
    free = guidance.guide(uncond(x, t), denoisers.cloud_denoiser(SCHEDULE, tilted.given(LAW, LABELS, 1))(x, t), 3.0)
    by_classifier = guidance.classifier_guided(SCHEDULE, uncond, lambda x, t: tilted.class_log_prob(SCHEDULE, LAW, LABELS, 1, x, t), 3.0)
    check("guidance.classifier-equals-free", by_classifier(x, t) - free, 0.0, atol=1e-8)


def pair(mean=1.0, var=0.5):
    return denoisers.Cloud(tensor([1.0]), tensor([[mean]]), tensor([var**0.5])), denoisers.Cloud(tensor([1.0]), tensor([[0.0]]), tensor([1.0]))


def tilted_var():
    aimed = tilted.claimed(*pair(), 2.0, torch.linspace(-8, 8, 4001, dtype=torch.float64).unsqueeze(1))
    mean = aimed.weights @ aimed.means
    check("guidance.tilted-var", torch.stack([mean - 4 / 3, aimed.weights @ (aimed.means - mean) ** 2 - 1 / 3]), 0.0, atol=1e-6)


def ddim_var():
    got, want = gaussian_run(ddpm.cosine(1000), 1.0, 0.5, 2.0, 0.0), tilted.guided_gaussian(1.0, 0.5, 2.0).ddim
    check("guidance.ddim-var", [got[0] - want.mean, got[1] - want.var], 0.0, atol=2e-3)


def latent_standardised():
    codes = 5 * normal(500, 4) + tensor([0.0, 3.0, -2.0, 9.0])
    rule = latent_diffusion.fit_standardiser(codes)
    z = latent_diffusion.standardise(rule, codes)
    check("guidance.latent-standardised", torch.cat([z.mean(0), z.var(0, correction=0) - 1]), 0.0, atol=1e-10)


def latent_round_trip():
    codes = 5 * normal(500, 4) + tensor([0.0, 3.0, -2.0, 9.0])
    rule = latent_diffusion.fit_standardiser(codes)
    check("guidance.latent-round-trip", latent_diffusion.restore(rule, latent_diffusion.standardise(rule, codes)) - codes, 0.0, atol=1e-10)


def pairs_of_line(n=161):
    """Even pairs (x_0, eps) with their weights: a fine product rule for the mixture on the line and its noise."""
    x = torch.linspace(-8, 8, n, dtype=torch.float64)
    w0, w1 = (log.exp() / log.exp().sum() for log in (tilted.log_density(LINE, x.unsqueeze(1)), -(x**2) / 2))
    x0, eps = torch.meshgrid(x, x, indexing="ij")
    return x0.reshape(-1, 1), eps.reshape(-1, 1), (w0[:, None] * w1).flatten()


def fm_losses():
    """The loss against single targets is the loss against the velocity plus one constant, whatever the net."""
    x0, eps, weight = pairs_of_line()
    exact, tau = flow_matching.cloud_velocity(LINE), torch.full((len(x0),), 0.6, dtype=torch.float64)
    x = (1 - 0.6) * x0 + 0.6 * eps
    gaps = []
    for velocity in (lambda x, tau: 0 * x, lambda x, tau: x.sin() + 0.3, exact):
        marginal = ((velocity(x, tau) - exact(x, tau)) ** 2).flatten()
        gaps.append((weight * (flow_matching.flow_loss(velocity, x0, tau, eps) - marginal)).sum())
    check("guidance.fm-losses", torch.stack(gaps) - gaps[0], 0.0, atol=1e-8)


def fm_is_ddim():
    schedule, x = ddpm.cosine(1000), normal(6, 2)
    denoise, velocity, worst = denoisers.cloud_denoiser(schedule, LAW), flow_matching.cloud_velocity(LAW), 0.0
    for t, s in guidance.transitions(1000, 20):
        move = guidance.ddim_step(schedule, denoise, x, t, s)
        (now, scale), (after, scale_after) = flow_matching.pace(schedule, t), flow_matching.pace(schedule, s)
        euler = scale_after * flow_matching.flow_step(velocity, x / scale, now, after)
        worst, x = max(worst, (euler - move.x).abs().max().item()), move.x
    check("guidance.fm-is-ddim", worst, 0.0, atol=1e-10)


def fm_order(method, id, order):
    mix, start = Mixture1D([0.4, 0.6], [-1.5, 1.0], [0.4, 0.3]), torch.linspace(-2, 2, 21, dtype=torch.float64).unsqueeze(1)
    law = denoisers.Cloud(mix.weights, mix.means.unsqueeze(1), mix.stds)
    level = torch.special.ndtr(start.flatten())
    errors = []
    for steps in (80, 160):
        end = guidance.final(flow_matching.flow(flow_matching.cloud_velocity(law), start, steps, method)).flatten()
        errors.append((mix.cdf(end) - level).abs().mean())  # on the line the flow keeps every quantile's level
    check(id, torch.log2(errors[0] / errors[1]), order, atol=0.12)


CLAIMS = {f"guidance.{f.__name__.replace('_', '-')}": f for f in (
    marginals, eta_one, contraction, w_zero, w_one, null_label, bayes_score, classifier_equals_free, tilted_var, ddim_var, latent_standardised,
    latent_round_trip, fm_losses, fm_is_ddim)}
CLAIMS["guidance.fm-heun-order"] = lambda: fm_order("heun", "guidance.fm-heun-order", 2)


# --- DDIM -------------------------------------------------------------------------------------------------------------

@settings(max_examples=60, deadline=None)
@given(st.integers(1, 1000), st.integers(1, 1000))
def test_moves_go_from_T_to_0_one_after_the_other(T, steps):
    if steps > T:
        with pytest.raises(ValueError, match=f"expected an integer from 1 to T = {T}, got {steps}"):
            guidance.transitions(T, steps)
        return
    moves = guidance.transitions(T, steps)
    assert len(moves) == steps and moves[0][0] == T and moves[-1][1] == 0
    assert all(s == after for (_, s), (after, _) in zip(moves, moves[1:]))
    lengths = {t - s for t, s in moves}
    assert min(lengths) >= 1 and max(lengths) - min(lengths) <= 1


def test_a_full_walk_with_eta_one_is_the_ddpm_sampler():
    denoise = denoisers.cloud_denoiser(SCHEDULE, LAW)
    mine = guidance.final(guidance.ddim(SCHEDULE, denoise, normal(50, 2), 100, 1.0, generator(1)))
    theirs = [step.x for step in ddpm.sample(SCHEDULE, denoise, normal(50, 2), generator(1))][-1]
    assert torch.allclose(mine, theirs, atol=1e-10)


@pytest.mark.parametrize("steps", [1, 7, 50])
def test_a_strided_step_with_eta_one_is_the_posterior_of_the_strided_chain(steps):
    moves = guidance.transitions(100, steps)
    short = ddpm.from_alpha_bar(SCHEDULE.alpha_bar[[t for t, _ in reversed(moves)]])
    for k, (t, s) in enumerate(moves):
        xt, x0, at = normal(3, 2, seed=k), normal(3, 2, seed=k + 1), steps - k
        mean, var = ddpm.posterior(short, xt, x0, at)
        std = guidance.ddim_std(SCHEDULE, t, s, 1.0)
        assert torch.allclose(guidance.ddim_mean(SCHEDULE, x0, ddpm.to_eps(short, xt, at, x0), s, std), mean, atol=1e-10)
        assert std**2 == pytest.approx(var.item(), abs=1e-12)


def test_without_eta_the_generator_is_not_asked():
    denoise = denoisers.cloud_denoiser(SCHEDULE, LAW)
    ends = [guidance.final(guidance.ddim(SCHEDULE, denoise, normal(9, 2), 20, 0.0, generator(s))) for s in (1, 2)]
    assert torch.equal(*ends)
    noisy = [guidance.final(guidance.ddim(SCHEDULE, denoise, normal(9, 2), 20, 0.5, generator(s))) for s in (1, 2)]
    assert not torch.equal(*noisy)


def test_a_step_is_a_rotation():
    x, angle = normal(5, 2), torch.arccos(SCHEDULE.alpha_bar.sqrt())
    denoise = denoisers.cloud_denoiser(SCHEDULE, LAW)
    for t, s in guidance.transitions(100, 13):
        v = ddpm.to_v(SCHEDULE, x, t, denoise(x, torch.full((5,), t)))
        by = angle[t] - angle[s]
        assert torch.allclose(guidance.ddim_step(SCHEDULE, denoise, x, t, s).x, by.cos() * x - by.sin() * v, atol=1e-10)


@pytest.mark.parametrize("steps, factor", [(10, 0.8834), (50, 0.97557), (1000, 0.99875)])
def test_few_steps_shrink_a_standard_normal(steps, factor):
    schedule, (mean, cov) = ddpm.cosine(1000), zeros_and_ones(1)
    got = guidance.final(guidance.ddim(schedule, denoisers.gaussian_denoiser(schedule, mean, cov), cov, steps)).item()
    assert got == pytest.approx(factor, abs=1e-4)


def test_ddim_keeps_the_quantiles_of_a_mixture():
    schedule, levels = ddpm.cosine(1000), torch.linspace(0.02, 0.98, 25, dtype=torch.float64)
    denoise = denoisers.cloud_denoiser(schedule, LINE)
    mix = Mixture1D([0.5, 0.5], [-1.0, 1.0], [0.7, 0.7])
    errors = [(mix.cdf(tilted.sampled_quantiles(schedule, denoise, levels, n)) - levels).abs().max().item() for n in (50, 1000)]
    assert errors[1] < 2e-3 and errors[0] > 10 * errors[1]


def test_clipping_keeps_x0_hat_in_range_and_the_step_consistent():
    schedule, x = ddpm.linear(), 3 * normal(20, 2)
    denoise = denoisers.cloud_denoiser(schedule, LAW)
    move = guidance.ddim_step(schedule, denoise, x, 500, 400, clip=0.5)
    assert move.x0_hat.abs().max() <= 0.5
    signal, noise = ddpm.scales(schedule, 400, x)
    assert torch.allclose(move.x, signal * move.x0_hat + noise * ddpm.to_eps(schedule, x, 500, move.x0_hat))


def test_images_and_short_dtypes_pass():
    seen = []

    def denoise(xt, t):
        seen.append((xt.dtype, t.dtype, tuple(t.shape)))
        return 0.1 * xt

    moves = list(guidance.ddim(SCHEDULE, denoise, torch.zeros(2, 1, 4, 4) + 1, 5, 1.0, generator()))
    assert [(m.t, m.s) for m in moves] == [(100, 80), (80, 60), (60, 40), (40, 20), (20, 0)]
    assert set(seen) == {(torch.float32, torch.int64, (2,))} and moves[-1].x.dtype == torch.float32 and moves[-1].x.shape == (2, 1, 4, 4)


# --- guidance and the law it samples ------------------------------------------------------------------------------

@pytest.mark.parametrize("w, evaluations", [(0, 3), (1, 3), (2.0, 6)])
def test_guidance_pays_twice_only_when_it_must(w, evaluations):
    rows = []

    def net(xt, t, y):
        rows.append(len(xt))
        return xt

    guidance.classifier_free(net, torch.tensor([0, 1, 1]), w, 2)(normal(3, 2), torch.tensor([5, 5, 5]))
    assert sum(rows) == evaluations


def test_a_classifier_steers_the_sampler_as_the_free_field_does():
    uncond, cond = (denoisers.cloud_denoiser(SCHEDULE, law) for law in (LAW, tilted.given(LAW, LABELS, 1)))
    steered = guidance.classifier_guided(SCHEDULE, uncond, lambda x, t: tilted.class_log_prob(SCHEDULE, LAW, LABELS, 1, x, t), 1.0)
    mine, theirs = (guidance.final(guidance.ddim(SCHEDULE, net, normal(20, 2), 25)) for net in (steered, cond))
    assert torch.allclose(mine, theirs, atol=1e-8) and not mine.requires_grad


@pytest.mark.parametrize("mean, var, w", [(1.0, 0.5, 2.0), (0.0, 0.25, 3.0), (-2.0, 0.5, 0.5), (0.7, 2.0, 1.5), (1.0, 1.0, 3.0)])
def test_guided_gaussians_come_out_as_the_closed_forms_say(mean, var, w):
    laws, schedule = tilted.guided_gaussian(mean, var, w), ddpm.cosine(2000)
    for eta, law in ((0.0, laws.ddim), (1.0, laws.ddpm)):
        got = gaussian_run(schedule, mean, var, w, eta)
        assert got == pytest.approx(tuple(law), abs=0.012)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.02, 0.98), st.floats(1.01, 6.0))
def test_guidance_above_one_samples_a_law_that_is_too_narrow(var, w):
    laws = tilted.guided_gaussian(1.0, var, w)
    assert laws.ddim.var < laws.ddpm.var < laws.claimed.var < var
    assert laws.claimed.mean < laws.ddpm.mean < laws.ddim.mean


@pytest.mark.parametrize("w", [0.0, 1.0])
def test_without_guidance_the_three_laws_agree(w):
    laws = tilted.guided_gaussian(1.3, 0.4, w)
    assert laws.claimed == pytest.approx(laws.ddim, abs=1e-12) and laws.claimed == pytest.approx(laws.ddpm, abs=1e-12)


def test_equal_variances_are_the_exception():
    laws = tilted.guided_gaussian(1.0, 1.0, 3.0)
    assert laws.claimed == laws.ddim == laws.ddpm == (3.0, 1.0)


@pytest.mark.parametrize("w", [1.5, 3.0])
def test_the_guided_field_does_not_sample_what_is_claimed_and_the_true_score_does(w):
    schedule, levels = ddpm.cosine(500), (torch.arange(100, dtype=torch.float64) + 0.5) / 100
    aimed = tilted.claimed(tilted.given(LINE, [0, 1], 1), LINE, w, GRID)
    want = tilted.point_quantiles(aimed, levels)
    guided = tilted.sampled_quantiles(schedule, guided_line(w, schedule), levels)
    true = tilted.sampled_quantiles(schedule, denoisers.cloud_denoiser(schedule, aimed), levels)
    assert (guided - want).abs().mean() > 0.1 > 50 * (true - want).abs().mean()


def test_the_fields_agree_without_noise_and_part_with_it():
    schedule, w, x = ddpm.cosine(1000), 3.0, tensor([[-0.5], [0.4], [1.5]])
    aimed = tilted.claimed(tilted.given(LINE, [0, 1], 1), LINE, w, torch.linspace(-6, 8, 14001, dtype=torch.float64).unsqueeze(1))
    gaps = [(tilted.guided_score(schedule, guided_line(w, schedule), x, t)
             - tilted.guided_score(schedule, denoisers.cloud_denoiser(schedule, aimed), x, t)).abs().max().item() for t in (5, 300, 600)]
    assert gaps[0] < 0.02 and gaps[1] > 0.3 and gaps[2] > 0.3


def test_a_class_and_its_probability():
    right = tilted.given(LAW, LABELS, 1)
    assert torch.allclose(right.weights, tensor([2 / 7, 5 / 7])) and torch.equal(right.means, LAW.means[1:])
    x, t = normal(8, 2), torch.full((8,), 40)
    total = sum(tilted.class_log_prob(SCHEDULE, LAW, LABELS, y, x, t).exp() for y in (0, 1))
    assert torch.allclose(total, torch.ones(8, dtype=torch.float64))
    assert torch.allclose(tilted.log_density(LAW, x), denoisers.cloud_log_prob(SCHEDULE, LAW, x, 0))


# --- flow matching ----------------------------------------------------------------------------------------------------

def test_the_velocity_is_the_conditional_mean():
    x0, eps, weight = pairs_of_line(401)
    exact = flow_matching.cloud_velocity(LINE)
    for tau in (0.3, 0.8):
        x = flow_matching.path(x0, tau, eps).flatten()
        kernel = torch.exp(-((x - tensor([[-1.0], [0.2], [1.4]])) ** 2) / (2 * 0.03**2)) * weight  # (3, N): pairs that meet near a point
        mean = (kernel * (eps - x0).flatten()).sum(1) / kernel.sum(1)
        assert torch.allclose(mean, exact(tensor([[-1.0], [0.2], [1.4]]), tensor([tau] * 3)).flatten(), atol=5e-3)


def test_the_velocity_is_that_of_the_denoiser():
    schedule, x = ddpm.cosine(100), normal(7, 2)
    direct, told = flow_matching.cloud_velocity(LAW), flow_matching.as_velocity(schedule, denoisers.cloud_denoiser(schedule, LAW))
    for t in (1, 40, 99, 100):
        tau = torch.full((7,), flow_matching.pace(schedule, t)[0], dtype=torch.float64)
        for near in (tau, (tau + 1e-5).clamp(max=1)):  # the nearest time of the schedule
            assert torch.allclose(told(x, near), direct(x, tau), atol=1e-8)
    assert torch.isfinite(told(x, torch.zeros(7))).all()


def test_density_flows_with_the_velocity():
    x = normal(40, 2).requires_grad_()
    tau = (0.05 + 0.9 * torch.rand(40, generator=generator(), dtype=torch.float64)).requires_grad_()
    by_x, by_tau = torch.autograd.grad(flow_matching.cloud_path_log_prob(LAW, x, tau).sum(), (x, tau), create_graph=True)
    v = flow_matching.cloud_velocity(LAW)(x, tau)
    divergence = sum(torch.autograd.grad(v[:, i].sum(), x, retain_graph=True)[0][:, i] for i in range(2))
    assert (by_tau + (v * by_x).sum(1) + divergence).abs().max() < 1e-10


def test_orders_of_the_solvers():
    fm_order("euler", "guidance.fm-euler-order", 1)
    fm_order("heun", "guidance.fm-heun-order", 2)


def test_flow_ends_where_it_is_told():
    points = list(flow_matching.flow(flow_matching.cloud_velocity(LAW), normal(5, 2), 4, until=0.2))
    assert [p.tau for p in points] == pytest.approx([0.8, 0.6, 0.4, 0.2])


# --- codes ------------------------------------------------------------------------------------------------------------

def test_a_net_of_codes_starts_at_zero_knows_the_label_and_takes_both_kinds_of_time():
    net = latent_diffusion.CodeNet(6, 16, 2, classes=3, generator=generator())
    x, t, y = torch.randn(4, 6, generator=generator()), torch.tensor([10, 200, 500, 1000]), torch.tensor([0, 1, 2, 0])
    assert torch.equal(net(x, t, y), torch.zeros(4, 6))
    with torch.no_grad():
        net.leave[0].weight.normal_(generator=generator())
    assert torch.equal(net(x, t), net(x, t, torch.full((4,), 3))) and not torch.allclose(net(x, t), net(x, t, y))
    assert torch.allclose(net(x, t, y), net(x, t / 1000, y), atol=1e-5)


def test_codes_k_times_as_large_shift_the_log_snr_by_twice_log_k():
    codes = 5 * normal(100_000, 1)
    signal, noise = ddpm.scales(SCHEDULE, 50, codes)
    ratio = torch.log((signal * codes).var() / noise**2)
    assert (ratio - SCHEDULE.log_snr[50]).item() == pytest.approx(2 * math.log(5), abs=0.02)


# --- bad input --------------------------------------------------------------------------------------------------------

plain = lambda xt, t: 0 * xt  # noqa: E731


@pytest.mark.parametrize("call, words", [
    (lambda: guidance.transitions(10, 0), "expected an integer from 1 to T = 10, got 0"),
    (lambda: guidance.transitions(10, 2.5), "got 2.5"),
    (lambda: guidance.ddim_std(SCHEDULE, 5, 5, 0.0), "0 <= s < t <= T = 100, got t = 5 and s = 5"),
    (lambda: guidance.ddim_std(SCHEDULE, 101, 5, 0.0), "got t = 101"),
    (lambda: guidance.ddim_std(SCHEDULE, 5, 4, 1.5), "eta: expected a number from 0 to 1, got 1.5"),
    (lambda: guidance.ddim_step(SCHEDULE, plain, normal(2, 2), 5, 4, 1.0), "z: expected noise for eta = 1, got None"),
    (lambda: guidance.ddim_step(SCHEDULE, lambda xt, t: xt[:1], normal(2, 2), 5, 4), r"denoise: expected a result of shape \(2, 2\), got \(1, 2\)"),
    (lambda: list(guidance.ddim(SCHEDULE, plain, tensor([[math.nan]]), 5)), "x_T: expected finite numbers"),
    (lambda: guidance.guide(normal(2, 2), normal(3, 2), 1.0), r"one shape, got \(2, 2\) and \(3, 2\)"),
    (lambda: guidance.guide(normal(2, 2), normal(2, 2), math.nan), "w: expected a finite number, got nan"),
    (lambda: guidance.classifier_free(plain, torch.tensor([1]), math.inf, 2), "w: expected a finite number, got inf"),
    (lambda: guidance.classifier_free(plain, torch.tensor([1]), 2, 2)(normal(3, 2), torch.tensor([1, 1, 1])), "y: expected 3 labels, got 1"),
    (lambda: guidance.class_gradient(lambda x, t: x.sum(), normal(3, 2), torch.tensor([1, 1, 1])), r"log_prob_y: expected shape \(3,\), got \(\)"),
    (lambda: tilted.guided_gaussian(0.0, 0.0, 2.0), "var: expected a number > 0, got 0"),
    (lambda: tilted.guided_gaussian(0.0, 4.0, 2.0), "expected w \\+ \\(1 - w\\) var > 0 for var = 4, got w = 2"),
    (lambda: tilted.given(LAW, LABELS, 7), r"y: expected a class among \[0, 1\], got 7"),
    (lambda: tilted.given(LAW, [0, 1], 0), "labels: expected one for each of 3 components"),
    (lambda: tilted.log_density(denoisers.Cloud(tensor([1.0]), tensor([[0.0]]), tensor([0.0])), tensor([[0.0]])), "expected stds > 0"),
    (lambda: tilted.sampled_quantiles(SCHEDULE, plain, [0.5, 0.2]), "levels: expected rising numbers strictly between 0 and 1"),
    (lambda: tilted.point_quantiles(LAW, tensor([0.5])), "points on the line in rising order"),
    (lambda: flow_matching.path(normal(2, 2), 1.2, normal(2, 2)), r"tau: expected times in \[0, 1\], got 1.2"),
    (lambda: flow_matching.path(normal(2, 2), tensor([0.5]), normal(2, 2)), r"tau: expected a number or shape \(2,\), got \(1,\)"),
    (lambda: list(flow_matching.flow(plain, normal(2, 2), 0)), "steps: expected an integer >= 1, got 0"),
    (lambda: list(flow_matching.flow(plain, normal(2, 2), 5, "rk4")), "method: expected one of euler, heun; got 'rk4'"),
    (lambda: list(flow_matching.flow(plain, normal(2, 2), 5, until=1.0)), r"until: expected a number in \[0, 1\), got 1.0"),
    (lambda: latent_diffusion.fit_standardiser(normal(1, 4)), r"codes: expected shape \(N, K\) with N > 1, got \(1, 4\)"),
    (lambda: latent_diffusion.fit_standardiser(torch.zeros(5, 2)), "std: expected numbers > 0, got 0"),
    (lambda: latent_diffusion.Standardiser(torch.zeros(2), torch.ones(3)), r"one shape, got \(2,\) and \(3,\)"),
    (lambda: latent_diffusion.CodeNet(width=0), "expected sizes of at least 1"),
])
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
