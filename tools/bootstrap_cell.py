"""The first cell of every lab, with the address from `_config.yml`: Colab installs the package, others do nothing."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
CELL = '''\
# In Colab this installs gentutor and leaves every package that Colab brings as it is. Elsewhere it does nothing.
import subprocess
import sys

if "google.colab" in sys.modules:
    package = "git+{url}@{branch}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", package], check=True)'''


def address():
    """(url, branch) of the repository."""
    text = (ROOT / "_config.yml").read_text(encoding="utf-8")
    return tuple(re.search(rf"^  {key}: (\S+)$", text, re.M).group(1) for key in ("url", "branch"))


def bootstrap_cell():
    url, branch = address()
    return CELL.format(url=url, branch=branch)
