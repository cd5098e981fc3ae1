"""An explorable in a real JupyterLab: the widget runs, and its state goes from the page to Python and back."""

import os
import re
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CELLS = ["from gentutor.explorables import BayesOdds\nw = BayesOdds()\nw", "print(f'prior is {w.prior:.4f}')", "w.prior = 0.5"]


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab on an empty folder with one notebook."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS], metadata=kernel)
    nbformat.write(notebook, tmp_path / "live.ipynb")
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(tmp_path / "config"), "JUPYTER_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port", "0", "--IdentityProvider.token=", "--ServerApp.root_dir", str(tmp_path)]
    with open(tmp_path / "log", "w+") as log:
        server = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
        try:
            for _ in range(120):
                if found := re.search(r"http://(?:localhost|127\.0\.0\.1):\d+", (tmp_path / "log").read_text()):
                    urllib.request.urlopen(found.group(0) + "/api").read()
                    break
                time.sleep(0.5)
            else:
                pytest.fail(f"JupyterLab did not start: {(tmp_path / 'log').read_text()[-2000:]}")
            yield found.group(0)
        finally:
            server.terminate()
            server.wait(20)


def test_state_goes_both_ways(lab, browser):
    page = browser.new_page(viewport={"width": 1300, "height": 1600})
    page.goto(f"{lab}/lab/tree/live.ipynb")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    page.wait_for_selector("text=/\\| Idle/", timeout=60_000)
    cells = page.locator(".jp-Notebook .jp-CodeCell")

    def run(index):
        cells.nth(index).locator(".cm-content").click()
        page.keyboard.press("Control+Enter")

    run(0)
    page.wait_for_selector(".jp-OutputArea .gt-explorable svg", timeout=60_000)
    prior = page.locator(".gt-explorable input[type=range]").first
    prior.focus()
    prior.press("End")
    page.wait_for_timeout(500)
    largest = prior.get_attribute("aria-valuetext")
    run(1)
    page.wait_for_selector("text=/prior is 0/", timeout=30_000)
    assert "prior is 0.0100" not in cells.nth(1).inner_text(), "Python heard of the move"
    run(2)
    page.wait_for_function("(text) => document.querySelector('.gt-explorable input[type=range]').getAttribute('aria-valuetext') !== text", arg=largest)
    assert prior.get_attribute("aria-valuetext").startswith("50")
