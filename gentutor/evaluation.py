"""Judging samples: quality, diversity, memorisation, as functions of features (chapter "evaluation").

    judge = Judge(weights.load("mnist_classifier"))
    real, fake = judge(data.mnist("test").images[:2000]), judge(samples)  # as many of each
    fid(real.features, fake.features)
    precision_recall(real.features, fake.features)

The measures are pure functions of (N, D) arrays: the features may come from any network, and they decide the verdict.
float32 features are multiplied in float32 and summed in float64; memory is bounded by working in blocks.
Left out: Inception-v3 features (so no number here is to be compared with one of a paper on colour images).
Topic modules: `neighbours`, `two_sample` (tests of known size), `annealing` (a normalising constant from below).
"""

import math
import warnings
from typing import NamedTuple

import torch

from . import kl, nets
from ._pairs import blocks, pair, tiles
from .densities import check_finite, check_probabilities, require
from .neighbours import copied_share, nearest, precision_recall

__all__ = ["Judge", "class_shares", "copied_share", "fid", "fid_extrapolated", "frechet_distance", "inception_score", "kid", "nearest",
           "precision_recall"]  # fmt: skip


# ---- the judge of digits ----------------------------------------------------------------------------------------------


class Judgement(NamedTuple):
    """features (B, 128) float32; probabilities (B, 10) float64; labels (B,) int64, the likeliest class."""

    features: torch.Tensor
    probabilities: torch.Tensor
    labels: torch.Tensor


class Judge:
    """The packaged classifier as a function of images: Judge(weights.load("mnist_classifier"))(images) -> Judgement.

    images: uint8, 0…255, or floating in [0, 1]; (B, 28, 28), (B, 1, 28, 28) or (B, 784). They are taken in blocks, without
    gradients. ValueError on another shape or a value out of range.
    A classifier knows ten digits and nothing else: it may be sure of pure noise as well. Never judge by its confidence alone.
    """

    def __init__(self, tensors, device="cpu"):
        fine, coarse = len(tensors["enter.weight"]), len(tensors["down.weight"])
        self.net = nets.DigitClassifier(fine, coarse).to(device).eval().requires_grad_(False)
        self.net.load_state_dict(tensors)
        self.device = device

    @torch.no_grad()
    def __call__(self, images):
        shape = tuple(images.shape)
        require(len(images) > 0 and shape[1:] in ((28, 28), (1, 28, 28), (784,)),
                f"images: expected shape (B, 28, 28), (B, 1, 28, 28) or (B, 784), got {shape}")  # fmt: skip
        parts = [self.net.features(_pixels(part, "images").to(self.device).view(-1, 1, 28, 28)) for part in images.split(1000)]
        features = torch.cat(parts)
        probabilities = self.net.leave(features).double().softmax(1)
        return Judgement(features, probabilities, probabilities.argmax(1))


def _pixels(images, name):
    """uint8 or floating images as float32 in [0, 1], flat: (B, ...) -> (B, D)."""
    require(images.dtype == torch.uint8 or images.is_floating_point(), f"{name}: expected uint8 or floating, got {images.dtype}")
    if images.dtype == torch.uint8:
        return images.flatten(1).float() / 255
    low, high = images.min().item(), images.max().item()
    require(low >= 0 and high <= 1, f"{name}: expected values in [0, 1], got values from {low:g} to {high:g}")
    return images.flatten(1).float()


# ---- by the classes ---------------------------------------------------------------------------------------------------


class InceptionScore(NamedTuple):
    """score = exp(marginal - conditional): from 1 to the number of classes. The two entropies are in nats."""

    score: float
    marginal_entropy_nats: float
    conditional_entropy_nats: float


def inception_score(probabilities):
    """exp of H(mean of p) - mean of H(p), from class probabilities p, (N, K): each sample sure, all classes met.

    It sees neither the real data nor copies: one perfect image a class, repeated, has the highest score.
    Source: Salimans et al., arXiv:1606.03498, section 4; the split is the mutual information of sample and class.
    """
    p = check_probabilities(probabilities, "probabilities").double()
    require(p.ndim == 2, f"probabilities: expected shape (N, K), got {tuple(p.shape)}")
    marginal, conditional = kl.entropy(p.mean(0)), kl.entropy(p).mean()
    return InceptionScore((marginal - conditional).exp().item(), marginal.item(), conditional.item())


