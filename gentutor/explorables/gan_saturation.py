"""The saturation picture: two losses of a generator over the logit that the discriminator gives its sample."""

import traitlets

from . import Explorable, between


class GanSaturation(Explorable):
    """logit: l, with D(G(z)) = sigmoid(l), in [-8, 8]. TraitError for one outside.
    """

    module = "gan_saturation"
    title = "What each generator loss passes back: minimax and non-saturating"
    alt = (
        "Two losses of the generator over the logit l of the discriminator. At l = −6, where D gives the sample 0.0025, the minimax loss "
        "log(1 − D) is flat, with a gradient of 0.0025, and the non-saturating loss −log D falls steeply, with a gradient of 0.9975: "
        "403 times as much. At l = 6 it is the other way round; at l = 0 both are one half."
    )

    logit = traitlets.Float(-6.0).tag(sync=True)

    @traitlets.validate("logit")
    def _logit(self, proposal):
        return between("logit", proposal["value"], -8, 8)
