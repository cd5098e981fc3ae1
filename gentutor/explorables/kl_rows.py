"""Three ways to be wrong: KL(p || q), KL(q || p) and JS of a mixture p and a Gaussian q, each with its integrand."""

import traitlets

from . import Explorable, between, mixture_rows


class KLRows(Explorable):
    """components: p as one to three rows [weight, mean, std]; q_mean, q_std: the Gaussian q; direction: which KL the
    fit descends, "reverse" for KL(q || p) or "forward" for KL(p || q); selected: the component the sliders change.

    TraitError for weights that are negative or do not sum to one, means outside [-5, 5], stds outside [0.3, 3]
    (q: [0.2, 3]).
    """

    module = "kl_rows"
    title = "Three rows: the two KL divergences and the Jensen–Shannon divergence of p and q"
    alt = (
        "A density p with two bumps, at −2 and 2.5, and one wide Gaussian q over both. Below, three signed integrands: "
        "KL(p‖q) is small, 0.648 nats, because q covers both bumps; KL(q‖p) is more than twice that, 1.686 nats, because q "
        "has mass in the empty valley between them; the Jensen–Shannon divergence is 0.180 nats, below log 2."
    )

    components = traitlets.List([[0.6, -2.0, 0.7], [0.4, 2.5, 0.5]]).tag(sync=True)
    q_mean = traitlets.Float(-0.2).tag(sync=True)
    q_std = traitlets.Float(2.2922).tag(sync=True)
    direction = traitlets.Enum(["reverse", "forward"], "reverse").tag(sync=True)
    selected = traitlets.Int(0).tag(sync=True)

    @traitlets.validate("components")
    def _components(self, proposal):
        return mixture_rows("components", proposal["value"], 3)

    @traitlets.validate("q_mean")
    def _q_mean(self, proposal):
        return between("q_mean", proposal["value"], -5, 5)

    @traitlets.validate("q_std")
    def _q_std(self, proposal):
        return between("q_std", proposal["value"], 0.2, 3)

    @traitlets.validate("selected")
    def _selected(self, proposal):
        return between("selected", proposal["value"], 0, 2)
