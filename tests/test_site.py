"""The built site in a real browser: every page, over http and from a file with the network off, both themes, wide and narrow.

What a page may not do is found by small functions that return a list of faults; the last test shows a page that has them all.
"""

import json
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).parent.parent
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
FIRST_PAGE, FURTHER_PAGE, WEIGHTS = 1_000_000, 300_000, 350_000
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
pytestmark = pytest.mark.browser


def toc_pages(entry=TOC):
    """The pages of the table of contents, in reading order, without suffix."""
    found = [entry[key] for key in ("root", "file") if key in entry]
    for key in ("parts", "chapters", "sections"):
        for child in entry.get(key, []):
            found += toc_pages(child)
    return found


PAGES = toc_pages()
LABS = [page for page in PAGES if page.startswith("notebooks/")]


# ---- Faults that a page may have -------------------------------------------------------------------------------------

def listen(page, said, asked):
    """Collect what a page says on the console and which other hosts it asks."""
    page.on("console", lambda m: said.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(f"exception: {error}"))

    def note(request):
        parts = urlsplit(request.url)
        if parts.scheme not in ("file", "data", "blob") and parts.hostname != "127.0.0.1":
            asked.append(request.url)

    page.on("request", note)


def settle(page):
    """Wait until the mathematics is set, the fonts are there and the explorables stand."""
    page.wait_for_load_state("load")
    page.evaluate("() => window.MathJax?.startup?.promise")
    page.evaluate("() => document.fonts.ready.then(() => 0)")
    page.wait_for_timeout(150)


def wake(page):
    """Scroll to each explorable, so that its script comes, and back to the top."""
    page.evaluate("""async () => {
        for (const box of [...document.querySelectorAll('[data-explorable]')]) {
            box.scrollIntoView();
            await new Promise((later) => setTimeout(later, 100));
        }
    }""")
    if page.locator("script[src*='load.js']").count():
        page.wait_for_function("() => !document.querySelector('[data-explorable]')", timeout=10_000)
    page.evaluate("scrollTo(0, 0)")


def mathematics_faults(page):
    nodes, sets, errors = page.evaluate(
        "['.math', 'mjx-container', 'mjx-merror'].map(s => document.querySelectorAll('article ' + s).length)")
    faults = [f"{nodes} formulas, {sets} set"] if nodes != sets else []
    return faults + [f"{errors} formulas with an error"] * (errors > 0)


def font_faults(page):
    fonts = page.evaluate("[...document.fonts].map(f => [f.family.replaceAll('\"', ''), f.status])")
    wanted = ["Newsreader", "Inter"] + ["MJXTEX"] * page.evaluate("document.querySelectorAll('mjx-container').length > 0")
    faults = [f"font {name} is not loaded" for name in wanted
              if not any(family.startswith(name) and status == "loaded" for family, status in fonts)]
    return faults + [f"font {family}: {status}" for family, status in fonts if status == "error"]


def icon_faults(page):
    return page.evaluate("""[...document.querySelectorAll('[class*=fa-]')].filter(icon => icon.checkVisibility()).filter(icon => {
        const style = getComputedStyle(icon), box = icon.getBoundingClientRect();
        return !style.maskImage.includes('svg') || box.width < 8 || style.backgroundColor === 'rgba(0, 0, 0, 0)';
    }).map(icon => 'icon not drawn: ' + icon.className)""")


def explorable_faults(page):
    return page.evaluate("""[...document.querySelectorAll('[data-explorable]')]
        .filter(box => !box.querySelector('svg, canvas') || box.querySelector('.gt-still'))
        .map(box => 'explorable not alive: ' + box.dataset.explorable)""")


def image_style_faults(page):
    """The theme dims and boxes images in the dark; ours are drawn on paper and stay as they are."""
    return page.evaluate("""[...document.querySelectorAll('article img')].filter(image => {
        const style = getComputedStyle(image);
        return style.filter !== 'none' || style.backgroundColor === 'rgb(255, 255, 255)';
    }).map(image => 'image dimmed or boxed: ' + image.alt)""")


def width_faults(page):
    page.evaluate("document.querySelectorAll('article details').forEach(fold => (fold.open = true))")
    page.wait_for_timeout(100)
    wide, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return [f"the page is {wide} px wide in a window of {room}"] if wide > room else []


def axe_faults(page):
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate("document.querySelectorAll('article details').forEach(fold => (fold.open = true))")
    found = Axe().run(page, options={"preload": False, "runOnly": {"type": "tag", "values": TAGS}}).response["violations"]
    return [f"{rule['id']}: {rule['help']}: {node['html'][:160]} ({'; '.join(c['message'] for c in node['any'])[:200]})"
            for rule in found for node in rule["nodes"]]


def image_faults(soup):
    bad = (".png", ".svg", ".jpg", ".webp")
    return [f"image without a real alternative: {image.get('src', '')[:60]}" for image in soup.find_all("img")
            if len(image.get("alt", "").split()) < 2 or image["alt"].lower().endswith(bad)]


