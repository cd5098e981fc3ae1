"""That a lab runs with the versions Colab ships, in an environment of its own, and that the package changes none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENV = ROOT / ".venv-colab"
PYTHON = ENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PINS = ROOT / "tests" / "colab.txt"
pytestmark = pytest.mark.slow

RUN = """
import sys, nbformat
from nbclient import NotebookClient
lab = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(lab, kernel_name="python3", timeout=180).execute()
views = [o for c in lab.cells for o in c.get("outputs", []) if "application/vnd.jupyter.widget-view+json" in o.get("data", {})]
assert views, "no explorable was displayed as a live widget"
"""


def python(*arguments):
    done = subprocess.run([str(PYTHON), *arguments], capture_output=True, text=True, cwd=ENV)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def freeze():
    return [line for line in python("-m", "pip", "list", "--format", "freeze").splitlines() if not line.startswith("gentutor=")]


@pytest.fixture(scope="module")
def colab():
    stamp = ENV / "pins.txt"
    if not stamp.exists() or stamp.read_text() != PINS.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENV)], check=True)
        python("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", str(PINS))
        stamp.write_text(PINS.read_text())


def test_install_changes_no_version_and_a_lab_runs(colab):
    before = freeze()
    python("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--force-reinstall", str(ROOT))
    assert freeze() == before
    assert "ipywidgets==7.7.1" in before and "numpy==2.1.3" in before
    where = python("-c", "import gentutor; print(gentutor.__file__)")
    assert "site-packages" in where, "the installed copy is meant, not this checkout"
    python("-c", RUN, str(ROOT / "notebooks" / "kl.ipynb"))
