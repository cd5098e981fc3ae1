"""The layout of the project: what belongs to a chapter, who imports whom, and what a lab's file may hold."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from bootstrap_cell import bootstrap_cell  # noqa: E402

SHARED = {"densities", "distances", "nets", "data", "train", "muon", "scale", "contest", "runtime", "weights", "plots", "checks", "bugs", "explorables"}
# A chapter with two topics has a second module; only its own chapter's modules may import it.
TOPICS = {
    "fits": "kl", "naive_bayes": "bayes", "tables": "bayes", "em": "elbo", "mixtures": "autoencoder", "latents": "vae", "conv_vae": "vae",
    "wasserstein_gan": "gan", "game": "gan", "gan_nets": "gan", "denoisers": "ddpm", "tilted": "guidance", "latent_diffusion": "guidance",
    "flow_matching": "guidance", "neighbours": "evaluation",
    "two_sample": "evaluation", "annealing": "evaluation", "likelihoods": "comparison",
}
# What a chapter builds on beside the shared modules and its own.
BUILDS_ON = {"evaluation": {"kl"}, "guidance": {"ddpm"}}
LABS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PACKAGE = ROOT / "gentutor"
TOC = (ROOT / "_toc.yml").read_text(encoding="utf-8")


def modules():
    return {p.stem for p in PACKAGE.glob("*.py") if not p.stem.startswith("_")}


def chapters():
    return sorted(modules() - SHARED - set(TOPICS))


def imports(path):
    """Names of the modules that a file imports anywhere in it: gentutor's own without their prefix."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = node.level > 0 or node.module == "gentutor"
            found |= {alias.name for alias in node.names} if inside and node.module in (None, "gentutor") else {node.module}
    return {name.removeprefix("gentutor.").split(".")[0] for name in found}


@pytest.mark.parametrize("name", chapters())
def test_one_name_ties_a_chapter_together(name):
    for path in (f"book/{name}.md", f"notebooks/{name}.ipynb", f"tests/test_{name}.py"):
        assert (ROOT / path).exists(), f"chapter {name} lacks {path}"
    assert list((PACKAGE / "explorables").glob(f"{name}*.js")), f"chapter {name} lacks its explorable"
    assert f"file: book/{name}\n" in TOC and f"file: notebooks/{name}\n" in TOC


def test_no_lab_without_a_chapter():
    assert [p.stem for p in LABS] == chapters()


@pytest.mark.parametrize("name", sorted(modules() - SHARED))
def test_chapter_modules_import_only_what_they_may(name):
    chapter = TOPICS.get(name, name)
    near = {chapter} | BUILDS_ON.get(chapter, set())
    allowed = {"densities", "distances", "nets"} | near | {topic for topic, of in TOPICS.items() if of in near}
    assert imports(PACKAGE / f"{name}.py") & modules() <= allowed


def test_shared_modules_import_no_chapter():
    for name in modules() & SHARED:
        path = PACKAGE / f"{name}.py"
        if name != "bugs":
            assert not imports(path) & (modules() - SHARED), f"{name} imports a chapter"


@pytest.mark.parametrize("path", sorted((PACKAGE / "explorables").glob("*.py")), ids=lambda p: p.stem)
def test_explorables_need_numpy_and_anywidget_only(path):
    own = {node.name for node in ast.parse((PACKAGE / "explorables" / "__init__.py").read_text(encoding="utf-8")).body if hasattr(node, "name")}
    assert imports(path) - set(sys.stdlib_module_names) <= {"numpy", "anywidget", "traitlets", ""} | own


