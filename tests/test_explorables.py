"""Every explorable in a real browser, opened from a file with the network off, and the numbers of core.js."""

import json
import math
import re

import numpy as np
import pytest
from conftest import settle
from PIL import Image

from gentutor import explorables

MODULES = sorted(explorables.CLASSES.values())
pytestmark = pytest.mark.browser


@pytest.mark.parametrize("module", MODULES)
def test_every_control_has_a_name_and_answers_the_keyboard(show, module):
    page = show(module)
    assert page.locator("img.gt-still").count() == 0, "the still picture gives way"
    for control in page.locator(".gt-explorable :is(input, select)").all():
        assert page.evaluate("e => e.labels.length && e.labels[0].textContent.trim()", control.element_handle())
    handles = page.locator(".gt-explorable :is([role=slider], input[type=range])").all()
    assert handles, "something can be moved"
    for handle in handles:
        if not handle.is_visible():
            continue
        assert handle.get_attribute("aria-valuetext")
        before = handle.get_attribute("aria-valuetext")
        handle.focus()
        for key in ("ArrowRight", "PageUp", "ArrowLeft", "ArrowLeft", "PageDown", "PageDown"):
            handle.press(key)
            settle(page)
            if handle.get_attribute("aria-valuetext") != before:
                break
        assert handle.get_attribute("aria-valuetext") != before, f"{handle.get_attribute('aria-label')} does not move"


@pytest.mark.parametrize("module", ["bayes_odds", "intro_views"])  # a handle on a line, a point in the plane
def test_no_key_press_is_lost_between_two_frames(show, module):
    page = show(module)
    handle = page.locator(".gt-explorable [role=slider]").first
    before = float(handle.get_attribute("aria-valuenow"))
    handle.evaluate("e => { for (let k = 0; k < 5; k += 1) e.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true })); }")
    settle(page)
    assert float(handle.get_attribute("aria-valuenow")) == pytest.approx(before + 0.5, abs=0.01)


@pytest.mark.parametrize("module", MODULES)
def test_handles_follow_the_pointer(show, module):
    page = show(module)
    for handle in page.locator(".gt-explorable [role=slider]").all():
        if not handle.is_visible():
            continue
        handle.scroll_into_view_if_needed()
        before, box = handle.get_attribute("aria-valuenow"), handle.locator(".gt-handle-dot").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        across = handle.get_attribute("aria-orientation") == "horizontal"
        page.mouse.move(x + 15 * across, y + 15 * (not across), steps=4)
        settle(page)
        moved = handle.get_attribute("aria-valuenow") != before
        if not moved:
            page.mouse.move(x - 15 * across, y - 15 * (not across), steps=4)
            settle(page)
        page.mouse.up()
        assert handle.get_attribute("aria-valuenow") != before, f"{handle.get_attribute('aria-label')} does not follow"


