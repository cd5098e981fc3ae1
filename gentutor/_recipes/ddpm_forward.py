"""Ten training digits, for the explorable that adds noise to them. Nothing is trained.

They are packaged like a model so that a page finds them without torch and without the whole of MNIST.
"""

import torch

from .. import data

DATA = "MNIST, the first training image of each class, uint8"
RECIPE = {"images": 10}


def build():
    """{"images": (10, 784), 0 to 255}: the digits 0 to 9 in order."""
    digits = data.mnist("train")
    first = [torch.nonzero(digits.labels == digit)[0, 0] for digit in range(RECIPE["images"])]
    return {"images": digits.images[torch.stack(first)].flatten(1)}


def measure(tensors):
    """How much ink they have, from 0 to 1."""
    return {"mean_ink": round(tensors["images"].mean().item() / 255, 4)}
