"""The three rows of KL: its JavaScript against gentutor.kl and gentutor.fits, its words, its fit and its state."""

import math

import pytest
import traitlets
from conftest import page_file, said, settle

from gentutor import densities, fits, kl
from gentutor.densities import Mixture1D
from gentutor.explorables import KLRows

TWO = [[0.6, -2.0, 0.7], [0.4, 2.5, 0.5]]
STATES = [
    {"components": TWO, "q_mean": -0.2, "q_std": 2.2922},
    {"components": TWO, "q_mean": 2.5, "q_std": 0.5},
    {"components": [[1.0, 0.5, 0.7]], "q_mean": 0.5, "q_std": 1.8},
    {"components": [[0.3, -3.0, 0.5], [0.4, 0.0, 0.5], [0.3, 3.0, 0.5]], "q_mean": 1.2, "q_std": 0.6},
    {"components": [[1.0, 0.5, 1.2]], "q_mean": 0.5, "q_std": 1.2},
    {"components": [[0.25, -4.0, 0.3], [0.75, 5.0, 0.4]], "q_mean": -5.0, "q_std": 3.0},
    {"components": [[0.5, -1.0, 1.5], [0.5, 4.0, 3.0]], "q_mean": 4.9, "q_std": 0.2},
]


def mixture(components):
    return Mixture1D(*zip(*components))


@pytest.fixture(scope="module")
def compute(es_module):
    page = es_module("kl_rows")
    return lambda state: page.evaluate("(state) => window.module.compute(state)", state)


@pytest.mark.browser
@pytest.mark.parametrize("state", STATES)
def test_the_three_numbers_are_those_of_gentutor(compute, state):
    p = mixture(state["components"])
    q = lambda x: densities.log_normal(x, state["q_mean"], 2 * math.log(state["q_std"]))  # noqa: E731
    got = compute({**state, "direction": "forward"})
    for name, exact in (
        ("forward", kl.kl_quadrature(p.log_prob, q, -45, 45, n=30_001)),
        ("reverse", kl.kl_quadrature(q, p.log_prob, -45, 45, n=30_001)),
        ("js", kl.js_quadrature(p.log_prob, q, -45, 45, n=30_001)),
    ):
        assert got[name] == pytest.approx(exact.item(), abs=1e-6, rel=1e-6), name
    mean, std = (v.item() for v in fits.forward_fit(p))
    (end,) = got["ends"]
    assert (end["mean"], end["std"]) == pytest.approx((mean, std), abs=1e-9)
    best = lambda x: densities.log_normal(x, mean, 2 * math.log(std))  # noqa: E731
    assert end["kl"] == pytest.approx(kl.kl_quadrature(p.log_prob, best, -45, 45, n=30_001).item(), abs=1e-6)


@pytest.mark.browser
@pytest.mark.parametrize("state", STATES[:5])
def test_the_marked_optima_are_those_of_gentutor(compute, state):
    got = compute({**state, "direction": "reverse"})["ends"]
    exact = sorted(fits.reverse_optima(mixture(state["components"])), key=lambda o: (round(o[2], 6), o[0]))
    assert len(got) == len(exact)
    for end, (mean, std, nats) in zip(sorted(got, key=lambda o: (round(o["kl"], 6), o["mean"])), exact):
        assert (end["mean"], end["std"]) == pytest.approx((mean, std), abs=1e-4)
        assert end["kl"] == pytest.approx(nats, abs=1e-6)


@pytest.mark.browser
def test_it_says_in_words_what_the_numbers_mean(show):
    page = show("kl_rows")
    assert "covers all of p" in said(page) and "forgives" in said(page)
    page.get_by_role("button", name="q on one bump").click()
    assert "leaves 40 % of p" in said(page) and "hardly notices" in said(page)
    page.get_by_role("button", name="p = q").click()
    assert "q is p" in said(page) and page.locator(".gt-value", has_text="0.000 nats").count() == 3


@pytest.mark.browser
def test_the_fit_ends_where_its_start_leads(show):
    page = show("kl_rows")
    q = page.get_by_role("slider", name="Mean of q")
    fit = page.get_by_role("button", name="Fit q from here")
    q.focus()
    for _ in range(3):
        page.keyboard.press("PageUp")
    page.get_by_role("slider", name="Standard deviation of q").focus()
    page.keyboard.press("PageDown")
    settle(page)
    fit.click()
    page.get_by_text("stuck in a local optimum").first.wait_for()
    assert float(q.get_attribute("aria-valuenow")) == pytest.approx(2.5, abs=0.02)
    page.get_by_label("The fit descends").select_option("forward")
    fit.click()
    page.get_by_text("no other optimum").first.wait_for()
    assert float(q.get_attribute("aria-valuenow")) == pytest.approx(-0.2, abs=0.01)


@pytest.mark.browser
def test_the_fit_moves_before_the_eyes(browser, tmp_path):
    page = browser.new_page(viewport={"width": 800, "height": 1000})
    page.goto(page_file(tmp_path, "kl_rows"))
    q = page.get_by_role("slider", name="Mean of q")
    page.get_by_role("button", name="Fit q from here").click()
    settle(page)
    between = float(q.get_attribute("aria-valuenow"))
    page.get_by_role("button", name="Fit q from here").wait_for(timeout=15_000)
    assert float(q.get_attribute("aria-valuenow")) == pytest.approx(-2.0, abs=0.02) != between
    page.close()


def test_state_is_checked():
    KLRows(components=[[1, 0, 1]], q_mean=1, q_std=0.5, direction="forward")
    for bad in (
        {"components": []}, {"components": [[0.5, 0, 1]]}, {"components": [[1, 0]]}, {"components": [[1, 9, 1]]},
        {"components": [[1, 0, 0.1]]}, {"components": [[-1, 0, 1], [2, 0, 1]]}, {"components": [[1, math.nan, 1]]},
        {"q_std": 0.0}, {"q_mean": 7.0}, {"selected": 3},
    ):
        with pytest.raises(traitlets.TraitError, match="expected.*got"):
            KLRows(**bad)
    with pytest.raises(traitlets.TraitError):
        KLRows(direction="sideways")
