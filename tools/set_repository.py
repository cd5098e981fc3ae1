"""Set the repository's address in `_config.yml` and in every lab: `make repository URL=https://github.com/me/book`."""

import re
import sys

import nbformat
from bootstrap_cell import ROOT, address, bootstrap_cell


def main(url):
    if not re.fullmatch(r"https://github\.com/[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+", url):
        sys.exit(f"expected URL=https://github.com/OWNER/NAME, got {url!r}")
    config = ROOT / "_config.yml"
    old, _ = address()
    config.write_text(config.read_text(encoding="utf-8").replace(f"url: {old}\n", f"url: {url}\n"), encoding="utf-8")
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells[0].source = bootstrap_cell()
        nbformat.write(notebook, path)
    print(f"the book now lives at {url}")


if __name__ == "__main__":
    main(sys.argv[1].removesuffix("/").removesuffix(".git") if len(sys.argv) > 1 else "")
