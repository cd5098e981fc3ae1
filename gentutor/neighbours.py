"""Samples judged by their nearest neighbours: precision, recall, and copies of the training data (chapter "evaluation").

Left out: approximate search, which sets of more than about 100 000 would need.
"""

from typing import NamedTuple

import torch

from ._pairs import blocks, pair, squared, tiles
from .densities import as_float, check_finite, require


class PrecisionRecall(NamedTuple):
    """Shares in [0, 1]; density alone may pass 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def precision_recall(real, fake, k=3):
    """How much of `fake` (M, D) lies among `real` (N, D), and the other way round, by balls out to the k-th neighbour.

    A ball around each sample reaches to its k-th nearest other sample of the same set. precision: share of fake samples in some
    real ball; recall: share of real samples in some fake ball; density: real balls that hold a fake sample, on average
    over the fake ones, divided by k; coverage: share of real balls that hold a fake sample.
    One outlier has a ball that may hold everything: density and coverage mind that less.
    Sources: Kynkäänniemi et al., arXiv:1904.06991, eq. 1–3; Naeem et al., arXiv:2002.09797, eq. 6 and 8.
    """
    require(isinstance(k, int) and k >= 1, f"k: expected an integer >= 1, got {k!r}")
    real, fake = pair(real, fake, least=k + 1)
    centre = real.mean(0)
    real, fake = real - centre, fake - centre  # loses fewer digits
    real_radii, fake_radii = knn_radii(real, k), knn_radii(fake, k)
    precise, held = 0, 0
    recalled = covered = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    for rows in blocks(len(fake), len(real)):
        distances = squared(fake[rows], real, shrink=32 * torch.finfo(real.dtype).eps)
        inside = distances <= real_radii
        precise, held = precise + inside.any(1).count_nonzero().item(), held + inside.count_nonzero().item()
        covered = covered | inside.any(0)
        recalled = recalled | (distances <= fake_radii[rows, None]).any(0)
    return PrecisionRecall(precise / len(fake), recalled.double().mean().item(), held / (k * len(fake)), covered.double().mean().item())


def knn_radii(x, k):
    """Squared distance from each row of x, (N, D), to the k-th nearest other row: (N,)."""
    least = x.new_full((len(x), k), torch.inf)
    for rows, columns in tiles(len(x)):  # what is learnt of rows and columns holds for columns and rows
        distances = squared(x[rows], x[columns])
        if rows == columns:
            distances.fill_diagonal_(torch.inf)  # not its own neighbour
        else:
            least[columns] = _least(k, least[columns], distances.T)
        least[rows] = _least(k, least[rows], distances)
    return least.amax(1).clamp(min=0)


def _least(k, known, new):
    """The k smallest of each row of both: (N, k), (N, M) -> (N, k)."""
    return torch.cat([known, new.topk(min(k, new.shape[1]), largest=False).values], 1).topk(k, largest=False).values


class Nearest(NamedTuple):
    """For each sample: the Euclidean distance to its nearest training example, and that one's index."""

    distance: torch.Tensor
    index: torch.Tensor


def nearest(samples, training):
    """Nearest neighbour of each sample, (B, ...), in a training set, (N, ...): images (uint8 are read as [0, 1]) or features.

    A distance means something beside that of unseen test data to the same training set: copies are nearer.
    """
    def flat(x, name="training"):
        return x.flatten(1).float() / 255 if x.dtype == torch.uint8 else check_finite(x, name).flatten(1)

    samples, training = (x if isinstance(x, torch.Tensor) else as_float(x) for x in (samples, training))
    shapes = f"got {tuple(samples.shape)} and {tuple(training.shape)}"
    require(samples.ndim == training.ndim >= 2 and samples.shape[1:] == training.shape[1:], f"expected shapes (B, ...) and (N, ...), {shapes}")
    require(len(samples) > 0 and len(training) > 0, f"expected one sample or more of each, {shapes}")
    x = flat(samples, "samples")
    best, index = torch.full((len(x),), torch.inf, dtype=x.dtype, device=x.device), torch.zeros(len(x), dtype=torch.int64, device=x.device)
    for rows in blocks(len(training), max(len(x), x.shape[1])):
        value, place = squared(x, flat(training[rows]).to(x.dtype)).min(1)
        closer = value < best
        best, index = torch.where(closer, value, best), torch.where(closer, place + rows.start, index)
    distance = torch.cat([(x[rows] - flat(training[index[rows]])).norm(dim=1) for rows in blocks(len(x), x.shape[1])])
    return Nearest(distance, index)


def copied_share(samples, unseen, training):
    """Are samples nearer to the training set than unseen data of the same law are? The share of pairs (sample, unseen) in which they are.

    samples (B, ...), unseen (M, ...), training (N, ...): of one kind, see `nearest`; ties count one half. 1/2: as near as unseen data; 1: each
    sample is nearer than all of these, as copies are; 0: all are farther, as noise is. It is the Mann-Whitney statistic over B M.
    Source: Meehan, Chaudhuri, Dasgupta, arXiv:2004.05675, section 3.
    """
    theirs, yardstick = (nearest(x, training).distance for x in (samples, unseen))
    gap = yardstick[None, :] - theirs[:, None]
    return ((gap > 0).double() + (gap == 0).double() / 2).mean().item()
