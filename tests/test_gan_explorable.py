"""The three explorables of the GAN chapter: their numbers against gentutor.gan and torch, their training against autograd, and their words."""

import base64
import json
import math
import re

import numpy as np
import pytest
import torch
import traitlets
from conftest import said, settle
from hypothesis import given
from hypothesis import strategies as st

from gentutor import densities, game, gan
from gentutor.explorables import GanGame, GanOptimal, GanSaturation

DOUBLE = torch.float64
GAME, OPTIMAL = GanGame().state() | {"_nets": ""}, GanOptimal().state() | {"_net": ""}


def caller(page):
    return lambda code, **values: page.evaluate(f"(at) => {{ const m = window.module; {code} }}", values)


@pytest.fixture(scope="module")
def saturation(es_module):
    return caller(es_module("gan_saturation"))


@pytest.fixture(scope="module")
def optimal(es_module):
    return caller(es_module("gan_optimal"))


@pytest.fixture(scope="module")
def played(es_module):
    return caller(es_module("gan_game"))


def unpacked(text):
    """What `pack` of core.js wrote: Float64Arrays as tensors."""
    def leaf(found):
        return torch.from_numpy(np.frombuffer(base64.b64decode(found["f64"])).copy()) if "f64" in found else found

    return json.loads(text, object_hook=leaf)


def torch_net(layers):
    """The layers of the page as a torch network in double precision."""
    parts = []
    for layer in layers:
        linear = torch.nn.Linear(len(layer["weight"]) // len(layer["bias"]), len(layer["bias"]), dtype=DOUBLE)
        with torch.no_grad():
            linear.weight.copy_(layer["weight"].reshape(linear.weight.shape))
            linear.bias.copy_(layer["bias"])
        parts += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*parts[:-1])


def same_layers(net, layers, tolerance=1e-6):
    for linear, layer in zip(net[::2], layers, strict=True):
        for ours, theirs in ((linear.weight.flatten(), layer["weight"]), (linear.bias, layer["bias"])):
            assert torch.allclose(ours, theirs, rtol=0, atol=tolerance)


# ---- saturation ------------------------------------------------------------------------------------------------------

@pytest.mark.browser
@pytest.mark.parametrize("logit", [-8, -6, -1.25, 0, 0.5, 6, 8, -1e4, 1e4])
def test_both_losses_and_their_gradients_are_those_of_gentutor(saturation, logit):
    got = saturation("return m.compute({ logit: at.logit });", logit=logit)
    l = torch.tensor(float(logit), dtype=DOUBLE)
    for name, key, loss in (("minimax", "minimax", gan.minimax_loss), ("non-saturating", "nonSaturating", gan.non_saturating_loss)):
        assert got[key]["loss"] == pytest.approx(loss(l.reshape(1)).item(), abs=1e-9, rel=1e-9)
        assert got[key]["gradient"] == pytest.approx(gan.logit_gradient(l, name).item(), abs=1e-9)
    assert got["d"] == pytest.approx(torch.sigmoid(l).item(), abs=1e-12)
    if abs(logit) < 100:
        assert got["ratio"] == pytest.approx(got["nonSaturating"]["gradient"] / got["minimax"]["gradient"], rel=1e-6)


@pytest.mark.browser
def test_saturation_in_words(show):
    page = show("gan_saturation")
    assert "minimax loss pushes with 0.0025, the non-saturating one with 0.9975, 403 times as hard" in said(page)
    page.get_by_role("button", name="D cannot tell").click()
    assert "both losses push the logit up equally hard, by 0.50" in said(page)
    page.get_by_role("button", name="D is fooled").click()
    assert "the non-saturating loss lets go of the sample (0.0025)" in said(page)
    handle = page.get_by_role("slider", name="Logit of the sample")
    handle.press("End")
    settle(page)
    assert handle.get_attribute("aria-valuetext") == "logit 8.00, D 0.9997"


# ---- the optimal discriminator ---------------------------------------------------------------------------------------

