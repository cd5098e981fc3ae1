"""The numbers of the explorable AutoencoderMaps against torch on the same weights, and its words, map and keys in the browser."""

import json

import numpy as np
import pytest
import torch
import traitlets
from conftest import said, settle

from gentutor import explorables, weights
from gentutor.explorables import AutoencoderMaps
from gentutor.nets import mlp

STATE = AutoencoderMaps().state()
NAMES = ("ae", "vae")


@pytest.fixture
def page(show):
    return show("autoencoder_maps", width=800)


@pytest.fixture(scope="module")
def compute(es_module):
    page = es_module("autoencoder_maps")
    return lambda state: page.evaluate("(state) => window.module.compute(state)", state)


def packaged(name):
    """The packaged decoder, its codes (N, 2) and standard deviations or None."""
    tensors = weights.load("autoencoder_maps")
    net = mlp(weights.card("autoencoder_maps")["recipe"]["decoder"])
    net.load_state_dict({k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.") and "codes" not in k})
    codes = tensors[f"{name}.codes"]
    return net.double(), codes[:, :2].double(), (codes[:, 2:] / 2).exp() if name == "vae" else None


def test_the_weights_are_small_and_the_page_has_them():
    halves = sum(2 * np.prod(t["shape"]) for t in explorables.packaged("autoencoder_maps").values())
    assert halves <= weights.PAGE_LIMIT
    tensors = weights.load("autoencoder_maps")
    assert explorables.packaged("autoencoder_maps") == weights.for_page(tensors)


def test_the_card_s_quality_is_that_of_the_weights():
    from gentutor._recipes import autoencoder_maps as recipe

    measured, card = recipe.measure(weights.load("autoencoder_maps")), weights.card("autoencoder_maps")["quality"]
    assert measured.keys() == card.keys() and all(measured[k] == pytest.approx(card[k], abs=0.01) for k in card)


@pytest.mark.browser
@pytest.mark.parametrize("z", [[0.0, 0.0], [1.5, -0.7], [-10.0, -0.2], [40.0, 33.0]])
def test_the_decoded_pictures_are_torch_s(compute, z):
    seen = compute({**STATE, "ae_point": z, "vae_point": z})
    for name in NAMES:
        net, codes, _ = packaged(name)
        with torch.no_grad():
            want = torch.sigmoid(net(torch.tensor(z, dtype=torch.float64)))
        np.testing.assert_allclose(seen[name]["image"], want, rtol=0, atol=1e-5)
        assert seen[name]["distance"] == pytest.approx((codes - torch.tensor(z)).norm(dim=1).min().item(), rel=1e-6)


@pytest.mark.browser
@pytest.mark.parametrize("law", ["standard", "fitted"])
def test_the_draws_and_where_they_land(compute, law):
    seen = compute({**STATE, "draws": 3, "law": law})
    eps = np.array(compute({**STATE, "draws": 3})["ae"]["points"])
    assert eps.shape == (200, 2) and abs(eps.mean()) < 0.15 and abs(eps.std() - 1) < 0.1
    for name in NAMES:
        net, codes, _ = packaged(name)
        points = np.array(seen[name]["points"])
        if law == "fitted":
            chol = np.linalg.cholesky(np.cov(codes.T.numpy(), bias=True))
            np.testing.assert_allclose(points, codes.mean(0).numpy() + eps @ chol.T, atol=1e-6)
        with torch.no_grad():
            want = torch.sigmoid(net(torch.as_tensor(points[:12])))
        np.testing.assert_allclose(seen[name]["images"], want, rtol=0, atol=1e-5)
        gaps = torch.cdist(codes, codes).fill_diagonal_(torch.inf).amin(1).sort().values
        reach = gaps[int(0.95 * (len(gaps) - 1))]
        assert seen[name]["reach"] == pytest.approx(reach.item(), rel=1e-5)
        far = torch.cdist(torch.as_tensor(points), codes)
        assert seen[name]["inside"] == pytest.approx((far.amin(1) <= reach).sum().item(), abs=1)
        assert seen[name]["covered"] == pytest.approx((far.amin(0) <= reach).double().mean().item(), abs=2e-3)


@pytest.mark.browser
def test_encoding_a_digit(compute):
    seen = compute({**STATE, "digit": 5})
    for name in NAMES:
        _, codes, stds = packaged(name)
        assert seen[name]["encoded"]["mean"] == pytest.approx(codes[5].tolist())
        assert seen[name]["encoded"]["std"] == pytest.approx([0, 0] if stds is None else stds[5].tolist())


@pytest.mark.browser
def test_a_model_of_one_s_own(compute):
    net = mlp([2, 7, 784])
    codes = torch.randn(30, 2)
    widget = AutoencoderMaps(ae=net.state_dict(), ae_codes=codes, labels=torch.arange(30) % 10, ae_point=[0.3, -0.4])
    assert "_own" not in widget.state() and "f16" not in widget.page_html()
    seen = compute({**widget.state(), "_own": widget._own})
    rounded = mlp([2, 7, 784])
    rounded.load_state_dict(weights.rounded(net.state_dict()))
    with torch.no_grad():
        want = torch.sigmoid(rounded(torch.tensor([0.3, -0.4])))
    np.testing.assert_allclose(seen["ae"]["image"], want, rtol=0, atol=1e-5)
    other = compute({**widget.state(), "_own": {}})
    assert other["vae"]["image"] == seen["vae"]["image"] and other["ae"]["image"] != seen["ae"]["image"]


@pytest.mark.browser
def test_the_first_frame_teaches(page):
    assert "200 draws from N(0, I). Autoencoder: 199 land among codes and reach 42 % of them. VAE: 187 land among codes and reach 77 %" in said(page)
    assert "The autoencoder's point is in a hole" in said(page)
    assert page.locator("clipPath + g text").count() == 800


@pytest.mark.browser
@pytest.mark.parametrize("preset, words", [
    ("A hole in each", "The autoencoder's point is in a hole, 5 times the usual gap"), ("Two-step samples", "139 land among codes and reach 71 %"),
    ("Far outside", "the VAE's is in a hole"), ("Blind samples", "reach 42 %"),
])
def test_presets(page, preset, words):
    page.get_by_role("button", name=preset).click()
    assert words in said(page)


@pytest.mark.browser
def test_keys_pointer_and_buttons(page):
    handle = page.locator("[role=slider]").first
    before = (handle.get_attribute("aria-valuetext"), said(page))
    handle.focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowUp"):
        handle.press(key)
    settle(page)
    assert handle.get_attribute("aria-valuetext") != before[0]
    box = page.locator("svg.gt-plot").last.bounding_box()
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.4 * box["height"])
    assert said(page) != before[1]
    page.get_by_role("button", name="Encode a digit").click()
    assert "next to a 7; the VAE's" in said(page)  # the first test digit is a 7
    one = page.locator("[role=slider]").last.get_attribute("aria-valuetext")
    page.get_by_role("button", name="Encode it again").click()
    settle(page)
    assert page.locator("[role=slider]").last.get_attribute("aria-valuetext") != one
    page.get_by_label("Show", exact=True).select_option("pictures")
    settle(page)
    assert page.locator("svg.gt-plot image").first.get_attribute("href").startswith("data:image/png")


@pytest.mark.browser
def test_it_fits_a_phone(page):
    page.set_viewport_size({"width": 360, "height": 800})
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def parts(**change):
    net = mlp([2, 5, 784]).state_dict()
    return {"ae": net, "ae_codes": torch.zeros(4, 2), "labels": [0, 1, 2, 3], **change}


@pytest.mark.parametrize("change, words", [
    ({"ae": mlp([3, 5, 784]).state_dict()}, r"ae: expected layers from 2 to 784 that fit, got widths \[3, 5, 784\]"),
    ({"ae": {"0.weight": torch.zeros(784, 2)}}, "ae: expected '0.weight', '0.bias'"),
    ({"ae": {}}, "ae: expected '0.weight'"),
    ({"ae_codes": torch.zeros(4, 3)}, r"ae: expected codes \(N, 2\)"),
    ({"ae_codes": None}, "ae: expected ae_codes and labels"),
    ({"labels": [0, 1]}, r"labels \(N,\), got \(4, 2\) and \(2,\)"),
    ({"ae_codes": torch.full((4, 2), torch.nan)}, "ae_codes: expected finite numbers"),
])
def test_python_refuses_a_bad_model(change, words):
    with pytest.raises(ValueError, match=words):
        AutoencoderMaps(**parts(**change))


@pytest.mark.parametrize("change", [{"ae_point": [0.0]}, {"vae_point": [0.0, float("nan")]}, {"show": "all"}, {"law": "t"}, {"draws": -1}, {"digit": -2}])
def test_python_refuses_a_bad_state(change):
    with pytest.raises(traitlets.TraitError):
        AutoencoderMaps(**change)


def test_the_state_is_plain():
    assert json.loads(json.dumps(STATE)) == {
        "ae_point": [-10.0, -0.2], "vae_point": [-1.0, 1.7], "show": "codes", "draws": 1, "law": "standard", "digit": -1, "redraw": 0}
