"""Badges beside claims, read from the labs' stored outputs, and the page that lists every claim.

`check` role: {check}`kl.non-negative` shows what the lab measured and links to its cell. An id that no lab produced, or
that two labs produced, is a warning, so it breaks the build.
`unchecked` role: {unchecked}`kl.entropy-axioms | reason` marks a claim that nothing computes.
Each labelled theorem, proposition, lemma or corollary must hold one or the other.
"""

import json
import sys
from pathlib import Path

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from gentutor.checks import ID, LINE  # noqa: E402

CLAIMS = ("theorem", "proposition", "lemma", "corollary")
logger = logging.getLogger(__name__)


class check_badge(nodes.Inline, nodes.Element):
    """A badge whose text is known once the labs have been read."""


class claims_table(nodes.General, nodes.Element):
    """Where the list of all claims will stand."""


def anchor(id):
    return "check-" + id.replace(".", "-")


def short(measured, bound):
    """What a badge says: the measured value and the tolerance."""
    if bound.startswith("expected"):
        return f"{measured} ± {bound.split('± ')[1]}"
    return f"{measured}, {bound}"


def read_labs(app, env, docnames):
    """id -> (lab, measured, bound), from the outputs stored in the book's notebooks."""
    app.gt_checks = {}
    for path in sorted((Path(app.srcdir) / "notebooks").glob("*.ipynb")):
        for id, measured, bound, _ in lab_checks(path) if f"notebooks/{path.stem}" in env.found_docs else ():
            if id in app.gt_checks:
                logger.warning("check %s is printed twice, in %s and %s", id, app.gt_checks[id][0], path.stem)
            app.gt_checks[id] = (path.stem, measured, bound)


def lab_checks(path):
    """(id, measured, bound, index of the cell) for each check line that a notebook stores."""
    for index, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        for output in cell.get("outputs", []):
            for line in "".join(output.get("text", [])).splitlines():
                if found := LINE.match(line):
                    yield *found.group("id", "measured", "bound"), index


class CheckRole(SphinxRole):
    def run(self):
        node = check_badge(self.rawtext, id=self.text, checked=True)
        self.set_source_info(node)
        return [node], []


class UncheckedRole(SphinxRole):
    def run(self):
        id, bar, reason = (part.strip() for part in self.text.partition("|"))
        if not bar or not reason or not ID.fullmatch(id):
            message = self.inliner.reporter.error(
                f"unchecked: expected 'chapter.claim | reason', got {self.text!r}", line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]
        node = check_badge(self.rawtext, id=id, checked=False, reason=reason)
        self.set_source_info(node)
        return [node], []


class CheckedClaims(SphinxDirective):
    def run(self):
        return [claims_table()]


def mark_cells(app, doctree):
    """Anchor each lab cell that checks something."""
    docname = app.env.docname
    path = Path(app.srcdir) / f"{docname}.ipynb"
    if not path.exists():
        return
    cells = {node["cell_index"]: node for node in doctree.findall(nodes.container) if "cell_index" in node}
    for id, _, _, index in lab_checks(path):
        if index in cells:
            cells[index]["ids"].append(anchor(id))


def collect(app, doctree):
    """Remember where each claim stands, and insist that labelled claims say how they are supported."""
    docname = app.env.docname
    uses = app.env.gt_uses = getattr(app.env, "gt_uses", {})
    uses[docname] = []
    for badge in doctree.findall(check_badge):
        badge["ids"].append(f"use-{len(uses[docname])}-{anchor(badge['id'])}")
        uses[docname].append((badge["id"], badge["ids"][0], badge.get("reason"), section_title(badge)))
    for node in doctree.findall(nodes.Element):
        if node.get("realtype") in CLAIMS and not list(node.findall(check_badge)):
            logger.warning("claim %s has neither a check nor a reason why not", node["label"], location=node)


def section_title(node):
    """Title of the section that a node stands in; theorems and exercises have a section within, without a title."""
    while not (isinstance(node, nodes.section) and isinstance(node[0], nodes.title)):
        node = node.parent
    return node[0].astext()