LAWS = [
    {},
    {"data": [[1, 0.5, 1.2]], "g_mean": 0.5, "g_std": 1.2},
    {"data": [[1, -4, 0.3]], "g_mean": 4, "g_std": 0.3},
    {"data": [[0.2, -5, 0.4], [0.8, 1, 3.0]], "g_mean": -1, "g_std": 3},
]


def laws(at):
    weights, means, stds = zip(*at["data"])
    return densities.Mixture1D(weights, means, stds).log_prob, densities.Mixture1D([1], [at["g_mean"]], [at["g_std"]]).log_prob


@pytest.mark.browser
@pytest.mark.parametrize("law", LAWS)
def test_the_best_value_and_the_value_of_the_trained_d_are_those_of_gentutor(optimal, law):
    at = {**OPTIMAL, **law, "steps": 25}
    got = optimal("return { ...m.compute(at), net: m.save(m.network(at)) };", **at)
    log_p, log_g = laws(at)
    net = torch_net(unpacked(got["net"])["layers"])
    edge = 12.0 if law.get("g_mean") == 4 else 32.0
    ends = (-edge, edge, 40001)
    assert got["best"] == pytest.approx(gan.best_value(log_p, log_g, *ends).item(), abs=1e-6)
    assert got["js"] == pytest.approx(gan.js_on_line(log_p, log_g, *ends).item(), abs=1e-6)
    with torch.no_grad():
        logit = lambda x: net(x[:, None] / 3)[:, 0]  # noqa: E731
        assert got["value"] == pytest.approx(gan.value_on_line(logit, log_p, log_g, *ends).item(), abs=1e-5)
        x = torch.linspace(-6, 6, 301, dtype=DOUBLE)
        p, g = log_p(x).exp(), log_g(x).exp()
        error = (torch.sigmoid(logit(x)) - gan.optimal_discriminator(log_p(x), log_g(x))).abs()
    assert got["value"] <= got["best"] + 1e-9, "no D beats D*"
    assert got["average"] == pytest.approx(((error * (p + g)).sum() / (p + g).sum()).item(), abs=1e-6)
    assert got["worst"] == pytest.approx(error[(p + g) / 2 > 0.01].max().item(), abs=1e-6)


@pytest.mark.browser
def test_a_step_of_the_discriminator_on_the_line_is_torch_s(optimal):
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.randn(40, generator=generator, dtype=DOUBLE), 1 + 2 * torch.randn(40, generator=generator, dtype=DOUBLE)
    before, loss, after = optimal(
        "const net = m.network(at.state); const before = m.save(net); const loss = m.step(net, at.real, at.fake); return [before, loss, m.save(net)];",
        state={**OPTIMAL, "steps": 0}, real=real.tolist(), fake=fake.tolist())
    net = torch_net(unpacked(before)["layers"])
    adam = torch.optim.Adam(net.parameters(), lr=0.02)
    want = gan.discriminator_loss(net(real[:, None] / 3)[:, 0], net(fake[:, None] / 3)[:, 0])
    want.backward()
    adam.step()
    assert loss == pytest.approx(want.item(), abs=1e-9)
    same_layers(net, unpacked(after)["layers"])


@pytest.mark.browser
def test_training_brings_d_to_the_best_one(optimal):
    few, many = (optimal("return m.compute(at);", **{**OPTIMAL, "steps": n}) for n in (10, 800))
    assert many["average"] < 0.04 < 2 * few["average"] and many["best"] - many["value"] < 0.02 < few["best"] - few["value"]
    assert optimal("return m.compute(at);", **{**OPTIMAL, "steps": 10}) == few, "seeded"


