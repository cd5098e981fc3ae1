"""The badges: a small book of its own, built with the extension, and what must break its build."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

EXT = Path(__file__).parent.parent / "book" / "_ext"
CONF = f"""import sys
sys.path.insert(0, {str(EXT)!r})
extensions = ["myst_nb", "sphinx_proof", "claims", "explorable"]
nb_execution_mode = "off"
exclude_patterns = ["out"]
"""
PAGE = """# Page

{text}

```{{toctree}}
notebooks/die
claims
```
"""
CLAIMS = "# Claims\n\n```{checked-claims}\n```\n"
GOOD = "✓ die.cost · measured 0.297 · expected 0.2967 ± 0.001\n"


@pytest.fixture
def build(tmp_path):
    def run(text, printed=GOOD):
        (tmp_path / "notebooks").mkdir(exist_ok=True)
        cell = nbformat.v4.new_code_cell("check(...)", outputs=[nbformat.v4.new_output("stream", text=printed)], execution_count=1)
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python", "pygments_lexer": "python3"}}
        lab = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# The die"), cell], metadata=kernel)
        nbformat.write(lab, tmp_path / "notebooks" / "die.ipynb")
        (tmp_path / "conf.py").write_text(CONF)
        (tmp_path / "index.md").write_text(PAGE.format(text=text))
        (tmp_path / "claims.md").write_text(CLAIMS)
        done = subprocess.run(
            [sys.executable, "-m", "sphinx", "-qW", "--keep-going", "-E", "-b", "html", ".", "out"], cwd=tmp_path, capture_output=True, text=True)
        return done, lambda name: (tmp_path / "out" / name).read_text()
    return run


def test_badge_shows_the_measured_value_and_links_to_its_cell(build):
    done, page = build("It costs 0.297 nats {check}`die.cost`, and {unchecked}`die.axioms | it is a definition`.")
    assert done.returncode == 0, done.stderr
    assert 'href="notebooks/die.html#check-die-cost"' in page("index.html") and "✓ 0.297 ± 0.001" in page("index.html")
    assert 'id="check-die-cost"' in page("notebooks/die.html")
    assert "it is a definition" in page("claims.html") and 'href="index.html#use-0-check-die-cost"' in page("claims.html")


@pytest.mark.parametrize("text, printed, words", [
    ("{check}`die.cots`", GOOD, "no lab has produced the check die.cots"),
    ("{check}`die.cost`", "", "no lab has produced the check die.cost"),
    ("{check}`die.cost`", GOOD + GOOD, "printed twice"),
    ("{unchecked}`die.cost`", GOOD, "expected 'chapter.claim | reason'"),
    ("```{prf:theorem} Gibbs\n:label: gibbs\nIt is never negative.\n```", GOOD, "claim gibbs has neither"),
    ("```{explorable} nothing\n```", GOOD, "expected one of"),
])
def test_what_breaks_the_build(build, text, printed, words):
    done, _ = build(text, printed)
    assert done.returncode != 0 and words in done.stderr


def test_a_theorem_with_a_badge_passes(build):
    done, _ = build("```{prf:theorem} Gibbs\n:label: gibbs\nIt is never negative {check}`die.cost`.\n```")
    assert done.returncode == 0, done.stderr
