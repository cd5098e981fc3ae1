"""The generative and the discriminative view of one two-class problem."""

import math

import traitlets

from . import Explorable


class IntroViews(Explorable):
    """Two Gaussian classes in the plane, and logistic regression on 300 labelled draws of them.

    means: x1 and x2 of class 0's mean, then of class 1's, each in [-3, 3]. share: p(y = 1), in [0.1, 0.9]. spread: "shared" (one
    covariance) or "own" (one for each class). missing: "nothing", or "x2" of the point. point: x1 and x2, each in [-4, 4].
    Other values raise TraitError.
    """

    module = "intro_views"
    title = "Two classes, seen by a generative and by a discriminative model"
    alt = (
        "Two panels with the same 300 points, discs of class 0 and crosses of class 1. Left, the generative view: two tilted ellipses around "
        "each class's mean. Right, the discriminative view: straight lines where logistic regression says 10, 50 and 90 percent; the "
        "generative model's dotted boundary lies almost on the 50 percent line."
    )

    means = traitlets.List(traitlets.Float(), [-1.2, -0.4, 1.2, 0.4], minlen=4, maxlen=4).tag(sync=True)
    share = traitlets.Float(0.5, min=0.1, max=0.9).tag(sync=True)
    spread = traitlets.Enum(["shared", "own"], "shared").tag(sync=True)
    missing = traitlets.Enum(["nothing", "x2"], "nothing").tag(sync=True)
    point = traitlets.List(traitlets.Float(), [0.9, -0.6], minlen=2, maxlen=2).tag(sync=True)

    @traitlets.validate("means", "point")
    def _near(self, proposal):
        name, values = proposal["trait"].name, proposal["value"]
        reach = {"means": 3, "point": 4}[name]
        if not all(math.isfinite(v) and abs(v) <= reach for v in values):
            raise traitlets.TraitError(f"{name}: expected numbers from {-reach} to {reach}, got {values}")
        return values
