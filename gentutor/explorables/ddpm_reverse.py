"""Reverse sampling: 500 points of noise on their way to a known law, by a learned or by the exact denoiser."""

import traitlets

from . import Explorable


class DdpmReverse(Explorable):
    """The reverse process for a mixture of five round Gaussians, T = 1000 linear, walked in `steps` even steps.

    field: "learned" (a small packaged net) or "exact" (the mixture's own denoiser, in closed form). sampler: "ddpm" (noise at
    every step but the last), "ddim" (no noise, another mean) or "mean" (DDPM's mean without its noise: wrong). shown: how far the
    walk has come, 0 (noise) to 1. pin: which of the 500 points has its path drawn. seed decides the noise.
    TraitError for steps outside [2, 200], shown outside [0, 1], pin outside [0, 499] or a negative seed.
    """

    module = "ddpm_reverse"
    title = "From noise back to data: the reverse process"
    alt = (
        "500 points in the plane, nine tenths of the way from noise to data, gather at five blobs of unequal weight, drawn as grey shades "
        "of the exact density. One point is pinned: its crooked path leads in from the noise, and a dashed line leads from it to "
        "the data point it is now believed to be."
    )

    field = traitlets.Enum(["learned", "exact"], "learned").tag(sync=True)
    sampler = traitlets.Enum(["ddpm", "ddim", "mean"], "ddpm").tag(sync=True)
    steps = traitlets.Int(50, min=2, max=200).tag(sync=True)
    shown = traitlets.Float(0.9, min=0, max=1).tag(sync=True)
    pin = traitlets.Int(0, min=0, max=499).tag(sync=True)
    seed = traitlets.Int(1, min=0).tag(sync=True)
