"""The `proof` directive of sphinx-proof, so that a proof may begin with a list or a formula, and no id stands twice;
and exercises counted from 1 in each chapter, as the labs name them.

Theirs puts the word "Proof." into the first line of the source, which turns a numbered list into one paragraph.
"""

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


class Proof(SphinxDirective):
    has_content = True

    def run(self):
        box = nodes.container(classes=["proof", "admonition"])
        self.state.nested_parse(self.content, self.content_offset, box)
        word = nodes.emphasis("", "Proof.", classes=["gt-proof"])
        if isinstance(box.next_node(), nodes.paragraph):
            box[0][:0] = [word, nodes.Text(" ")]
        else:
            box.insert(0, nodes.paragraph("", "", word, classes=["gt-proof-alone"]))
        return [box]


def count_exercises_by_page(app, env):
    for numbers in env.toc_fignumbers.values():
        for i, name in enumerate(numbers.get("exercise", {}), start=1):
            numbers["exercise"][name] = (i,)
    return []


def setup(app):
    app.setup_extension("sphinx_proof")
    app.add_directive_to_domain("prf", "proof", Proof, override=True)
    app.connect("env-get-updated", count_exercises_by_page, priority=600)  # after Sphinx has counted through the book
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