def link_faults(site, name, soup, ids):
    """Links of a page that lead to no file or to no anchor of the site. `ids` maps each page to its anchors."""
    faults = []
    for link in soup.find_all("a", href=True):
        if urlsplit(link["href"]).scheme:
            continue
        target = urlsplit(urljoin(f"/{name}", link["href"]))
        path = unquote(target.path).lstrip("/")
        if not (site / path).is_file():
            faults.append(f"{link['href']}: no such file")
        elif target.fragment and path in ids and unquote(target.fragment) not in ids[path]:
            faults.append(f"{link['href']}: no such anchor")
    return faults


def read(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="module")
def soups(site_dir):
    return {str(path.relative_to(site_dir)): read(path) for path in site_dir.rglob("*.html") if "_static" not in path.parts}


@pytest.fixture(scope="module")
def server(serve, site_dir):
    return serve(site_dir)


@pytest.fixture
def open_page(browser, site_dir):
    """Open a page of the site from its file, with the network off; no fault on the console, no request elsewhere."""
    contexts, said, asked = [], [], []

    def run(name, width=1280, height=900, theme="light", folder=site_dir):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, reduced_motion="reduce")
        contexts.append(context)
        context.set_offline(True)
        page = context.new_page()
        listen(page, said, asked)
        page.goto((folder / f"{name}.html").as_uri())
        settle(page)
        wake(page)
        return page

    yield run
    for context in contexts:
        context.close()
    assert said == [] and asked == []


# ---- Over http -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", PAGES)
def test_page_over_http_is_whole_and_light(browser, server, name):
    """No request to another host, no 404, nothing on the console, and within the budgets, as first page and as further page."""
    for visited, budget in (([], FIRST_PAGE), (["book/index" if name != "book/index" else PAGES[1]], FURTHER_PAGE)):
        context, said, asked = browser.new_context(viewport={"width": 1280, "height": 900}), [], []
        page = context.new_page()
        listen(page, said, asked)
        for earlier in visited:
            page.goto(f"{server.url}/{earlier}.html")
            settle(page)
        server.sent.clear()
        page.goto(f"{server.url}/{name}.html")
        if not visited:  # as first page it keeps its budget even when a reader scrolls through all its figures
            page.evaluate("document.querySelectorAll('img').forEach(image => (image.loading = 'eager'))")
        settle(page)
        context.close()
        assert said == [] and asked == [] and server.missing == []
        # An explorable with trained weights comes when a reader reaches it, and has a budget of its own.
        heavy = {path: size for path, size in server.sent.items() if "/explorables/" in path and size > 30_000}
        assert max(heavy.values(), default=0) <= WEIGHTS, f"{heavy}"
        sent = sum(server.sent.values()) - sum(heavy.values())
        assert sent <= budget, f"{sent} bytes: {server.sent.most_common(6)}"


def test_root_leads_to_the_book(browser, server):
    page = browser.new_page()
    page.goto(server.url)
    page.wait_for_url("**/book/index.html")
    page.close()


def test_search_finds_kullback(browser, server):
    context, said, asked = browser.new_context(), [], []
    page = context.new_page()
    listen(page, said, asked)
    page.goto(f"{server.url}/search.html?q=Kullback")
    page.wait_for_selector("#search-results li a[href*='kl.html']")
    context.close()
    assert said == [] and asked == []


# ---- From a file, with the network off -------------------------------------------------------------------------------

@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_page_from_a_file_offline(open_page, name, theme):
    """All faults of a page by one visit, for the mathematics of a chapter takes seconds to set."""
    page = open_page(name, theme=theme)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    looks = (mathematics_faults, font_faults, icon_faults, explorable_faults, image_style_faults, axe_faults)  # axe opens the folds, so it is last
    faults = [fault for look in looks for fault in look(page)]
    assert faults == [], "\n".join(faults)


@pytest.mark.parametrize("name", PAGES)
def test_page_at_360_px_does_not_scroll_sideways(open_page, name):
    page = open_page(name, width=360, height=740)
    assert width_faults(page) == []


def test_phone_has_no_axe_violation(open_page):
    assert axe_faults(open_page("book/index", width=360, height=740)) == []


def test_theme_choice_persists(open_page):
    page = open_page("book/index")
    switch = page.locator("button.theme-switch-button")
    for _ in range(3):
        switch.focus()
        page.keyboard.press("Enter")
        if page.evaluate("document.documentElement.dataset.mode") == "dark":
            break
    page.wait_for_timeout(100)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == background != "rgb(251, 250, 246)"


def test_keyboard_reaches_text_chapters_and_folds(open_page):
    page = open_page("book/kl", width=700)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main-content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main-content")
    toggle = page.locator("button.primary-toggle")
    toggle.focus()
    page.keyboard.press("Enter")
    page.locator("nav.bd-links a").first.wait_for(state="visible")
    page.reload()
    settle(page)
    fold = page.locator("article details > summary").first
    fold.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open")


