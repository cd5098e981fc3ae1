"""What the training loop asks of the other processes of a run, when there are none, and how it holds Ctrl-C back."""

import contextlib
import signal
import threading


@contextlib.contextmanager
def whole():
    """Hold the first Ctrl-C back until the block is done: yields a list that is then not empty. A second one is let through."""
    held = []

    def hold(number, frame):
        if held:
            raise KeyboardInterrupt
        held.append(number)

    if threading.current_thread() is not threading.main_thread():  # Ctrl-C never reaches it
        yield held
        return
    before = signal.signal(signal.SIGINT, hold)
    try:
        yield held
    finally:
        signal.signal(signal.SIGINT, before)


class Alone:
    """A run of one process. `scale.Together` answers the same four questions for several."""

    whole = staticmethod(whole)

    def mean(self, values):
        """A dict of numbers -> their means over the processes: one that is not finite somewhere is not finite everywhere."""
        return values

    def average(self, gradients):
        """Replace a list of gradients by their means over the processes."""

    def any(self, interrupted):
        """Whether any process was interrupted during the update."""
        return bool(interrupted)