def class_shares(labels, classes=10):
    """Share of each class among integer labels (N,): (classes,) float64 that sum to one."""
    labels = torch.as_tensor(labels)
    require(labels.ndim == 1 and len(labels) > 0, f"labels: expected shape (N,), got {tuple(labels.shape)}")
    low, high = labels.min().item(), labels.max().item()
    require(0 <= low and high < classes, f"labels: expected 0 to {classes - 1}, got {low} to {high}")
    return torch.bincount(labels, minlength=classes).double() / len(labels)


# ---- by the features: two moments ---------------------------------------------------------------------------------------


def fid(real, fake):
    """Fréchet distance of the Gaussians that have the means and covariances of two samples, (N, D) and (M, D).

    It is biased upwards, the more so the fewer samples: compare at equal N and M only. A warning names n and d when n <= d.
    Source: Heusel et al., arXiv:1706.08500, eq. 6.
    """
    real, fake = pair(real, fake, least=2)
    for name, x in (("real", real), ("fake", fake)):
        n, d = x.shape
        if n <= d:
            warnings.warn(f"{name}: n = {n} samples for d = {d} features leave the covariance singular; the distance is far too large", stacklevel=2)
    (mean1, root1), (mean2, root2) = _moments(real), _moments(fake)
    return _frechet(mean1 - mean2, root1, root2)


def frechet_distance(mean1, cov1, mean2, cov2):
    """Squared Fréchet (Wasserstein-2) distance of N(mean1, cov1) and N(mean2, cov2): |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^½).

    means (D,), covariances (D, D), symmetric and positive semidefinite. Source: Dowson, Landau (1982).
    """
    mean1, cov1, mean2, cov2 = (check_finite(t, name).double() for t, name in zip((mean1, cov1, mean2, cov2), ("mean1", "cov1", "mean2", "cov2")))
    d = len(mean1) if mean1.ndim else 0
    shapes = [tuple(t.shape) for t in (mean1, cov1, mean2, cov2)]
    require(shapes == [(d,), (d, d)] * 2, f"expected shapes (D,), (D, D), (D,), (D, D), got {shapes}")
    for name, cov in (("cov1", cov1), ("cov2", cov2)):
        require(torch.allclose(cov, cov.T, rtol=1e-6, atol=1e-9), f"{name}: expected a symmetric matrix, got an asymmetric one")
    return _frechet(mean1 - mean2, _root(cov1), _root(cov2))


class Extrapolated(NamedTuple):
    """value: where the line through FID over 1/n meets 1/n = 0; slope: of that line; means: the mean FID at each size."""

    value: float
    slope: float
    means: list


def fid_extrapolated(real, fake, sizes, repeats, generator):
    """FID without most of its bias: at each of `sizes`, the mean over random subsets of (N, D) and (M, D), and a line in 1/n through them.

    The error left is of order 1/n^2 and the noise that of the subsets. ValueError on fewer than two sizes, or one above N or M.
    Source: Chong, Forsyth, arXiv:1911.07023, section 4 (without their quasi-random draws).
    """
    real, fake = pair(real, fake, least=2)
    most = min(len(real), len(fake))
    require(len(set(sizes)) >= 2 and 2 <= min(sizes) and max(sizes) <= most, f"sizes: expected at least two, from 2 to {most}, got {list(sizes)}")

    def subset(x, n):
        return x[torch.randperm(len(x), generator=generator)[:n].to(x.device)]

    means = [sum(fid(subset(real, n), subset(fake, n)) for _ in range(repeats)) / repeats for n in sizes]
    over = torch.tensor([[1.0, 1 / n] for n in sizes], dtype=torch.float64)
    value, slope = torch.linalg.lstsq(over, torch.tensor(means, dtype=torch.float64)[:, None]).solution[:, 0].tolist()
    return Extrapolated(value, slope, means)


def _moments(x):
    """Mean (D,) and a root A of the covariance, A^T A = cov: (N, D) itself when N <= D, else (D, D). float64."""
    n, d = x.shape
    mean = x.mean(0, dtype=torch.float64)
    if n <= d:
        return mean, (x.double() - mean) / (n - 1) ** 0.5
    cov = torch.zeros(d, d, dtype=torch.float64, device=x.device)
    for rows in blocks(n, d):
        cov += _gram(x[rows] - mean.to(x.dtype))
    return mean, _root(cov / (n - 1))


