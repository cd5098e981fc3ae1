"""How `gentutor.contest` judges: every row against half of the test images, in the features of the packaged classifier."""

import functools
import math

import torch

from . import data, evaluation, likelihoods, weights


def real(seed, count):
    """What samplers are to be compared with: other test images, and training images handed out again; uint8 (count, 28, 28)."""
    _, other = _halves(seed)
    copies = _training()[torch.randperm(len(_training()), generator=torch.Generator().manual_seed(seed))[:count]]
    return {"test images": other[:count], "copies": copies}


@torch.no_grad()
def judge(drawn, seed):
    """{row: {measure: number}} of images {row: uint8 (n, 28, 28)}, against as many test images, half of all, drawn by the seed.

    fid, kid, kid_error, precision, recall, inception: in the features of the packaged classifier. nearest: the median distance of 1 000 samples
    to their nearest training image, over that of 1 000 test images.
    """
    reference, other = _halves(seed)
    look = evaluation.Judge(weights.load("mnist_classifier"))
    true, yardstick = look(reference), _to_training(other[-1000:])
    found = {}
    for row, images in drawn.items():
        seen, target = look(images), true.features[: len(images)]
        kid, shares = evaluation.kid(target, seen.features), evaluation.precision_recall(target, seen.features)
        found[row] = {"fid": evaluation.fid(target, seen.features), "kid": kid.value, "kid_error": kid.error, "precision": shares.precision,
                      "recall": shares.recall, "inception": evaluation.inception_score(seen.probabilities).score,
                      "nearest": _to_training(images[:1000]) / yardstick}  # fmt: skip
    return found


def bits(model, seed, count=500):
    """bits_per_dim of `count` test images, 8-bit, and the standard error of that mean; None and None without a likelihood."""
    if model.nats is None:
        return {"bits_per_dim": None, "bits_error": None}
    _, other = _halves(seed)
    found = likelihoods.bits_per_dim(model.nats(other[:count].flatten(1), torch.Generator().manual_seed(seed)).double(), 784)
    return {"bits_per_dim": found.mean().item(), "bits_error": found.std().item() / math.sqrt(count)}


def _to_training(images):
    return evaluation.nearest(images, _training()).distance.median().item()


def _halves(seed):
    """The test images in random order, cut in two: the file's first half is easier than its second."""
    images = data.mnist("test").images
    return images[torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))].chunk(2)


@functools.cache
def _training():
    return data.mnist("train").images