def purge(app, env, docname):
    getattr(env, "gt_uses", {}).pop(docname, None)


def merge(app, env, docnames, other):
    env.gt_uses = {**getattr(env, "gt_uses", {}), **{d: u for d, u in getattr(other, "gt_uses", {}).items() if d in docnames}}


def link(app, docname, target, text, **attributes):
    uri = app.builder.get_relative_uri(docname, target.partition("#")[0])
    fragment = target.partition("#")[2]
    return nodes.reference("", text, refuri=f"{uri}#{fragment}" if fragment else uri, internal=True, **attributes)


def resolve(app, doctree, docname):
    for badge in list(doctree.findall(check_badge)):
        id = badge["id"]
        if not badge["checked"]:
            new = nodes.inline("", "proved", classes=["gt-unchecked"], ids=badge["ids"])
            new += nodes.inline("", f": {badge['reason']}", classes=["gt-reason"])
        elif id in app.gt_checks:
            lab, measured, bound = app.gt_checks[id]
            new = nodes.inline("", "", ids=badge["ids"])
            title = f"{id}: measured {measured}, {bound}. Go to the lab cell that checks it."
            new += link(app, docname, f"notebooks/{lab}#{anchor(id)}", f"✓ {short(measured, bound)}", classes=["gt-check"], reftitle=title)
        else:
            logger.warning("no lab has produced the check %s", id, location=badge)
            new = nodes.problematic("", id)
        badge.replace_self(new)
    for place in list(doctree.findall(claims_table)):
        place.replace_self(tables(app, docname))


def tables(app, docname):
    """One table a lab, and the claims that nothing computes."""
    places = {}
    for page, found in sorted(getattr(app.env, "gt_uses", {}).items()):
        for id, target, reason, section in found:
            places.setdefault(id, []).append((link(app, docname, f"{page}#{target}", section), reason))
    made = []
    for lab in sorted({lab for lab, _, _ in app.gt_checks.values()}):
        title = nodes.title("", "", link(app, docname, f"notebooks/{lab}", app.env.titles[f"notebooks/{lab}"].astext()))
        rows = [
            [link(app, docname, f"notebooks/{lab}#{anchor(id)}", id), measured, bound.removeprefix("expected "),
             [place for place, _ in places.get(id, [])] or "the lab alone"]
            for id, (where, measured, bound) in app.gt_checks.items() if where == lab
        ]
        made.append(nodes.section("", title, table(["Claim", "Measured", "Must be", "Stands in"], rows, "gt-measured"), ids=[f"claims-{lab}"]))
    rows = [[id, reason, place] for id, found in sorted(places.items()) for place, reason in found if reason]
    if rows:
        title = nodes.title("", "Proved, and not computed")
        made.append(nodes.section("", title, table(["Claim", "Why nothing computes it", "Stands in"], rows), ids=["claims-proved"]))
    return made


def table(head, rows, *classes):
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in head), cols=len(head))

    def row(cells):
        made = nodes.row()
        for cell in cells:
            paragraph = nodes.paragraph()
            for i, part in enumerate(cell if isinstance(cell, list) else [cell]):
                if i:
                    paragraph += nodes.Text(", ")
                paragraph += part if isinstance(part, nodes.Node) else nodes.Text(part)
            made += nodes.entry("", paragraph)
        return made

    group += nodes.thead("", row(head))
    group += nodes.tbody("", *(row(cells) for cells in rows))
    return nodes.table("", group, classes=["gt-claims", *classes])


def setup(app):
    app.add_node(check_badge)
    app.add_node(claims_table)
    app.add_role("check", CheckRole())
    app.add_role("unchecked", UncheckedRole())
    app.add_directive("checked-claims", CheckedClaims)
    app.connect("env-before-read-docs", read_labs)
    app.connect("doctree-read", mark_cells)
    app.connect("doctree-read", collect)
    app.connect("doctree-resolved", resolve)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
