"""The metrics playground: a generator is spoilt in one way, and six measures say whether they notice."""

import traitlets

from . import Explorable


class EvaluationPlayground(Explorable):
    """n real points of five round Gaussian modes A to E, and n points of a generator that is wrong in one way.

    kind: what is wrong. "none" (a fresh draw of the true law, the perfect generator), "move", "scale", "rotate", "narrow" (each
    mode shrinks to its centre), "drop" (mode A's points go to the other modes), "stray" (A is lost and three points are thrown out behind
    it), "duplicate" (few distinct points, repeated), "copy" (training points) or "blob" (a Gaussian; all points together are given the
    real sample's mean and covariance). strength: how much, 0 to 1. n: points on each side. seed: of both draws. show: what is
    drawn over the points, beside the ellipses of FID.
    TraitError for strength outside [0, 1], n outside [20, 400] or a negative seed.
    """

    module = "evaluation_playground"
    title = "The metrics playground: which measure notices the fault?"
    alt = (
        "200 real points in five clusters, A to E, on a circle, and 200 generated points in one blob that fills the circle. Both ellipses of "
        "FID coincide. Discs around the real points leave the middle free, where many generated points lie. A table sets the blob beside a perfect "
        "generator: its FID is lower, its precision much worse."
    )

    kind = traitlets.Enum(["none", "move", "scale", "rotate", "narrow", "drop", "stray", "duplicate", "copy", "blob"], "blob").tag(sync=True)
    strength = traitlets.Float(1.0, min=0, max=1).tag(sync=True)
    n = traitlets.Int(200, min=20, max=400).tag(sync=True)
    seed = traitlets.Int(1, min=0).tag(sync=True)
    show = traitlets.Enum(["ellipses", "precision", "recall", "nearest"], "precision").tag(sync=True)
