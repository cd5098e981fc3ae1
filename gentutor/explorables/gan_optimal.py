"""The optimal discriminator: p_data and p_G on the line, D* in closed form, and a small D trained in the page beside it."""

import traitlets

from . import Explorable, between, mixture_rows


class GanOptimal(Explorable):
    """data: p_data as one or two rows [weight, mean, std]; g_mean, g_std: the Gaussian p_G; seed: of the discriminator's
    first weights and of its draws; steps: how many steps it has been trained. Set from Python, seed and steps train another D;
    a law that is moved leaves D as it is.

    TraitError for weights that are negative or do not sum to one, means outside [-5, 5], stds outside [0.3, 3],
    steps outside [0, 3000].
    """

    module = "gan_optimal"
    title = "The optimal discriminator, and one that is being trained"
    alt = (
        "Three pictures over one line. Above, p_data with bumps at −2 and 2 and a wide p_G at 0. In the middle the best discriminator D*, "
        "high over the bumps and low between and beside them, and a small network after 60 steps that follows it roughly. Below, how far "
        "the two are apart. At the foot, a scale of V: the network, at −1.066, stands left of V(D*, G) = 2 JS − log 4 = −1.031, and −log 4 farther left."
    )

    data = traitlets.List([[0.5, -2.0, 0.6], [0.5, 2.0, 0.6]]).tag(sync=True)
    g_mean = traitlets.Float(0.4).tag(sync=True)
    g_std = traitlets.Float(1.6).tag(sync=True)
    seed = traitlets.Int(1, min=0).tag(sync=True)
    steps = traitlets.Int(60, min=0, max=3000).tag(sync=True)
    _net = traitlets.Unicode("").tag(sync=True)  # the network as it stands; empty: train `steps` steps from the seed

    @traitlets.validate("data")
    def _data(self, proposal):
        return mixture_rows("data", proposal["value"], 2)

    @traitlets.validate("g_mean")
    def _g_mean(self, proposal):
        return between("g_mean", proposal["value"], -5, 5)

    @traitlets.validate("g_std")
    def _g_std(self, proposal):
        return between("g_std", proposal["value"], 0.3, 3)
