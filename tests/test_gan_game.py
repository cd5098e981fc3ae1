"""The game and its networks: rounds of `train.fit`, the critic's Lipschitz bounds, coverage of modes, shapes, a fitted discriminator."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gentutor import distances, gan, gan_nets, game, train, wasserstein_gan
from gentutor.densities import Mixture1D


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def players(seed=0, lr=1e-3, **options):
    """(state, noise) of a small game on the plane."""
    r = generator(seed)
    make, judge = gan_nets.point_nets(width=16, generator=r, **options)
    models = {"generator": make, "discriminator": judge}
    state = train.State(models, {name: torch.optim.Adam(net.parameters(), lr) for name, net in models.items()}, generators=r)
    return state, lambda n: torch.randn(n, 2, generator=r)


def nets(state):
    return state.models["generator"], state.models["discriminator"]


def cloud(n, seed=5):
    return 0.5 * torch.randn(n, 2, generator=generator(seed)) + torch.tensor([2.0, -1.0])


# --- rounds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", game.LOSSES)
def test_a_round_updates_each_player_once_and_only_by_its_own_loss(loss):
    state, noise = players()
    before = [{name: p.clone() for name, p in net.named_parameters()} for net in nets(state)]
    moved = []

    def watched(step):
        def rounds(real):
            for name, cost in step(real):
                yield name, cost
                moved.append([any(not torch.equal(p, old[key]) for key, p in net.named_parameters()) for net, old in zip(nets(state), before)])
        return rounds

    step = watched(game.rounds(*nets(state), noise, loss))
    (record,) = train.fit(step, [cloud(32)], state)
    assert moved == [[False, True], [True, True]]
    assert {"discriminator_loss", "generator_loss", "generator_grad_norm"} <= set(record)


def test_the_generators_loss_costs_the_discriminator_nothing_and_frees_it_again():
    state, noise = players()
    make, judge = nets(state)
    costs = dict(game.rounds(make, judge, noise)(cloud(16)))
    costs["generator"].backward()
    assert all(p.grad is None and p.requires_grad for p in judge.parameters())
    assert all(p.grad is not None for p in make.parameters())


def test_k_discriminator_updates_use_the_batch_once():
    state, noise = players()
    names, seen = [], []
    make, judge = nets(state)
    judge.register_forward_pre_hook(lambda net, inputs: seen.append(inputs[0].detach()))
    real = cloud(12)
    for name, cost in game.rounds(make, judge, noise, k=3)(real):
        names.append(name)
    assert names == ["discriminator"] * 3 + ["generator"]
    assert torch.equal(torch.cat(seen[0:6:2]), real) and all(len(x) == 4 for x in seen)


def test_each_further_step_of_the_generator_brings_fresh_fakes_before_a_discriminator_that_waits():
    state, noise = players()
    make, judge = nets(state)
    seen, updates = [], []
    judge.register_forward_pre_hook(lambda net, inputs: seen.append((inputs[0].detach(), [p.detach().clone() for p in net.parameters()])))

    def step(real):
        for name, cost in game.rounds(make, judge, noise, generator_steps=3)(real):
            updates.append(name)
            yield name, cost

    list(train.fit(step, [cloud(8)], state))
    assert updates == ["discriminator"] + ["generator"] * 3
    (_, before), (fake, _), *judged = seen
    assert torch.equal(judged[0][0], fake) and not any(torch.equal(a, b) for (a, _), (b, _) in zip(judged, judged[1:]))
    assert all(torch.equal(p, q) for _, later in judged for p, q in zip(judged[0][1], later))
    assert not all(torch.equal(p, q) for p, q in zip(before, judged[0][1]))


def test_generator_descends_through_the_updated_discriminator():
    """At a learning rate of 0 for G and many updates for D, V rises towards its best."""
    state, noise = players(lr=0.02)
    state.optimisers["generator"].param_groups[0]["initial_lr"] = 0.0
    state.schedule = lambda k: 1.0
    history = list(train.fit(lambda _: game.rounds(*nets(state), noise)(cloud(64, 6)), range(60), state))
    assert history[0]["discriminator_loss"] > 0.4 > 0.1 > history[-1]["discriminator_loss"]


@pytest.mark.parametrize("loss, penalty", [("non-saturating", 0.0), ("wasserstein", 10.0)])
def test_a_resumed_game_equals_an_unbroken_one(tmp_path, loss, penalty):
    def play(state, noise, rounds):
        step = game.rounds(*nets(state), noise, loss, penalty=penalty, draws=state.generators["generator"])
        return list(train.fit(step, [cloud(8, s) for s in range(rounds)], state))

    whole, half = players(), players()
    play(*whole, 6), play(*half, 3)
    train.save(tmp_path / "half", half[0])
    r = half[0].generators["generator"]
    train.load(tmp_path / "half", half[0])
    assert r is half[0].generators["generator"]
    play(*half, 6)
    for a, b in zip(nets(whole[0]), nets(half[0])):
        assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters()))


def test_clipping_holds_after_each_round():
    state, noise = players(lr=0.1)
    list(train.fit(game.rounds(*nets(state), noise, "wasserstein", clip=0.05), [cloud(8, s) for s in range(3)], state))
    assert max(p.abs().max() for p in nets(state)[1].parameters()) <= 0.05


def test_the_fitted_discriminator_is_the_optimal_one():
    """N(0, 1) against N(2, 1): the logit of a trained perceptron is the log ratio 2 - 2x, and D is D*."""
    p, g = Mixture1D([1], [0], [1]), Mixture1D([1], [2], [1])
    r = generator(1)
    judge = gan_nets.PointDiscriminator(1, 32, 2, generator=r).double()
    x, y = p.sample(20_000, r)[:, None], g.sample(20_000, r)[:, None]
    state = train.State(judge, torch.optim.Adam(judge.parameters(), 5e-3), generators=r, schedule=train.one_cycle(400))
    list(train.fit(lambda _: gan.discriminator_loss(judge(x[torch.randint(20_000, (1000,), generator=r)]), judge(y[torch.randint(20_000, (1000,), generator=r)])), range(400), state))
    grid = torch.linspace(-2.5, 4.5, 200, dtype=torch.float64)
    with torch.no_grad():
        found = judge(grid[:, None]).sigmoid()
    assert (found - gan.optimal_discriminator(p.log_prob(grid), g.log_prob(grid))).abs().max() < 0.06


# --- the critic ------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6))
def test_no_lipschitz_critic_beats_the_transport_cost(seed):
    r = generator(seed)
    x, y = (torch.randn(50, generator=r, dtype=torch.float64) * s for s in (1.0, 2.0))
    weights, knots = torch.randn(6, generator=r, dtype=torch.float64), 3 * torch.randn(6, generator=r, dtype=torch.float64)
    weights = weights / weights.abs().sum()
    f = lambda x: (weights * (x[:, None] - knots).abs()).sum(1)  # noqa: E731
    assert wasserstein_gan.dual_value(f(x), f(y)) <= distances.wasserstein_1d(x, y) + 1e-12


def test_best_critic_of_two_samples_attains_their_transport_cost():
    r = generator(3)
    x, y = torch.randn(40, generator=r, dtype=torch.float64), 1 + 2 * torch.randn(40, generator=r, dtype=torch.float64)
    knots = torch.cat([x, y]).sort().values
    cdf = lambda s: lambda t: (s[:, None] <= t).double().mean(0)  # noqa: E731
    f = dict(zip(knots.tolist(), wasserstein_gan.line_critic(cdf(x), cdf(y), knots)))
    scores = [torch.stack([f[v] for v in s.tolist()]) for s in (x, y)]
    assert wasserstein_gan.dual_value(*scores).item() == pytest.approx(distances.wasserstein_1d(x, y).item(), abs=1e-12)
    assert wasserstein_gan.critic_loss(*scores) == -wasserstein_gan.dual_value(*scores)


def test_clipped_weights_bound_the_slope():
    for seed in range(5):
        critic = gan_nets.PointDiscriminator(1, 16, 1, generator=generator(seed), activation="relu").double()
        wasserstein_gan.clip_weights(critic, 0.1)
        x = torch.linspace(-3, 3, 500, dtype=torch.float64)[:, None]
        with torch.no_grad():
            steepest = (critic(x).diff() / x[:, 0].diff()).abs().max()
        assert steepest <= 16 * 0.1**2 + 1e-12


def test_penalty_vanishes_at_slope_one_only_and_can_be_descended():
    x, y = (torch.randn(6, 3, generator=generator(s), dtype=torch.float64) for s in (1, 2))
    flat = torch.nn.Linear(3, 1).double()
    with torch.no_grad():
        flat.weight.copy_(torch.tensor([[2.0, -1.0, 2.0]]) / 3)
    assert wasserstein_gan.gradient_penalty(flat, x, y).item() == pytest.approx(0, abs=1e-15)
    judge = gan_nets.PointDiscriminator(3, 8, generator=generator(4)).double()
    wasserstein_gan.gradient_penalty(judge, x, y, generator(5)).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in list(judge.parameters())[:-1])


def test_penalty_looks_between_real_and_fake():
    seen = []
    critic = lambda x: (seen.append(x.detach()), x.square().sum(1))[1]  # noqa: E731
    wasserstein_gan.gradient_penalty(critic, torch.zeros(500, 1), torch.ones(500, 1), generator(1))
    (x,) = seen
    assert x.min() >= 0 and x.max() <= 1 and x.mean().item() == pytest.approx(0.5, abs=0.05)


# --- coverage and diversity ------------------------------------------------------------------------------------------


def test_coverage_of_the_law_itself_and_of_one_mode():
    angle = torch.arange(8) * math.pi / 4
    centres = 3 * torch.stack([angle.cos(), angle.sin()], 1)
    points = centres.repeat(500, 1) + 0.1 * torch.randn(4000, 2, generator=generator(1))
    whole = game.modes_covered(points, centres, 0.1)
    assert whole.covered == 8 and whole.high_quality == pytest.approx(1 - math.exp(-4.5), abs=0.006)  # a Rayleigh radius within 3 std
    one = game.modes_covered(points[::8], centres, 0.1)
    assert one.covered == 1 and one.shares[1:].sum() == 0 and one.shares.sum().item() == pytest.approx(one.high_quality)


def test_batch_diversity_is_one_number_for_the_batch_and_zero_for_copies():
    h = torch.randn(6, 4, generator=generator(1), dtype=torch.float64)
    more = gan_nets.batch_diversity(h)
    assert more.shape == (6, 5) and torch.equal(more[:, :4], h)
    assert torch.allclose(more[:, 4], h.std(0, unbiased=False).mean().expand(6), atol=1e-6)
    assert gan_nets.batch_diversity(h[:1].expand(6, 4))[:, 4].max() < 1e-3


def test_a_packed_discriminator_judges_its_points_together():
    judge = gan_nets.PointDiscriminator(2, 8, pack=2, generator=generator(1))
    x = torch.randn(6, 2, generator=generator(2))
    other = x.clone()
    other[1] += 1
    assert judge(x).shape == (3,) and (judge(x) != judge(other)).tolist() == [True, False, False]


# --- networks for images ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [4, 8])
def test_image_nets_have_the_shapes_they_say(width):
    make, judge = gan_nets.image_nets(5, width)
    x = make(torch.randn(3, 5, generator=generator(1)))
    assert x.shape == (3, 1, 28, 28) and x.abs().max() <= 1 and judge(x).shape == (3,)


def test_default_sizes_are_those_of_the_docstring():
    sizes = [sum(p.numel() for p in net.parameters()) for net in gan_nets.image_nets()]
    assert sizes == [278_852, 37_153]


def test_the_image_discriminator_has_spectral_norm_one():
    """After some steps of the power iteration each layer's matrix has a largest singular value of 1."""
    judge = gan_nets.ImageDiscriminator(8)
    for _ in range(60):
        judge(torch.zeros(1, 1, 28, 28))
    for layer in (judge.enter, judge.down, judge.score):
        assert torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2).item() == pytest.approx(1, abs=0.03)