def _gram(x):
    """x^T x, (N, D) -> (D, D), by the blocks on and above the diagonal: it is symmetric."""
    d = x.shape[1]
    product, width = x.new_empty(d, d), max(64, math.ceil(d / 8))
    for start in range(0, d, width):
        stop = start + width
        product[:stop, start:stop] = x[:, :stop].T @ x[:, start:stop]
    return product.triu() + product.triu(1).T


def _root(cov):
    """A with A^T A = cov: the Cholesky factor, or by eigenvalues where `cov` is singular. ValueError on a negative one."""
    chol, info = torch.linalg.cholesky_ex(cov, upper=True)
    if info == 0:
        return chol
    values, vectors = torch.linalg.eigh(cov)
    require(values[0] >= -1e-5 * values[-1].abs(), f"expected a positive semidefinite covariance, got an eigenvalue of {values[0].item():g}")
    return (vectors * values.clamp(min=0).sqrt()).T


def _frechet(shift, a, b):
    """|shift|^2 + |A|^2 + |B|^2 - 2 |A B^T|_*, with Frobenius norms: the singular values of A B^T are the eigenvalues of (C1 C2)^½.

    No square root of a matrix that is not symmetric, no complex number, and never below zero by more than rounding.
    """
    cross = a @ b.T
    if min(cross.shape) <= 1024:
        trace = torch.linalg.svdvals(cross).sum()
    else:  # several times faster, and as exact but for singular values below 1e-8 of the largest
        trace = torch.linalg.eigvalsh(_gram(cross.T)).clamp(min=0).sqrt().sum()
    return max(0.0, (shift.square().sum() + a.square().sum() + b.square().sum() - 2 * trace).item())


# ---- by the features: a kernel ------------------------------------------------------------------------------------------


class KID(NamedTuple):
    """value: an unbiased estimate of the squared MMD, which may be negative; error: its standard error."""

    value: float
    error: float


def kid(real, fake):
    """Squared maximum mean discrepancy with the kernel (x·y / D + 1)^3, over all pairs of (N, D) and (M, D) samples.

    Unbiased for every N and M, as the pairs i = i are left out. The error is the jackknife's, each sample left out in
    turn, which on average is not too small (Efron, Stein 1981). Needs three samples of each.
    Source: Bińkowski et al., arXiv:1801.01401, section 3; eq-mmd of the book. They average subsets of 1 000 instead.
    """
    real, fake = pair(real, fake, least=3)
    n, m = len(real), len(fake)
    xx, yy, (xy, yx) = _likeness(real), _likeness(fake), _across(real, fake)
    value = _mmd2(xx.sum(), yy.sum(), xy.sum(), n, m)
    without_x = _mmd2(xx.sum() - 2 * xx, yy.sum(), xy.sum() - xy, n - 1, m)
    without_y = _mmd2(xx.sum(), yy.sum() - 2 * yy, xy.sum() - yx, n, m - 1)
    variance = sum((len(v) - 1) * v.var(correction=0) for v in (without_x, without_y))
    return KID(value.item(), variance.sqrt().item())


def _mmd2(xx, yy, xy, n, m):
    """From the sums of the kernel over the pairs within x, within y and across."""
    return xx / (n * (n - 1)) + yy / (m * (m - 1)) - 2 * xy / (n * m)


def _likeness(x):
    """For each x_i the sum of k(x_i, x_j) over j != i: (N, D) -> (N,) float64."""
    sums = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    for rows, columns in tiles(len(x)):
        kernel = _kernel(x[rows], x[columns])
        if rows == columns:
            kernel.fill_diagonal_(0)
        else:
            sums[columns] += kernel.sum(0)
        sums[rows] += kernel.sum(1)
    return sums


def _across(x, y):
    """For each x_i the sum of k(x_i, y_j) over j, and for each y_j that over i: (N, D), (M, D) -> (N,), (M,) float64."""
    by_x, by_y = [], torch.zeros(len(y), dtype=torch.float64, device=x.device)
    for rows in blocks(len(x), len(y)):
        kernel = _kernel(x[rows], y)
        by_x.append(kernel.sum(1).double())
        by_y += kernel.sum(0)
    return torch.cat(by_x), by_y


def _kernel(x, y):
    return (x / x.shape[1] @ y.T).add_(1).pow_(3)
