"""The gap: log p(x) as reconstruction minus KL to the prior plus KL to the posterior, while q is dragged about."""

import math

import traitlets

from . import Explorable, between


class ElboGap(Explorable):
    """The model p(z) = N(0, 1), p(x | z) = N(weight z, 0.25); x is what was seen and q = N(mean, std^2) the guess at z.

    before: an earlier [mean, std, weight, x] to compare with, or []. TraitError for a mean outside [-2.5, 2.5], a std
    outside [0.1, 1.6], a weight outside [0, 3], an x outside [-2, 2].
    """

    module = "elbo_gap"
    title = "The gap between the ELBO and log p(x)"
    alt = (
        "Above, three densities of the latent z: a wide prior at 0, a narrow posterior at 0.56, and a guess q between them, too wide "
        "and too far left. Below, bars in nats: the reconstruction term reaches −2.546, the KL to the prior takes off another 0.450, "
        "which gives the ELBO, −2.996, and the gap of 1.184 leads back to the upright line of log p(x) = −1.812."
    )

    mean = traitlets.Float(0.3).tag(sync=True)
    std = traitlets.Float(math.sqrt(0.2)).tag(sync=True)
    weight = traitlets.Float(2.0).tag(sync=True)
    x = traitlets.Float(1.2).tag(sync=True)
    before = traitlets.List([]).tag(sync=True)

    LIMITS = {"mean": (-2.5, 2.5), "std": (0.1, 1.6), "weight": (0, 3), "x": (-2, 2)}

    @traitlets.validate("mean", "std", "weight", "x")
    def _inside(self, proposal):
        name = proposal["trait"].name
        return between(name, proposal["value"], *self.LIMITS[name])

    @traitlets.validate("before")
    def _before(self, proposal):
        values = proposal["value"]
        if len(values) not in (0, 4) or not all(isinstance(v, (int, float)) and math.isfinite(v) for v in values):
            raise traitlets.TraitError(f"before: expected [] or four finite numbers [mean, std, weight, x], got {values}")
        return [between(name, float(v), *limits) for (name, limits), v in zip(self.LIMITS.items(), values)]
