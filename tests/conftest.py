"""What several tests share: the built site, a server that counts what it sends, and a browser.

A machine without Chromium skips the browser's tests, and says so; with GENTUTOR_REQUIRE_BROWSER=1 they fail instead.
"""

import gzip
import os
import sys
import threading
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import hypothesis
import pytest

from gentutor import bugs, explorables

hypothesis.settings.register_profile("book", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("book")
ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from chromium import FLAGS, MISSING, chromium  # noqa: E402


@pytest.fixture(scope="module")
def browser():
    path = chromium()
    if path is None:
        pytest.fail(MISSING) if os.environ.get("GENTUTOR_REQUIRE_BROWSER") == "1" else pytest.skip(MISSING)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site_dir():
    site = ROOT / "_build" / "html"
    if not (site / "book" / "index.html").exists():
        pytest.fail("the book is not built: run `make book`")
    return site


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder compressed, as a public host does, and counts the bytes of each answer."""

    PACKED = (".html", ".js", ".css", ".svg", ".json", ".txt", ".md", ".ipynb")

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.server.missing.append(self.path)
            self.send_error(404)
            return
        body = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        if path.suffix in self.PACKED:
            body = gzip.compress(body, 6)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=600")
        self.end_headers()
        self.wfile.write(body)
        self.server.sent[self.path.partition("?")[0]] += len(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def serve():
    """serve(folder) -> a server with `.url`, `.sent` (path -> bytes) and `.missing` (paths answered by 404)."""
    running = []

    def start(folder):
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        server.daemon_threads = True
        server.sent, server.missing = Counter(), []
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def museum(capsys):
    """museum(name, verify): the planted bug fails the check it names and says so; then the right function is back."""
    def show(name, verify):
        bugs.caught(name, verify)
        assert f"caught by {bugs.BUGS[name].caught_by}" in capsys.readouterr().out
        verify()

    return show


# ---- Explorables -----------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def es_module(browser):
    """es_module("kl_rows") -> a page whose `window.module` is that explorable's ES module, as anywidget serves it."""
    pages = []

    def load(name):
        page = browser.new_page()
        pages.append(page)
        page.evaluate("async (text) => { window.module = await import(URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))); }",
                      explorables.source(name))
        return page

    yield load
    for page in pages:
        page.close()


PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><meta charset="utf-8"><title>t</title>
<style>body {{ margin: 0; background: {background} }} {css}</style><body>{body}<script>{script}</script></body></html>"""


def page_file(folder, module, theme="light"):
    css = (explorables.HERE / "explorable.css").read_text(encoding="utf-8")
    body, script = explorables.by_module(module)().page_html(), explorables.page_script(module)
    path = folder / f"{module}.html"
    background = {"light": "#ffffff", "dark": "#14171d"}[theme]
    path.write_text(PAGE.format(theme=theme, background=background, css=css, body=body, script=script.replace("</", "<\\/")), encoding="utf-8")
    return path.as_uri()


def settle(page):
    """Return when the page has drawn what it was told to: in the frame after a change, or once what takes longer is done (aria-busy)."""
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(drawn))))")
    page.wait_for_function("() => !document.querySelector('.gt-explorable [aria-busy=true]')")


def refuses(bad):
    """A test of {name: (call, words)}: each call is a ValueError with these words."""

    @pytest.mark.parametrize("name", bad)
    def test(name):
        call, words = bad[name]
        with pytest.raises(ValueError, match=words):
            call()

    return test


def said(page):
    """The sentence of an explorable, once it has drawn."""
    settle(page)
    return page.locator(".gt-sentence").inner_text()


@pytest.fixture
def show(browser, tmp_path):
    """Open an explorable; at the end nothing may have been said on the console or asked of the network."""
    said, asked, contexts = [], [], []

    def run(module, width=900, theme="light", **options):
        context = browser.new_context(viewport={"width": width, "height": 800}, reduced_motion="reduce", **options)
        contexts.append(context)
        context.set_offline(True)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else asked.append(request.url))
        page.goto(page_file(tmp_path, module, theme))
        page.wait_for_selector(".gt-explorable svg, .gt-explorable canvas")
        settle(page)
        return page

    yield run
    for context in contexts:
        context.close()
    assert said == [] and asked == []
