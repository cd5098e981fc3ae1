"""A digit drawn from noise in the page: each step of a small diffusion model, with guidance towards the class asked for."""

import traitlets

from . import Explorable


class GuidanceFilm(Explorable):
    """The class asked for, the weight w of guidance (0: the class is not used, 1: conditional, above 1: guided), how many steps
    of DDIM, and which noise to start from.

    TraitError for a digit outside 0…9, w outside [0, 8], steps outside [2, 50] or a negative seed.
    """

    module = "guidance_film"
    title = "A digit from noise, step by step, and what guidance does to it"
    alt = (
        "Three film strips of nine small pictures. In the first noise clears, from left to right, to a handwritten 3; in the second, "
        "the model's guess at the result, a blur turns into the same 3; in the third stands the training image that is nearest to "
        "each guess. Below, five results from the same noise at weights 0, 1, 2, 4 and 8."
    )

    digit = traitlets.Int(3, min=0, max=9).tag(sync=True)
    w = traitlets.Float(2.0, min=0, max=8).tag(sync=True)
    steps = traitlets.Int(20, min=2, max=50).tag(sync=True)
    seed = traitlets.Int(1, min=0).tag(sync=True)
