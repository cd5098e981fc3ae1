"""Forward noising and reverse sampling in the page: their numbers against gentutor's, their words, and their states."""

import re

import numpy as np
import pytest
import torch
import traitlets

from conftest import said, settle
from gentutor import ddpm, denoisers, guidance, nets, weights
from gentutor._recipes import ddpm_reverse as recipe
from gentutor.explorables import DdpmForward, DdpmReverse

KNOTS = [8.0, 3.0, 0.0, -3.0, -10.0]
FORWARD = [
    {}, {"T": 100, "t": 100}, {"schedule": "linear", "T": 10, "last": 0.5, "t": 3}, {"schedule": "cosine", "t": 500}, {"schedule": "cosine", "T": 30, "t": 1000},
    {"schedule": "drawn", "t": 1}, {"schedule": "drawn", "T": 250, "t": 17, "knots": [12.0, 1.5, 1.4, 1.0, -12.0], "digit": 7},
]


def schedule_of(state):
    """gentutor's own schedule for a state of the page."""
    T = state["T"]
    if state["schedule"] == "linear":
        return ddpm.linear(T, last=state["last"])
    if state["schedule"] == "cosine":
        return ddpm.cosine(T)
    return ddpm.from_alpha_bar(torch.sigmoid(torch.from_numpy(np.interp(np.arange(T), np.linspace(0, T - 1, 5), state["knots"]))))


@pytest.fixture(scope="module")
def forward(es_module):
    page = es_module("ddpm_forward")
    return lambda state: page.evaluate("(state) => window.module.compute(state)", state)


@pytest.mark.browser
@pytest.mark.parametrize("given", FORWARD)
def test_schedules_are_those_of_gentutor(forward, given):
    state = DdpmForward(**given).state()
    got, exact, t = forward(state), schedule_of(state), min(state["t"], state["T"])
    for name, table in (("beta", exact.beta), ("alphaBar", exact.alpha_bar), ("logSnr", exact.log_snr)):
        assert np.allclose(got[name], table, rtol=1e-9, atol=1e-12), name
    x0 = weights.load("ddpm_forward")["images"][state["digit"]].double() / 127.5 - 1
    assert got["t"] == t and got["left"] == pytest.approx(ddpm.prior_term(exact, x0[None]).item(), rel=1e-8, abs=1e-10)
    signal, noise = ddpm.scales(exact, t, x0)
    assert (got["signal"], got["noise"]) == pytest.approx((signal.item(), noise.item()), abs=1e-12)
    assert got["faint"] == pytest.approx((exact.alpha_bar < 0.01).sum().item() / state["T"])


@pytest.mark.browser
def test_it_warns_of_a_schedule_that_does_not_reach_the_noise(show):
    page = show("ddpm_forward")
    assert "⚠" not in said(page) and "0.014 nats" in said(page)
    page.get_by_role("button", name="the same, T = 100").click()
    assert re.search(r"⚠ ᾱ_T = 0.36 is not small: 60 % .* it leaves \d+ nats", said(page))
    page.get_by_role("button", name="T = 100, repaired").click()
    assert "⚠" not in said(page)
    page.get_by_label("Schedule", exact=True).select_option("cosine")
    assert "⚠" not in said(page)


@pytest.mark.browser
def test_a_schedule_drawn_by_hand_starts_from_the_one_there_and_keeps_falling(show):
    page = show("ddpm_forward")
    page.get_by_role("button", name="draw your own").click()
    settle(page)
    handles = page.get_by_role("slider", name=re.compile("Log-SNR at point"))
    values = [float(handles.nth(k).get_attribute("aria-valuenow")) for k in range(5)]
    exact = ddpm.linear().log_snr.tolist()
    assert values == pytest.approx([exact[1], exact[251], exact[500], exact[750], exact[1000]], abs=0.05)
    for _ in range(3):
        handles.nth(4).press("End")
        settle(page)
    assert float(handles.nth(4).get_attribute("aria-valuenow")) == pytest.approx(values[3] - 0.1)
    assert "⚠" in said(page), "a last log-SNR near that of the knot before is not noise yet"


@pytest.mark.parametrize("state", [{"T": 5}, {"t": -1}, {"last": 0.7}, {"schedule": "quadratic"}, {"digit": 10}, {"knots": KNOTS[::-1]}, {"knots": KNOTS[:4]},
                                   {"knots": [*KNOTS[:4], float("nan")]}, {"knots": [20.0, *KNOTS[1:]]}])  # fmt: skip
def test_bad_forward_states_are_refused(state):
    with pytest.raises(traitlets.TraitError):
        DdpmForward(**state)


# --- the reverse process -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reverse(es_module):
    return es_module("ddpm_reverse")


@pytest.fixture(scope="module")
def fields():
    """The two denoisers by torch in double precision, on the weights as they are packaged."""
    net = nets.mlp(recipe.RECIPE["widths"])
    net.load_state_dict(weights.load("ddpm_reverse"))
    return {"learned": recipe.denoiser(net.double().requires_grad_(False)), "exact": denoisers.cloud_denoiser(recipe.SCHEDULE, recipe.LAW)}


