"""What every page loads, all of it the site's own: fonts, styles, icons, MathJax; and the theme's markup put right.

MathJax comes from the package sphinx-mathjax-offline, of which only the parts that the book uses are copied. After the
build each page is tidied: FontAwesome and thebe go (the icons are masks in icons.css), and what the theme's markup
leaves unnamed or misplaced for a screen reader is named. What is left out: the MathJax menu and its speech engine.
"""

import re
import shutil
from pathlib import Path
from urllib.parse import unquote

from bs4 import BeautifulSoup, NavigableString
from PIL import Image
from sphinx.errors import ExtensionError

BOOK = Path(__file__).parent.parent
MATHJAX = "_static/mathjax"
PARTS = ["startup.js", "core.js", "loader.js", "input/tex.js", "output/chtml.js", "output/chtml/fonts", "a11y/assistive-mml.js"]
EXTENSIONS = ["mathtools", "boldsymbol", "cancel", "color", "textmacros", "braket", "bbox", "unicode", "html", "action", "textcomp"]
CONFIG = {
    "loader": {"load": ["input/tex", "output/chtml", "a11y/assistive-mml"]},
    "chtml": {"scale": 1.04},
}
ROOT_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="refresh" content="0; url={page}"></head><body><main><a href="{page}">{title}</a></main></body></html>
"""
THEME = {
    "logo": {"image_light": "_static/logo.svg", "image_dark": "_static/logo-dark.svg", "alt_text": "gentutor, home"},
    "use_fullscreen_button": False,
    "toc_title": "On this page",
    "search_bar_text": "Search the book",
    "pygments_light_style": "a11y-light",
    "pygments_dark_style": "a11y-dark",
    "show_toc_level": 2,
}


UNUSED = ", ".join(
    f'[{attribute}*="{name}"]' for name in ["fontawesome", "thebe", "togglebutton"] for attribute in ["href", "src", "type"]
)
NAMES = {
    "#pst-primary-sidebar-checkbox": "Show the chapters",
    "#pst-secondary-sidebar-checkbox": "Show the contents of this page",
    "button.primary-toggle": "Chapters",
    "button.secondary-toggle": "Contents of this page",
    "nav.page-toc": "On this page",
    "nav.bd-links": "Chapters",
}


def configure(app, config):
    config.html_static_path.append(str(BOOK / "_static"))
    config.html_favicon = str(BOOK / "_static" / "favicon.svg")
    config.html_theme_options.update(THEME)
    config.html_context.setdefault("default_mode", "auto")
    config.mathjax_path = "mathjax/startup.js"
    config.mathjax3_config = {**CONFIG, **(config.mathjax3_config or {})}


def drop_thebe(app, pagename, templatename, context, doctree):
    def wanted(script):
        name, body = str(getattr(script, "filename", script)), getattr(script, "attributes", {}).get("body") or ""
        return "thebe" not in name.lower() and "THEBE_JS_URL" not in body

    context["script_files"] = [script for script in context["script_files"] if wanted(script)]


def mathjax_source():
    """The folder that holds MathJax 3 in the installed package."""
    import site
    import sysconfig

    for folder in [sysconfig.get_path("purelib"), *site.getsitepackages()]:
        found = Path(folder) / "sphinx-mathjax-offline" / "static" / "mathjax"
        if found.is_dir():
            return found
    raise ExtensionError("MathJax is missing: install sphinx-mathjax-offline, as requirements.txt pins it")


def copy_mathjax(folder):
    source = mathjax_source()
    for part in [*PARTS, *(f"input/tex/extensions/{name}.js" for name in EXTENSIONS)]:
        target = folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (source / part).is_dir() else shutil.copy)(source / part, target)
    shutil.copy(BOOK / "assets" / "mathjax-LICENSE.txt", folder / "LICENSE.txt")


def finish(app, exception):
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    shutil.rmtree(out / MATHJAX, ignore_errors=True)
    copy_mathjax(out / MATHJAX)
    for unused in ["vendor/fontawesome", "sphinx-thebe.js", "sphinx-thebe.css", "togglebutton.js", "togglebutton.css"]:
        path = out / "_static" / unused
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    lighten_pictures(out / "_images")
    (out / "index.html").write_text(ROOT_PAGE.format(title=app.config.html_title, page=f"{app.config.root_doc}.html"), encoding="utf-8")
    for page in out.rglob("*.html"):
        if "_static" not in page.relative_to(out).parts:
            page.write_text(tidy(page.read_text(encoding="utf-8"), page.parent), encoding="utf-8")


def lighten_pictures(folder):
    """The labs' figures as palette images: a third of the bytes, and no difference that the eye finds."""
    for path in folder.glob("*.png"):
        with Image.open(path) as picture:
            if picture.mode != "P":
                palette = picture.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
                palette.save(path, optimize=True)


