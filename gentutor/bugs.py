"""The bug museum: famous mistakes, each to be switched on, and the check that catches it.

A bug swaps one function of the package for its wrong version and puts the right one back, whatever happens.
"""

import contextlib
import importlib
import io
from dataclasses import dataclass
from typing import Callable

from .checks import CheckFailed


@dataclass(frozen=True)
class Bug:
    """module, function: what is swapped. wrong: the right function -> the wrong one. caught_by: a check's id."""

    module: str
    function: str
    wrong: Callable
    story: str
    caught_by: str


@contextlib.contextmanager
def planted(name):
    """Inside the block the package has the bug `name`. KeyError names the bugs there are."""
    if name not in BUGS:
        raise KeyError(f"no bug {name!r}; there are {sorted(BUGS)}")
    bug = BUGS[name]
    module = importlib.import_module(bug.module)
    right = getattr(module, bug.function)
    setattr(module, bug.function, bug.wrong(right))
    try:
        yield bug
    finally:
        setattr(module, bug.function, right)


def caught(name, verify):
    """Plant the bug, run `verify()`, and print how its check caught it. AssertionError when that check did not."""
    try:
        with planted(name) as bug, contextlib.redirect_stdout(io.StringIO()):
            verify()
    except CheckFailed as failure:
        if failure.id != bug.caught_by:
            raise AssertionError(f"{name}: expected {bug.caught_by} to fail, got a failure of {failure}") from failure
        print(f"🐞 {name} · {bug.story} · caught by {bug.caught_by}")
        return
    raise AssertionError(f"{name}: expected {bug.caught_by} to fail, but every check passed")


BUGS = {
}
