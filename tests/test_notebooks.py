"""That the labs' test can fail: nbval, called as `make test` calls it, on small labs with one fault each."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow


def command():
    """The nbval command of the Makefile, without the folder it runs on."""
    line = next(line for line in (ROOT / "Makefile").read_text().splitlines() if "--nbval " in line)
    words = line.split("-m pytest ")[1].split()[:-1]
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *(str(ROOT / w) if w.startswith("tests/") else w for w in words)]


@pytest.fixture(scope="module")
def stored():
    """A small lab, run once and stored."""
    sources = ["from gentutor.checks import check\nprint('entropy 0.802 nats')", "check('die.cost', 0.29671, 0.297, atol=1e-3)"]
    lab = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(lab, kernel_name="python3").execute()
    return nbformat.writes(lab)


CHANGES = {
    "nothing": (None, None, 0),
    "a changed number": ('"entropy 0.802', '"entropy 0.803', 1),
    "a changed tolerance": ("± 0.001", "± 0.01", 1),
    "a measured value that only this machine has": ("measured 0.29671", "measured 0.29672", 0),
    "a claim that no longer holds": ("'die.cost', 0.29671", "'die.cost', 0.4", 1),
    "a failing cell": ("from gentutor.checks import check", "from gentutor.checks import chick", 1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_nbval_sees(name, stored, tmp_path):
    old, new, code = CHANGES[name]
    assert old is None or old in stored
    path = tmp_path / "lab.ipynb"
    path.write_text(stored.replace(old, new) if old else stored, encoding="utf-8")
    done = subprocess.run([*command(), str(path)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == code, done.stdout
    assert re.search(r"\d passed" if code == 0 else r"\d failed", done.stdout)