def test_folded_solutions_need_no_script(soups):
    chapters = [soup for name, soup in soups.items() if soup.select(".exercise")]
    assert chapters
    for soup in chapters:
        assert soup.select("details.solution > summary") and not soup.select("div.admonition.dropdown")


# ---- In the files ----------------------------------------------------------------------------------------------------

def test_every_image_says_what_it_shows(soups):
    assert [(name, fault) for name, soup in soups.items() for fault in image_faults(soup)] == []


def test_internal_links_lead_somewhere(site_dir, soups):
    ids = {name: {tag["id"] for tag in soup.find_all(id=True)} for name, soup in soups.items()}
    assert [(name, fault) for name, soup in soups.items() for fault in link_faults(site_dir, name, soup, ids)] == []


def test_no_id_stands_twice(soups):
    for name, soup in soups.items():
        ids = [tag["id"] for tag in soup.find_all(id=True)]
        assert {i for i in ids if ids.count(i) > 1} == set(), name


def test_nothing_of_fontawesome_or_thebe_is_left(site_dir, soups):
    for name, soup in soups.items():
        text = str(soup).lower()
        assert "fontawesome" not in text and "thebe" not in text, name
    assert not list(site_dir.rglob("*fontawesome*")) and not list(site_dir.rglob("*thebe*"))


@pytest.mark.parametrize("name", LABS)
def test_lab_opens_in_colab_and_downloads(site_dir, soups, name):
    repository, branch = CONFIG["repository"]["url"], CONFIG["repository"]["branch"]
    links = [link["href"] for link in soups[f"{name}.html"].select(".article-header-buttons a[href]")]
    assert f"https://colab.research.google.com/github/{repository.removeprefix('https://github.com/')}/blob/{branch}/{name}.ipynb" in links
    assert f"../_sources/{name}.ipynb" in links
    assert json.loads((site_dir / "_sources" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]


def test_previous_and_next_follow_the_contents(soups):
    for i, name in enumerate(PAGES):
        for way, other in ((".left-prev", PAGES[i - 1] if i else None), (".right-next", PAGES[i + 1] if i + 1 < len(PAGES) else None)):
            link = soups[f"{name}.html"].select_one(f".prev-next-area {way}")
            assert (link is None) == (other is None), (name, way)
            assert link is None or urljoin(f"/{name}.html", link["href"]) == f"/{other}.html"


def test_landing_page_maps_every_chapter(soups):
    """Finished pages are links, and what is marked as planned is not in the table of contents."""
    landing = soups["book/index.html"]
    linked = {urljoin("/book/index.html", link["href"]) for link in landing.select(".gt-map a")}
    assert linked == {f"/{name}.html" for name in PAGES if name.startswith("book/") and name != "book/index"}
    planned = [mark.get_text() for mark in landing.select(".gt-map .gt-planned")]
    titles = {soup.h1.get_text().rstrip("#") for name, soup in soups.items() if name.removesuffix(".html") in PAGES}
    assert planned and not titles & set(planned)


def test_exercises_are_counted_from_one_in_each_chapter(soups):
    """The labs name them so."""
    for name, soup in soups.items():
        numbers = [title.get_text().split()[1] for title in soup.select("div.exercise > .admonition-title")]
        assert numbers == [str(i) for i in range(1, len(numbers) + 1)], name
    assert soups["book/bayes.html"].select("div.exercise > .admonition-title")


# ---- The tests can fail ----------------------------------------------------------------------------------------------

BROKEN = """<!doctype html><html><head><style>i.fa-sun { display: inline-block; width: 20px; height: 20px }</style></head><body>
<article><img src="a.png" alt="a.png" style="filter: brightness(0.8)"><a href="gone.html">x</a><a href="#nowhere">y</a><span class="math">\\(x\\)</span>
<i class="fa-sun"></i><div data-explorable="kl_rows"></div><div style="width: 3000px">wide</div></article>
<script>console.error("no"); fetch("http://example.invalid/").catch(() => 0)</script></body></html>"""


def test_a_broken_page_is_caught(browser, tmp_path):
    (tmp_path / "bad.html").write_text(BROKEN, encoding="utf-8")
    said, asked, page = [], [], browser.new_page()
    listen(page, said, asked)
    page.goto((tmp_path / "bad.html").as_uri())
    settle(page)
    assert any("no" in line for line in said) and asked == ["http://example.invalid/"]
    for faults in (mathematics_faults, font_faults, icon_faults, explorable_faults, image_style_faults, width_faults, axe_faults):
        assert faults(page), faults.__name__
    page.close()
    soup = read(tmp_path / "bad.html")
    assert len(image_faults(soup)) == 1
    assert len(link_faults(tmp_path, "bad.html", soup, {"bad.html": set()})) == 2
