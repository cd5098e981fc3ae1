"""Forward noising: a digit and a cloud of points on their way to noise, and the schedule that decides how fast."""

import math

import traitlets

from . import Explorable


class DdpmForward(Explorable):
    """A schedule of T steps, and the step t at which it is looked at.

    schedule: "linear" (β from 1e-4 to `last` in equal steps), "cosine" (Nichol and Dhariwal, s = 0.008) or "drawn": log-SNR given
    at five times evenly spaced from t = 1 to T by `knots` and joined by straight lines. digit: which one, 0 to 9.
    A t above T counts as T. TraitError for T outside [10, 1000], t outside [0, 1000], `last` outside [0.001, 0.5], knots that do not fall or leave [-12, 12].
    """

    module = "ddpm_forward"
    title = "Forward noising, and the schedule behind it"
    alt = (
        "A handwritten digit in nine pictures, from clear at t = 0 to pure noise at t = 1000; it is still readable at 250 and gone by "
        "500. Beside it a spiral of points at t = 150 that has begun to blur. Below, three curves over t: β rises in a straight "
        "line, ᾱ falls from 1 to almost 0, and the log-SNR falls from 9 to −10."
    )

    schedule = traitlets.Enum(["linear", "cosine", "drawn"], "linear").tag(sync=True)
    T = traitlets.Int(1000, min=10, max=1000).tag(sync=True)
    t = traitlets.Int(150, min=0, max=1000).tag(sync=True)
    last = traitlets.Float(0.02, min=0.001, max=0.5).tag(sync=True)
    knots = traitlets.List([8.0, 3.0, 0.0, -3.0, -10.0]).tag(sync=True)
    digit = traitlets.Int(3, min=0, max=9).tag(sync=True)

    @traitlets.validate("knots")
    def _falling(self, proposal):
        values = proposal["value"]
        good = len(values) == 5 and all(isinstance(v, (int, float)) and math.isfinite(v) and abs(v) <= 12 for v in values)
        if not good or any(a <= b for a, b in zip(values, values[1:])):
            raise traitlets.TraitError(f"knots: expected five falling log-SNRs in [-12, 12], got {values}")
        return [float(v) for v in values]