def test_importing_the_package_and_the_explorables_needs_no_torch():
    code = ("import sys, gentutor, gentutor.checks; from gentutor import explorables; [explorables.by_module(m)() for m in explorables.CLASSES.values()];"
            "sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda p: p.stem)
def test_modules_stay_short(path):
    if path.stem != "bugs":
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, f"{path.stem} is probably two topics"


def test_the_toc_lists_every_page():
    listed = set(re.findall(r"(?:file|root): (\S+)", TOC))
    pages = {str(p.relative_to(ROOT).with_suffix("")) for p in [*(ROOT / "book").glob("*.md"), *LABS]}
    assert listed == pages


# ---- labs -----------------------------------------------------------------------------------------------------------

MACHINE = re.compile(r"/(?:home|root|work|tmp|Users|usr|opt|var)/|[A-Z]:\\\\")
SHELL = re.compile(r"^\s*(?:!|%%(?:bash|sh|script|!|cmd)|%(?:pip|conda|sx|system)\b)|\b(?:os\.system|get_ipython\(\)\.system)\(", re.M)


def faults(notebook, size=0):
    """What is wrong with a stored lab, as a list of sentences."""
    found = []
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    if size > 1_000_000:
        found.append(f"expected at most 1 MB, got {size} bytes")
    if [c["execution_count"] for c in code] != list(range(1, len(code) + 1)):
        found.append("not stored from one clean run from top to bottom")
    if MACHINE.search(json.dumps([c.get("outputs", []) for c in notebook["cells"]]) + "".join("".join(c["source"]) for c in notebook["cells"])):
        found.append("holds a path of a machine")
    for cell in code:
        source, tags = "".join(cell["source"]), cell["metadata"].get("tags", [])
        if SHELL.search(source):
            found.append(f"a failing shell line would pass unseen; use subprocess.run(..., check=True): {SHELL.search(source).group(0)!r}")
        if "threading" in source:
            found.append("an exception in a thread would pass unseen")
        if any(o["output_type"] == "error" for o in cell["outputs"]) and "raises-exception" not in tags:
            found.append("stores an error")
        if set(tags) & {"nbval-ignore-output", "nbval-skip"} and not re.search(r"# not compared: \S", source):
            found.append("an ignored output must say why, in a comment '# not compared: …'")
        pictures = [o for o in cell["outputs"] if "image/png" in o.get("data", {}) and "text/html" not in o["data"]]
        alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
        if pictures and len(alt) < 20:
            found.append(f"a figure without alt text: {source[:60]!r}")
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and re.search(r"^```\{|\{[a-z:]+\}`", "".join(cell["source"]), re.M):
            found.append("MyST in a lab, which Colab does not render")
    if "".join(notebook["cells"][0]["source"]) != bootstrap_cell():
        found.append("the first cell is not the Colab bootstrap: run `make repository URL=…` or take it from tools/bootstrap_cell.py")
    return found


@pytest.mark.parametrize("path", LABS, ids=lambda p: p.stem)
def test_lab_file(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert faults(notebook, path.stat().st_size) == []
    assert any("caught(" in "".join(c["source"]) for c in notebook["cells"]), "no bug is caught"
    assert any("check_answer(" in "".join(c["source"]) for c in notebook["cells"]), "no exercise"
    assert any("../book/" in "".join(c["source"]) for c in notebook["cells"]), "no link to its chapter"


@pytest.mark.parametrize("change, words", [
    (lambda c: c.update(source="!false"), "shell line"),
    (lambda c: c.update(source="x = 1\n%pip install nothing"), "shell line"),
    (lambda c: c.update(source="%%bash\nfalse"), "shell line"),
    (lambda c: c.update(execution_count=7), "clean run"),
    (lambda c: c.update(outputs=[{"output_type": "error", "ename": "E", "evalue": "", "traceback": []}]), "stores an error"),
    (lambda c: c.update(outputs=[{"output_type": "stream", "name": "stdout", "text": "/".join(["", "home", "me", "x"])}]), "path of a machine"),
    (lambda c: c.update(outputs=[{"output_type": "display_data", "data": {"image/png": ""}, "metadata": {}}]), "alt text"),
    (lambda c: c["metadata"].update(tags=["nbval-ignore-output"]), "must say why"),
    (lambda c: c.update(cell_type="markdown", source="see {check}`a.b`"), "MyST"),
])
def test_lab_faults_are_seen(change, words):
    def cell(source, count):
        return {"cell_type": "code", "source": source, "execution_count": count, "outputs": [], "metadata": {}}

    notebook = {"cells": [cell(bootstrap_cell(), 1), cell("1 + 1", 2)]}
    assert faults(notebook) == []
    change(notebook["cells"][1])
    assert any(words in fault for fault in faults(notebook))


# ---- what the owner fixed ---------------------------------------------------------------------------------------------

def test_one_address():
    url = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
    for path in [*LABS, *(ROOT / "book").glob("*.md"), ROOT / "README.md", ROOT / "pyproject.toml"]:
        others = {u for u in re.findall(r"https://github\.com/[^/\s\"]+/gentutor", path.read_text(encoding="utf-8"))} - {url}
        assert not others, f"{path.name} names {others}, _config.yml {url}"


def test_set_repository_changes_it_everywhere(tmp_path):
    for name in ("_config.yml", "tools", "notebooks"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(tmp_path)], check=True)
    tool = [sys.executable, str(tmp_path / "tools" / "set_repository.py")]
    assert subprocess.run([*tool, "https://example.com/x"], capture_output=True).returncode != 0
    subprocess.run([*tool, "https://github.com/someone/a-book.git"], check=True, capture_output=True)
    text = (tmp_path / "_config.yml").read_text() + "".join(p.read_text() for p in (tmp_path / "notebooks").glob("*.ipynb"))
    assert "-owner-" not in text and text.count("https://github.com/someone/a-book") == 1 + len(LABS)


def test_pins():
    pins = (ROOT / "requirements.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[\w.-]+(\[\w+\])?==[\w.]+( ; .+)?", line) for line in pins), "every line is an exact pin"
    assert "torch==2.13.0" in pins and any(line.startswith("jupyter-book==1.") for line in pins)
    project = (ROOT / "pyproject.toml").read_text()
    assert '"torch>=2.4"' in project and not re.search(r'"(numpy|torch|ipywidgets)[^"]*[<~=]=?\d[^"]*<', project)


def test_no_big_file_and_no_path_of_a_machine_is_tracked():
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, tracked):
        path = ROOT / name
        if not path.exists():
            continue
        assert path.stat().st_size < 1_000_000 or name.startswith("gentutor/_mnist/"), f"{name} is too big"
        if path.suffix in {".py", ".md", ".yml", ".toml", ".ipynb", ".js", ".css", ".svg"}:
            leak = re.search(r"/(?:work|root)/\w|/home/[a-z]+/\w", path.read_text(encoding="utf-8"))
            assert not leak or name == "tests/test_layout.py", f"{name} holds a path of a machine: {leak}"