def test_autocast_does_not_reach_scores_and_pixels():
    make, judge = gan_nets.image_nets(5, 4)
    with torch.autocast("cpu", torch.bfloat16):
        x = make(torch.zeros(2, 5))
        assert x.dtype == judge(x).dtype == torch.float32


# --- bad input -------------------------------------------------------------------------------------------------------


def rounds(**options):
    state, noise = players()
    return game.rounds(*nets(state), noise, **options)


BAD = {
    "unknown loss": lambda: rounds(loss="least squares"),
    "no discriminator step": lambda: rounds(k=0),
    "no generator step": lambda: rounds(generator_steps=0),
    "batch that k does not divide": lambda: next(rounds(k=3)(cloud(8))),
    "empty batch": lambda: next(rounds()(cloud(8)[:0])),
    "clip of zero": lambda: wasserstein_gan.clip_weights(torch.nn.Linear(1, 1), 0.0),
    "falling knots": lambda: wasserstein_gan.line_critic(torch.tanh, torch.tanh, [1.0, 0.0]),
    "batches of two sizes": lambda: wasserstein_gan.gradient_penalty(torch.nn.Linear(2, 1), cloud(3), cloud(4)),
    "points of another dimension": lambda: game.modes_covered(torch.zeros(4, 3), torch.zeros(2, 2), 0.1),
    "points that ran away": lambda: game.modes_covered(torch.full((4, 2), math.inf), torch.zeros(2, 2), 0.1),
    "mode without width": lambda: game.modes_covered(torch.zeros(4, 2), torch.zeros(2, 2), 0.0),
    "diversity of one": lambda: gan_nets.batch_diversity(torch.zeros(1, 3)),
    "pack of nothing": lambda: gan_nets.PointDiscriminator(pack=0),
    "batch that is not whole packs": lambda: gan_nets.PointDiscriminator(pack=2)(torch.zeros(3, 2)),
    "no width": lambda: gan_nets.image_nets(width=0),
    "no latent": lambda: gan_nets.image_nets(latent=0),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_value_error_that_says_what_came(name):
    with pytest.raises(ValueError, match="expected .*got"):
        BAD[name]()
