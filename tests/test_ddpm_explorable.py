"""Forward noising and reverse sampling in the page: their numbers against gentutor's, their words, and their states."""

import re

import numpy as np
import pytest
import torch
import traitlets

from conftest import settle
from gentutor import ddpm, weights
from gentutor.explorables import DdpmForward

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


def said(page):
    settle(page)
    return page.locator(".gt-sentence").inner_text()


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
