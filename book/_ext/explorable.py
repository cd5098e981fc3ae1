"""The `explorable` directive, and the scripts of the explorables that a page shows."""

import re
import shutil
import sys
from pathlib import Path

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))
from gentutor import explorables  # noqa: E402

FOLDER = "_static/explorables"
WAITING = re.compile(r'<p class="gt-still">(.*?)</p>', re.S)
SHOWN = re.compile(r'data-explorable="(\w+)"')
logger = logging.getLogger(__name__)


class ExplorableDirective(SphinxDirective):
    """```{explorable} kl_rows```: the explorable in its first state."""

    required_arguments = 1

    def run(self):
        try:
            widget = explorables.by_module(self.arguments[0])()
        except ValueError as error:
            raise self.error(str(error))
        return [nodes.raw("", widget.page_html(), format="html")]


def add_pictures(app, doctree, docname):
    """Give each explorable, of this directive or of a stored output, its still picture."""
    up = "../" * docname.count("/")
    for node in doctree.findall(nodes.raw):
        found = SHOWN.search(node.astext()) if node.get("format") == "html" else None
        if not found:
            continue
        module = found.group(1)
        if not (explorables.HERE / "stills" / f"{module}.png").exists():
            logger.warning("explorable %s has no still picture: run `make stills`", module, location=node)
            continue
        picture = rf'<img class="gt-still" src="{up}{FOLDER}/{module}.png" alt="\1">'
        node.children = [nodes.Text(WAITING.sub(picture, node.astext()))]


def add_scripts(app, pagename, templatename, context, doctree):
    if SHOWN.search(context.get("body", "")):
        app.add_css_file("explorables/explorable.css")
        app.add_js_file("explorables/load.js", loading_method="defer")


def write_files(app, exception):
    if exception or app.builder.format != "html":
        return
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("explorable.css", "load.js"):
        shutil.copy(explorables.HERE / name, folder)
    for module in explorables.CLASSES.values():
        (folder / f"{module}.js").write_text(explorables.page_script(module), encoding="utf-8")
        still = explorables.HERE / "stills" / f"{module}.png"
        if still.exists():
            shutil.copy(still, folder)


def setup(app):
    app.add_directive("explorable", ExplorableDirective)
    app.connect("doctree-resolved", add_pictures)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", write_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
