"""Claims that a lab asserts. Each prints one line, and the book shows that line as a badge beside the claim."""

import math
import re

import numpy as np

ID = re.compile(r"[a-z][a-z0-9]*(\.[a-z0-9]+(-[a-z0-9]+)*)+")
# One line of a check's output, as the book's extension and nbval's sanitizer read it.
LINE = re.compile(r"^✓ (?P<id>\S+) · measured (?P<measured>\S+) · (?P<bound>.+)$")


class CheckFailed(AssertionError):
    """A claim that did not hold. `id` names it."""

    def __init__(self, id, message):
        super().__init__(f"{id}: {message}")
        self.id = id


def _array(value, name):
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}: expected real numbers, got {array.dtype}")
    if array.size == 0:
        raise ValueError(f"{name}: expected at least one number, got none")
    return array.astype(np.float64)


def _show(x):
    return f"{x:.6g}"


def _show_measured(x):
    """Six digits, or two of what is only rounding error."""
    return _show(x) if x == 0 or not abs(x) < 1e-5 else f"{x:.1e}"


def check(id, measured, expected=None, *, atol=0.0, rtol=0.0, at_least=None, at_most=None):
    """Assert a claim and print one line about it.

    id: "chapter.what-is-claimed". measured: a number, array or tensor; for an array the entry that is worst decides.
    Either `expected`, with |measured - expected| <= atol + rtol |expected|, or `at_least`, `at_most` or both.
    Raises CheckFailed (an AssertionError) when the claim does not hold, a NaN included, and ValueError for a call
    that could not be a check. Returns the measured value that decided.
    """
    if not ID.fullmatch(id):
        raise ValueError(f"id: expected 'chapter.kebab-case-name', got {id!r}")
    bounds = (at_least, at_most)
    if (expected is None) == all(b is None for b in bounds):
        raise ValueError(f"{id}: expected either `expected` or bounds (`at_least`, `at_most`), got both or neither")
    if min(atol, rtol) < 0 or any(b is not None and not math.isfinite(b) for b in (*bounds, atol, rtol)):
        raise ValueError(f"{id}: expected finite bounds and tolerances >= 0, got {bounds} and {atol}, {rtol}")
    if expected is None and (atol or rtol):
        raise ValueError(f"{id}: a tolerance goes with `expected`; put it into the bound")
    values = _array(measured, f"{id}: measured")

    if expected is not None:
        targets = _array(expected, f"{id}: expected")
        if targets.size > 1 and targets.shape != values.shape:
            raise ValueError(f"{id}: expected shape {targets.shape}, got {values.shape}")
        targets = np.broadcast_to(targets, values.shape)
        tolerance = atol + rtol * np.where(np.isfinite(targets), np.abs(targets), 0)
        with np.errstate(invalid="ignore"):
            excess = np.where(values == targets, -math.inf, np.abs(values - targets) - tolerance)
    else:
        low, high = (-math.inf if at_least is None else at_least), (math.inf if at_most is None else at_most)
        excess = np.maximum(low - values, values - high)
    worst = int(np.argmax(np.where(np.isnan(excess), math.inf, excess)))
    value, held = values.flat[worst], excess.flat[worst] <= 0
    if expected is not None:
        bound = f"expected {_show(targets.flat[worst])} ± {_show(tolerance.flat[worst])}"
    else:
        named = {"at least": at_least, "at most": at_most}
        bound = ", ".join(f"{words} {_show(b)}" for words, b in named.items() if b is not None)
    if not held:
        raise CheckFailed(id, f"measured {_show_measured(value)}, {bound}")
    print(f"✓ {id} · measured {_show_measured(value)} · {bound}")
    return float(value)


def check_answer(name, answer, expected, *, atol=1e-3, slips=None):
    """Tell a student, in one line, how an exercise's numerical answer stands. Never raises on a wrong answer.

    answer: None (not answered yet) or a number. slips: {wrong value: why one gets it and what to mend}.
    Raises ValueError for an answer that is not a number.
    """
    if answer is None:
        print(f"exercise {name} · not answered yet")
        return
    values = _array(answer, f"exercise {name}: your answer")
    if values.size != 1:
        raise ValueError(f"exercise {name}: expected one number, got {values.size}")
    value = values.item()
    if abs(value - expected) <= atol:
        print(f"exercise {name} · right: {_show(value)}")
        return
    for wrong, why in (slips or {}).items():
        if abs(value - wrong) <= atol:
            print(f"exercise {name} · not yet: {_show(value)}. {why}")
            return
    direction = "small" if value < expected else "large"
    print(f"exercise {name} · not yet: {_show(value)} is too {direction}. Go through the derivation once more, unit by unit.")