@pytest.mark.browser
def test_the_line_in_words(show):
    page = show("gan_optimal")
    first = said(page)
    assert re.match(r"After 60 steps D is off by 0\.0\d\d on average", first) and "No D earns more" in first
    best = re.search(r"below the best, (−\d\.\d+)", first).group(1)
    page.get_by_role("button", name="One step").click()
    assert said(page).startswith("After 61 steps") and best in said(page), "training D leaves V(D*, G) where it is"
    page.get_by_role("slider", name="Mean of p_G").press("PageUp")
    assert said(page).startswith("After 61 steps") and best not in said(page), "moving p_G leaves D as it is"
    page.get_by_role("button", name="Fresh D").click()
    assert said(page).startswith("After 0 steps")
    page.get_by_role("button", name="far apart").click()
    assert "JS is nearly at its ceiling, log 2" in said(page)
    page.get_by_role("button", name="p_G = p_data").click()
    assert "D* is ½ everywhere and V(D*, G) is −log 4" in said(page)
    train = page.get_by_role("button", name="Train D")
    train.click()
    page.wait_for_function("() => /After (\\d{3,})/.test(document.querySelector('.gt-sentence').textContent)", timeout=30_000)
    train.wait_for(timeout=60_000)  # it ends by itself after a thousand steps
    before = said(page)
    train.evaluate("button => { button.click(); button.click(); }")  # begun and stopped before a frame
    assert train.is_visible() and said(page) == before


def test_the_alternative_text_of_the_line_says_the_numbers():
    at = GanOptimal()
    best = gan.best_value(*laws({"data": at.data, "g_mean": at.g_mean, "g_std": at.g_std}), -32.0, 32.0, 40001).item()
    assert f"{abs(best):.3f}" in at.alt


@pytest.mark.parametrize("bad", [
    {"data": []}, {"data": [[1, 0]]}, {"data": [[0.5, 0, 1], [0.6, 1, 1]]}, {"data": [[1, 9, 1]]}, {"data": [[1, 0, 0.1]]}, {"data": [[1, math.nan, 1]]},
    {"g_mean": 6}, {"g_std": 0.1}, {"steps": -1}, {"steps": 4000}, {"seed": -1},
])
def test_bad_states_of_the_line_are_refused(bad):
    with pytest.raises(traitlets.TraitError):
        GanOptimal(**bad)


# ---- the game --------------------------------------------------------------------------------------------------------

def step_pair(page, rate, loss, seed=5):
    """The page's players after some rounds, the batches, and the players after one D step and one G step on them."""
    generator = torch.Generator().manual_seed(seed)
    real, z_d, z_g = (torch.randn(64, 2, generator=generator, dtype=DOUBLE) for _ in range(3))
    before, losses, after = page(
        """const game = m.gameOf(at.state), at2 = at.state, f = (v) => Float64Array.from(v);
        const before = m.save(game); const d = m.stepD(game, at2, f(at.real), f(at.zd)); const g = m.stepG(game, at2, f(at.zg));
        return [before, [d, g], m.save(game)];""",
        state={**GAME, "steps": 12, "rate": rate, "loss": loss}, real=real.flatten().tolist(), zd=z_d.flatten().tolist(), zg=z_g.flatten().tolist())
    return (real, z_d, z_g), unpacked(before), losses, unpacked(after)


