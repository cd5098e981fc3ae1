"""The walk between two digits: its numbers against torch on the packaged weights, its words, and models of one's own."""

import json
import re

import numpy as np
import pytest
import torch
import traitlets
from conftest import said

from gentutor import latents, nets, weights
from gentutor._recipes import vae_interpolation as recipe
from gentutor.explorables import VAEInterpolation

STATES = [(14, 6, 0.5), (0, 19, 0.0), (3, 12, 1.0), (8, 17, 0.21), (5, 4, 0.77)]


@pytest.fixture(scope="module")
def compute(es_module):
    page = es_module("vae_interpolation")
    return lambda state: page.evaluate("(state) => window.module.compute(state)", state)


def torch_rows(tensors, left, right, t):
    """What the page should show, by torch in double precision on the weights as they are packaged."""
    tensors = {key: value.double() for key, value in tensors.items()}
    images, t = tensors["images"] / 255, torch.tensor([t], dtype=torch.float64)
    rows = {"pixels": (latents.lerp(images[left], images[right], t)[0], None)}
    for row, name, path in (("ae", "ae", latents.lerp), ("line", "vae", latents.lerp), ("arc", "vae", latents.slerp)):
        z = path(tensors[f"{name}.codes"][left], tensors[f"{name}.codes"][right], t)
        with torch.no_grad():
            rows[row] = recipe.decoder(tensors, name).double()(z)[0].sigmoid(), z.norm().item()
    return rows


@pytest.mark.browser
@pytest.mark.parametrize("left, right, t", STATES)
def test_the_page_computes_what_torch_computes(compute, left, right, t):
    got = compute({"left": left, "right": right, "t": t, "_own": {}})
    for row, (image, length) in torch_rows(weights.load("vae_interpolation"), left, right, t).items():
        assert np.allclose(got[row]["image"], image, atol=1e-5), row
        assert got[row]["length"] == (None if length is None else pytest.approx(length, abs=1e-5))
        grey = image[(image > 0.25) & (image < 0.75)].sum() / image.sum()
        assert got[row]["grey"] == pytest.approx(grey.item(), abs=1e-5)


def own(n=3, latent=5, seed=0, with_ae=False):
    generator = torch.Generator().manual_seed(seed)
    net = nets.mlp([latent, 7, 784], generator)
    given = {"images": torch.rand(n, 784, generator=generator), "labels": torch.arange(n), "vae": net.state_dict(),
             "vae_codes": torch.randn(n, latent, generator=generator)}  # fmt: skip
    return net, {**given, **({"ae": net.state_dict(), "ae_codes": given["vae_codes"]} if with_ae else {})}


@pytest.mark.browser
def test_it_takes_a_model_of_ones_own(compute):
    net, given = own()
    widget = VAEInterpolation(**given)
    assert (widget.left, widget.right) == (0, 1)
    got = compute({"left": 0, "right": 2, "t": 0.3, "_own": widget._own})
    assert sorted(got) == ["arc", "line", "pixels"], "no autoencoder was given"
    z = latents.slerp(given["vae_codes"][0], given["vae_codes"][2], [0.3])
    with torch.no_grad():
        assert np.allclose(got["arc"]["image"], net(z)[0].sigmoid(), atol=2e-3)  # halves
    assert "ae" in compute({"left": 0, "right": 1, "t": 0.3, "_own": VAEInterpolation(**own(with_ae=True)[1])._own})


def test_a_stored_page_holds_no_weights():
    page = VAEInterpolation(**own()[1]).page_html()
    assert "f16" not in page and len(page) < 3000
    assert len(json.dumps(VAEInterpolation().state())) < 200


def test_packaged_weights_fit_a_page():
    tensors = weights.load("vae_interpolation")
    assert set(weights.for_page(tensors)) == set(tensors)  # for_page raises above 350 KB
    assert weights.card("vae_interpolation")["quality"] == pytest.approx(recipe.measure(tensors), abs=0.01)


@pytest.mark.browser
def test_it_says_in_words_what_is_to_be_seen(show):
    page = show("vae_interpolation")
    page.get_by_role("button", name="4 to 9").click()
    found = re.search(r"from a 4 to a 9: of the mixed pixels' ink (\d+) % is grey, of the VAE's (\d+) % on the straight path and (\d+) % on the arc", said(page))
    assert found and int(found.group(1)) > int(found.group(2))
    page.get_by_label("How far, t").fill("0.25")
    assert said(page).startswith("25 % of the way")
    page.get_by_label("From", exact=True).select_option("18")
    page.get_by_label("to", exact=True).select_option("18")
    assert "nowhere to go" in said(page)


@pytest.mark.browser
def test_every_picture_has_a_name_of_its_own(show):
    page = show("vae_interpolation")
    names = [canvas.get_attribute("aria-label") for canvas in page.locator("canvas").all()]
    assert len(names) == 8 == len(set(names)) and all("7 to a 3" in name for name in names[::2])


BAD = {
    "one image": lambda: VAEInterpolation(**own(1)[1]),
    "images alone": lambda: VAEInterpolation(images=torch.zeros(3, 784), labels=torch.arange(3)),
    "bytes": lambda: VAEInterpolation(**{**own()[1], "images": torch.full((3, 784), 255.0)}),
    "codes of another size": lambda: VAEInterpolation(**{**own()[1], "vae_codes": torch.zeros(3, 4)}),
    "codes of other digits": lambda: VAEInterpolation(**{**own()[1], "vae_codes": torch.zeros(2, 5)}),
    "infinite codes": lambda: VAEInterpolation(**{**own()[1], "vae_codes": torch.full((3, 5), torch.inf)}),
    "labels too few": lambda: VAEInterpolation(**{**own()[1], "labels": torch.arange(2)}),
    "another net": lambda: VAEInterpolation(**{**own()[1], "vae": {"weight": torch.zeros(784, 5)}}),
    "another picture": lambda: VAEInterpolation(**{**own()[1], "vae": nets.mlp([5, 4, 100]).state_dict()}),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_models_are_refused(name):
    with pytest.raises(ValueError, match="expected .* got"):
        BAD[name]()


@pytest.mark.parametrize("state", [{"t": 1.2}, {"t": -0.1}, {"left": -1}, {"right": "3"}])
def test_bad_states_are_refused(state):
    with pytest.raises(traitlets.TraitError):
        VAEInterpolation(**state)
