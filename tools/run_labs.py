"""Run labs from clean kernels and store their outputs: `make notebooks`, or `tools/run_labs.py kl` for one."""

import sys
import time

import nbformat
from bootstrap_cell import ROOT
from nbclient import NotebookClient

VIEW = "application/vnd.jupyter.widget-view+json"


def run(path):
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", store_widget_state=False, record_timing=False, coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(VIEW, None)  # names a model that ends with the kernel
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "pygments_lexer": "ipython3"},
    }
    nbformat.write(notebook, path)


if __name__ == "__main__":
    names = sys.argv[1:] or sorted(p.stem for p in (ROOT / "notebooks").glob("*.ipynb"))
    for name in names:
        start = time.monotonic()
        run(ROOT / "notebooks" / f"{name}.ipynb")
        print(f"{name}: {time.monotonic() - start:.0f} s")
