"""The game in the plane: a generator and a discriminator trained in the page, step by step or at a run."""

import math

import traitlets

from . import Explorable


class GanGame(Explorable):
    """data: "eight" Gaussians on a ring, a "ring" or "two" blobs; loss: of the generator, "non-saturating" or "minimax";
    k: discriminator steps a generator step, one of 0.1, 0.2, 0.5, 1, 2, 5, 10 (below one: 1/k generator steps a round);
    rate: Adam's learning rate, 1e-4 to 0.5; start: [x, y, size] of the generator's first samples; head: discriminator steps
    before the first round; seed: of weights and draws; steps: rounds played.

    Set from Python, `steps`, `seed`, `data`, `start` and `head` begin another game and play `steps` rounds of it. TraitError for a value
    outside these ranges, a start outside [-3, 3] or of size outside [0.05, 2], head outside [0, 1000], steps outside [0, 20000].
    """

    module = "gan_game"
    title = "A generator against a discriminator in the plane"
    alt = (
        "A square map. Eight small clusters of data lie on a ring; after 80 rounds the generator's crosses still spread between them, and "
        "arrows show which way the discriminator pulls each. The shading and the line D = 1/2 show what the discriminator takes for data. "
        "Beside it, bars: how many samples lie on each of the eight modes, and the discriminator's loss, near log 2."
    )

    RATIOS = (0.1, 0.2, 0.5, 1, 2, 5, 10)

    data = traitlets.Enum(["eight", "ring", "two"], "eight").tag(sync=True)
    loss = traitlets.Enum(["non-saturating", "minimax"], "non-saturating").tag(sync=True)
    k = traitlets.Float(1.0).tag(sync=True)
    rate = traitlets.Float(0.01, min=1e-4, max=0.5).tag(sync=True)
    start = traitlets.List([0.0, 0.0, 1.0]).tag(sync=True)
    head = traitlets.Int(0, min=0, max=1000).tag(sync=True)
    seed = traitlets.Int(3, min=0).tag(sync=True)
    steps = traitlets.Int(80, min=0, max=20000).tag(sync=True)
    _nets = traitlets.Unicode("").tag(sync=True)  # both players as they stand; empty: play from the seed

    @traitlets.validate("k")
    def _k(self, proposal):
        for ratio in self.RATIOS:
            if math.isclose(proposal["value"], ratio):
                return float(ratio)
        raise traitlets.TraitError(f"k: expected one of {self.RATIOS}, got {proposal['value']}")

    @traitlets.validate("start")
    def _start(self, proposal):
        values = proposal["value"]
        good = len(values) == 3 and all(isinstance(v, (int, float)) and math.isfinite(v) for v in values)
        if not good or max(abs(values[0]), abs(values[1])) > 3 or not 0.05 <= values[2] <= 2:
            raise traitlets.TraitError(f"start: expected [x, y, size] with x, y in [-3, 3] and size in [0.05, 2], got {values}")
        return list(map(float, values))
