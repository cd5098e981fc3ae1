"""The numbers of the explorable IntroViews against gentutor.intro, and its words and handles in the browser."""

import json

import numpy as np
import pytest
import torch
import traitlets
from conftest import said, settle

from gentutor import intro
from gentutor.explorables import IntroViews

TILTED, SMALL = [[1, 0.6], [0.6, 1]], [[0.25, -0.05], [-0.05, 0.25]]
COVS = {"shared": TILTED, "own": [TILTED, SMALL]}
START = IntroViews().state()
STATES = [
    START, {**START, "missing": "x2"}, {**START, "spread": "own", "share": 0.1}, {**START, "share": 0.9, "point": [-4.0, 4.0]},
    {**START, "spread": "own", "missing": "x2", "means": [0.0, -1.0, 0.5, 2.0], "point": [1.3, 2.0]},
]


@pytest.fixture(scope="module")
def compute(es_module):
    page = es_module("intro_views")
    return lambda state: page.evaluate("(state) => window.module.compute(state)", state)


@pytest.fixture
def page(show):
    return show("intro_views", width=800)


@pytest.mark.browser
@pytest.mark.parametrize("state", STATES, ids=range(len(STATES)))
def test_the_numbers_are_those_of_the_package(compute, state):
    measured = compute(state)
    model = intro.two_classes(state["share"], np.reshape(state["means"], (2, 2)), COVS[state["spread"]])
    seen = [True, state["missing"] == "nothing"]
    assert measured["logDensity"] == pytest.approx(intro.log_prob(model, [state["point"]], seen).item(), abs=1e-9)
    assert measured["generative"] == pytest.approx(intro.log_odds(model, [state["point"]], seen).item(), abs=1e-9)
    x = torch.tensor([p["x"] for p in measured["points"]], dtype=torch.float64)
    y = torch.tensor([p["y"] for p in measured["points"]])
    logistic = intro.fit_logistic(x, y)
    np.testing.assert_allclose(measured["line"], [*logistic.weights, logistic.bias], atol=1e-6)
    filled = torch.tensor([[state["point"][0], x[:, 1].mean() if state["missing"] == "x2" else state["point"][1]]])
    assert measured["discriminative"] == pytest.approx(logistic.log_odds(filled).item(), abs=1e-6)
    right = {"generative": intro.log_odds(model, x), "discriminative": logistic.log_odds(x)}
    assert measured["right"] == {name: ((odds > 0) == (y == 1)).sum().item() for name, odds in right.items()}


@pytest.mark.browser
def test_the_points_are_draws_of_the_classes(compute):
    state = {**START, "spread": "own", "share": 0.4}
    points = compute(state)["points"]
    y = np.array([p["y"] for p in points])
    assert len(y) == 300 and abs(y.mean() - 0.4) < 0.1
    for label, cov in enumerate(COVS["own"]):
        x = np.array([p["x"] for p in points])[y == label]
        np.testing.assert_allclose(x.mean(0), np.reshape(state["means"], (2, 2))[label], atol=0.3)
        np.testing.assert_allclose(np.cov(x.T), cov, atol=0.35)


@pytest.mark.browser
def test_separated_classes_have_no_line(compute):
    found = compute({**START, "means": [-3.0, -3.0, 3.0, 3.0]})
    assert found["line"] is None and found["discriminative"] is None


@pytest.mark.browser
def test_the_first_frame_teaches(page):
    assert "96 % by the generative view, 97 % by logistic regression" in said(page) and "finds nearly the generative one" in said(page)
    assert page.locator("svg").count() == 2 and page.locator("[role=slider]").count() == 3


@pytest.mark.browser
@pytest.mark.parametrize("preset, words", [
    ("Two spreads", "the generative boundary bends"), ("An outlier", "such a point hardly ever comes"),
    ("A number is missing", "Logistic regression has no rule for that"), ("A rare class", "finds nearly the generative one"),
])
def test_presets(page, preset, words):
    page.get_by_role("button", name=preset).click()
    assert words in said(page)
    page.get_by_role("button", name="One spread").click()
    assert "finds nearly the generative one" in said(page)


@pytest.mark.browser
def test_handles_move_by_key_and_by_pointer(page):
    handle, words = page.get_by_role("slider", name="The point in question"), said(page)
    handle.focus()
    for _ in range(3):
        handle.press("ArrowUp")
    handle.press("Shift+ArrowLeft")
    assert said(page) != words and handle.get_attribute("aria-valuetext") == "x₁ 0.4, x₂ −0.3"
    mean = page.get_by_role("slider", name="Mean of class 1")
    box = mean.locator(".gt-handle-dot").bounding_box()
    page.mouse.move(box["x"] + 7, box["y"] + 7)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] - 900)
    page.mouse.up()
    settle(page)
    assert mean.get_attribute("aria-valuetext") == "x₁ 3.0, x₂ 3.0"


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone(show, theme):
    page = show("intro_views", width=360, theme=theme)
    page.get_by_role("button", name="A number is missing").click()
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("change, words", [
    ({"share": 0.0}, "share"), ({"spread": "none"}, "spread"), ({"missing": "x1"}, "missing"), ({"means": [0.0]}, "means"),
    ({"means": [0.0, 0.0, 0.0, 3.5]}, "means: expected numbers from -3 to 3"), ({"point": [float("nan"), 0.0]}, "point: expected numbers from -4 to 4"),
])
def test_python_refuses_a_bad_state(change, words):
    with pytest.raises(traitlets.TraitError, match=words):
        IntroViews(**change)


def test_the_state_is_plain():
    assert json.loads(json.dumps(START)) == START
