"""Generative models, from Bayes' rule to diffusion: the package behind the book.

One module a chapter (`bayes`, `kl`, …) and the modules that chapters share (`densities`, `data`, `train`, `runtime`,
`plots`, `checks`, `bugs`, `explorables`, …). Nothing is imported before it is asked for, so `import gentutor` is quick.
"""

import importlib
import pkgutil

__version__ = "0.1.0"
__all__ = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
