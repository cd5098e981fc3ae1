"""The data of the book: 2-D toys, MNIST (packaged), anything else in IDX form (verified download), and batches.

Data live on the device as one tensor and a batch is an index into it: no worker processes, no transforms.

    generator = torch.Generator().manual_seed(0)
    train = mnist("train", device="cuda")
    for index in batches(len(train.images), 256, generator, epochs=8, device="cuda"):
        x = binarise(train.images[index], generator)

Randomness comes from the `torch.Generator` that is handed in and from nowhere else; draws are made on the generator's
device, so a CPU generator gives the same numbers whatever the device of the data.
Left out: augmentation, streaming sets that do not fit in memory, other file formats.
"""

from numbers import Integral
from pathlib import Path
from typing import NamedTuple

import torch

from ._idx import DataError, fetch, idx, packaged, unpack
from ._toys import TOYS, toy

__all__ = ["DataError", "FASHION_CLASSES", "Images", "TOYS", "batches", "binarise", "fashion_mnist",
           "fetch", "fetch_idx", "idx", "mnist", "toy"]  # fmt: skip

SPLITS = {"train": "train", "test": "t10k"}
MNIST_SHA256 = {  # of the uncompressed IDX files
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
FASHION_SHA256 = {  # of the .gz files, as in torchvision's dataset prototypes
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
FASHION_MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)
FASHION_CLASSES = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
                   "ankle boot")  # fmt: skip


class Images(NamedTuple):
    """A labelled set on one device: `images` uint8 (N, 28, 28), 0 background to 255 ink; `labels` int64 (N,), 0…9."""

    images: torch.Tensor
    labels: torch.Tensor


def mnist(split="train", device="cpu"):
    """MNIST from the package itself, verified: `Images` of 60 000 ("train") or 10 000 ("test") digits on `device`.

    No network. A damaged file is a DataError that names it and the repair. Source: LeCun, Cortes, Burges,
    "The MNIST database of handwritten digits" (1998).
    """
    folder = Path(__file__).parent / "_mnist"
    return _images(split, device, lambda name: idx(packaged(folder / f"{name}.xz", MNIST_SHA256[name])))


def fashion_mnist(split="train", device="cpu", *, folder=None, cache=None, mirrors=FASHION_MIRRORS):
    """Fashion-MNIST by verified download: `Images` of the same shapes as `mnist`; names in FASHION_CLASSES.

    folder, cache, mirrors: see `fetch`. With a folder (or GENTUTOR_DATA) the four .gz files are looked for there only.
    Source: Xiao, Rasul, Vollgraf, arXiv:1708.07747.
    """

    def read(name):
        name = f"{name}.gz"
        return fetch_idx(name, FASHION_SHA256[name], mirrors, folder=folder, cache=cache)

    return _images(split, device, read)


def fetch_idx(name, digest, mirrors, **options):
    """Array of any IDX file, plain, .gz or .xz, by verified download: arguments of `fetch`, result of `idx`."""
    return idx(unpack(fetch(name, digest, mirrors, **options)))


def _images(split, device, read):
    if split not in SPLITS:
        raise ValueError(f"split: expected 'train' or 'test', got {split!r}")
    images = torch.from_numpy(read(f"{SPLITS[split]}-images-idx3-ubyte")).to(device)
    labels = torch.from_numpy(read(f"{SPLITS[split]}-labels-idx1-ubyte")).to(device, torch.int64)
    return Images(images, labels)


def binarise(images, generator):
    """Dynamic binarisation: each pixel is 1 with the probability its grey value gives, drawn afresh at each call.

    images: uint8, any shape -> float32; P(1) = pixel / 255 (to 2^-32): a random integer of 0…254 is below the pixel.
    Or floating in [0, 1] -> the same dtype; P(1) = the value, to within 2^-24 (float64: 2^-53). Values are 0. or 1.
    The draws do not depend on the device of the images. ValueError on another dtype, an empty tensor or a value out
    of range.
    Source: Burda, Grosse, Salakhutdinov, "Importance weighted autoencoders" (2016), the experiments.
    """
    if images.numel() == 0:
        raise ValueError(f"binarise: expected at least one pixel, got shape {tuple(images.shape)}")
    where = {"generator": generator, "device": generator.device}
    if images.dtype == torch.uint8:
        draw = torch.randint(0, 255, images.shape, dtype=torch.uint8, **where)
        return (draw.to(images.device) < images).float()
    if not images.is_floating_point():
        raise ValueError(f"binarise: expected uint8 or a floating dtype, got {images.dtype}")
    low, high = images.min().item(), images.max().item()
    if not (low >= 0 and high <= 1):
        raise ValueError(f"binarise: expected values in [0, 1], got values from {low:g} to {high:g}")
    draw = torch.rand(images.shape, dtype=torch.promote_types(images.dtype, torch.float32), **where)
    return (draw.to(images.device) < images).to(images.dtype)


def batches(n, size, generator, *, epochs=1, drop_last=False, start=0, device="cpu"):
    """Index tensors, int64 (size,) on `device`, that partition range(n) in a new random order each epoch.

    n: how many examples there are; `x[index]` picks a batch of any tensor. epochs: how many passes; None never ends.
    The last batch of an epoch may be short; drop_last leaves it out. size > n gives one short batch.

    The call takes one number from `generator`, and that decides the whole sequence: batch k is the same whatever else
    draws from the generator meanwhile. To resume, give a generator in the state it had before the call and
    `start`, the number of batches already done; they are skipped, not made.
    """
    passes = 1 if epochs is None else epochs
    for name, value, least in (("n", n, 1), ("size", size, 1), ("epochs", passes, 1), ("start", start, 0)):
        if not isinstance(value, Integral) or value < least:
            raise ValueError(f"{name}: expected an integer >= {least}, got {value!r}")
    if drop_last and size > n:
        raise ValueError(f"size: expected at most n = {n} with drop_last, got {size}: there would be no batch")
    seed = int(torch.randint(2**63 - 1, (), generator=generator, device=generator.device))
    return _batches(n, size, torch.Generator().manual_seed(seed), epochs, drop_last, start, device)


def _batches(n, size, order, epochs, drop_last, start, device):
    edges = range(0, n - size + 1 if drop_last else n, size)
    epoch = 0
    while epochs is None or epoch < epochs:
        permutation = torch.randperm(n, generator=order)
        first = max(0, start - epoch * len(edges))  # batches of this epoch to skip
        if first < len(edges):
            permutation = permutation.to(device)
        for edge in edges[first:]:
            yield permutation[edge : edge + size]
        epoch += 1
