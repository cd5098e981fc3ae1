"""The gap bar: its JavaScript against gentutor.elbo, its rigid line, its words, its presets and its state."""

import math

import pytest
import traitlets
from conftest import said, settle

from gentutor import elbo
from gentutor.explorables import ElboGap

STATES = [
    {"mean": 0.3, "std": math.sqrt(0.2), "weight": 2.0, "x": 1.2},
    {"mean": 0.0, "std": 1.0, "weight": 2.0, "x": 1.2},
    {"mean": 0.6, "std": 0.1, "weight": 2.0, "x": 1.2},
    {"mean": 0.0, "std": 1.0, "weight": 0.0, "x": 1.2},
    {"mean": -2.5, "std": 1.6, "weight": 3.0, "x": 2.0},
    {"mean": 2.5, "std": 0.1, "weight": 0.5, "x": -2.0},
]


@pytest.fixture(scope="module")
def compute(es_module):
    page = es_module("elbo_gap")
    return lambda state: page.evaluate("(state) => window.module.compute(state)", state)


@pytest.mark.browser
@pytest.mark.parametrize("state", STATES)
def test_the_numbers_are_those_of_gentutor(compute, state):
    model, x, q = elbo.LinearGaussian([[state["weight"]]], [0.0], 0.25), [[state["x"]]], ([[state["mean"]]], [[state["std"] ** 2]])
    mean, cov = elbo.posterior(model, x)
    exact = {
        "logEvidence": elbo.log_evidence(model, x), "reconstruction": elbo.reconstruction(model, x, *q), "klPrior": elbo.kl_to_prior(*q),
        "elbo": elbo.elbo(model, x, *q), "gap": elbo.gap(model, x, *q), "posteriorMean": mean, "posteriorStd": cov.sqrt(),
    }
    got = compute(state)
    for name, value in exact.items():
        assert got[name] == pytest.approx(value.item(), abs=1e-9, rel=1e-9), name
    assert got["place"] + got["width"] == pytest.approx(got["gap"]) and min(got["place"], got["width"]) >= -1e-12


def bars(page):
    return page.locator(".gt-explorable svg[role=img]")


@pytest.mark.browser
def test_the_evidence_stays_while_q_moves_and_moves_with_the_model(show):
    page = show("elbo_gap")
    line = bars(page).locator("line[stroke-width='3']")
    place, words = line.get_attribute("x1"), bars(page).get_attribute("aria-label")
    for name, key in (("Mean of q", "ArrowRight"), ("Standard deviation of q", "PageDown")):
        page.get_by_role("slider", name=name).press(key)
        settle(page)
        assert line.get_attribute("x1") == place and bars(page).get_attribute("aria-label") != words
    assert "log p(x) stays at −1.812" in said(page)
    page.get_by_label("Decoder weight").press("ArrowLeft")
    settle(page)
    assert line.get_attribute("x1") != place
    assert "log p(x) itself moved" in said(page)


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 900])
def test_the_three_bars_lead_from_zero_to_the_evidence(show, width):
    page = show("elbo_gap", width=width)
    line = float(bars(page).locator("line[stroke-width='3']").get_attribute("x1"))
    boxes = page.evaluate("""() => [...document.querySelectorAll('svg[role=img] rect[rx]')].map(
        (r) => [+r.getAttribute('x'), +r.getAttribute('x') + +r.getAttribute('width')])""")
    (rec_left, _), (kl_left, kl_right), (gap_left, gap_right) = boxes
    assert kl_right == pytest.approx(rec_left, abs=0.1) and gap_left == pytest.approx(kl_left, abs=0.1)
    assert gap_right == pytest.approx(line, abs=0.1)


@pytest.mark.browser
def test_it_says_in_words_what_the_numbers_mean(show):
    page = show("elbo_gap")
    for name, words in (
        ("q = posterior", "the gap is zero and the ELBO is log p(x) itself"), ("q = prior", "no KL to pay"), ("q a spike", "too narrow"),
        ("collapsed", "A tight bound is not a good model"), ("raise θ, gap grows", "the ELBO rose, −3.56 to −2.66, and the gap grew, 0.45 to 1.05"),
        ("a guess", "misses it by 1.184 nats"),
    ):
        page.get_by_role("button", name=name).click()
        assert words in said(page), name


def test_state_is_checked():
    widget = ElboGap(mean=-1, std=0.5, weight=0, x=2, before=[0, 1, 2, 1.2])
    assert widget.before == [0.0, 1.0, 2.0, 1.2]
    for bad in (
        {"mean": 3}, {"std": 0}, {"std": math.nan}, {"weight": -1}, {"x": 9}, {"before": [1, 2]}, {"before": [0, 9, 1, 1]}, {"before": ["0", 1, 1, 1]},
    ):
        with pytest.raises(traitlets.TraitError, match="expected"):
            ElboGap(**bad)


def test_the_alternative_text_says_the_numbers():
    at = ElboGap()
    model, x, q = elbo.LinearGaussian([[at.weight]], [0.0], 0.25), [[at.x]], ([[at.mean]], [[at.std**2]])
    for value in (elbo.reconstruction(model, x, *q), elbo.kl_to_prior(*q), elbo.elbo(model, x, *q), elbo.gap(model, x, *q), elbo.log_evidence(model, x)):
        assert f"{abs(value.item()):.3f}" in at.alt
