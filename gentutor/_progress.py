"""The progress display of `train.run`: the one place where the library prints.

Everything goes to stdout, as lines that stay and, between them, a shorter line that a carriage return overwrites. The
same text is right in four places: Jupyter, Colab and a terminal show the moving line; a stored or compared output
(nbclient, nbval) drops what was overwritten and keeps the few lines that stay; a pipe gets only those. Numbers that vary
with the machine are written `~0.84` and `12.3 s`, which tests/nbval.cfg masks.
"""

import os
import sys
import time

PERIOD_S = 0.25  # between two moves of the moving line
MEASURES = ("step", "seconds", "examples_per_second")
HIDDEN = ("lr", "grad_norm")  # the other entries of a record are loss terms


def moving(stream):
    """Whether a carriage return overwrites a line there: a terminal, or a Jupyter or Colab cell."""
    return stream.isatty() or type(stream).__module__.startswith("ipykernel.")


class Progress:
    """Call it with each record; call `close()` at the end, with what ended it."""

    def __init__(self, total=None, lines=5, quiet=None):
        self.total = total
        self.marks = {round(total * k / lines) for k in range(1, lines + 1)} if total else set()
        self.quiet = bool(os.environ.get("GENTUTOR_QUIET")) if quiet is None else quiet
        self.moves = not self.quiet and moving(sys.stdout)
        self.first = self.last = self.shown = None
        self.drawn = 0.0

    def __call__(self, record):
        self.first, self.last = self.first or record, record
        if self.quiet:
            return
        now = time.monotonic()
        if record["step"] in self.marks:
            self._stay()
        elif self.moves and now - self.drawn > PERIOD_S:
            self.drawn = now
            print("\r" + self._moving(), end="", flush=sys.stdout.isatty())

    def close(self, ended=""):
        if self.quiet:
            return
        if self.last is not None and self.shown != self.last["step"]:
            self._stay()
        if ended:
            print(ended)

    def _where(self):
        step = self.last["step"]
        return f"step {step:{len(str(self.total))}} of {self.total}" if self.total else f"step {step}"

    def _stay(self):
        record = self.last
        self.shown = record["step"]
        terms = [f"{name} ~{value:.4g}" for name, value in record.items()
                 if name not in MEASURES and not name.endswith(HIDDEN)]  # fmt: skip
        line = " · ".join([self._where(), *terms, f"{record['seconds']:.1f} s"])
        print(("\r" if self.moves else "") + line, flush=True)

    def _moving(self):
        """Of constant length, and shorter than any line that stays: that one covers it without trailing spaces."""
        done, seconds = (self.last[name] - self.first[name] for name in ("step", "seconds"))
        left = f" · {seconds * (self.total - self.last['step']) / done:.0f} s left" if self.total and done else ""
        return self._where() + (f"{left:14.14}" if self.total else "")