def optimizer(net, memory, rate):
    """Torch's Adam with the page's memory."""
    adam = torch.optim.Adam(net.parameters(), lr=rate, betas=(0.5, 0.99), eps=1e-3)
    for i, parameter in enumerate(net.parameters()):
        part = "bias" if i % 2 else "weight"
        adam.state[parameter] = {
            "step": torch.tensor(float(memory["steps"])), "exp_avg": memory["mean"][i // 2][part].reshape(parameter.shape).clone(),
            "exp_avg_sq": memory["square"][i // 2][part].reshape(parameter.shape).clone()}
    return adam


@pytest.mark.browser
@pytest.mark.parametrize("loss", ["non-saturating", "minimax"])
def test_a_step_of_d_and_a_step_of_g_are_torch_s(played, loss):
    (real, z_d, z_g), before, losses, after = step_pair(played, 0.01, loss)
    generator, discriminator = torch_net(before["generator"]), torch_net(before["discriminator"])
    players = {name: optimizer(net, before["memory"][name], 0.01) for name, net in (("generator", generator), ("discriminator", discriminator))}
    j_d = gan.discriminator_loss(discriminator(real)[:, 0], discriminator(generator(z_d).detach())[:, 0])
    players["discriminator"].zero_grad()
    j_d.backward()
    players["discriminator"].step()
    fool = {"minimax": gan.minimax_loss, "non-saturating": gan.non_saturating_loss}[loss]
    j_g = fool(discriminator(generator(z_g))[:, 0])
    players["generator"].zero_grad()
    j_g.backward()
    players["generator"].step()
    assert losses == pytest.approx([j_d.item(), j_g.item()], abs=1e-9)
    same_layers(discriminator, after["discriminator"])
    same_layers(generator, after["generator"])
    for net, name in ((generator, "generator"), (discriminator, "discriminator")):
        moved = max((new["weight"] - old["weight"]).abs().max() for new, old in zip(after[name], before[name]))
        assert moved > 1e-4, "the step is not nothing"


@pytest.mark.browser
@pytest.mark.parametrize("loss", ["non-saturating", "minimax"])
def test_a_small_step_lowers_the_loss_of_the_one_who_takes_it(played, loss):
    """The sign: each player goes down its own loss."""
    (real, z_d, z_g), before, losses, after = step_pair(played, 1e-4, loss)
    old_g, new_g = torch_net(before["generator"]), torch_net(after["generator"])
    new_d = torch_net(after["discriminator"])
    fool = {"minimax": gan.minimax_loss, "non-saturating": gan.non_saturating_loss}[loss]
    with torch.no_grad():
        assert gan.discriminator_loss(new_d(real)[:, 0], new_d(old_g(z_d))[:, 0]).item() < losses[0]
        assert fool(new_d(new_g(z_g))[:, 0]).item() < losses[1]


@pytest.mark.browser
@pytest.mark.parametrize("change", [{}, {"data": "two", "loss": "minimax", "k": 5}, {"data": "ring", "start": [1, -2, 0.3], "head": 9}])
def test_what_the_game_shows_is_what_torch_computes(played, change):
    at = {**GAME, "steps": 15, **change}
    got = played("const game = m.gameOf(at); const out = m.compute(at, game); return { ...out, samples: [...out.samples], pull: [...out.pull], net: m.save(game) };", **at)
    samples, net = torch.tensor(got["samples"], dtype=DOUBLE).reshape(-1, 2), unpacked(got["net"])
    discriminator = torch_net(net["discriminator"])
    x = samples.clone().requires_grad_()
    fool = {"minimax": gan.minimax_loss, "non-saturating": gan.non_saturating_loss}[at["loss"]]
    loss = fool(discriminator(x)[:, 0])
    pull = -torch.autograd.grad(len(x) * loss, x)[0]
    assert got["lossG"] == pytest.approx(loss.item(), abs=1e-9) and got["rounds"] == 15
    assert torch.allclose(pull.flatten(), torch.tensor(got["pull"], dtype=DOUBLE), atol=1e-6)
    assert got["pulled"] == pytest.approx(pull.norm(dim=1).mean().item(), abs=1e-6)
    if at["data"] != "ring":
        centres = [[2 * math.cos(i * math.pi / 4), 2 * math.sin(i * math.pi / 4)] for i in range(8)] if at["data"] == "eight" else [[-1.5, 0.0], [1.5, 0.0]]
        covered, quality, shares = game.modes_covered(samples, torch.tensor(centres, dtype=DOUBLE), 0.15 if at["data"] == "eight" else 0.3)
        assert got["covered"] == covered and got["quality"] == pytest.approx(float(quality), abs=1e-6)
        assert got["shares"] == pytest.approx(torch.as_tensor(shares, dtype=DOUBLE).tolist(), abs=1e-6)


@pytest.mark.browser
def test_the_game_is_seeded_and_resumes(played):
    whole = played("return m.save(m.gameOf({ ...at, steps: 9 }));", **GAME)
    assert whole == played("return m.save(m.gameOf({ ...at, steps: 9 }));", **GAME)
    assert whole != played("return m.save(m.gameOf({ ...at, steps: 9, seed: 8 }));", **GAME)
    resumed = played("return m.save(m.play(m.gameOf({ ...at, _nets: m.save(m.gameOf({ ...at, steps: 4 })) }), at, 5));", **GAME)
    assert resumed == whole


@pytest.mark.browser
def test_a_healthy_game_covers_the_modes_and_a_starved_d_lets_it_collapse(played):
    """k = 0.1: ten steps of G for one of D; then the same game with k = 2 spreads out again."""
    seen = played(
        """const numbers = (game, at) => { const { covered, quality, crowded } = m.compute(at, game); return { covered, quality, crowded }; };
        const out = { healthy: numbers(m.gameOf({ ...at, steps: 500 }), at), starved: [] };
        const poor = { ...at, k: 0.1, start: [0, 0, 0.2], seed: 1, steps: 60 };
        const game = m.gameOf(poor);
        for (let i = 0; i < 8; i += 1) out.starved.push(numbers(m.play(game, poor, 10), poor));
        out.mended = numbers(m.play(game, { ...poor, k: 2 }, 350), poor);
        return out;""", **GAME)
    assert seen["healthy"]["covered"] >= 7 and seen["healthy"]["quality"] > 0.7
    assert np.median([look["crowded"] for look in seen["starved"]]) > 0.85 and max(look["covered"] for look in seen["starved"]) <= 4
    assert seen["mended"]["covered"] >= 6


@pytest.mark.browser
def test_a_game_that_diverges_stops_there(played):
    fast = {**GAME, "rate": 0.3, "steps": 200}
    got = played("const game = m.gameOf(at); const { diverged, rounds } = m.compute(at, game); return { diverged, rounds, again: m.play(game, at, 5).rounds };", **fast)
    assert got["diverged"] and 0 < got["rounds"] < 100 and got["again"] == got["rounds"]
    broken = played(
        "const game = m.gameOf(at); game.generator[0].bias.fill(NaN); const out = m.compute(at, m.play(game, at, 1)); return [out.diverged, out.covered];",
        **{**GAME, "steps": 0})
    assert broken == [True, 0]
    assert not played("return m.gameOf(at).diverged;", **GAME)


@pytest.mark.browser
def test_a_perfect_d_starves_the_minimax_loss_and_not_the_other(played):
    perfect = {**GAME, "data": "two", "loss": "minimax", "k": 5, "start": [0, -3, 0.1], "head": 300, "steps": 20}
    got = played("const { lossD, pulled, pulledOther, covered } = m.compute(at); return { lossD, pulled, pulledOther, covered };", **perfect)
    assert got["lossD"] < 0.02 and got["pulled"] < 0.01 and got["pulledOther"] > 100 * got["pulled"] and got["covered"] == 0
    rescued = played("const { covered } = m.compute({ ...at, loss: 'non-saturating', steps: 80 }); return covered;", **perfect)
    assert rescued == 2


@pytest.mark.browser
def test_the_game_in_words_and_buttons(show):
    page = show("gan_game")
    assert re.match(r"Round 80: \d+ % of the samples lie on the data, on \d of the 8 modes\. D's loss is 0\.\d+", said(page))
    canvas = page.locator("canvas")
    before = canvas.evaluate("c => c.toDataURL()")
    page.get_by_role("button", name="Step D").click()
    settle(page)
    between = canvas.evaluate("c => c.toDataURL()")
    page.get_by_role("button", name="Step G").click()
    settle(page)
    assert len({before, between, canvas.evaluate("c => c.toDataURL()")}) == 3
    page.get_by_role("button", name="Start anew").click()
    assert said(page).startswith("Before the first round")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_function("() => document.querySelector('.gt-sentence').textContent.startsWith('Round')", timeout=30_000)
    page.get_by_role("button", name="Stop").click()
    stopped = said(page)
    page.wait_for_timeout(300)
    assert said(page) == stopped, "it stands still"


@pytest.mark.browser
def test_it_says_when_it_diverged_and_stops(show):
    page = show("gan_game")
    page.get_by_role("button", name="too fast").click()
    page.wait_for_function("() => document.querySelector('.gt-sentence').textContent.startsWith('It diverged')", timeout=30_000)
    assert page.get_by_role("button", name="Run", exact=True).is_visible() and "smaller learning rate" in said(page)
    page.get_by_role("slider", name="Learning rate").fill("-2")
    page.get_by_role("button", name="Start anew").click()
    assert said(page).startswith("Before the first round")


@pytest.mark.browser
def test_it_stops_when_it_cannot_be_seen(show):
    page = show("gan_game")
    page.get_by_role("button", name="healthy").click()
    settle(page)
    page.add_style_tag(content="body { padding-top: 6000px }")
    page.wait_for_timeout(400)
    first = page.evaluate("() => document.querySelector('.gt-sentence').textContent")
    page.wait_for_timeout(2500)  # it would have drawn by now
    assert page.evaluate("() => document.querySelector('.gt-sentence').textContent") == first


@pytest.mark.parametrize("bad", [
    {"data": "nine"}, {"loss": "hinge"}, {"k": 3}, {"k": 0}, {"rate": 0}, {"rate": 1}, {"start": [0, 0]}, {"start": [9, 0, 1]}, {"start": [0, 0, 0]},
    {"start": [0, math.inf, 1]}, {"head": -1}, {"head": 5000}, {"steps": -1}, {"seed": -1},
])
def test_bad_states_of_the_game_are_refused(bad):
    with pytest.raises(traitlets.TraitError):
        GanGame(**bad)


def test_a_bad_logit_is_refused():
    for bad in (-9, 9, math.nan):
        with pytest.raises(traitlets.TraitError, match="expected"):
            GanSaturation(logit=bad)


@given(st.sampled_from(GanGame.RATIOS), st.floats(1e-4, 0.5), st.floats(-3, 3), st.floats(0.05, 2))
def test_good_states_are_kept(k, rate, x, size):
    widget = GanGame(k=k, rate=rate, start=[x, -x, size])
    assert (widget.k, widget.rate, widget.start) == (k, rate, [x, -x, size])
    assert "_nets" not in widget.state() and len(json.dumps(widget.state())) < 400


# ---- live: what Python sets is what the page shows -------------------------------------------------------------------

MOUNT = """const heard = {}, values = { ...at.state };
    const model = {
      get: (k) => values[k], save_changes: () => {}, off: () => {}, on: (k, f) => { (heard[k] ??= []).push(f); },
      set: (k, v) => { if (values[k] !== v) { values[k] = v; (heard['change:' + k] ?? []).forEach((f) => f()); } },
    };
    const el = document.createElement('div');
    document.body.append(el);
    const leave = m.default.render({ model, el });
    const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const said = () => el.querySelector('.gt-sentence').textContent;
    const press = (text) => [...el.querySelectorAll('button')].find((b) => b.textContent === text).click();"""


@pytest.mark.browser
def test_the_game_follows_python(es_module):
    page = es_module("gan_game")
    out = page.evaluate(f"""async (at) => {{ const m = window.module; {MOUNT}
        const out = [said()];
        model.set("steps", 3); await frames(); out.push(said());
        press("Step D"); await frames(); out.push(values._nets.length > 1000, values.steps);
        model.set("data", "two"); await frames(); out.push(said());
        const nets = m.save(m.gameOf({{ ...at.state, steps: 7 }}));
        model.set("_nets", nets); model.set("steps", 7); await frames(); out.push(said());
        leave(); return out; }}""", {"state": {**GAME, "steps": 2}})
    assert [text.split(":")[0] for text in out if isinstance(text, str)] == ["Round 2", "Round 3", "Round 3", "Round 7"]
    assert out[2:4] == [True, 3] and re.search("of the 2 modes|both modes", out[4])


@pytest.mark.browser
def test_the_line_follows_python(es_module):
    page = es_module("gan_optimal")
    out = page.evaluate(f"""async (at) => {{ const m = window.module; {MOUNT}
        const out = [said()];
        model.set("g_mean", 2); await frames(); out.push(said());
        model.set("steps", 5); await frames(); out.push(said());
        press("One step"); await frames(); out.push(said());
        leave(); return [out, values.steps]; }}""", {"state": {**OPTIMAL, "steps": 4}})
    assert [text.split(" steps")[0] for text in out[0]] == ["After 4", "After 4", "After 5", "After 6"] and out[1] == 6
