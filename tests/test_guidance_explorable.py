"""The film strip of a digit: its net and its whole sampling chain against torch, its words, its weights and its states."""

import re

import numpy as np
import pytest
import torch
import traitlets

from conftest import said
from gentutor import data, ddpm, guidance, weights
from gentutor._recipes import guidance_film as recipe
from gentutor.explorables import GuidanceFilm

SCHEDULE = ddpm.cosine(recipe.RECIPE["T"])


@pytest.fixture(scope="module")
def page(es_module):
    return es_module("guidance_film")


@pytest.fixture(scope="module")
def tensors():
    return weights.load("guidance_film")


@pytest.fixture(scope="module")
def net(tensors):
    """The packaged net in double precision."""
    return recipe.load_net(tensors).double()


def noise(seed):
    return torch.randn(1, 1, 14, 14, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.browser
@pytest.mark.parametrize("t, y", [(1, 0), (250, 10), (777, 9), (1000, 4)])
def test_the_net_is_that_of_torch(page, net, t, y):
    x = noise(t)
    got = page.evaluate("([x, t, y]) => [...window.module.predict(x, t, y)]", [x.flatten().tolist(), t, y])
    assert np.allclose(got, net(x, torch.tensor([t]), torch.tensor([y])).flatten(), atol=1e-5)


@pytest.mark.browser
@pytest.mark.parametrize("digit, w, steps", [(3, 2.0, 20), (7, 0.0, 9), (0, 1.0, 50), (5, 8.0, 7), (8, 0.5, 2)])
def test_a_whole_chain_is_that_of_torch(page, net, digit, w, steps):
    start = noise(steps)
    got = page.evaluate("([now, start]) => window.module.walk(now, start)", [{"digit": digit, "w": w, "steps": steps}, start.flatten().tolist()])
    denoise = guidance.classifier_free(recipe.denoiser(net), torch.tensor([digit]), w, recipe.NO_LABEL)
    for k, move in enumerate(guidance.ddim(SCHEDULE, denoise, start, steps)):
        assert np.allclose(got["path"][k + 1], move.x.flatten(), atol=1e-4), move.t
        assert np.allclose(got["x0"][k], move.x0_hat.flatten(), atol=1e-4), move.t
    assert got["x0"][steps] == got["path"][steps]


@pytest.mark.browser
def test_the_nearest_image_is_the_nearest(page, tensors):
    got = page.evaluate("(state) => window.module.compute(state)", GuidanceFilm(steps=5).state())
    picture = ((torch.tensor(got["path"][-1]) + 1) / 2).clamp(0, 1)
    gaps = (picture - (recipe.kept_images(tensors) + 1) / 2).norm(dim=1)
    assert got["index"] == gaps.argmin() and got["distance"] == pytest.approx(gaps.min().item(), abs=1e-5)
    assert got["label"] == got["index"] // recipe.KEPT and got["gap"] == pytest.approx(tensors["kept_gap"].item(), abs=1e-6)


def test_kept_images_are_training_digits_in_eight_greys(tensors):
    digits = data.mnist("train")
    index = torch.cat([torch.nonzero(digits.labels == digit)[: recipe.KEPT, 0] for digit in range(10)])
    assert (recipe.kept_images(tensors) - recipe.pooled(digits.images[index]).flatten(1)).abs().max() <= 1 / (recipe.LEVELS - 1) + 1e-6


def test_packaged_weights_fit_a_page(tensors):
    assert set(weights.for_page(tensors)) == set(tensors)  # for_page raises above 350 KB


def test_samples_are_the_digits_asked_for():
    quality = weights.card("guidance_film")["quality"]
    assert quality["agree_w1"] >= 0.85 and quality["agree_w2"] >= 0.95
    assert quality["nearest_w1"] > 0.8 * quality["nearest_test"], "no copies: as far from the training images as test digits are"


@pytest.mark.browser
def test_it_says_in_words_what_is_to_be_seen(show):
    page = show("guidance_film")
    nearest = r"Of 1000 training images the nearest to the result is a \d, \d\.\d\d away: (close to a copy|a copy of none of them), for half"
    assert re.search(r"^A 3 asked for, w = 2.0: guided, 20 steps. " + nearest, said(page))
    page.get_by_label("Number of steps").fill("3")
    page.get_by_role("button", name="class ignored").click()
    assert re.search("^No class asked for, w = 0.0: the class is not used, 3 steps", said(page))
    labels = [canvas.get_attribute("aria-label") for canvas in page.locator("canvas").all()]
    assert len(set(labels)) == 4 and "4 pictures from noise" in labels[0] and "weights 0, 1, 2, 4, 8" in labels[3]
    page.get_by_label("Class asked for").select_option("7")
    page.get_by_label("Guidance w").fill("1")
    assert said(page).startswith("A 7 asked for, w = 1.0: plainly conditional, 3 steps")


@pytest.mark.browser
def test_the_page_does_not_freeze_while_it_samples(show):
    """A frame is drawn between any two slices of work: the words tell of steps on the way."""
    page = show("guidance_film")
    seen = page.evaluate("""async () => {
        const seen = new Set(), shown = document.querySelector('.gt-sentence');
        [...document.querySelectorAll('button')].find((b) => b.textContent === 'other noise').click();
        const input = document.querySelectorAll('input[type=range]')[1];
        input.value = 50;
        input.dispatchEvent(new Event('input'));
        for (let i = 0; i < 12; i += 1) {
            await new Promise(requestAnimationFrame);
            seen.add(shown.textContent);
        }
        return [...seen];
    }""")
    assert sum("of 50" in words for words in seen) >= 3


@pytest.mark.parametrize("state", [{"digit": 10}, {"w": 9.0}, {"w": -0.5}, {"steps": 1}, {"steps": 51}, {"seed": -1}])
def test_bad_states_are_refused(state):
    with pytest.raises(traitlets.TraitError):
        GuidanceFilm(**state)