@pytest.mark.browser
def test_the_page_knows_the_same_law(reverse):
    law = reverse.evaluate("window.module.LAW")
    assert law == {name: recipe.RECIPE[name] for name in ("weights", "means", "std")}


@pytest.mark.browser
@pytest.mark.parametrize("t", [1, 37, 500, 1000])
@pytest.mark.parametrize("field", ["learned", "exact"])
def test_both_fields_are_those_of_torch(reverse, fields, field, t):
    x = 1.5 * torch.randn(40, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(t))
    got = reverse.evaluate("([field, x, t]) => window.module.predict(field, x, t)", [field, x.flatten().tolist(), t])
    assert np.allclose(np.reshape(got, (40, 2)), fields[field](x, torch.full((40,), t)), atol=1e-6)


@pytest.mark.browser
@pytest.mark.parametrize("field, sampler, steps", [("exact", "ddpm", 200), ("learned", "ddpm", 50), ("learned", "ddim", 60), ("exact", "mean", 7), ("learned", "ddim", 2)])
def test_a_whole_walk_is_that_of_torch(reverse, fields, field, sampler, steps):
    generator = torch.Generator().manual_seed(steps)
    start = torch.randn(30, 2, dtype=torch.float64, generator=generator)
    noise = torch.randn(steps, 30, 2, dtype=torch.float64, generator=generator)
    got = reverse.evaluate("([state, start, noise]) => window.module.walk(state, start, noise)",
                           [{"field": field, "sampler": sampler, "steps": steps}, start.flatten().tolist(), noise.flatten(1).tolist()])
    x = start
    for k, (t, s) in enumerate(guidance.transitions(1000, steps)):
        z = torch.zeros_like(x) if sampler == "mean" else noise[k]
        x = guidance.ddim_step(recipe.SCHEDULE, fields[field], x, t, s, 0.0 if sampler == "ddim" else 1.0, z).x
        assert np.allclose(np.reshape(got[k + 1], (30, 2)), x, atol=1e-4), (t, s)


@pytest.mark.browser
def test_what_comes_out_depends_on_the_noise_and_on_the_steps(reverse):
    compute = lambda **given: reverse.evaluate("(state) => window.module.compute(state)", DdpmReverse(**given).state())  # noqa: E731
    good, few, mean = (compute(field="exact", sampler=sampler, steps=steps) for sampler, steps in (("ddpm", 200), ("ddim", 5), ("mean", 100)))
    weights_ = np.array(recipe.RECIPE["weights"])
    spread = 4 * np.sqrt(weights_ * (1 - weights_) / 500)
    assert (abs(np.array(good["counts"]) / 500 - weights_) < spread + 0.01).all() and good["inside"] > 0.96 and 0.095 < good["spread"] < 0.125
    assert max(mean["counts"]) > 450 and mean["spread"] < 0.08 and few["inside"] < 0.7
    learned = compute(field="learned", sampler="ddpm", steps=100)
    assert learned["inside"] > 0.93 and (abs(np.array(learned["counts"]) / 500 - weights_) < spread + 0.03).all()


@pytest.mark.browser
def test_it_says_in_words_how_the_walk_ended(show):
    page = show("ddpm_reverse")
    assert "DDPM in 50 steps with the learned field" in said(page) and "At t = 100" in said(page)
    page.get_by_role("button", name="mean only: collapse").click()
    assert re.search(r"collapse. 9\d % of the points end at one blob that holds 30 % of the law", said(page))
    page.get_by_role("button", name="5 steps: too few").click()
    assert "left between the blobs" in said(page)


@pytest.mark.browser
def test_another_point_can_be_pinned(show):
    page = show("ddpm_reverse")
    handle = page.get_by_role("slider", name="Pinned point")
    trail = lambda: page.locator("path[stroke-linejoin]").get_attribute("d")  # noqa: E731
    before, seen = trail(), set()
    for _ in range(2):
        handle.press("ArrowRight")
    settle(page)
    assert handle.get_attribute("aria-valuenow") == "3" and trail() != before
    box = page.locator(".gt-explorable svg").bounding_box()
    for share in (0.4, 0.6):
        page.mouse.click(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])
        settle(page)
        seen.add(handle.get_attribute("aria-valuenow"))
    assert len(seen) == 2
    page.get_by_label("Walk from noise to data").fill("0")
    settle(page)
    assert "At t = 1000" in said(page) and "L" not in trail()


@pytest.mark.parametrize("state", [{"field": "guessed"}, {"sampler": "euler"}, {"steps": 1}, {"steps": 500}, {"shown": 1.1}, {"pin": 500}, {"seed": -1}])
def test_bad_reverse_states_are_refused(state):
    with pytest.raises(traitlets.TraitError):
        DdpmReverse(**state)
