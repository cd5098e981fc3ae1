"""The optimal discriminator, the value of the game and its losses, against closed forms, quadrature and torch; the chapter's bugs."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from gentutor import distances, game, gan, gan_nets, wasserstein_gan
from gentutor.checks import check
from gentutor.densities import Mixture1D

P, G = Mixture1D([1], [0], [1]), Mixture1D([1], [2], [1])
FOUR = torch.tensor([[0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4]], dtype=torch.float64)
INTERVAL = (-9.0, 11.0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def optimal(p, g):
    return lambda x: gan.optimal_logit(p.log_prob(x), g.log_prob(x))


def v_star(p, g, lo=-9.0, hi=11.0):
    return gan.value_on_line(optimal(p, g), p.log_prob, g.log_prob, lo, hi)


def mixture(seed, k=3):
    r = generator(seed)
    w, m, s = (torch.rand(k, generator=r, dtype=torch.float64) for _ in range(3))
    return Mixture1D(w / w.sum(), 4 * m - 2, 0.4 + s)


# --- the claims, each with the check that catches its bugs ---------------------------------------------------------


def best_answer():
    check("gan.best-answer", gan.optimal_discriminator(P.log_prob(0.4), G.log_prob(0.4)), 0.768525, atol=1e-6)


def bce_is_value():
    gaps = []
    for seed in range(20):
        real, fake = 4 * normal(50, seed=seed), 4 * normal(50, seed=100 + seed)
        pooled = binary_cross_entropy_with_logits(torch.cat([real, fake]), torch.arange(100).lt(50).double())
        gaps += [gan.discriminator_loss(real, fake) - pooled, gan.value_of_draws(real, fake) + 2 * pooled]
    check("gan.bce-is-value", torch.stack(gaps).abs().max(), 0.0, atol=1e-12)


def pushforward_square():
    """E_z log(1 - D(z^2)) by draws against quadrature over the law of z^2, through u = |z|; the real half is known."""
    z, x = normal(400_000, seed=1), torch.zeros(1, dtype=torch.float64)
    second = gan.value(lambda x: 1 - x, lambda z: z**2, x, z) - logsigmoid(torch.tensor(1.0))
    check("gan.pushforward-square", second, -0.865277, atol=0.004)


def smoothing_half():
    check("gan.smoothing-half", gan.optimal_discriminator(-1.0, -1.0, (0.9, 0.0)), 0.45, atol=1e-9)


def value_identity():
    pairs = [(P, G), (mixture(1), mixture(2)), (mixture(3), mixture(4)), (P, P)]
    gaps = [v_star(p, g) - gan.best_value(p.log_prob, g.log_prob, *INTERVAL) for p, g in pairs]
    check("gan.value-identity", torch.stack(gaps).abs().max(), 0.0, atol=1e-6)


def value_worked():
    check("gan.value-worked", v_star(P, G), -0.712633, atol=1e-6)


def gradient_minimax():
    check("gan.gradient-minimax", slopes(gan.minimax_loss), [-0.002473, -0.5, -0.997527], atol=1e-6)


def gradient_non_saturating():
    check("gan.gradient-non-saturating", slopes(gan.non_saturating_loss), [-0.997527, -0.5, -0.002473], atol=1e-6)


def extreme_logits():
    far = torch.tensor([1e4], dtype=torch.float64)
    check("gan.extreme-logits", gan.discriminator_loss(-far, far), 1e4, rtol=1e-6)


def detached():
    make, judge = gan_nets.point_nets(generator=generator(1))
    game.discriminator_terms(judge, torch.randn(8, 2, generator=generator(2)), make(torch.randn(8, 2, generator=generator(3)))).backward()
    check("gan.detached", sum(p.grad.abs().sum().item() for p in make.parameters() if p.grad is not None), 0.0)


def generator_reached():
    make, judge = gan_nets.point_nets(generator=generator(1))
    game.generator_terms(judge, make(torch.randn(8, 2, generator=generator(3)))).backward()
    check("gan.generator-reached", sum(0.0 if p.grad is None else p.grad.abs().sum().item() for p in make.parameters()), at_least=1e-3)


def critic_attains():
    gaps = []
    for p, g in ((P, G), (mixture(5), mixture(6)), (mixture(7), mixture(8))):
        x = torch.linspace(-9, 11, 20_001, dtype=torch.float64)
        f = wasserstein_gan.line_critic(p.cdf, g.cdf, x)
        dual = torch.trapezoid(f * (p.prob(x) - g.prob(x)), x)
        gaps.append(dual - distances.wasserstein_cdf(p.cdf, g.cdf, *INTERVAL, n=20_001))
    check("gan.critic-attains", torch.stack(gaps).abs().max(), 0.0, atol=1e-6)


def penalty_linear():
    """Of f(x) = a x the penalty is (|a| - 1)^2, and its gradient in a is 2 (|a| - 1) a / |a|."""
    critic = torch.nn.Linear(2, 1, bias=False).double()
    with torch.no_grad():
        critic.weight.copy_(torch.tensor([[3.0, 4.0]]))
    cost = wasserstein_gan.gradient_penalty(critic, normal(5, 2), normal(5, 2, seed=1), generator(2))
    if cost.requires_grad:
        cost.backward()
    grad = torch.zeros(2) if critic.weight.grad is None else critic.weight.grad[0]
    check("gan.penalty-linear", torch.cat([cost.detach().reshape(1), grad]), [16.0, 4.8, 6.4], atol=1e-9)


def coverage():
    """Half the points on mode 0, a quarter on mode 1, a quarter far from all three."""
    centres = torch.tensor([[0.0, 0], [5, 0], [0, 5]])
    points = torch.tensor([[0.1, 0.0], [-0.1, 0.1], [5.2, 0.0], [9.0, 9.0]])
    seen = game.modes_covered(points, centres, 0.1)
    check("gan.coverage", [seen.covered, seen.high_quality, *seen.shares], [2, 0.75, 0.5, 0.25, 0.0], atol=1e-12)


def slopes(loss):
    """Gradient of the loss in the logit of one fake, at -6, 0 and 6."""
    logits = torch.tensor([-6.0, 0.0, 6.0], dtype=torch.float64, requires_grad=True)
    return torch.autograd.grad(3 * loss(logits), logits)[0]


CLAIMS = {f"gan.{f.__name__.replace('_', '-')}": f for f in (
    best_answer, smoothing_half, bce_is_value, pushforward_square, value_identity, value_worked, gradient_minimax, gradient_non_saturating, extreme_logits,
    detached, generator_reached, critic_attains, penalty_linear, coverage)}  # fmt: skip


# --- the best discriminator and the value --------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_no_discriminator_beats_the_best_and_the_shortfall_is_a_kl(seed):
    p, g = mixture(seed), mixture(seed + 1)
    a, b, c = (normal(4, seed=seed + i) for i in (2, 3, 4))
    bump = lambda x: (a * torch.sin(b * x.unsqueeze(-1) + c)).sum(-1)  # noqa: E731
    logit = lambda x: optimal(p, g)(x) + bump(x)  # noqa: E731
    short = v_star(p, g) - gan.value_on_line(logit, p.log_prob, g.log_prob, *INTERVAL)
    x = torch.linspace(*INTERVAL, 4001, dtype=torch.float64)
    best, other = optimal(p, g)(x), logit(x)
    kl = sum(torch.sigmoid(side * best) * (logsigmoid(side * best) - logsigmoid(side * other)) for side in (1, -1))
    lost = torch.trapezoid((p.prob(x) + g.prob(x)) * kl, x)
    assert short >= -1e-12 and short.item() == pytest.approx(lost.item(), abs=1e-9)


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_value_lies_between_minus_log_four_and_zero(seed):
    p, g = mixture(seed), mixture(seed + 1)
    value, js = v_star(p, g).item(), gan.js_on_line(p.log_prob, g.log_prob, *INTERVAL).item()
    assert -math.log(4) - 1e-9 <= value <= 1e-9 and -1e-9 <= js <= math.log(2) + 1e-9
    assert value == pytest.approx(-math.log(4) + 2 * js, abs=1e-6)


def test_js_is_that_of_the_kl_chapter_on_a_grid():
    from gentutor import kl

    x = torch.linspace(*INTERVAL, 4001, dtype=torch.float64)
    p, g = (law.prob(x) / law.prob(x).sum() for law in (P, G))
    assert gan.js_on_line(P.log_prob, G.log_prob, *INTERVAL).item() == pytest.approx(kl.js_discrete(p, g).item(), abs=1e-9)


def box(start):
    return lambda x: torch.where((x >= start) & (x <= start + 1), 0.0, -math.inf).double()


@pytest.mark.parametrize("theta", [1.5, 2.0, 5.0])
def test_disjoint_supports_are_told_apart_without_error(theta):
    p, g = box(0.0), box(theta)
    best = lambda x: gan.optimal_logit(p(x), g(x))  # noqa: E731
    assert gan.value_on_line(best, p, g, -1, 7).item() == 0
    assert gan.js_on_line(p, g, -1, 7).item() == pytest.approx(math.log(2), abs=2e-3)


def test_js_of_two_narrow_laws_far_apart_is_its_ceiling():
    """Between them both densities round to 0."""
    p, g = Mixture1D([1], [-4], [0.3]), Mixture1D([1], [4], [0.3])
    assert gan.js_on_line(p.log_prob, g.log_prob, -16, 16).item() == pytest.approx(math.log(2), abs=1e-12)
    assert gan.best_value(p.log_prob, g.log_prob, -16, 16).item() == pytest.approx(0, abs=1e-12)


def test_four_outcomes():
    best = gan.optimal_discriminator(*FOUR.log())
    assert torch.allclose(best, torch.tensor([5 / 6, 3 / 5, 1 / 3, 1 / 9], dtype=torch.float64))
    assert (FOUR[0] * best.log() + FOUR[1] * (1 - best).log()).sum().item() == pytest.approx(-1.050248, abs=1e-6)


@settings(max_examples=50)
@given(st.floats(0.01, 3), st.floats(0.01, 3), st.floats(0.55, 1), st.floats(0, 0.45))
def test_smoothing_moves_the_optimum(p, g, real, fake):
    d = torch.linspace(1e-4, 1 - 1e-4, 9999, dtype=torch.float64)
    payoff = p * (real * d.log() + (1 - real) * (1 - d).log()) + g * (fake * d.log() + (1 - fake) * (1 - d).log())
    best = gan.optimal_discriminator(math.log(p), math.log(g), (real, fake))
    assert d[payoff.argmax()].item() == pytest.approx(best.clamp(1e-4, 1 - 1e-4).item(), abs=1e-4)


# --- losses ----------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.floats(0, 1))
def test_cross_entropy_is_torchs(seed, label):
    logits = 20 * normal(30, seed=seed)
    reference = binary_cross_entropy_with_logits(logits, torch.full_like(logits, label), reduction="none")
    assert torch.allclose(gan.cross_entropy(logits, label), reference, atol=1e-9)


LOSSES = {"minimax": gan.minimax_loss, "non-saturating": gan.non_saturating_loss, "hinge": gan.critic_generator_loss}


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_in_the_logit_is_autograds(name):
    logits = (10 * normal(40)).requires_grad_()
    (grad,) = torch.autograd.grad(40 * LOSSES[name](logits), logits)
    assert torch.allclose(grad, gan.logit_gradient(logits.detach(), name), atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_losses_and_gradients_stay_finite_at_extreme_logits(dtype, size):
    for loss in (gan.discriminator_loss, gan.hinge_discriminator_loss, wasserstein_gan.critic_loss, *LOSSES.values()):
        players = 1 if loss in LOSSES.values() else 2
        logits = [torch.full((4,), side * size, dtype=dtype, requires_grad=True) for side in (1, -1)[:players]]
        value = loss(*logits)
        grads = torch.autograd.grad(value, logits)
        assert value.isfinite() and all(g.isfinite().all() and g.abs().max() * 4 <= 1 for g in grads)


def test_hinge_by_hand():
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 0.0])
    assert gan.hinge_discriminator_loss(real, fake).item() == pytest.approx(0.25 + 0.5)
    assert gan.critic_generator_loss(fake).item() == 1.5


def test_best_hinge_score_is_a_sign_and_its_loss_is_two_minus_two_total_variations():
    x = torch.linspace(*INTERVAL, 20_001, dtype=torch.float64)
    p, g = P.prob(x), G.prob(x)
    scores = torch.linspace(-2, 2, 81, dtype=torch.float64)[:, None]
    least = torch.trapezoid((p * (1 - scores).relu() + g * (1 + scores).relu()).min(0).values, x)
    assert least.item() == pytest.approx(2 - torch.trapezoid((p - g).abs(), x).item(), abs=1e-9)
    assert least.item() == pytest.approx(0.634621, abs=1e-5)


def test_smoothed_labels_reach_the_loss():
    real, fake = normal(9), normal(9, seed=1)
    expected = (gan.cross_entropy(real, 0.9).mean() + gan.cross_entropy(fake, 0.1).mean()) / 2
    assert gan.discriminator_loss(real, fake, labels=(0.9, 0.1)) == expected
    assert game.discriminator_terms(lambda x: x, real, fake, labels=(0.9, 0.1)) == expected


# --- bad input -------------------------------------------------------------------------------------------------------

BAD = {
    "no logit": lambda: gan.minimax_loss(torch.zeros(0)),
    "no real logit": lambda: gan.discriminator_loss(torch.zeros(0), torch.zeros(3)),
    "labels swapped": lambda: gan.discriminator_loss(torch.zeros(3), torch.zeros(3), labels=(0.0, 1.0)),
    "label above one": lambda: gan.optimal_discriminator(0.0, 0.0, labels=(1.1, 0.0)),
    "unknown loss": lambda: gan.logit_gradient(0.0, "saturated"),
    "empty interval": lambda: gan.value_on_line(lambda x: x, P.log_prob, G.log_prob, 3, 3),
    "interval that misses a law": lambda: gan.js_on_line(P.log_prob, G.log_prob, -5, 1),
    "two knots of a grid": lambda: gan.best_value(P.log_prob, G.log_prob, -9, 11, n=2),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_value_error_that_says_what_came(name):
    with pytest.raises(ValueError, match="expected .*got"):
        BAD[name]()