def size_pictures(page, folder):
    """Width and height for each local picture, so that the text does not jump; those below the fold load when needed."""
    for tag in page.select("article img[src]"):
        path = folder / unquote(tag["src"])
        if path.suffix == ".png" and path.is_file():
            with Image.open(path) as picture:
                tag["width"], tag["height"] = map(str, picture.size)
            tag["loading"] = "lazy"


def tidy(text, folder):
    """The page without FontAwesome and thebe, and with its controls and landmarks named. `folder` is where it lies."""
    page = BeautifulSoup(text, "html.parser")
    for tag in page.select(UNUSED):
        tag.decompose()
    for script in page.find_all("script", src=None):
        if "kernelName" in script.text or "togglebutton" in script.text or "toggleHint" in script.text:
            script.decompose()
    fold_solutions(page)
    fold_bootstrap(page)
    mark_ticks(page)
    keep_punctuation(page)
    for paragraph in page.select("p:has(> div.math)"):  # which HTML does not allow
        paragraph.name, paragraph["class"] = "div", "gt-p"
    name_controls(page)
    size_pictures(page, folder)
    return str(page)


def fold_solutions(page):
    """Dropdown admonitions as <details>, which need no script and which every browser makes reachable."""
    for box in page.select("div.admonition.dropdown"):
        title = box.select_one(".admonition-title")
        for link in title.find_all("a"):
            link.unwrap()
        box.name, title.name = "details", "summary"
        box["class"] = [name for name in box["class"] if name != "dropdown"]
        title.string = re.sub(r"\s+", " ", title.get_text()).strip()


def fold_bootstrap(page):
    """A lab opens with a cell that serves Colab alone: on the page it folds away, below the title."""
    title = page.select_one("article h1")
    first = title and title.find_previous("div", class_="cell")
    if first:
        fold, summary = page.new_tag("details", attrs={"class": "sd-dropdown"}), page.new_tag("summary")
        summary.string = "In Colab, this cell comes first"
        title.insert_after(fold)
        fold.extend([summary, first.extract()])


def mark_ticks(page):
    for badge in page.select("a.gt-check"):
        if badge.string and badge.string.startswith("✓"):
            text = badge.string.removeprefix("✓").strip()
            badge.clear()
            badge.append(page.new_tag("span", attrs={"class": "gt-tick", "aria-hidden": "true"}))
            badge.append(page.new_tag("span", attrs={"class": "gt-hidden"}))
            badge.contents[-1].string = "checked: "
            badge.append(text)


def keep_punctuation(page):
    """A formula or a badge and the mark that follows it stay on one line."""
    for math in page.select("span.math, a.gt-check"):
        after = math.next_sibling
        mark = re.match(r"[-–.,;:!?)’”]+", after) if isinstance(after, NavigableString) else None
        if mark:
            after.replace_with(after[mark.end():])
            math.wrap(page.new_tag("span", attrs={"class": "gt-nobr"})).append(mark.group())


def name_controls(page):
    for icon in page.select("[class*=fa-]"):
        icon["aria-hidden"] = "true"
    for selector, name in NAMES.items():
        for tag in page.select(selector):
            tag["aria-label"] = name
    for fold in page.select("nav.bd-links summary"):
        fold["aria-label"] = f"Sections of {fold.find_parent('li').a.get_text().strip()}"
        del fold.span["role"]
    for field in page.select("#search-input")[1:]:
        field["id"] = "search-input-page"
    for section in page.select("#proof-content, #exercise-content, #solution-content"):
        del section["id"]
        section.name = "div"
    for item in page.select("[role=doc-biblioentry]"):
        item["role"] = "listitem"
    for link in page.select("[role=doc-backlink]"):
        del link["role"]


def setup(app):
    app.add_css_file("icons.css")
    app.add_css_file("gentutor.css", priority=900)
    app.add_js_file("gentutor.js", loading_method="defer")
    app.connect("config-inited", configure, priority=900)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("build-finished", finish, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