@pytest.mark.parametrize("module", MODULES)
def test_buttons_change_the_picture_and_the_sentence_is_polite(show, module):
    page = show(module)
    said = set()
    for button in page.locator(".gt-explorable .gt-buttons button").all():
        button.click()
        settle(page)
        said.add(page.locator(".gt-explorable .gt-sentence").first.inner_text())
    assert len(said) > 1, "presets differ"
    page.wait_for_function("""() => document.querySelector(".gt-explorable [aria-live=polite]").textContent
                              === document.querySelector(".gt-explorable .gt-sentence").textContent""")


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_fits_a_phone(show, module, theme):
    page = show(module, width=360, theme=theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    smallest = page.evaluate("""() => Math.min(...[...document.querySelectorAll('.gt-explorable text')].map(
        (t) => parseFloat(getComputedStyle(t).fontSize) * t.ownerSVGElement.getBoundingClientRect().width / t.ownerSVGElement.viewBox.baseVal.width))""")
    assert smallest >= 11, "text stays readable"


@pytest.mark.parametrize("module", MODULES)
def test_touch_moves_a_handle_or_a_slider(show, module):
    page = show(module, width=400, has_touch=True)
    target = page.locator(".gt-explorable input[type=range]").first
    if target.count():
        target.scroll_into_view_if_needed()
        before, box = target.input_value(), target.bounding_box()
        for share in (0.2, 0.8):
            page.touchscreen.tap(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        assert target.input_value() != before


@pytest.mark.parametrize("module", MODULES)
def test_the_still_picture_is_of_this_explorable(show, module, tmp_path):
    """Not pixel by pixel: fonts differ between machines. Most of it must be the same."""
    page = show(module, width=720)
    page.add_style_tag(content="body { background: #fdfcf9 } .gt-explorable { margin: 0; border: 0 }")
    settle(page)
    page.locator(".gt-explorable").screenshot(path=tmp_path / "now.png")
    still = explorables.HERE / "stills" / f"{module}.png"
    assert still.exists(), "run `make stills`"
    now, then = (Image.open(path).convert("L") for path in (tmp_path / "now.png", still))
    assert abs(now.height - then.height) <= 0.15 * then.height, "run `make stills`"
    difference = np.abs(np.asarray(now.resize((90, 60)), float) - np.asarray(then.resize((90, 60)), float)).mean()
    assert difference < 8, "run `make stills`"


@pytest.mark.parametrize("module", MODULES)
def test_python_and_the_page_hold_the_same_state(show, module, tmp_path):
    widget = explorables.by_module(module)()
    html = widget.page_html()
    stored = json.loads(re.search(r"<script type=\"application/json\">(.*?)</script>", html, re.S).group(1))
    assert stored == json.loads(json.dumps(widget.state())) and stored
    bundle = widget._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/html"] == html and "application/vnd.jupyter.widget-view+json" in data and "0x" not in data["text/plain"]


@pytest.fixture(scope="module")
def core(browser):
    """Call a function of core.js: core("normalLogPdf", 0, 1, 2)."""
    page = browser.new_page()
    source = (explorables.HERE / "core.js").read_text(encoding="utf-8")
    page.evaluate("async (text) => { window.core = await import('data:text/javascript,' + encodeURIComponent(text)); }", source)
    yield lambda expression: page.evaluate(f"(() => {{ const c = window.core; return {expression}; }})()")
    page.close()


def test_core_numbers(core):
    assert core("c.normalLogPdf(0.3, -1, 0.5)") == pytest.approx(-0.5 * (math.log(2 * math.pi) + 2.6**2) - math.log(0.5), abs=1e-12)
    assert core("c.logSumExp([1000, 1000])") == pytest.approx(1000 + math.log(2))
    assert core("c.logSumExp([-Infinity, -Infinity]) === -Infinity")
    assert core("c.simpson((x) => x ** 3, 0, 2, 10)") == pytest.approx(4, abs=1e-12)
    assert core("c.simpson((x) => Math.exp(c.mixtureLogPdf(x, [0.3, 0.7], [-1, 2], [0.5, 1])), -9, 10)") == pytest.approx(1, abs=1e-9)
    assert core("c.ticks(-1, 1, 4)") == pytest.approx([-1, -0.5, 0, 0.5, 1])
    assert core("c.fmt(-0.0004, 3)") == "0.000" and core("c.fmt(-2.5, 1)") == "−2.5" and core("c.fmt(Infinity)") == "∞"


def test_core_generator_is_seeded_and_normal(core):
    assert core("c.rng(3).uniform() === c.rng(3).uniform() && c.rng(3).uniform() !== c.rng(4).uniform()")
    draws = np.array(core("(() => { const r = c.rng(1); return Array.from({ length: 20000 }, r.normal); })()"))
    assert abs(draws.mean()) < 4 / math.sqrt(20000) and abs(draws.var() - 1) < 4 * math.sqrt(2 / 20000)


def test_bad_modules_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(explorables, "HERE", tmp_path)
    (tmp_path / "bad.js").write_text("export default 3;")
    with pytest.raises(ValueError, match="expected one import"):
        explorables.source("bad")
    with pytest.raises(ValueError, match="expected one of"):
        explorables.by_module("bad")
