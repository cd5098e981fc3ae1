"""The numbers of the explorable BayesOdds against gentutor.bayes, and its words and handle in the browser."""

import itertools
import json

import numpy as np
import pytest
import traitlets
from conftest import said

from gentutor import bayes
from gentutor.explorables import BayesOdds

STATES = [
    {"prior": p, "sensitivity": s, "false_positive_rate": f, "results": r}
    for p, (s, f), r in itertools.product(
        (1e-4, 0.01, 0.4, 0.5, 0.97), ((0.9, 0.1), (0.25, 0.02), (0.3, 0.6), (0.99, 0.005)), ("", "+", "-", "++", "+-", "+++", "----"))
]


@pytest.fixture(scope="module")
def compute(es_module):
    page = es_module("bayes_odds")
    return lambda state: page.evaluate("(state) => window.module.compute(state)", state)


@pytest.fixture
def page(show):
    return show("bayes_odds", width=800)


@pytest.mark.browser
def test_the_numbers_are_those_of_the_package(compute):
    for state in STATES:
        measured, expected = compute(state), bayes.diagnose(**state)
        np.testing.assert_allclose(measured["joint"], expected.joint.flatten(), rtol=0, atol=1e-12)
        np.testing.assert_allclose(measured["logOdds"], expected.log_odds, rtol=0, atol=1e-6)
        assert measured["posterior"] == pytest.approx(bayes.probability(expected.log_odds[-1]).item(), abs=1e-6)
        assert measured["evidence"] == pytest.approx(expected.joint[0].sum().item(), abs=1e-12)
        assert sum(measured["counts"]) == 1000
        assert np.abs(np.array(measured["counts"]) - 1000 * np.array(measured["joint"])).max() < 1


@pytest.mark.browser
@pytest.mark.parametrize("shares, total", [([0.25, 0.25, 0.5], 10), ([0.333, 0.333, 0.334], 1000), ([1, 0, 0, 0], 7), ([0.5, 0.5], 1)])
def test_rounding_is_the_package_s(es_module, shares, total):
    counts = es_module("bayes_odds").evaluate("([s, t]) => window.module.largestRemainder(s, t)", [shares, total])
    assert counts == bayes.largest_remainder(shares, total)


@pytest.mark.browser
def test_the_first_frame_teaches(page):
    sentence = said(page)
    assert "Of 1000 people, 108 test positive; 9 of them are ill." in sentence and "8.3 %, up from 1 %" in sentence
    people = page.locator("svg[role=img]").get_attribute("aria-label")
    assert "9 ill" in people and "99 healthy" in people and "891 healthy" in people
    drawn = page.evaluate("[...document.querySelectorAll('svg[role=img] path')].slice(1).map((p) => (p.getAttribute('d').match(/M/g) || []).length)")
    assert drawn == [9, 99, 1, 891]


@pytest.mark.browser
@pytest.mark.parametrize("preset, words", [
    ("A second test", "45 %"), ("Negative test", "0.11 %"), ("Coin-flip prior", "90 %, up from 50 %"), ("Spam word", "112 have the word; 100 of them are spam"),
])
def test_presets(page, preset, words):
    page.get_by_role("button", name=preset).click()
    assert words in said(page)


@pytest.mark.browser
def test_the_handle_moves_the_prior_and_the_arrows_keep_their_length(page):
    handle = page.locator("[role=slider]")

    def arrow():
        return page.evaluate("Math.abs(['x1', 'x2'].reduce((d, k) => document.querySelector('line[stroke-width=\"3\"]').getAttribute(k) - d, 0))")

    before, words = arrow(), said(page)
    handle.focus()
    for _ in range(5):
        handle.press("ArrowRight")
    assert said(page) != words and "3.1 %" in handle.get_attribute("aria-valuetext")
    assert arrow() == pytest.approx(before, abs=0.01)
    handle.press("End")
    assert "9999 : 1" in (said(page) and handle.get_attribute("aria-valuetext"))


@pytest.mark.parametrize("change, words", [
    ({"prior": 0.0}, "prior: expected a number strictly between 0 and 1, got 0"),
    ({"sensitivity": 1.0}, "sensitivity: expected a number strictly between 0 and 1, got 1"),
    ({"results": "+++++"}, r"results: expected up to four of \+ and -"),
    ({"results": "yes"}, r"results: expected up to four of \+ and -"),
    ({"story": "war"}, "story"),
])
def test_python_refuses_a_bad_state(change, words):
    with pytest.raises(traitlets.TraitError, match=words):
        BayesOdds(**change)


def test_the_state_is_plain():
    assert json.loads(json.dumps(BayesOdds().state())) == {
        "prior": 0.01, "sensitivity": 0.9, "false_positive_rate": 0.1, "results": "+", "story": "illness"}
