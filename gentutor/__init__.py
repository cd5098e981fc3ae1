"""Generative models, from Bayes' rule to diffusion: the package behind the book.

One module a chapter (`bayes`, `kl`), and the modules they share (`densities`, `data`, `runtime`, `plots`,
`checks`, `bugs`, `explorables`). Nothing is imported before it is asked for, so `import gentutor` is quick.
"""

import importlib

__version__ = "0.1.0"
__all__ = ["bayes", "bugs", "checks", "data", "densities", "distances", "explorables", "fits", "kl", "naive_bayes", "plots",
           "runtime", "tables"]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
